"""How far a training is, in words: a line that is written over on a terminal, else lines now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Protocol

from lampc.printable import printable
from lampc.terminal import width

if TYPE_CHECKING:
    from lampc.runtime.history import Epoch, Part


class Progress(Protocol):
    """Told of all that is going on; shows some of it."""

    def stage(self, what: str) -> None:
        """Something begins that may take a while."""

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        """So many epochs of so many runs are going to be trained."""

    def part(self, run: int, part: Part) -> None:
        """An epoch of a run, counted from 0, is under way."""

    def epoch(self, run: int, epoch: Epoch) -> None:
        """An epoch of a run has ended."""

    def hide(self) -> None:
        """Something else is going to be written."""

    def close(self) -> None:
        """Training has ended."""


class Course:
    """How far some runs of so many epochs are, and when they will have ended."""

    def __init__(self, epochs: int, runs: int, title: str = "") -> None:
        self.epochs = epochs
        self.runs = runs
        self.title = title
        self.ended = False
        """Whether the last epoch of the last run has."""
        self.measures: list[str] = []
        """The latest: what was measured on data that is not trained on."""
        self._loss = ""
        self._run, self._epoch = 0, 1
        self._done = dict.fromkeys(range(runs), 0.0)
        self._begun: tuple[float, float] | None = None

    def part(self, run: int, part: Part) -> None:
        """Take a part of an epoch into account."""
        self._run, self._epoch, self._loss = run, part.epoch, f"loss {part.loss:.4g}"
        self._move(run, part.epoch - 1 + part.done / max(1, part.samples))

    def epoch(self, run: int, epoch: Epoch) -> None:
        """Take an epoch into account."""
        self._run, self._epoch, self._loss = run, epoch.epoch, f"loss {epoch.loss:.4g}"
        if epoch.held_out:
            self.measures = _measures(epoch)
        self._move(run, epoch.epoch)
        self.ended = all(done >= self.epochs for done in self._done.values())

    def _move(self, run: int, epochs: float) -> None:
        self._done[run] = epochs
        if self._begun is None:  # a run that is gone on with begins anywhere
            self._begun = (time.monotonic(), sum(self._done.values()))

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return sum(self._done.values()) / max(1, self.epochs * self.runs)

    def pieces(self, bar: str) -> list[tuple[int, str]]:
        """What is said of it, in order, each with its rank: what is of no importance has the greatest."""
        full = round(12 * self.share)
        which = f"run {self._run + 1}/{self.runs}" if self.runs > 1 else ""
        found = [(5, bar[0] * full + bar[1] * (12 - full)), (3, f"{100 * self.share:.0f} %"), (4, self.title), (2, which),
                 (0, f"epoch {self._epoch}/{self.epochs}"), (1, self._loss), (2, self.left),
                 *((6 + index, measure) for index, measure in enumerate(self.measures))]  # fmt: skip
        return [(rank, printable(text)) for rank, text in found if text]

    @property
    def left(self) -> str:
        """The time to go; empty while there is nothing to tell it by."""
        if self._begun is None or self.ended:
            return ""
        since, first = self._begun
        done, spent = sum(self._done.values()) - first, time.monotonic() - since
        if done <= 0 or spent < 0.5:
            return ""
        seconds = int(spent * (self.epochs * self.runs - first - done) / done + 0.5)
        return f"{clock(seconds)} left"


def clock(seconds: int) -> str:
    """A time as a clock shows it."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _measures(epoch: Epoch) -> list[str]:
    part = "validation" if epoch.validation else "test"
    each = epoch.held_out.items()
    values = (f"{name} {100 * value:.1f} %" if name == "accuracy" else f"{name} {value:.4g}" for name, value in each)
    return [printable(f"{part} {value}") for value in values]


def fitted(course: Course, columns: int, bar: str = "━─") -> str:
    """One line of at most so many characters: what does not fit is left out whole, the least important first."""
    pieces = course.pieces(bar)
    while len(line := "  ".join(text for _, text in pieces)) > columns and len(pieces) > 1:
        pieces.remove(max(reversed(pieces)))
    return line


class Line:
    """A line on a terminal, written over at most ten times a second. Nothing of it is left at the end."""

    def __init__(self, stream: IO[str], paint: Callable[[str], str] = str) -> None:
        self.stream = stream
        self.paint = paint
        self._course = Course(1, 1)
        self._shown = 0
        self._last = 0.0
        encoding = getattr(stream, "encoding", None) or "ascii"
        self._bar = "━─" if _writes("━─…", encoding) else "#-"

    def stage(self, what: str) -> None:
        self._draw(what)

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        self._course = Course(epochs, runs, title)
        self._show(at_once=True)

    def part(self, run: int, part: Part) -> None:
        self._course.part(run, part)
        self._show()

    def epoch(self, run: int, epoch: Epoch) -> None:
        self._course.epoch(run, epoch)
        self._show(at_once=self._course.ended)

    def hide(self) -> None:
        self._draw("")

    close = hide

    def _show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= 0.1:
            self._last = now
            self._draw(fitted(self._course, width(self.stream, 80) - 1, self._bar))

    def _draw(self, text: str) -> None:
        text = text[: max(0, width(self.stream, 80) - 1)]
        if text or self._shown:
            blank = " " * max(0, self._shown - len(text))
            self.stream.write(f"\r{self.paint(text)}{blank}" + ("" if text else "\r"))
            self.stream.flush()
        self._shown = len(text)


def _writes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


class Lines:
    """A line for the first and the last epoch of all, and ever fewer between; of an epoch that is long, on the way."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._course = Course(1, 1)
        self._begun = self._last = time.monotonic()
        self._any = False

    def stage(self, what: str) -> None:
        pass

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        self._course = Course(epochs, runs, title)
        self._begun = self._last = time.monotonic()
        self._any = False

    def part(self, run: int, part: Part) -> None:
        self._course.part(run, part)
        now = time.monotonic()
        if now - self._last >= max(5.0 if not self._any else 10.0, self._pause(now)):
            self._tell(now, f"{self._where(run, part.epoch)}, {part.done:,} of {part.samples:,} samples: loss {part.loss:.4g}")

    def epoch(self, run: int, epoch: Epoch) -> None:
        self._course.epoch(run, epoch)
        now = time.monotonic()
        if self._course.ended or not self._any or now - self._last >= max(1.0, self._pause(now)):
            measures = printable(", ".join([f"loss {epoch.loss:.4g}", *_measures(epoch)]))
            self._tell(now, f"{self._where(run, epoch.epoch)}: {measures}")

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
