"""Training of several seeds that is kept: each seed's measurements, and the weights of the best one's end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lampc import files
from lampc.diagnostics import failure
from lampc.runs import checkpoint as checkpoints
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.directory import BEST, LAST, METRICS
from lampc.runs.keep import complete, line
from lampc.runs.train import Kept, go_on_with
from lampc.runtime.course import metric_of, score
from lampc.runtime.history import Epoch, History
from lampc.runtime.runs import train_runs
from lampc.runtime.train import load_data
from lampc.runtime.weights import copied

if TYPE_CHECKING:
    from lampc.runtime.model import Model

_OF_A_SEED = ("seed", "steps", "seconds", "train", "test", "tables")


def train_several(kept: Kept, seeds: Sequence[int], on_epoch: Callable[[int, int, Epoch], object] | None,
                  finished: list[History], go_on: bool = False, backend: str = "") -> None:  # fmt: skip
    """Train once a seed, or, to go on, once each seed that has not ended; one that was under way begins anew.

    ``finished`` receives the histories of all that have ended, in the order of the seeds, also if the rest is interrupted.

    Raises:
        LampError: if there is nothing to go on with, or it is of another network; as training raises it.
    """
    done: dict[int, History] = {}
    book = _Book(kept, done)
    if go_on:
        go_on_with(kept, load_data(kept.program, seeds[0]), seeds[0], backend)
        book.read()
    runs = [run for run, seed in enumerate(seeds) if seed not in done]

    def note(run: int, seed: int, epoch: Epoch) -> None:
        if on_epoch is not None:
            on_epoch(runs[run], seed, epoch)

    try:
        if runs:
            train_runs(kept.program, [seeds[run] for run in runs], on_epoch=note, measure=kept.config["measure"],
                       on_end=book.ended)  # fmt: skip
    finally:
        finished += [done[seed] for seed in seeds if seed in done]
        book.write()


class _Book:
    """What has ended: written down from time to time, and once more at the end."""

    def __init__(self, kept: Kept, done: dict[int, History]) -> None:
        self.kept = kept
        self.done = done
        self.metric = metric_of(kept.program)
        self.best: tuple[float, int] | None = None
        """The best seed's score, and the seed below zero: of two that are equal the first one counts."""
        self._best: Checkpoint | None = None
        self._written = time.monotonic()

    def ended(self, _: int, model: Model, history: History) -> None:
        """Note a seed that has ended."""
        self.done[history.seed] = history
        value = (history.test or history.train).get(self.metric, history.epochs[-1].loss)
        mine = (score(self.metric, value), -history.seed)
        if self.best is None or mine > self.best:
            self.best = mine
            about = self.kept.about(load_data(self.kept.program, history.seed), history.seed)
            measured = {"seed": history.seed, "epoch": len(history), "metric": self.metric, "value": value}
            self._best = Checkpoint(copied(model), {**about, "best": measured})
        if time.monotonic() - self._written >= self.kept.interval:
            self.write()

    def write(self) -> None:
        """Measurements first, then the best seed's weights, then which seeds have ended.

        Raises:
            LampError: if they cannot be written.
        """
        histories = sorted(self.done.values(), key=lambda history: history.seed)
        text = "".join(f"{json.dumps(line(epoch, history.seed))}\n" for history in histories for epoch in history.epochs)
        path = self.kept.path
        try:
            files.write(path / METRICS, text.encode())
            if self._best is not None:
                ended = [{name: getattr(history, name) for name in _OF_A_SEED} for history in histories]
                checkpoints.write(path / BEST, self._best)
                checkpoints.write(path / LAST, Checkpoint(self._best.tensors, {**self._best.about, "ended": ended}))
        except OSError as error:
            raise failure("E613", f"{path} cannot be written: {error.strerror or error}",
                             "make room, then `lampc train --resume`") from None  # fmt: skip
        self._written = time.monotonic()

    def read(self) -> None:
        """What an earlier process has written."""
        if not (self.kept.path / LAST).exists():
            return
        about = checkpoints.read(self.kept.path / LAST).about
        if "ended" not in about:
            raise failure("E612", f"{self.kept.path} has trained one seed, and several are asked for",
                             "begin a new run: leave `--resume` out")  # fmt: skip
        lines = complete(self.kept.path / METRICS)
        for entry in about["ended"]:
            mine = [Epoch(e["epoch"], e["loss"], e["seconds"], e["test"]) for e in lines if e["seed"] == entry["seed"]]
            self.done[entry["seed"]] = History(**{**entry, "epochs": mine})
        self._best = checkpoints.read(self.kept.path / BEST)
        best = self._best.about["best"]
        self.best = (score(self.metric, best["value"]), -best["seed"])
