"""The course of a training: which epoch is the best so far, and when training ends before its last one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from lampc.layers.metrics import METRICS, kind_of

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.history import Epoch


@dataclass(frozen=True)
class Best:
    """The epoch that is chosen, and what the network was then."""

    epoch: int
    metric: str
    value: float
    weights: Mapping[str, Tensor] = field(repr=False, compare=False)


class Choosing:
    """Chooses among the epochs as they end, one after another, whoever has asked for the training."""

    def __init__(self, program: Program, held_out: bool) -> None:
        self.metric = metric_of(program) if held_out else "loss"
        self.patience = program.experiment.train.patience
        self._held_out = held_out
        self._best = -math.inf
        self._improved = 0
        self._epoch = 0

    def note(self, epoch: Epoch) -> float | None:
        """Take an epoch into account; its measure, if it is the best so far."""
        self._epoch = epoch.epoch
        value = epoch.test.get(self.metric) if self._held_out else epoch.loss
        if value is None or math.isnan(value) or score(self.metric, value) <= self._best:
            return None
        self._best, self._improved = score(self.metric, value), epoch.epoch
        return value

    @property
    def over(self) -> bool:
        """Whether patience is at its end."""
        return bool(self.patience) and self._improved > 0 and self._epoch - self._improved >= self.patience


def metric_of(program: Program) -> str:
    """The metric by which the best epoch, and the best run, is chosen."""
    return program.experiment.train.best or next((m.name for m in program.metrics if not m.table), "loss")


def score(metric: str, value: float) -> float:
    """A measure as a number that is greater for what is better; no number is the worst."""
    if math.isnan(value):
        return -math.inf
    kind = METRICS.get(kind_of(metric))
    return value if kind is not None and kind.greater_is_better else -value
