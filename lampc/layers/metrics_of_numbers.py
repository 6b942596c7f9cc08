"""Metrics of numbers: how far predictions are from targets."""

from __future__ import annotations

from typing import Any

from lampc.ir.types import Type
from lampc.layers.metric import Reading, Seen


def fit(prediction: Type, target: Type) -> str:
    """Why numbers are not compared; empty if they are."""
    return "" if prediction == target else f"it compares numbers: the prediction is {prediction}, the target {target}"


def _errors(seen: Seen) -> tuple[Any, Any]:
    """The errors and the targets, a row a sample and a column an output."""
    p, y = (values.double().reshape(len(values), -1) for values in (seen.prediction, seen.target))
    return p - y, y


def absolute(seen: Seen, _: Reading) -> tuple[float, ...]:
    """The sum of |p - y|, and how many there are."""
    error, _ = _errors(seen)
    return (float(error.abs().sum()), float(error.numel()))


def squares(seen: Seen, _: Reading) -> tuple[Any, float]:
    """Of each output the sum of (p - y)², and how many samples there are."""
    error, _ = _errors(seen)
    return (error.square().sum(0), float(len(error)))


def root(state: tuple[Any, float]) -> float:
    """The root of each output's mean square, and the mean of those."""
    return float((state[0] / state[1]).sqrt().mean())


def spread(seen: Seen, _: Reading) -> tuple[Any, ...]:
    """Of each output: squared errors; the targets' number, mean and squared distances from it."""
    error, y = _errors(seen)
    mean = y.mean(0)
    return (error.square().sum(0), float(len(y)), mean, (y - mean).square().sum(0))


def spread_merged(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Chan, Golub and LeVeque 1979: no square of a mean that is far from 0."""
    residual, n, mean, spread = a
    more, m, other, apart = b
    shift = other - mean
    return (residual + more, n + m, mean + shift * (m / (n + m)), spread + apart + shift.square() * (n * m / (n + m)))


def explained(state: tuple[Any, ...]) -> float:
    """1 - Σ(p - y)²/Σ(y - ȳ)², the mean over outputs; where targets do not vary 1 if they are met, else 0."""
    residual, _, _, spread = state
    each = [1.0 - r / s if s else float(r == 0) for r, s in zip(residual.tolist(), spread.tolist(), strict=True)]
    return sum(each) / len(each)
