"""Pooling of images and sequences, channels first."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.op import ShapeError
from lampc.layers.convolution import places, spread
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Amounts, Flag, Int, OneOf, Param, Signature
from lampc.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from lampc.ops.reduction import Max, Mean
from lampc.ops.term import Term


def _window(x: Term, arguments: Arguments) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, stride, padding and dilation for the axes that a sample has."""
    axes = max(1, min(3, x.type.rank - 2))
    sizes = places(x.type, axes)
    if len(arguments["kernel"]) > 1:
        sizes = places(x.type, len(arguments["kernel"]))
        axes = len(sizes)
    kernel = spread("kernel", arguments["kernel"], axes)
    stride = kernel if arguments["stride"] is None else spread("stride", arguments["stride"], axes)
    padding = spread("padding", arguments["padding"], axes)
    dilation = spread("dilation", arguments.get("dilation", (1,)), axes)
    for size, k, pad, d in zip(sizes, kernel, padding, dilation, strict=True):
        if 2 * pad > k:
            raise ShapeError(f"takes a padding of at most half its window, {k // 2}, not {pad}", code="E405")
        if d * (k - 1) + 1 > size + 2 * pad:
            raise ShapeError(f"has a window that reaches over {d * (k - 1) + 1} places, larger than the image's {size}",
                             code="E405", fix="take a smaller window, or add padding")  # fmt: skip
    return kernel, stride, padding, dilation


def _max(make: Construct, x: Term, arguments: Arguments) -> Term:
    kernel, stride, padding, dilation = _window(x, arguments)
    return make(MaxPool(kernel, stride, padding, arguments["ceil"], dilation), x)


def _average(make: Construct, x: Term, arguments: Arguments) -> Term:
    kernel, stride, padding, _ = _window(x, arguments)
    return make(AvgPool(kernel, stride, padding, arguments["ceil"], arguments["padded"], arguments["divisor"]), x)


def _global(make: Construct, x: Term, arguments: Arguments) -> Term:
    if x.type.rank < 3 or x.type.dtype == "i64":
        raise ShapeError(f"takes samples of channels and places, but gets {x.type}", code="E402")
    if arguments["to"] is not None:
        sizes = spread("to", arguments["to"], x.type.rank - 2)
        if len(sizes) > 3:
            raise ShapeError(f"takes samples of up to three axes after the channels, but gets {x.type}", code="E402")
        return make(AdaptiveMaxPool(sizes) if arguments["kind"] == "max" else AdaptiveAvgPool(sizes), x)
    axes = tuple(range(2, x.type.rank))
    return make(Max(axes) if arguments["kind"] == "max" else Mean(axes), x)


def _params(*more: Param) -> Signature:
    return Signature((
        Param("kernel", Amounts(low=1), (2,), "the window's size: `2`, `3x3`"),
        Param("stride", Amounts(low=1), None, "how far the window moves; its size where left out", positional=False),
        Param("padding", Amounts(), (0,), "places added at each edge", positional=False),
        *more,
        Param("ceil", Flag(), False, "let the last window reach over the edge"),
    ))  # fmt: skip


def _declare(name: str, doc: str, signature: Signature, build: Callable[[Construct, Term, Arguments], Term]) -> None:
    layer(LayerType(name, doc, f"input 3x8x8; {name}; flatten; linear 10", signature, build))


_declare("maxpool", "the greatest number of each window; over one, two or three axes, as the sample has",
         _params(Param("dilation", Amounts(low=1), (1,), "how far apart the window's places are", positional=False)),
         _max)  # fmt: skip
_declare("avgpool", "the mean of each window",
         _params(Param("padded", Flag(), True, "count the zeros beyond the edges"),
                 Param("divisor", Int(0), 0, "divide by this, not by the window's size", positional=False)),
         _average)  # fmt: skip
_declare("globalpool", "each channel's mean over all places, or its greatest number; with `to`, of so many equal parts",
         Signature((Param("kind", OneOf(("mean", "max")), "mean", "which"),
                    Param("to", Amounts(low=1), None, "the size that is made: `3x4`", positional=False))), _global)  # fmt: skip
