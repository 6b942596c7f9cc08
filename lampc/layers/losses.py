"""Losses: from a prediction p and a target y to one number, the mean over the minibatch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lampc.ir.op import ShapeError
from lampc.ir.types import Type
from lampc.layers.layer import Arguments
from lampc.layers.signature import Float, Param, Signature
from lampc.ops.arithmetic import Abs, Maximum, Minimum, Square
from lampc.ops.classes import BinaryCrossEntropy, Pick
from lampc.ops.exponential import Exp, Log
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.reduction import Mean, Sum
from lampc.ops.shape import Slice
from lampc.ops.term import Term


@dataclass(frozen=True)
class LossType:
    """A loss that a ``.lamp`` file may name."""

    name: str
    doc: str
    signature: Signature
    target: Callable[[Type], Type]
    """The target's type for a prediction's; raises ``ShapeError`` for a prediction that it cannot take."""
    build: Callable[[Term, Term, Arguments], Term]
    """The loss, a scalar."""
    probabilities: bool = False
    """Whether predictions are to lie in 0…1."""
    logarithms: bool = False
    """Whether predictions are to be logarithms of probabilities."""

    @property
    def labels(self) -> bool:
        """Whether targets are class labels."""
        return self.target is _class_labels


def mean(x: Term) -> Term:
    """The mean of all elements."""
    return x.build(Mean(tuple(range(x.type.rank))), x) if x.type.rank else x


def _same(prediction: Type) -> Type:
    return prediction


def _class_labels(prediction: Type) -> Type:
    if prediction.rank < 2:
        raise ShapeError(f"a loss of classes takes a score for each class, and {prediction} has no axis of classes")
    return Type("i64", prediction.shape[:-1])


def _mse(p: Term, y: Term, arguments: Arguments) -> Term:
    return mean(p.build(Square(), p - y))


def _mae(p: Term, y: Term, arguments: Arguments) -> Term:
    return mean(p.build(Abs(), p - y))


def _huber(p: Term, y: Term, arguments: Arguments) -> Term:
    """½e² up to |e| = δ, then δ(|e| - ½δ) (Huber 1964), as m·(|e| - ½m) with m = min(|e|, δ)."""
    delta = arguments["delta"]
    error = p.build(Abs(), p - y)
    inner = p.build(Minimum(), error, p.build.constant(p.type.of(()), delta))
    return mean(inner * (error - inner * 0.5))


def _bce(p: Term, y: Term, arguments: Arguments) -> Term:
    return mean(p.build(BinaryCrossEntropy(), p, y))


def _crossentropy(p: Term, y: Term, arguments: Arguments) -> Term:
    """The output is taken for probabilities after `softmax`, for log-probabilities after `logsoftmax`, else for logits."""
    op = p.node.op
    logp = p if isinstance(op, LogSoftmax) else p.build(Log() if isinstance(op, Softmax) else LogSoftmax(), p)
    smoothing: float = arguments["smoothing"]
    picked = mean(p.build(Pick(), logp, y))
    if not smoothing:
        return -picked
    return -(picked * (1.0 - smoothing) + mean(logp) * smoothing)


def _nll(p: Term, y: Term, arguments: Arguments) -> Term:
    return -mean(p.build(Pick(), p, y))


def _hinge(p: Term, y: Term, arguments: Arguments) -> Term:
    """max(0, margin - (2y - 1)·p): targets 0 and 1 stand for -1 and 1."""
    low = p.build.constant(p.type.of(()), 0.0)
    return mean(p.build(Maximum(), arguments["margin"] - (y * 2.0 - 1.0) * p, low))


def _kl(p: Term, y: Term, arguments: Arguments) -> Term:
    """Σ y·(log y - p) over the last axis; 0·log 0 is 0."""
    build, tiny = p.build, p.build.constant(p.type.of(()), 1e-300 if p.type.dtype == "f64" else 1e-38)
    divergence = build(Sum((p.type.rank - 1,)), y * (build(Log(), build(Maximum(), y, tiny)) - p))
    return mean(divergence)


def gaussian_kl(b: Term) -> Term:
    """KL(N(m, s²) ‖ N(0, 1)) = ½Σ(m² + s² - log s² - 1), the mean over samples; b holds m and log s² side by side.

    Kingma and Welling 2014, appendix B.
    """
    build, axis = b.build, b.type.rank - 1
    size = b.type.shape[-1] if axis else None
    if not isinstance(size, int) or size % 2:
        raise ShapeError(f"kl takes means and log variances side by side, and {b.type} has no halves", code="E405")
    m, log_variance = build(Slice(axis, 0, size // 2), b), build(Slice(axis, size // 2, size), b)
    parts = build(Square(), m) + build(Exp(), log_variance) - log_variance - 1.0
    return mean(build(Sum(tuple(range(1, axis + 1))), parts)) * 0.5


_TYPES = (
    LossType("mse", "the mean of (p - y)²", Signature(), _same, _mse),
    LossType("mae", "the mean of |p - y|", Signature(), _same, _mae),
    LossType(
        "huber",
        "the mean of ½e² for |e| up to delta, then linear; e = p - y",
        Signature((Param("delta", Float(0.0, open_low=True), 1.0, "where it turns linear"),)),
        _same,
        _huber,
    ),
    LossType("bce", "the mean of -y·log p - (1-y)·log(1-p); p from `sigmoid`", Signature(), _same, _bce, probabilities=True),
    LossType(
        "crossentropy",
        "the mean of -log p of the class; p from `softmax`, or logits",
        Signature((Param("smoothing", Float(0.0, 1.0, open_high=True), 0.0, "the share spread over all classes"),)),
        _class_labels,
        _crossentropy,
    ),
    LossType("nll", "the mean of -p of the class; p from `logsoftmax`", Signature(), _class_labels, _nll, logarithms=True),
    LossType("hinge", "the mean of max(0, margin - t·p), t -1 for a target of 0, and 1 for 1",
             Signature((Param("margin", Float(0.0), 1.0, "how far from 0 is far enough"),)), _same, _hinge),
    LossType("kl", "Kullback and Leibler's divergence Σ y·(log y - p) over the last axis, the mean over samples; p from "
             "`logsoftmax`", Signature(), _same, _kl, logarithms=True),
)  # fmt: skip

LOSSES = {declared.name: declared for declared in _TYPES}
"""Every loss by its name."""
