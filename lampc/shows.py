"""Ways to show how far a training is: a line that is written over, lines now and then, a place in a notebook's cell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import IO, TYPE_CHECKING, Any

from lampc.printable import printable
from lampc.progress import Course, Progress, fitted, measures
from lampc.terminal import rewrites, width

if TYPE_CHECKING:
    from lampc.runtime.history import Epoch, Part


class _Drawn:
    """One line that is drawn anew at most ten times a second."""

    def __init__(self, bar: str = "━─") -> None:
        self._course = Course(1, 1)
        self._last = 0.0
        self._bar = bar

    def stage(self, what: str) -> None:
        self._draw(what)

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        self._course = Course(epochs, runs, title)
        self._show(at_once=True)

    def done(self, run: int) -> None:
        self._course.done(run)

    def part(self, run: int, part: Part) -> None:
        self._course.part(run, part)
        self._show()

    def epoch(self, run: int, epoch: Epoch) -> None:
        self._course.epoch(run, epoch)
        self._show(at_once=self._course.ended)

    def hide(self) -> None:
        self._draw("")

    def close(self) -> None:
        self.hide()

    def _show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= 0.1:
            self._last = now
            self._draw(fitted(self._course, self._room, self._bar))

    @property
    def _room(self) -> int:
        return 80

    def _draw(self, text: str) -> None:
        raise NotImplementedError


class Line(_Drawn):
    """A line on a terminal, written over. Nothing of it is left at the end."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__("━─" if _writes("━─…", getattr(stream, "encoding", None) or "ascii") else "#-")
        self.stream = stream
        self._shown = 0

    @property
    def _room(self) -> int:
        return width(self.stream, 80) - 1

    def _draw(self, text: str) -> None:
        text = text[: max(0, self._room)]
        before, self._shown = self._shown, len(text)  # first: who interrupts hides what is there
        if text or before:
            blank = " " * max(0, before - len(text))
            self.stream.write(f"\r{text}{blank}" + ("" if text else "\r"))
            self.stream.flush()


class Display(_Drawn):
    """A line in a notebook's cell, in a place of its own; the last one stays, without its bar."""

    def __init__(self, display: Callable[..., Any]) -> None:
        super().__init__()
        self._place = display(self._content(""), raw=True, display_id=True)

    def hide(self) -> None:
        """What else is printed has another place."""

    def close(self) -> None:
        self._draw("  ".join(text for rank, text in self._course.pieces("  ") if rank != 5))

    def _draw(self, text: str) -> None:
        self._place.update(self._content(text), raw=True)

    def _content(self, text: str) -> dict[str, str]:
        return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}


def live() -> Progress:
    """A line in the cell of a notebook, on a terminal a line that is written over, else lines, of standard error both."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is not None:
        from IPython.display import display

        return Display(display)
    return Line(sys.stderr) if rewrites(sys.stderr) else Lines(lambda text: print(printable(text), file=sys.stderr))


def _writes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


class Lines:
    """A line for the first and the last epoch of all, and ever fewer between; of an epoch that is long, on the way."""

    def __init__(self, say: Callable[[str], None], rarely: bool = False) -> None:
        self.say = say
        self.rarely = rarely
        """Whether only what takes long is told of."""
        self._course = Course(1, 1)
        self._begun = self._last = time.monotonic()
        self._any = False

    def stage(self, what: str) -> None:
        pass

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        self._course = Course(epochs, runs, title)
        self._begun = time.monotonic()
        if not self.rarely:
            self._last, self._any = self._begun, False

    def done(self, run: int) -> None:
        self._course.done(run)

    def part(self, run: int, part: Part) -> None:
        self._course.part(run, part)
        now = time.monotonic()
        if now - self._last >= max(5.0 if not self._any else 10.0, self._pause(now)):
            self._tell(now, f"{self._where(run, part.epoch)}, {part.done:,} of {part.samples:,} samples: loss {part.loss:.4g}")

    def epoch(self, run: int, epoch: Epoch) -> None:
        self._course.epoch(run, epoch)
        now = time.monotonic()
        due = not self.rarely and (self._course.ended or not self._any)
        if due or now - self._last >= max(10.0 if self.rarely else 1.0, self._pause(now)):
            found = printable(", ".join([f"loss {epoch.loss:.4g}", *measures(epoch)]))
            self._tell(now, f"{self._where(run, epoch.epoch)}: {found}")

    def hide(self) -> None:
        pass

    close = hide

    def _pause(self, now: float) -> float:
        """Seconds from one line to the next: a day's training is told of in some hundred lines."""
        return (now - self._begun) / 100

    def _where(self, run: int, epoch: int) -> str:
        title = f"{self._course.title}, " if self._course.title else ""
        which = f"run {run + 1}/{self._course.runs}, " if self._course.runs > 1 else ""
        return f"{title}{which}epoch {epoch}/{self._course.epochs}"

    def _tell(self, now: float, text: str) -> None:
        self._last, self._any = now, True
        self.say(text)


class Many:
    """Shows a training in some ways, or in none."""

    def __init__(self, shows: Sequence[Progress]) -> None:
        self.shows = shows

    def stage(self, what: str) -> None:
        for show in self.shows:
            show.stage(what)

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        for show in self.shows:
            show.begin(epochs, runs, title)

    def done(self, run: int) -> None:
        for show in self.shows:
            show.done(run)

    def part(self, run: int, part: Part) -> None:
        for show in self.shows:
            show.part(run, part)

    def epoch(self, run: int, epoch: Epoch) -> None:
        for show in self.shows:
            show.epoch(run, epoch)

    def hide(self) -> None:
        for show in self.shows:
            show.hide()

    def close(self) -> None:
        for show in self.shows:
            show.close()
