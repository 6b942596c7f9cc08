"""Linear maps along the axes of an image or a sequence, one a axis: means of windows, interpolation, padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from lampc.ir.expression import Expression, number
from lampc.ir.graph import Node
from lampc.ir.types import Shape, Type
from lampc.loops.language import Affine, Axis, Nest, View, affine
from lampc.native.forms.windows import MOST_PATCHES, MOST_TERMS, Line, Patch, patches, runs
from lampc.native.making import Making, Order, at, channels_last, put


def kept(shape: Shape) -> Order:
    """The order in which an image is kept: channels last, if there are several, so that vectors lie along these."""
    return channels_last(len(shape)) if len(shape) > 2 and shape[1] != 1 else ()


def outer(view: View) -> tuple[Axis, ...]:
    """The axis of samples, which threads share."""
    return (Axis("b", view.dims[0]),)


def channels(view: View, axes: int) -> tuple[Axis, ...]:
    """Those between the samples' and the last ``axes``."""
    return tuple(Axis(f"c{n}", size) for n, size in enumerate(view.dims[1 : len(view.dims) - axes]))


def lead(view: View, axes: int) -> tuple[Affine, ...]:
    """The index of what stands before the last ``axes``."""
    return tuple(map(affine, (*outer(view), *channels(view, axes))))


def mapped(making: Making, node: Node, lines: Sequence[Sequence[Line]], order: Order, otherwise: float = 0.0) -> None:
    """The last axes mapped, each by its lines: all at once, or, where that would be too many nests or long sums, one by one.

    What a place that is made of nothing holds is ``otherwise``.
    """
    here, there = making.view(node.operands[0]), making.result(node, 0, order)
    if _at_once(lines):
        _kernel(making, node.op.name, there, here, lines, otherwise)
        return
    first, type = len(here.dims) - len(lines), making.graph.type(node.operands[0])
    for n, each in enumerate(lines):
        type = Type(type.dtype, (*type.shape[: first + n], len(each), *type.shape[first + n + 1 :]))
        last = n == len(lines) - 1
        made = there if last else making.room(f"%{node.id} axis {first + n}", type, order)
        others = [_unchanged(size.count) for size in here.dims[first:]]
        _kernel(making, node.op.name, made, here, [*others[:n], each, *others[n + 1 :]], otherwise)
        here = made


def _at_once(lines: Sequence[Sequence[Line]]) -> bool:
    return (
        math.prod(len(runs(each)) for each in lines) <= MOST_PATCHES
        and max(patch.terms for patch in patches(lines)) <= MOST_TERMS
    )


def _unchanged(size: int) -> list[Line]:
    return [((place, Fraction(1)),) for place in range(size)]


def _kernel(making: Making, name: str, there: View, here: View, lines: Sequence[Sequence[Line]], otherwise: float) -> None:
    nests = [_nest(patch, there, here, otherwise) for patch in patches(lines)]
    making.loops(name, *nests, axes=outer(here))


def _nest(patch: Patch, there: View, here: View, otherwise: float) -> Nest:
    first = lead(here, len(patch.runs))
    axes, index = (*patch.axes, *channels(here, len(patch.runs))), (*first, *patch.places())
    if patch.empty:
        return Nest("fill", axes, (put(there, index, number(otherwise)),))

    def weighed(places: tuple[Affine, ...], weight: Fraction) -> Expression:
        found = at(here, (*first, *places))
        return found if patch.weight is not None else found * float(weight)

    reductions, total = patch.total(weighed)
    if patch.weight not in (None, 1):
        total = total * float(patch.weight or 0)
    return Nest("map", axes, (put(there, index, total),), reductions)
