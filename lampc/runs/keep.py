"""Keeping a training: measurements as they come, checkpoints from time to time, the best epoch."""

from __future__ import annotations

import csv
import io
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc import files
from lampc.diagnostics import LampError, failure
from lampc.printable import cell
from lampc.runs import checkpoint as checkpoints
from lampc.runs import state
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.directory import BEST, LAST, RunDirectory, damaged, measurements
from lampc.runs.directory import METRICS as MEASURED
from lampc.runs.stop import Stop, Stopped
from lampc.runtime.course import Best
from lampc.runtime.history import Epoch, History
from lampc.runtime.loader import DataLoader
from lampc.runtime.steps import Position
from lampc.runtime.turns import Turn
from lampc.schema import Unfit

if TYPE_CHECKING:
    from torch import Tensor

    from lampc.runtime.group import Group
    from lampc.runtime.model import Model

INTERVAL = 15.0
"""Seconds from one checkpoint to the next."""


class Keep:
    """Keeps one training in a directory. Every ``interval`` seconds and at the end it is saved."""

    def __init__(self, model: Model, directory: RunDirectory, about: dict[str, Any], stop: Stop | None = None,
                 interval: float = INTERVAL) -> None:  # fmt: skip
        self.model = model
        self.directory = directory
        self.path = directory.path
        self.about = about
        self.stop = stop or Stop()
        self.interval = interval
        self.best: Best | None = None
        """The best epoch that has been saved."""
        self._lines: list[str] = []
        self._saved_at = time.monotonic()
        self._unsaved = ""

    def between(self, where: Position, history: History, loader: Any, sync: Callable[[], None]) -> None:
        """Save, if it is time to; and stop, if somebody asked for it.

        Raises:
            Stopped: once all has been saved.
            LampError: if the directory is gone, or what is to be the last of it cannot be saved.
        """
        self.stop.between()
        self.directory.see_that_it_is_there()
        asked = bool(self.stop.signal)  # who asks while it is being saved is answered the next time
        if not asked and time.monotonic() - self._saved_at < self.interval:
            return
        sync()
        if where.done == 0 or isinstance(loader, DataLoader):
            self.save(where, history, loader, final=asked)
        if asked:
            raise Stopped

    def ended(self, epoch: Epoch) -> None:
        """Note an epoch."""
        self._lines.append(json.dumps(line(epoch, Turn(self.model.seed))))

    def save(self, where: Position, history: History, loader: Any, final: bool = False) -> None:
        """Measurements first, then the best epoch, then the last state: each whole before the next begins.

        A full disk is warned of, and the old files stay; at the end it is an error.

        Raises:
            LampError: if ``final`` and it cannot be saved, or if the directory is gone.
        """
        self.directory.see_that_it_is_there()
        try:
            with self.stop.save():
                self.record(history)
                checkpoints.write(self.path / LAST, self._last(where, history, loader))
            self._unsaved = ""
        except OSError as error:
            self.directory.see_that_it_is_there()
            reason = error.strerror or str(error)
            if final:
                raise failure(
                    "E613", f"{self.path} cannot be written: {reason}", "make room, then `lampc train --resume`"
                ) from None
            if reason != self._unsaved:
                self._unsaved = reason
                warnings.warn(f"{self.path} cannot be written ({reason}); training goes on", RuntimeWarning, stacklevel=2)
        self._saved_at = time.monotonic()

    def record(self, history: History) -> None:
        """Write measurements, then the best epoch.

        Raises:
            OSError: if they cannot be written.
        """
        self._append()
        if history.best is not None and history.best is not self.best:
            best = Checkpoint(history.best.weights, {**self.about, "best": measure(history.best)})
            checkpoints.write(self.path / BEST, best)
            self.best = history.best

    def _last(self, where: Position, history: History, loader: Any) -> Checkpoint:
        model = self.model
        tensors = state.everything(model)
        if isinstance(loader, DataLoader):
            tensors["loader.next"] = loader.generator.get_state()
        if where.generator is not None:
            tensors["loader.running"] = where.generator
        about = {
            **self.about,
            "progress": state.progress(where, history),
            "random": model.random.number,
            "settings": {name: tensor.item() for name, tensor in model.storage.settings.items()},
            "best": None if history.best is None else measure(history.best),
        }
        return Checkpoint(tensors, about)

    def _append(self) -> None:
        if not self._lines:
            return
        files.append(self.path / MEASURED, "".join(f"{line}\n" for line in self._lines).encode())
        self._lines = []


class Together:
    """Keeps a training of several processes: the first one's, and the others stop when it does."""

    def __init__(self, group: Group, keep: Keep | None, stop: Stop) -> None:
        self.group = group
        self.keep = keep
        self.stop = stop

    def between(self, where: Position, history: History, loader: Any, sync: Callable[[], None]) -> None:
        """Save in the first process; stop all, if one was asked to.

        Raises:
            Stopped: once all has been saved, or, in the others, once the first process cannot save.
            LampError: in the first process, if it cannot save.
        """
        if self.keep is None:
            self.stop.between()
        asked = self.stop.signal = int(self.group.most(self.stop.signal))
        failed: LampError | None = None
        try:
            if self.keep is not None:
                self.keep.between(where, history, loader, sync)
        except LampError as error:  # the others would wait for this process for ever
            failed = error
        except Stopped:
            pass
        if self.group.most(failed is not None):
            raise failed or Stopped
        if asked:
            raise Stopped

    def ended(self, epoch: Epoch) -> None:
        """Note an epoch in the first process."""
        if self.keep is not None:
            self.keep.ended(epoch)


def measure(best: Best) -> dict[str, Any]:
    """Which epoch is the best, as JSON."""
    return {"epoch": best.epoch, "metric": best.metric, "value": best.value, "loss": best.loss}


def line(epoch: Epoch, turn: Turn) -> dict[str, Any]:
    """An epoch as the file of measurements has it."""
    found = {**turn.json(), "epoch": epoch.epoch, "loss": epoch.loss, "seconds": epoch.seconds, "test": epoch.test}
    return {**found, "validation": epoch.validation} if epoch.validation else found


def epoch_of(entry: Mapping[str, Any]) -> Epoch:
    """The epoch that a line is of."""
    return Epoch(entry["epoch"], entry["loss"], entry["seconds"], entry["test"], entry.get("validation", {}))


def follow(model: Model, kept: Checkpoint, path: Path, loader: DataLoader) -> tuple[Position, History]:
    """Put a model and its loader where a training was left, for a process that keeps nothing itself.

    Raises:
        LampError: if the checkpoint is of another network.
    """
    where = _placed(model, kept, path, loader)
    unknown = [Epoch(number, math.nan, 0.0) for number in range(1, where.epoch + 1)]
    return where, state.history(kept.about, unknown, model.seed)


def _placed(model: Model, kept: Checkpoint, path: Path, loader: DataLoader) -> Position:
    state.restore(model, kept, str(path / LAST))
    try:
        return state.position(kept, model.program, loader)
    except Unfit as error:
        raise damaged(path / LAST, error) from None


def resume(model: Model, kept: Checkpoint, path: Path, keeper: Keep, loader: DataLoader) -> tuple[Position, History]:
    """Put a model and its loader where a training was left; measurements that came after that are dropped.

    Raises:
        LampError: if the checkpoint is of another network, or the measurements before it are missing.
    """
    where = _placed(model, kept, path, loader)
    lines = measurements(path)[: where.epoch]
    if len(lines) < where.epoch:
        raise failure("E611", f"{path / MEASURED} has {len(lines)} epochs, and the checkpoint {where.epoch}")
    files.write(path / MEASURED, "".join(f"{json.dumps(entry)}\n" for entry in lines).encode())
    history = state.history(kept.about, [epoch_of(entry) for entry in lines], model.seed)
    about = kept.about.get("best")
    if about is not None and (path / BEST).exists():
        saved = checkpoints.read(path / BEST)
        if saved.about.get("best") == about:  # else it is of an epoch that will be reached again
            history.best = keeper.best = best_of(about, saved.tensors)
    return where, history


def best_of(about: Mapping[str, Any] | None, weights: Mapping[str, Tensor]) -> Best | None:
    """Back from JSON: which epoch is the best, with its weights."""
    if about is None:
        return None
    return Best(about["epoch"], about["metric"], about["value"], about["loss"], weights)


def as_csv(lines: list[dict[str, Any]]) -> str:
    """The measurements as a table: a row an epoch."""
    names = list(
        dict.fromkeys((part, name) for part in ("validation", "test") for entry in lines for name in entry.get(part, ()))
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    folded = ["fold"] if any("fold" in entry for entry in lines) else []
    writer.writerow(["seed", *folded, "epoch", "loss", "seconds", *(cell(f"{part}_{name}") for part, name in names)])
    for entry in lines:
        measures = [cell(entry.get(part, {}).get(name, "")) for part, name in names]
        writer.writerow(
            [entry["seed"], *(entry[name] for name in folded), entry["epoch"], entry["loss"], entry["seconds"], *measures]
        )
    return out.getvalue()
