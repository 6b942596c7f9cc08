"""Metrics: what is reported of predictions beside the loss. Parts of the samples are taken together in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Reading:
    """How a network's numbers are to be read."""

    above: float = 0.5
    """What one output is above where it says yes."""
    ignore: int | None = None
    """The label of samples that are left out."""
    weights: tuple[float, ...] = ()
    """How much the loss counts a sample of each class."""


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
    reading: Reading = Reading()
    head: Head = Head()

    def part(self, seen: Seen) -> State:
        """What is kept of some samples; those whose label is ignored are left out."""
        ignore = self.reading.ignore
        if ignore is not None:
            known = seen.target != ignore
            seen = Seen(seen.prediction[known], seen.target[known], seen.scores[known])
        return self.measure(seen, self.reading)


def kind_of(name: str) -> str:
    """The metric that a measure's name stands for: ``accuracy`` of ``kind.accuracy``."""
    return name.rpartition(".")[2]


def _accuracy_fits(prediction: Type, target: Type) -> str:
    if target.dtype == "i64":
        return "" if prediction.shape[:-1] == target.shape else f"{target} does not label the rows of {prediction}"
    if prediction == target and prediction.shape[-1:] == (1,):
        return ""
    return "it takes class labels, or one output between 0 and 1"


def _classes(seen: Seen, reading: Reading) -> tuple[Any, Any]:
    """Predicted and true classes; for one output whether it is above a number, true or false."""
    if seen.target.is_floating_point():
        return seen.prediction > reading.above, seen.target > 0.5
    return seen.prediction.argmax(-1), seen.target


def _accuracy(seen: Seen, reading: Reading) -> tuple[float, ...]:
    found, true = _classes(seen, reading)
    return (float((found == true).sum()), float(true.numel()))


def _numbers_fit(prediction: Type, target: Type) -> str:
    return "" if prediction == target else f"it compares numbers: the prediction is {prediction}, the target {target}"


def _errors(seen: Seen) -> tuple[Any, Any]:
    """The errors and the targets, a row a sample and a column an output."""
    p, y = (values.double().reshape(len(values), -1) for values in (seen.prediction, seen.target))
    return p - y, y


def _mae(seen: Seen, _: Reading) -> tuple[float, ...]:
    error, _ = _errors(seen)
    return (float(error.abs().sum()), float(error.numel()))


def _squares(seen: Seen, _: Reading) -> tuple[Any, float]:
    error, _ = _errors(seen)
    return (error.square().sum(0), float(len(error)))


def _r2(seen: Seen, _: Reading) -> tuple[Any, ...]:
    """Of each output: squared errors; the targets' number, mean and squared distances from it."""
    error, y = _errors(seen)
    mean = y.mean(0)
    return (error.square().sum(0), float(len(y)), mean, (y - mean).square().sum(0))


def _r2_merged(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Chan, Golub and LeVeque 1979: no square of a mean that is far from 0."""
    residual, n, mean, spread = a
    more, m, other, apart = b
    shift = other - mean
    return (residual + more, n + m, mean + shift * (m / (n + m)), spread + apart + shift.square() * (n * m / (n + m)))


def _r2_result(state: tuple[Any, ...]) -> float:
    """1 - Σ(p - y)²/Σ(y - ȳ)², the mean over outputs; where targets do not vary 1 if they are met, else 0."""
    residual, _, _, spread = state
    each = [1.0 - r / s if s else float(r == 0) for r, s in zip(residual.tolist(), spread.tolist(), strict=True)]
    return sum(each) / len(each)


def _f1(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """Hits, predictions and truths of each class; of the ones alone, for one output."""
    one = seen.target.is_floating_point()
    classes = 2 if one else seen.prediction.shape[-1]
    found, true = (labels.flatten().long() for labels in _classes(seen, reading))
    hits = true[found == true].bincount(minlength=classes)
    counts = (hits, found.bincount(minlength=classes), true.bincount(minlength=classes))
    return tuple(float(number) for count in counts for number in (count[1:] if one else count))


def _f1_result(sums: tuple[float, ...]) -> float:
    """The mean of 2·hits/(predicted + true) over the classes that occur."""
    n = len(sums) // 3
    scores = [2 * h / (p + t) for h, p, t in zip(sums[:n], sums[n : 2 * n], sums[2 * n :], strict=True) if p + t]
    return sum(scores) / len(scores) if scores else 0.0


def _in_order(scores: Any, positive: Any) -> float:
    """The share of pairs of a positive and a negative that are in order, ties half: Mann and Whitney's U."""
    import torch

    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0).double() - (counts.double() - 1) / 2)[inverse]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _ranked(seen: Seen, _: Reading) -> list[tuple[Any, Any]]:
    """Each class's score against the rest, and the classes; for one output its score, and whether it is a one.

    log p/(1 - p), which grows with a softmax's probability p and is not flat where that is nearly 1.
    """
    scores = seen.scores.double()
    if seen.target.is_floating_point():
        return [(scores.reshape(-1, 1).clone(), (seen.target > 0.5).flatten().long())]
    import torch

    scores = scores.reshape(-1, scores.shape[-1])
    columns = range(scores.shape[-1])
    rest = [scores[:, [other for other in columns if other != c]].logsumexp(-1) for c in columns]
    return [(scores - torch.stack(rest, 1), seen.target.flatten().clone())]


def _auc(parts: list[tuple[Any, Any]]) -> float:
    """For several classes the mean of each against the rest, for two of the second; ½ where there is nothing to order."""
    import torch

    scores, labels = (torch.cat(columns) for columns in zip(*parts, strict=True))
    count = scores.shape[1]
    classes = {1: [(0, 1)], 2: [(1, 1)]}.get(count, [(c, c) for c in range(count)])
    known = [share for column, c in classes if not math.isnan(share := _in_order(scores[:, column], labels == c))]
    return sum(known) / len(known) if known else 0.5


def _perplexity(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """The sum of -w·log p of the class, and that of w, its weight in the loss."""
    logs = -seen.scores.double().log_softmax(-1).gather(-1, seen.target.unsqueeze(-1)).squeeze(-1)
    weight = logs.new_tensor(reading.weights)[seen.target] if reading.weights else logs.new_ones(logs.shape)
    return (float((weight * logs).sum()), float(weight.sum()))


def _exp(number: float) -> float:
    """E to a number, infinite where that is more than numbers reach."""
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf


def _confusion(seen: Seen, reading: Reading) -> tuple[float, ...]:
    classes = 2 if seen.target.is_floating_point() else seen.prediction.shape[-1]
    found, true = (labels.flatten().long() for labels in _classes(seen, reading))
    return tuple(float(count) for count in (true * classes + found).bincount(minlength=classes * classes))


def _square(sums: tuple[float, ...]) -> list[list[float]]:
    n = math.isqrt(len(sums))
    return [list(sums[row * n : row * n + n]) for row in range(n)]


def _labels_fit(prediction: Type, target: Type) -> str:
    return _accuracy_fits(prediction, target) if target.dtype == "i64" else "it takes class labels"


def _share(sums: tuple[float, ...]) -> float:
    return sums[0] / sums[1] if sums[1] else 0.0


_TYPES = (
    MetricType("accuracy", "the share of right answers: of one output above 0.5 (`hinge`: 0), of several the greatest",
               _accuracy_fits, _accuracy, _share, of_classes=True),
    MetricType("f1", "2·precision·recall/(precision + recall), the mean over classes; of the ones, for one output",
               _accuracy_fits, _f1, _f1_result, of_classes=True),
    MetricType("auc", "the area under the ROC curve, each class against the rest: how often a one is above a zero; ½ where all "
               "are of one class", _accuracy_fits, _ranked, _auc, merge=lambda a, b: a + b, of_scores=True, of_classes=True),
    MetricType("perplexity", "e to the mean of -log p of the class, weighted as the loss is", _labels_fit, _perplexity,
               lambda sums: _exp(_share(sums)), greater_is_better=False, of_scores=True),
    MetricType("confusion", "how often each class, a row, was taken for each, a column; shown once training has ended",
               _accuracy_fits, _confusion, lambda sums: math.nan, table=_square, of_classes=True),
    MetricType("mae", "the mean of |p - y|", _numbers_fit, _mae, _share, greater_is_better=False),
    MetricType("rmse", "the root of the mean of (p - y)², of each output, and the mean of those", _numbers_fit, _squares,
               lambda sums: float((sums[0] / sums[1]).sqrt().mean()), greater_is_better=False),
    MetricType("r2", "the share of the targets' variance that is explained, of each output, and the mean of those; of targets "
               "that do not vary 1 if they are met, else 0", _numbers_fit, _r2, _r2_result, merge=_r2_merged),
)  # fmt: skip

METRICS = {declared.name: declared for declared in _TYPES}
"""Every metric by its name."""


def bound(metric: MetricType, reading: Reading, head: Head) -> MetricType:
    """A metric of one value of a network; its name tells which, as the file does."""
    name = f"{head.label}.{metric.name}" if head.label else metric.name
    return replace(metric, name=name, reading=reading, head=head)
