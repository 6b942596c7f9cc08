"""Metrics: what is reported of predictions beside the loss. Sums are kept over batches, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lampc.ir.types import Type


@dataclass(frozen=True)
class MetricType:
    """A metric: ``sums`` of a batch (torch tensors in, numbers out) add up, and ``result`` is read off their totals."""

    name: str
    doc: str
    fits: Callable[[Type, Type], str]
    """Why it does not fit a prediction's and a target's type; empty if it does."""
    sums: Callable[[Any, Any], tuple[float, ...]]
    result: Callable[[tuple[float, ...]], float]
    greater_is_better: bool = True
    whole: Callable[[Any, Any], float] | None = None
    """The metric of all predictions and targets at once, where it is no sum over batches."""
    table: Callable[[tuple[float, ...]], list[list[float]]] | None = None
    """For what is a table, not a number: it is shown at the end of a training alone."""


def _accuracy_fits(prediction: Type, target: Type) -> str:
    if target.dtype == "i64":
        return "" if prediction.shape[:-1] == target.shape else f"{target} does not label the rows of {prediction}"
    if prediction == target and prediction.shape[-1:] == (1,):
        return ""
    return "accuracy takes class labels, or one output between 0 and 1"


def _accuracy(prediction: Any, target: Any, above: float = 0.5) -> tuple[float, ...]:
    one = target.is_floating_point()
    right = (prediction > above) == (target > 0.5) if one else prediction.argmax(-1) == target
    return (float(right.sum()), float(right.numel()))


def _numbers_fit(prediction: Type, target: Type) -> str:
    return "" if prediction == target else f"it compares numbers: the prediction is {prediction}, the target {target}"


def _mae(prediction: Any, target: Any) -> tuple[float, ...]:
    return (float((prediction.double() - target.double()).abs().sum()), float(target.numel()))


def _r2(prediction: Any, target: Any) -> tuple[float, ...]:
    p, y = prediction.double(), target.double()
    return (float((p - y).square().sum()), float(y.square().sum()), float(y.sum()), float(y.numel()))


def _r2_result(sums: tuple[float, ...]) -> float:
    """1 - Σ(p - y)²/Σ(y - ȳ)²; 0 where the targets do not vary."""
    residual, squares, total, n = sums
    variation = squares - total * total / n
    return 1.0 - residual / variation if variation > 1e-12 * squares else 0.0


def _right(prediction: Any, target: Any, above: float) -> tuple[Any, Any]:
    """Predicted and true classes, each flat; for one output whether it is above a number."""
    if target.is_floating_point():
        return (prediction > above).flatten().long(), (target > 0.5).flatten().long()
    return prediction.argmax(-1).flatten(), target.flatten()


def _f1(prediction: Any, target: Any, above: float = 0.5) -> tuple[float, ...]:
    """Hits, predictions and truths of each class; of the ones alone, for one output."""
    one = target.is_floating_point()
    classes = 2 if one else prediction.shape[-1]
    found, true = _right(prediction, target, above)
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


def _auc(prediction: Any, target: Any, output: str = "logits") -> float:
    """For several classes the mean of each against the rest, for two of the second; ½ where there is nothing to order."""
    if target.is_floating_point():
        found = _in_order(prediction.flatten().double(), (target > 0.5).flatten())
        return 0.5 if math.isnan(found) else found
    scores, labels = _logs(prediction.double(), output).exp().flatten(0, -2), target.flatten()
    classes = [1] if scores.shape[-1] == 2 else range(scores.shape[-1])
    known = [score for score in (_in_order(scores[:, c], labels == c) for c in classes) if not math.isnan(score)]
    return sum(known) / len(known) if known else 0.5


def _logs(scores: Any, output: str) -> Any:
    """Log-probabilities of probabilities (``softmax``), of their logarithms, or of logits, which make no difference."""
    return scores.clamp_min(1e-300).log() if output == "softmax" else scores.log_softmax(-1)


def _perplexity(prediction: Any, target: Any, output: str = "logits") -> tuple[float, ...]:
    logs = _logs(prediction.double(), output).gather(-1, target.unsqueeze(-1))
    return (-float(logs.sum()), float(logs.numel()))


def _confusion(prediction: Any, target: Any, above: float = 0.5) -> tuple[float, ...]:
    classes = 2 if target.is_floating_point() else prediction.shape[-1]
    found, true = _right(prediction, target, above)
    return tuple(float(count) for count in (true * classes + found).bincount(minlength=classes * classes))


def _square(sums: tuple[float, ...]) -> list[list[float]]:
    n = math.isqrt(len(sums))
    return [list(sums[row * n : row * n + n]) for row in range(n)]


def _labels_fit(prediction: Type, target: Type) -> str:
    return _accuracy_fits(prediction, target) if target.dtype == "i64" else "it takes class labels"


_TYPES = (
    MetricType("accuracy", "the share of right answers: above 0.5 for one output, the greatest for several",
               _accuracy_fits, _accuracy, lambda sums: sums[0] / sums[1]),
    MetricType("f1", "2·precision·recall/(precision + recall), the mean over classes; of the ones, for one output",
               _accuracy_fits, _f1, _f1_result),
    MetricType("auc", "the area under the ROC curve, each class against the rest: how often a one is above a zero",
               _accuracy_fits, lambda prediction, target: (), lambda sums: math.nan, whole=_auc),
    MetricType("perplexity", "e to the mean of -log p of the class", _labels_fit, _perplexity,
               lambda sums: math.exp(min(sums[0] / sums[1], 700.0)), greater_is_better=False),
    MetricType("confusion", "how often each class, a row, was taken for each, a column; shown once training has ended",
               _accuracy_fits, _confusion, lambda sums: math.nan, table=_square),
    MetricType("mae", "the mean of |p - y|", _numbers_fit, _mae, lambda sums: sums[0] / sums[1],
               greater_is_better=False),
    MetricType("r2", "the share of the targets' variance that is explained", _numbers_fit, _r2, _r2_result),
)  # fmt: skip

METRICS = {declared.name: declared for declared in _TYPES}
"""Every metric by its name."""


def measured(metric: MetricType, output: str, above: float) -> MetricType:
    """A metric of a network that ends in an op, ``softmax`` or another, and whose one output means yes above a number."""
    if metric.name == "perplexity":
        return replace(metric, sums=partial(_perplexity, output=output))
    if metric.name == "auc":
        return replace(metric, whole=partial(_auc, output=output))
    by_class = {"accuracy": _accuracy, "f1": _f1, "confusion": _confusion}
    return replace(metric, sums=partial(by_class[metric.name], above=above)) if metric.name in by_class else metric


def without(ignore: int | None, metric: MetricType) -> MetricType:
    """A metric that leaves the rows of a label out."""
    if ignore is None:
        return metric

    def known(measure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda prediction, target: measure(prediction[target != ignore], target[target != ignore])

    return replace(metric, sums=known(metric.sums), whole=None if metric.whole is None else known(metric.whole))
