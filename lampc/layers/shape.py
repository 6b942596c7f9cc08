"""Layers that reshape, cut or reduce. A sample's axes are counted from 1; the batch is none of them."""

from __future__ import annotations

import math
from collections.abc import Callable

from lampc.ir.op import Op, ShapeError
from lampc.ir.types import B
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Dims, Int, Param, Signature
from lampc.ops.reduction import Max, Mean, Sum
from lampc.ops.shape import Reshape, Slice, Transpose
from lampc.ops.term import Term


def _flatten(make: Construct, x: Term, arguments: Arguments) -> Term:
    return _reshaped(make, x, (math.prod(x.type.sample),))


def _reshape(make: Construct, x: Term, arguments: Arguments) -> Term:
    shape = arguments["shape"]
    if math.prod(shape) != math.prod(x.type.sample):
        raise ShapeError(f"makes {math.prod(shape):,} elements a sample, and {x.type} has {math.prod(x.type.sample):,}",
                         code="E401")  # fmt: skip
    return _reshaped(make, x, shape)


def _reshaped(make: Construct, x: Term, shape: tuple[int, ...]) -> Term:
    return x if x.type.sample == shape else make(Reshape((B, *shape)), x)


def _axis(x: Term, axis: int) -> int:
    if axis >= x.type.rank:
        raise ShapeError(f"goes over axis {axis} of a sample, and {x.type} has {x.type.rank - 1}", code="E402")
    return axis


def _transpose(make: Construct, x: Term, arguments: Arguments) -> Term:
    axes = x.type.rank - 1
    order = arguments["order"]
    if order is None:
        if axes < 2:
            raise ShapeError(f"takes samples of two axes or more, but gets {x.type}", code="E402")
        order = (*range(1, axes - 1), axes, axes - 1)
    elif sorted(order) != list(range(1, axes + 1)):
        raise ShapeError(f"takes each axis from 1 to {axes} once, not {list(order)}", code="E402")
    return make(Transpose((0, *order)), x)


def _slice(make: Construct, x: Term, arguments: Arguments) -> Term:
    axis = _axis(x, arguments["axis"])
    size = x.type.shape[axis]
    assert isinstance(size, int)
    start, stop = arguments["start"], arguments["stop"] or size
    start, stop = (end + size if end < 0 else end for end in (start, stop))
    if not 0 <= start < stop <= size:
        raise ShapeError(f"cuts from {arguments['start']} to {arguments['stop'] or size}, and the axis has {size}", code="E405")
    return x if (start, stop) == (0, size) else make(Slice(axis, start, stop), x)


def _over(reduce: Callable[[tuple[int, ...]], Op]) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        axes = tuple(sorted({_axis(x, axis) for axis in arguments["axes"]}))
        if x.type.dtype == "i64":
            raise ShapeError(f"takes numbers, but gets {x.type}", code="E402")
        return make(reduce(axes), x)

    return build


layer(LayerType("flatten", "each sample as one axis", "input 1x8x8; flatten; linear 10", Signature(), _flatten, whole=True))
layer(LayerType("reshape", "the same elements, in order, as samples of another shape", "linear 2->64; reshape 1x8x8; conv 4 3",
                Signature((Param("shape", Dims(), doc="a sample's new shape"),)), _reshape, whole=True))  # fmt: skip
layer(LayerType("transpose", "the axes in another order; where none is given, the last two change places",
                "input 8x3; transpose; linear 8->4",
                Signature((Param("order", Dims(), None, "the old axis at each new place: `[2, 1]`"),)),
                _transpose, whole=True))  # fmt: skip
layer(LayerType("slice", "places `start` up to `stop` along an axis, counted from 0; negative ones from the end",
                "input 10; slice 0 4; linear 2",
                Signature((Param("start", Int(-(2**31)), 0, "the first place"),
                           Param("stop", Int(-(2**31)), 0, "the place after the last; 0: the end"),
                           Param("axis", Int(), 1, "along which axis", positional=False))), _slice, whole=True))  # fmt: skip
for _name, _doc, _reduce in (("mean", "the mean", Mean), ("sum", "the sum", Sum), ("max", "the greatest number", Max)):
    layer(LayerType(_name, f"{_doc} over some axes, which disappear", f"input 8x3; {_name} 1; linear 2",
                    Signature((Param("axes", Dims(), doc="which: `1`, `[1, 2]`"),)), _over(_reduce)))  # fmt: skip
