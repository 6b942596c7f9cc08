"""Pooling: windows' maxima and means, and their gradients as sums over the windows that a place is in.

Where a maximum stood is kept as a number of the kernel's own type: torch's index, rows times the row's length and so on.
The gradient asks each window that holds a place whether its maximum was there, so that nothing is scattered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from lampc.ir.expression import Expression, call
from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.ir.types import DType
from lampc.loops.language import Affine, Axis, Extent, Fold, Nest, Place, Reduced, Reduction, Through, View, affine
from lampc.native.forms.mapped import channels, kept, lead, mapped, outer
from lampc.native.forms.windows import Line, Patch, patches, transposed
from lampc.native.making import Making, at, channels_last, put
from lampc.native.spaces import NoNativeForm
from lampc.ops.convolution import fixed
from lampc.ops.pool import (
    Adaptive,
    AdaptiveAvgPool,
    AdaptiveAvgPoolGrad,
    AdaptiveMaxPool,
    AdaptiveMaxPoolGrad,
    AvgPool,
    AvgPoolGrad,
    MaxPool,
    MaxPoolGrad,
    Pool,
    Take,
)

EXACT: dict[DType, int] = {"f32": 2**24, "f64": 2**53}
"""Up to where each type has all whole numbers."""


def windows(op: Op, sizes: Sequence[int], made: Sequence[int]) -> list[list[Line]]:
    """For each axis the places of each window."""
    pairs = enumerate(zip(sizes, made, strict=True))
    return [[_line(op, axis, size, place) for place in range(count)] for axis, (size, count) in pairs]


def _line(op: Op, axis: int, size: int, place: int) -> Line:
    """One window along an axis, of what is not beyond the edges; the weights are those of a mean."""
    if isinstance(op, Adaptive):
        count = op.sizes[axis]
        inside = range(place * size // count, -(-(place + 1) * size // count))
        return tuple((source, Fraction(1, len(inside))) for source in inside)
    assert isinstance(op, Pool)
    start, spread, kernel = place * op.stride[axis] - op.padding[axis], op.spread()[axis], op.kernel[axis]
    inside = range(start, start + spread * kernel, spread)
    found = [source for source in inside if 0 <= source < size]
    weight = _share(op, axis, len(found), min(kernel, size + op.padding[axis] - start))
    return tuple((source, weight) for source in found)


def _share(op: Pool, axis: int, inside: int, reached: int) -> Fraction:
    """What a mean divides by along an axis: the places inside, or those beyond the edge, too, that a padded input has."""
    if not isinstance(op, AvgPool):
        return Fraction(1)
    if op.divisor:
        return Fraction(1, 1 if axis else op.divisor)
    return Fraction(1, reached if op.padded else inside)


def mean(making: Making, node: Node) -> None:
    """The mean of each window."""
    shape, made = making.graph.type(node.operands[0]).shape, node.types[0].shape
    mapped(making, node, windows(node.op, fixed(shape[2:]), fixed(made[2:])), kept(made))


def mean_grad(making: Making, node: Node) -> None:
    """Each place's share of the windows that it is in."""
    shape, made = node.types[0].shape, making.graph.type(node.operands[0]).shape
    sizes = fixed(shape[2:])
    found = windows(node.op, sizes, fixed(made[2:]))
    mapped(making, node, [transposed(lines, size) for lines, size in zip(found, sizes, strict=True)], kept(shape))


def greatest(making: Making, node: Node) -> None:
    """The greatest number of each window, and where it stands."""
    type, made = making.graph.type(node.operands[0]), node.types[0].shape
    sizes = fixed(type.shape[2:])
    if math.prod(sizes) > EXACT[type.dtype]:
        raise NoNativeForm(f"a place among {math.prod(sizes)} as a {type.dtype}")
    x, order = making.view(node.operands[0]), kept(made)
    out, where = making.result(node, 0, order), making.result(node, 1, order, type.dtype)
    nests = [_window(patch, x, out, where) for patch in patches(windows(node.op, sizes, fixed(made[2:])))]
    making.loops(node.op.name, *nests, axes=outer(x))


def _window(patch: Patch, x: View, out: View, where: View) -> Nest:
    """Of windows that are alike."""
    first, index = lead(x, len(patch.runs)), (*lead(x, len(patch.runs)), *patch.places())
    ((here, _),) = patch.made_of()
    number, window = at(x, (*first, *here)), patch.window
    reductions = (Reduction("greatest", Fold.MAX, window, number), Reduction("place", Fold.ARGMAX, window, number))
    start = flat([axis * run.stride + run.start for run, axis in zip(patch.runs, patch.axes, strict=True)], x)
    stores = (put(out, index, Reduced("greatest")), put(where, index, _offset(patch, x) + Place(start)))
    return Nest("window", (*patch.axes, *channels(x, len(patch.runs))), stores, reductions)


def flat(index: Sequence[Affine], image: View) -> Affine:
    """A place of an image as one number, as torch counts."""
    found = Affine()
    for part, size in zip(index, image.dims[2:], strict=True):
        found = found * size.count + part
    return found


def _offset(patch: Patch, image: View) -> Expression:
    """From a maximum's place in its window to how far it is from the window's first, in the image.

    Half a place more, and no quotient lies so near a whole number that rounding could reach it.
    """
    left: Expression = Reduced("place")
    total: Expression = call("add", 0.0, 0.0)
    step = math.prod(size.count for size in image.dims[2:])
    steps = []
    for size in image.dims[2:]:
        step //= size.count
        steps.append(step)
    inner = [(axis.extent.count, (run.gap or 0) * step) for run, axis, step in zip(patch.runs, patch.inner, steps, strict=True)]
    inner = [each for each in inner if each[0] > 1]
    for count, step in inner[:0:-1]:
        above = call("floor", (left + 0.5) * (1 / count))
        total = total + (left - above * float(count)) * float(step)
        left = above
    return total + left * float(inner[0][1]) if inner else total


def greatest_grad(making: Making, node: Node) -> None:
    """At each place the gradients of the windows whose maximum stood there."""
    shape, made = node.types[0].shape, making.graph.type(node.operands[0]).shape
    sizes = fixed(shape[2:])
    dy, where = (making.view(operand) for operand in node.operands)
    dx = making.result(node, 0, kept(shape))
    found = windows(node.op, sizes, fixed(made[2:]))
    nests = [_from_windows(patch, dx, dy, where)
             for patch in patches([transposed(lines, size) for lines, size in zip(found, sizes, strict=True)])]  # fmt: skip
    making.loops(node.op.name, *nests, axes=outer(dy))


def _from_windows(patch: Patch, dx: View, dy: View, where: View) -> Nest:
    first, here = lead(dy, len(patch.runs)), Place(flat(patch.places(), dx))

    def share(window: tuple[Affine, ...], _: Fraction) -> Expression:
        index = (*first, *window)
        return call("select", call("equal", at(where, index), here), at(dy, index), 0.0)

    reductions, total = ((), call("add", 0.0, 0.0)) if patch.empty else patch.total(share)
    axes = (*patch.axes, *channels(dy, len(patch.runs)))
    return Nest("gather", axes, (put(dx, (*first, *patch.places()), total),), reductions)


def take(making: Making, node: Node) -> None:
    """What stands at the places: an image's last axes are one here."""
    value, chosen = node.operands
    shape = making.graph.type(value).shape
    order = kept(shape)
    # Channels last, also if there is one: rows have no padding between them then.
    image, where, out = making.view(value, channels_last(len(shape))), making.view(chosen), making.result(node, 0, order)
    first = lead(out, len(shape) - 2)
    count = math.prod(fixed(shape[2:]))
    line = View(image.buffer, (*image.dims[:2], Extent(count)), (0, 2, 1))
    axes = tuple(Axis(f"i{n}", size) for n, size in enumerate(out.dims[2:]))
    index = (*first, *map(affine, axes))
    nest = Nest("take", (*axes, *channels(out, len(axes))), (put(out, index, at(line, (*first, Through(where, index)))),))
    making.loops(node.op.name, nest, axes=outer(out))


POOLING: dict[type[Op], Callable[[Making, Node], None]] = {
    MaxPool: greatest,
    AdaptiveMaxPool: greatest,
    MaxPoolGrad: greatest_grad,
    AdaptiveMaxPoolGrad: greatest_grad,
    AvgPool: mean,
    AdaptiveAvgPool: mean,
    AvgPoolGrad: mean_grad,
    AdaptiveAvgPoolGrad: mean_grad,
    Take: take,
}
