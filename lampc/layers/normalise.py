"""Normalisation over a sample's last axis, and dropout."""

from __future__ import annotations

from lampc.ir.op import Op, ShapeError
from lampc.layers.layer import AFFINE, Arguments, Construct, LayerType, layer
from lampc.layers.signature import Flag, Float, Param, Signature
from lampc.ops.exponential import Exp
from lampc.ops.normalise import LayerNorm, LogSoftmax, RmsNorm, Softmax
from lampc.ops.random import Dropout, Noise
from lampc.ops.shape import Slice
from lampc.ops.term import Term


def _last_axis(x: Term) -> None:
    if x.type.rank < 2:
        raise ShapeError(f"goes over a sample's last axis, and {x.type} has none", code="E402")


def _over_last_axis(name: str, doc: str, op: Op) -> None:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        _last_axis(x)
        return make(op, x)

    layer(LayerType(name, doc, f"linear 4->3; {name}", Signature(), build, keeps_shape=True))


def _layernorm(make: Construct, x: Term, arguments: Arguments) -> Term:
    _last_axis(x)
    return make(LayerNorm(arguments["eps"]), x, *make.scale_and_shift(x.type.shape[-1], arguments))


def _rmsnorm(make: Construct, x: Term, arguments: Arguments) -> Term:
    _last_axis(x)
    weight, _ = make.scale_and_shift(x.type.shape[-1], {**arguments, "bias": False})
    return make(RmsNorm(arguments["eps"]), x, weight)


def _dropout(make: Construct, x: Term, arguments: Arguments) -> Term:
    rate = arguments["rate"]
    return make(Dropout(len(make.build.graph)), x, make.setting("rate", rate)) if rate else x


def _draw(make: Construct, x: Term, arguments: Arguments) -> Term:
    _last_axis(x)
    axis, size = x.type.rank - 1, x.type.shape[-1]
    assert isinstance(size, int)
    if size % 2:
        raise ShapeError(f"takes means and log variances side by side, and {size} features have no halves", code="E405")
    mean, log_variance = make(Slice(axis, 0, size // 2), x), make(Slice(axis, size // 2, size), x)
    return mean + make(Exp(), log_variance * 0.5) * make(Noise(len(make.build.graph)), mean)


_over_last_axis("softmax", "eˣ/Σeˣ over the last axis", Softmax())
_over_last_axis("logsoftmax", "x - log Σeˣ over the last axis", LogSoftmax())
layer(
    LayerType(
        "layernorm",
        "mean 0 and variance 1 over the last axis, then times a weight plus a bias",
        "linear 4->8; layernorm; relu; linear 1",
        Signature((Param("eps", Float(0.0, open_low=True), 1e-5, "added to the variance"), *AFFINE)),
        _layernorm,
        keeps_shape=True,
        learns=True,
    )
)
layer(
    LayerType(
        "rmsnorm",
        "divided by the root of the mean square over the last axis, then times a weight",
        "linear 4->8; rmsnorm; relu; linear 1",
        Signature(
            (
                Param("eps", Float(0.0, open_low=True), 1e-6, "added to the mean square"),
                Param("affine", Flag(), True, "then times a weight"),
            )
        ),
        _rmsnorm,
        keeps_shape=True,
        learns=True,
    )
)
layer(
    LayerType(
        "draw",
        "normal numbers with the first half of the last axis for means, the second for log variances; in use, the means",
        "linear 8->6; draw; linear 8",
        Signature(),
        _draw,
    )
)
layer(
    LayerType(
        "dropout",
        "each number 0 with probability rate, the others divided by 1 - rate; training only",
        "linear 4->8; relu; dropout 0.1; linear 1",
        Signature((Param("rate", Float(0.0, 1.0, open_high=True), 0.5, "the share that is dropped"),)),
        _dropout,
        keeps_shape=True,
    )
)
