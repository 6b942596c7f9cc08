"""What a metric is: what is reported of predictions beside the loss. Parts of the samples are taken together in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lampc.ir.types import Type

State = Any
"""What is kept of the samples seen so far."""


@dataclass(frozen=True)
class Seen:
    """Some samples: torch tensors."""

    prediction: Any
    target: Any
    scores: Any
    """The prediction as it is before a last sigmoid or softmax, which is flat where it is sure."""

    @property
    def of_numbers(self) -> bool:
        """Whether targets are numbers, 0 and 1 where a metric looks at classes, and no labels."""
        return bool(self.target.is_floating_point())


@dataclass(frozen=True)
class Reading:
    """How a network's numbers are to be read."""

    above: float = 0.5
    """What one output, or a label's, is above where it says yes."""
    ignore: int | None = None
    """The label of samples that are left out."""
    weights: tuple[float, ...] = ()
    """How much the loss counts a sample of each class."""
    logits: bool = False
    """Whether scores are what a last sigmoid took, where they are not the prediction itself."""


@dataclass(frozen=True)
class Head:
    """Which of a network's values is measured, and against which part of the targets."""

    label: str = ""
    """The value's name; empty for the prediction."""
    part: tuple[int, int] | None = None
    """The places of the targets' last axis; None for all."""

    @property
    def output(self) -> str:
        """The graph's output."""
        return f"head {self.label}" if self.label else "prediction"

    @property
    def scores(self) -> str:
        """The graph's output of the same before a last sigmoid or softmax, where it ends in one."""
        return f"scores {self.label}" if self.label else "scores"


@dataclass(frozen=True)
class MetricType:
    """A metric: ``part`` of some samples is merged with that of others, and ``result`` is read off the last."""

    name: str
    doc: str
    fits: Callable[[Type, Type], str]
    """Why it does not fit a prediction's and a target's type; empty if it does."""
    measure: Callable[[Seen, Reading], State]
    result: Callable[[State], float]
    greater_is_better: bool = True
    merge: Callable[[State, State], State] = lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True))
    table: Callable[[State], list[list[float]]] | None = None
    """For what is a table, not a number: it is shown at the end of a training alone."""
    of_scores: bool = False
    """Whether it looks at scores, not at predictions."""
    of_classes: bool = False
    """Whether it looks at classes: where targets are numbers, 0 for no and 1 for yes."""
    of_shares: bool = False
    """Whether it takes an output for a probability, where targets are numbers."""
    reading: Reading = Reading()
    head: Head = Head()

    def part(self, seen: Seen) -> State:
        """What is kept of some samples; those whose label is ignored are left out."""
        ignore = self.reading.ignore
        if ignore is not None:
            known = seen.target != ignore
            seen = Seen(seen.prediction[known], seen.target[known], seen.scores[known])
        return self.measure(seen, self.reading)
