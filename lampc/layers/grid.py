"""Growing images and sequences."""

from __future__ import annotations

from lampc.ir.op import ShapeError
from lampc.layers.convolution import edges, places, spread
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Amounts, Float, OneOf, Param, Signature
from lampc.ops.grid import Pad, Upsample
from lampc.ops.term import Term


def _axes(x: Term) -> int:
    return max(1, min(3, x.type.rank - 2))


def _upsample(make: Construct, x: Term, arguments: Arguments) -> Term:
    axes = _axes(x)
    places(x.type, axes)
    return make(Upsample(spread("factor", arguments["factor"], axes), arguments["mode"]), x)


def _pad(make: Construct, x: Term, arguments: Arguments) -> Term:
    axes = _axes(x)
    sizes = places(x.type, axes)
    amounts = arguments["amounts"]
    if len(amounts) == 2 * axes:
        sides = tuple(zip(amounts[::2], amounts[1::2], strict=True))
    else:
        sides = tuple((n, n) for n in spread("amounts", amounts, axes))
    if arguments["edges"] == "reflect" and any(max(side) >= size for side, size in zip(sides, sizes, strict=True)):
        raise ShapeError("cannot reflect more places than there are", code="E405")
    return make(Pad(sides, arguments["edges"], arguments["value"] if arguments["edges"] == "zeros" else 0.0), x)


layer(LayerType("upsample", "so many times as large along each axis but the channels",
                "input 3x8x8; upsample 2; conv 8 3 padding=same",
                Signature((Param("factor", Amounts(low=1), (2,), "how many times: `2`, `2x3`"),
                           Param("mode", OneOf(("nearest", "linear")), "nearest", "repeat, or interpolate"))),
                _upsample))  # fmt: skip
layer(LayerType("pad", "more places at the edges, but not of the channels",
                "input 3x8x8; pad 1 edges=reflect; conv 8 3",
                Signature((Param("amounts", Amounts(), (1,), "`1`; `1x2` by axis; `[1, 0, 2, 2]` by axis, before and after"),
                           edges(), Param("value", Float(), 0.0, "instead of zeros", positional=False))),
                _pad))  # fmt: skip
