"""Metrics: what is reported of predictions beside the loss. Sums are kept over batches, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


def _accuracy_fits(prediction: Type, target: Type) -> str:
    if target.dtype == "i64":
        return "" if prediction.shape[:-1] == target.shape else f"{target} does not label the rows of {prediction}"
    if prediction == target and prediction.shape[-1:] == (1,):
        return ""
    return "accuracy takes class labels, or one output between 0 and 1"


def _accuracy(prediction: Any, target: Any) -> tuple[float, ...]:
    one = target.is_floating_point()
    right = (prediction > 0.5) == (target > 0.5) if one else prediction.argmax(-1) == target
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


_TYPES = (
    MetricType("accuracy", "the share of right answers: above 0.5 for one output, the greatest for several",
               _accuracy_fits, _accuracy, lambda sums: sums[0] / sums[1]),
    MetricType("mae", "the mean of |p - y|", _numbers_fit, _mae, lambda sums: sums[0] / sums[1],
               greater_is_better=False),
    MetricType("r2", "the share of the targets' variance that is explained", _numbers_fit, _r2, _r2_result),
)  # fmt: skip

METRICS = {declared.name: declared for declared in _TYPES}
"""Every metric by its name."""
