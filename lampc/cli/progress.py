"""How far training is: a bar on a terminal, lines in a pipe, neither more often than needed."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from lampc.cli.say import say
from lampc.printable import printable

if TYPE_CHECKING:
    from lampc.runtime.history import Epoch


class Progress(Protocol):
    """Told of every epoch; shows some."""

    def epoch(self, run: int, epoch: Epoch) -> None:
        """An epoch of a run, counted from 0, has ended."""

    def close(self) -> None:
        """Training has ended."""


def progress(epochs: int, runs: int, color: bool) -> Progress:
    """A bar where standard output is a terminal, else lines."""
    return _Bar(epochs, runs, color) if sys.stdout.isatty() else _Lines(epochs, runs)


def _measures(epoch: Epoch) -> str:
    parts = [f"loss {epoch.loss:.4g}"]
    part = "validation" if epoch.validation else "test"
    for name, value in epoch.held_out.items():
        parts.append(f"{part} {name} {100 * value:.1f} %" if name == "accuracy" else f"{part} {name} {value:.4g}")
    return printable(", ".join(parts))


class _Lines:
    """A line for the first and the last epoch of all, and at most one a second between."""

    def __init__(self, epochs: int, runs: int) -> None:
        self.epochs = epochs
        self.runs = runs
        self._last = 0.0
        self._done = 0

    def epoch(self, run: int, epoch: Epoch) -> None:
        now = time.monotonic()
        self._done += 1  # runs may go on side by side
        ends = self._done == self.epochs * self.runs
        if not ends and now - self._last < 1.0:
            return
        self._last = now
        which = f"run {run + 1}/{self.runs}, " if self.runs > 1 else ""
        say(f"{which}epoch {epoch.epoch}/{self.epochs}: {_measures(epoch)}")

    def close(self) -> None:
        pass


class _Bar:
    """A rich bar, drawn at most 5 times a second."""

    def __init__(self, epochs: int, runs: int, color: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        console = Console(no_color=not color, highlight=False)
        self._bar = RichProgress(
            BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False),
            console=console, auto_refresh=False,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=epochs * runs)
        self._runs = runs
        self._epochs = epochs
        self._last = 0.0
        self._done = 0
        self._bar.start()

    def epoch(self, run: int, epoch: Epoch) -> None:
        now = time.monotonic()
        self._done += 1
        done = self._done
        if now - self._last < 0.2 and done < self._runs * self._epochs:
            return
        self._last = now
        which = f"run {run + 1}, " if self._runs > 1 else ""
        self._bar.update(self._task, completed=done, description=which + _measures(epoch))
        self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()
