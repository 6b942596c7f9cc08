"""Losses: from a prediction p and a target y to one number, the mean over the minibatch.

Where samples have weights w [B], it is the mean in which each counts as much as it weighs, Σ w·l / Σ w, l a sample's own mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lampc.ir.op import ShapeError
from lampc.ir.types import Type
from lampc.layers.layer import Arguments
from lampc.layers.signature import BALANCED, Flag, Float, Int, Param, Signature, Weights
from lampc.ops.arithmetic import Abs, Greater, Maximum, Minimum, Square, Where
from lampc.ops.classes import BinaryCrossEntropy, ClassWeight, Pick
from lampc.ops.exponential import Exp, Log
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.reduction import Expand, Mean, Sum
from lampc.ops.shape import Slice
from lampc.ops.term import Term
from lampc.ops.waves import Table


@dataclass(frozen=True)
class Bounds:
    """What targets may be: numbers from one to another, or of two numbers."""

    least: float = -math.inf
    greatest: float = math.inf
    bits: bool = False
    """Whether they are 0 and 1, and nothing between."""
    ignore: int | None = None
    """A label that may be outside."""

    def __str__(self) -> str:
        if self.bits:
            return "0 and 1"
        if math.isinf(self.greatest):
            return f"of {self.least:g} and more" if math.isfinite(self.least) else "of any size"
        return f"from {self.least:g} to {self.greatest:g}" if math.isfinite(self.least) else f"of {self.greatest:g} and less"


def _unbounded(prediction: Type, arguments: Arguments) -> Bounds:
    return Bounds()


def _shares(prediction: Type, arguments: Arguments) -> Bounds:
    return Bounds(0.0, 1.0)


@dataclass(frozen=True)
class LossType:
    """A loss that a ``.lamp`` file may name."""

    name: str
    doc: str
    signature: Signature
    target: Callable[[Type, Arguments], Type]
    """The target's type for a prediction's; raises ``ShapeError`` for a prediction that it cannot take."""
    build: Callable[[Term, Term, Arguments, Term | None], Term]
    """The loss, a scalar, of a prediction, a target, options, and the samples' weights if they have some."""
    probabilities: bool = False
    """Whether predictions are to lie in 0…1."""
    logarithms: bool = False
    """Whether predictions are to be logarithms of probabilities."""

    classes: bool = False
    """Whether predictions are a score for each class."""

    sides: bool = False
    """Whether predictions are scores above 0 for yes and below for no."""

    errors: bool = False
    """Whether it looks at nothing but p - y, so that both may be standardised."""

    power: int = 0
    """Of what degree it is in these errors; 0 where it is of none."""

    bounds: Callable[[Type, Arguments], Bounds] = _unbounded
    """What targets of a prediction's type may be."""


def mean(x: Term) -> Term:
    """The mean of all elements."""
    return x.build(Mean(tuple(range(x.type.rank))), x) if x.type.rank else x


def _total(x: Term) -> Term:
    """The sum of all elements."""
    return x.build(Sum(tuple(range(x.type.rank))), x) if x.type.rank else x


def _mean(each: Term, weight: Term | None) -> Term:
    """The mean of all elements, each sample's as much as it weighs; 0 if no sample weighs anything."""
    if weight is None:
        return mean(each)
    for axis in reversed(range(1, each.type.rank)):  # one by one, as native code goes over them
        each = each.build(Mean((axis,)), each)
    return _total(weight * each) / _divisor(_total(weight))


def _divisor(whole: Term) -> Term:
    """What weights come to, to divide by; 1 where that is 0."""
    build, one = whole.build, whole.build.constant(whole.type, 1.0)
    return build(Where(), build(Greater(), build(Abs(), whole), one * 0.0), whole, one)


def _same(prediction: Type, arguments: Arguments) -> Type:
    _weights_fit(prediction, arguments, "makes {} numbers")
    return prediction


def _outputs(prediction: Type) -> object:
    return prediction.shape[-1] if len(prediction.shape) > 1 else 1


def _yes_and_no(prediction: Type, arguments: Arguments) -> Type:
    """Of `bce`: of one output there may be two weights."""
    weights = arguments["weights"]
    return prediction if weights and of_two(prediction, arguments) else _same(prediction, arguments)


def _class_labels(prediction: Type, arguments: Arguments) -> Type:
    if prediction.rank < 2:
        raise ShapeError(f"a loss of classes takes a score for each class, and {prediction} has no axis of classes")
    _weights_fit(prediction, arguments, "scores {} classes")
    if arguments.get("soft"):
        if arguments["ignore"] is not None:
            raise ShapeError("`ignore` names a label, and with `soft` there are none")
        return prediction
    return Type("i64", prediction.shape[:-1])


def _labels(prediction: Type, arguments: Arguments) -> Bounds:
    """Labels name one of the scores; soft targets are shares."""
    classes = prediction.sample[-1]
    return Bounds(0.0, 1.0) if arguments.get("soft") else Bounds(0.0, classes - 1.0, ignore=arguments.get("ignore"))


def _divided(prediction: Type, arguments: Arguments) -> Bounds:
    """Of `kl`: shares, or their logarithms."""
    return Bounds(greatest=0.0) if arguments.get("logarithms") else Bounds(0.0, 1.0)


def _weights_fit(prediction: Type, arguments: Arguments, makes: str) -> None:
    weights, size = arguments.get("weights"), _outputs(prediction)
    if weights and weights != BALANCED and len(weights) != size:
        raise ShapeError(f"there are {len(weights)} weights, and the network {makes.format(size)}")


def _mse(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    return _mean(p.build(Square(), p - y), weight)


def _mae(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    return _mean(p.build(Abs(), p - y), weight)


def _huber(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    """½e² up to |e| = δ, then δ(|e| - ½δ) (Huber 1964), as m·(|e| - ½m) with m = min(|e|, δ)."""
    delta = arguments["delta"]
    error = p.build(Abs(), p - y)
    inner = p.build(Minimum(), error, p.build.constant(p.type.of(()), delta))
    return _mean(inner * (error - inner * 0.5), weight)


def _bce(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    each, weights = p.build(BinaryCrossEntropy(), p, y), arguments["weights"]
    if not weights:
        return _mean(each, weight)
    if not of_two(p.type, arguments):
        return _mean(each * p.build(Table(p.type.dtype, weights)), weight)
    no, yes = weights
    counting = y * (yes - no) + no
    if weight is not None:
        counting = counting * _spread(weight, counting.type)
    return _total(counting * each) / _divisor(_total(counting))


def of_two(prediction: Type, arguments: Arguments) -> bool:
    """Whether the weights of a `bce` are those of no and of yes: of one output there are two."""
    return len(arguments["weights"]) == 2 and _outputs(prediction) == 1


def _spread(weight: Term, type: Type) -> Term:
    """Samples' weights at all of their places."""
    for rank in range(1, type.rank):
        weight = weight.build(Expand(type.shape[: rank + 1], (rank,)), weight)
    return weight


def _crossentropy(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    """The output is taken for probabilities after `softmax`, for log-probabilities after `logsoftmax`, else for logits."""
    op = p.node.op
    logp = p if isinstance(op, LogSoftmax) else p.build(Log() if isinstance(op, Softmax) else LogSoftmax(), p)
    return (_soft if arguments["soft"] else _classes)(logp, y, arguments, weight)


def _nll(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    return _classes(p, y, {"smoothing": 0.0, **arguments}, weight)


def _classes(logp: Term, y: Term, arguments: Arguments, sample: Term | None = None) -> Term:
    """``-Σ w·log p / Σ w``, w the weights of the rows' classes, times those of their samples, and 0 where the class is ignored;
    0 if nothing counts.
    """
    build = logp.build
    weights, ignore, classes = arguments["weights"] or (), arguments["ignore"], logp.type.shape[-1]
    smoothing: float = arguments["smoothing"]
    assert isinstance(classes, int)
    picked = build(Pick(ignore is not None), logp, y)
    if not weights and ignore is None:
        found = _mean(picked, sample)
        return -(found * (1.0 - smoothing) + _mean(logp, sample) * smoothing) if smoothing else -found
    weight = build(ClassWeight(logp.type.dtype, weights, ignore), y)
    if sample is not None:
        sample = _spread(sample, weight.type)
        weight = weight * sample
    whole = _divisor(_total(weight))
    found = _total(weight * picked) / whole
    if not smoothing:
        return -found
    spread = logp * build(Table(logp.type.dtype, weights)) if weights else logp
    rows = build(Sum((logp.type.rank - 1,)), spread)
    if ignore is not None:
        rows = rows * build(ClassWeight(logp.type.dtype, (), ignore), y)
    if sample is not None:
        rows = rows * sample
    return -(found * (1.0 - smoothing) + _total(rows) / whole * (smoothing / classes))


def _soft(logp: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    """``-Σ w·y·log p``, the mean over rows; y are probabilities."""
    build, smoothing, axis = logp.build, arguments["smoothing"], logp.type.rank - 1
    classes = logp.type.shape[-1]
    assert isinstance(classes, int)
    if smoothing:
        y = y * (1.0 - smoothing) + smoothing / classes
    terms = y * logp
    if arguments["weights"]:
        terms = terms * build(Table(logp.type.dtype, arguments["weights"]))
    return -_mean(build(Sum((axis,)), terms), weight)


def _hinge(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    """max(0, margin - (2y - 1)·p): targets 0 and 1 stand for -1 and 1."""
    low = p.build.constant(p.type.of(()), 0.0)
    return _mean(p.build(Maximum(), arguments["margin"] - (y * 2.0 - 1.0) * p, low), weight)


def _kl(p: Term, y: Term, arguments: Arguments, weight: Term | None = None) -> Term:
    """Σ y·(log y - p) over the last axis; 0·log 0 is 0."""
    build, tiny = p.build, p.build.constant(p.type.of(()), 1e-300 if p.type.dtype == "f64" else 1e-38)
    share, log_share = (build(Exp(), y), y) if arguments["logarithms"] else (y, build(Log(), build(Maximum(), y, tiny)))
    return _mean(build(Sum((p.type.rank - 1,)), share * (log_share - p)), weight)


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


_OF_CLASSES = (
    Param(
        "weights",
        Weights(),
        None,
        "how much a sample of each class counts: `[1, 5, 1]`; `balanced`: less, the more there are",
        positional=False,
    ),
    Param("ignore", Int(-(2**53), 2**53), None, "a label whose samples are left out, such as padding", positional=False),
)
_TYPES = (
    LossType("mse", "the mean of (p - y)²", Signature(), _same, _mse, errors=True, power=2),
    LossType("mae", "the mean of |p - y|", Signature(), _same, _mae, errors=True, power=1),
    LossType(
        "huber",
        "the mean of ½e² for |e| up to delta, then linear; e = p - y",
        Signature((Param("delta", Float(0.0, open_low=True), 1.0, "where it turns linear"),)),
        _same,
        _huber,
        errors=True,
    ),
    LossType("bce", "the mean of -y·log p - (1-y)·log(1-p); p from `sigmoid`",
             Signature((Param("weights", Weights(), None, "a factor for each output: `[1, 5, 1]`; of one output, how much 0 "
                              "and 1 count: `[1, 5]`, or `balanced`: less, the more there are", positional=False),)),
             _yes_and_no, _bce, probabilities=True, bounds=_shares),
    LossType(
        "crossentropy",
        "the mean of -log p of the class; p from `softmax`, or logits",
        Signature((Param("smoothing", Float(0.0, 1.0, open_high=True), 0.0, "the share spread over all classes"),
                   *_OF_CLASSES, Param("soft", Flag(), False, "targets are probabilities of the classes, not labels"))),
        _class_labels,
        _crossentropy,
        classes=True,
        bounds=_labels,
    ),
    LossType("nll", "the mean of -p of the class; p from `logsoftmax`", Signature(_OF_CLASSES), _class_labels, _nll,
             logarithms=True, classes=True, bounds=_labels),
    LossType("hinge", "the mean of max(0, margin - t·p), t -1 for a target of 0, and 1 for 1",
             Signature((Param("margin", Float(0.0), 1.0, "how far from 0 is far enough"),)), _same, _hinge, sides=True,
             bounds=lambda prediction, arguments: Bounds(0.0, 1.0, bits=True)),
    LossType("kl", "Kullback and Leibler's divergence Σ y·(log y - p) over the last axis, the mean over samples; p from "
             "`logsoftmax`", Signature((Param("logarithms", Flag(), False, "targets are logarithms, too"),)),
             _same, _kl, logarithms=True, bounds=_divided),
)  # fmt: skip

LOSSES = {declared.name: declared for declared in _TYPES}
"""Every loss by its name."""
