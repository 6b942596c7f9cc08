"""The course of a training: which epoch is the best so far, and when training ends before its last one.

Whoever asks for a training, a run that is kept or not, one of several seeds, a sweep, Python, gets the same course: it depends
on the program and the seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from lampc.layers.metrics import METRICS, kind_of

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.history import Epoch, History


@dataclass(frozen=True)
class Best:
    """The epoch that is chosen by the validation part, and what the network was then."""

    epoch: int
    metric: str
    value: float
    """The metric on the validation part."""
    loss: float
    """The loss there: among epochs of equal value the least is chosen, and among those of equal loss the latest."""
    weights: Mapping[str, Tensor] = field(repr=False, compare=False)


class Choosing:
    """Chooses among the epochs as they end, one after another.

    Nothing is chosen where there is no validation part, least of all by the test part; then patience looks at the training
    loss.
    """

    def __init__(self, program: Program, validated: bool) -> None:
        self.validated = validated
        self.metric = metric_of(program) if validated else "loss"
        self.patience = program.experiment.train.patience
        self._rank = (-math.inf, -math.inf)
        self._improved = 0
        self._epoch = 0

    def note(self, epoch: Epoch) -> bool:
        """Take an epoch into account; whether it is to be chosen over those before it."""
        if not self.validated and not self.patience:
            return False
        self._epoch = epoch.epoch
        measures = epoch.validation if self.validated else {"loss": epoch.loss}
        value, loss = measures.get(self.metric, math.nan), measures.get("loss", math.nan)
        rank = (score(self.metric, value), score("loss", loss))
        if math.isnan(value) or rank < self._rank:
            return False
        if rank > self._rank:
            self._improved = epoch.epoch
        self._rank = rank
        return self.validated

    @property
    def over(self) -> bool:
        """Whether no epoch has been better, by the metric and then the loss, for as long as patience lasts."""
        return bool(self.patience) and self._epoch - self._improved >= self.patience


def ends_so(program: Program, history: History) -> bool:
    """Whether a training of the program, as it is set now, ends where this one has."""
    choosing = Choosing(program, any(epoch.validation for epoch in history))
    for epoch in history:
        if choosing.over:
            return False
        choosing.note(epoch)
    over = choosing.over or len(history) >= program.experiment.train.epochs
    return over == (history.diverged is None) and len(history) <= program.experiment.train.epochs


def metric_of(program: Program) -> str:
    """The metric by which an epoch, a seed, or a setting is chosen."""
    return program.experiment.train.best or next((m.name for m in program.metrics if not m.table), "loss")


def score(metric: str, value: float) -> float:
    """A measure as a number that is greater for what is better; no number is the worst."""
    if math.isnan(value):
        return -math.inf
    kind = METRICS.get(kind_of(metric))
    return value if kind is not None and kind.greater_is_better else -value
