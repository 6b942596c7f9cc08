"""Convolutions over any number of axes: strided, dilated, grouped, depthwise, transposed, and their gradients.

A convolution joins a large side, whose places are o·stride + k·dilation - padding, with a small one, whose places are o,
through ``w[first, second, k…]``: ``first`` counts the small side's channels, ``second`` the large side's within a group.
Forward goes from large to small; transposed, and for the input's gradient, from small to large. Products are summed window
by window, channels last, so that vectors lie along the channels that are made (Georganas et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lampc.ir.expression import Expression, number
from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.loops.language import Affine, Axis, Extent, Fold, Nest, Reduced, Reduction, Scan, View, affine
from lampc.native.making import Making, Order, at, channels_last, named, put
from lampc.native.spaces import NoNativeForm
from lampc.ops.convolution import Convolution, ConvolutionInputGrad, ConvolutionWeightGrad, Windows

LARGE = 16
"""Places of a sample from which its part of a weight's gradient is added by itself: its numbers stay in the caches."""
PHASES = 64
"""The most that a stride may have: each is a nest of its own."""


def toward_small(rank: int) -> Order:
    """A weight's order in which vectors lie along ``first``."""
    return (*range(2, rank), 1, 0)


def toward_large(rank: int) -> Order:
    """A weight's order in which vectors lie along ``second``."""
    return (*range(2, rank), 0, 1)


@dataclass(frozen=True)
class _Sizes:
    """What a convolution goes over."""

    op: Windows
    first: Axis
    """A small side's channel within a group."""
    second: Axis
    """A large side's."""
    group: Axis
    window: tuple[Axis, ...]

    @classmethod
    def of(cls, op: Windows, weight: View) -> _Sizes:
        first, second, *window = (extent.count for extent in weight.dims)
        axes = named([Extent(size) for size in window], "k")
        return cls(op, Axis("f", Extent(first // op.groups)), Axis("s", Extent(second)), Axis("g", Extent(op.groups)), axes)

    @property
    def small(self) -> Affine:
        """The small side's channel."""
        return self._of_groups(self.first)

    @property
    def large(self) -> Affine:
        """The large side's channel."""
        return self._of_groups(self.second)

    def _of_groups(self, channel: Axis) -> Affine:
        return affine(channel) if self.op.groups == 1 else self.group * channel.extent.count + channel

    @property
    def groups(self) -> tuple[Axis, ...]:
        """The groups' axis, where there are several."""
        return () if self.op.groups == 1 else (self.group,)

    def place(self, small: tuple[Axis, ...]) -> tuple[Affine, ...]:
        """The large side's place for one of the small side and one of the window."""
        moves = zip(small, self.window, self.op.stride, self.op.dilation, self.op.padding, strict=True)
        return tuple(o * stride + k * spread + -pad for o, k, stride, spread, pad in moves)


def convolution(making: Making, node: Node) -> None:
    """The convolution itself, its bias added to the sums."""
    op = node.op
    assert isinstance(op, Windows)
    x, w, *bias = node.operands
    (_to_large if op.transposed else _to_small)(making, node, x, w, bias)


def input_gradient(making: Making, node: Node) -> None:
    """The way back to the side that it came from."""
    op, (dy, w) = node.op, node.operands
    assert isinstance(op, Windows)
    (_to_small if op.transposed else _to_large)(making, node, dy, w, [])


def _with_bias(making: Making, bias: list[Value], channel: Affine) -> Expression:
    total: Expression = Reduced("sum")
    return total + making.read(bias[0], [channel]) if bias else total


def _to_small(making: Making, node: Node, x: Value, w: Value, bias: list[Value]) -> None:
    weight = making.view(w, toward_small(making.graph.type(w).rank))
    sizes = _Sizes.of(node.op, weight)  # type: ignore[arg-type]
    out = making.result(node, order=channels_last(len(weight.dims)))
    b, _, *places = named(out.dims, "o")
    inner = at(making.view(x), [b, sizes.large, *sizes.place(tuple(places))], 0.0)
    product = inner * at(weight, [sizes.small, sizes.second, *sizes.window])
    total = Reduction("sum", Fold.SUM, (*sizes.window, sizes.second), product)
    store = put(out, [b, sizes.small, *places], _with_bias(making, bias, sizes.small))
    making.loops("conv", Nest("conv", (b, *places, *sizes.groups, sizes.first), (store,), (total,)))


def _to_large(making: Making, node: Node, small: Value, w: Value, bias: list[Value]) -> None:
    """A nest for each phase of the stride: places that the same windows reach."""
    op = node.op
    assert isinstance(op, Windows)
    weight = making.view(w, toward_large(making.graph.type(w).rank))
    sizes = _Sizes.of(op, weight)
    out = making.result(node, order=channels_last(len(weight.dims)))
    if math.prod(op.stride) > PHASES:
        raise NoNativeForm(f"a stride of {op.stride} backwards, more than {PHASES} phases")
    source = making.view(small)
    for phase in _phases(op, out, [axis.extent.count for axis in sizes.window]):
        b = Axis("b", out.dims[0])
        made = [each.place for each in phase]
        index: list[Axis | Affine] = [b, sizes.large, *(each.made for each in phase)]
        axes = (b, *made, *sizes.groups, sizes.second)
        if any(each.windows is None for each in phase):
            store = put(out, index, making.read(bias[0], [sizes.large]) if bias else number(0.0))
            making.loops("conv_back", Nest("empty", axes, (store,)))
            continue
        taps = [each.windows for each in phase if each.windows is not None]
        reached = at(source, [b, sizes.small, *(each.source for each in phase)], 0.0)
        product = reached * at(weight, [sizes.small, sizes.second, *(each.tap for each in phase)])
        total = Reduction("sum", Fold.SUM, (*taps, sizes.first), product)
        store = put(out, index, _with_bias(making, bias, sizes.large))
        making.loops("conv_back", Nest("conv", axes, (store,), (total,)))


@dataclass(frozen=True)
class _Phase:
    """Along one axis the large side's places that leave one remainder by the stride."""

    place: Axis
    """Of them, counted."""
    made: Affine
    """Where it is."""
    windows: Axis | None
    """The window's places that reach it, counted; None if there are none."""
    tap: Affine
    """Which of the window that is."""
    source: Affine
    """The small side's place."""


def _phases(op: Windows, out: View, window: list[int]) -> Iterator[tuple[_Phase, ...]]:
    found: list[tuple[_Phase, ...]] = [()]
    for dim, count in enumerate(window):
        parts = [_phase(op, dim, rest, out.dims[dim + 2].count, count) for rest in range(op.stride[dim])]
        found = [(*before, part) for before in found for part in parts if part is not None]
    yield from found


def _phase(op: Windows, dim: int, rest: int, size: int, window: int) -> _Phase | None:
    """None if there is no place with that remainder."""
    stride, spread, pad = op.stride[dim], op.dilation[dim], op.padding[dim]
    places = -(-(size - rest) // stride)
    if places < 1:
        return None
    place = Axis(f"q{dim}", Extent(places))
    made = place * stride + rest
    common = math.gcd(spread, stride)
    first = next((k for k in range(window) if (rest + pad - k * spread) % stride == 0), None)
    if first is None:
        return _Phase(place, made, None, Affine(), Affine())
    step = stride // common
    taps = Axis(f"j{dim}", Extent(-(-(window - first) // step)))
    source = place + taps * -(spread // common) + (rest + pad - first * spread) // stride
    return _Phase(place, made, taps, taps * step + first, source)


def weight_gradient(making: Making, node: Node) -> None:
    """Products of both sides, summed over samples and places; in the order in which the parameter is kept."""
    op = node.op
    assert isinstance(op, Windows)
    dy, x = node.operands
    small, large = (making.view(value) for value in ((x, dy) if op.transposed else (dy, x)))
    rank = node.types[0].rank
    kept = making.order_of(making.label_of_gradient(node))
    order = toward_small(rank) if kept is None else kept
    if order == toward_small(rank):
        small = making.view(x if op.transposed else dy, channels_last(rank))
    elif order == toward_large(rank):
        large = making.view(dy if op.transposed else x, channels_last(rank))
    out = making.result(node, order=order)
    sizes = _Sizes.of(op, out)
    b, _, *places = named(small.dims, "o")
    product = at(small, [b, sizes.small, *places]) * at(large, [b, sizes.large, *sizes.place(tuple(places))], 0.0)
    last = (sizes.first, sizes.second) if order == toward_large(rank) else (sizes.second, sizes.first)
    index: list[Axis | Affine] = [sizes.small, sizes.second, *sizes.window]
    if math.prod(place.extent.count for place in places) < LARGE:
        total = Reduction("sum", Fold.SUM, (b, *places), product)
        nest = Nest("conv", (*sizes.window, *sizes.groups, *last), (put(out, index, Reduced("sum")),), (total,))
        making.loops("conv_weight", nest)
        return
    axes = (*sizes.window[1:], *sizes.groups, *last)
    nothing = Nest("zero", axes, (put(out, index, number(0.0)),))
    total = Reduction("sum", Fold.SUM, tuple(places), product)
    more = Nest("conv", axes, (put(out, index, Reduced("sum"), add=True),), (total,))
    making.loops("conv_weight", nothing, Scan(b, (more,)), axes=sizes.window[:1])


CONVOLUTIONS: dict[type[Op], Callable[[Making, Node], None]] = {
    Convolution: convolution,
    ConvolutionInputGrad: input_gradient,
    ConvolutionWeightGrad: weight_gradient,
}


def kept_order(node: Node, position: int) -> Order | None:
    """The order in which a convolution wants its weight kept; None of another operand or op."""
    if not isinstance(node.op, Convolution) or position != 1:
        return None
    rank = node.types[0].rank
    return toward_large(rank) if node.op.transposed else toward_small(rank)
