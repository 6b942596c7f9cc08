"""Telling other programs how a training goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lampc.diagnostics import failure
from lampc.runtime.history import Epoch
from lampc.runtime.turns import Turn


class TensorBoard:
    """Writes each epoch's measures for TensorBoard to read, a run a seed and fold.

    Raises:
        LampError: if tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise failure(
                "E508", "logging for TensorBoard needs a package of that name", 'pip install "lampc[tensorboard]"'
            ) from None
        self._make: Any = SummaryWriter
        self._folder = folder
        self._writers: dict[Turn, Any] = {}

    def epoch(self, turn: Turn, epoch: Epoch) -> None:
        """Write an epoch of a run."""
        if turn not in self._writers:
            fold = "" if turn.fold is None else f"-fold-{turn.fold[0] + 1}"
            self._writers[turn] = self._make(str(self._folder / f"seed-{turn.seed}{fold}"))
        writer = self._writers[turn]
        part = "validation" if epoch.validation else "test"
        for name, value in [("loss/train", epoch.loss), *((f"{name}/{part}", found) for name, found in epoch.held_out.items())]:
            writer.add_scalar(name, value, epoch.epoch)

    def close(self) -> None:
        """There are no more."""
        for writer in self._writers.values():
            writer.close()
