"""How far a training is, in words that fit a line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from lampc.printable import printable

if TYPE_CHECKING:
    from lampc.runtime.history import Epoch, Part


class Progress(Protocol):
    """Told of all that is going on; shows some of it."""

    def stage(self, what: str) -> None:
        """Something begins that may take a while."""

    def begin(self, epochs: int, runs: int, title: str = "") -> None:
        """So many epochs of so many runs are going to be trained."""

    def done(self, run: int) -> None:
        """A run, counted from 0, has been trained before."""

    def part(self, run: int, part: Part) -> None:
        """An epoch of a run is under way."""

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

    def done(self, run: int) -> None:
        """Take a run into account that has been trained before."""
        self._done[run] = float(self.epochs)

    def part(self, run: int, part: Part) -> None:
        """Take a part of an epoch into account."""
        self._run, self._epoch, self._loss = run, part.epoch, f"loss {part.loss:.4g}"
        self._move(run, part.epoch - 1 + part.done / max(1, part.samples))

    def epoch(self, run: int, epoch: Epoch) -> None:
        """Take an epoch into account."""
        self._run, self._epoch, self._loss = run, epoch.epoch, f"loss {epoch.loss:.4g}"
        if epoch.held_out:
            self.measures = measures(epoch)
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


def measures(epoch: Epoch) -> list[str]:
    """What was measured on data that is not trained on."""
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
