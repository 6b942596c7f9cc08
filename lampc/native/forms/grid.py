"""Growing images and sequences: repeating, interpolating and padding, each a linear map along every axis."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.native.forms.mapped import kept, mapped
from lampc.native.forms.windows import Line, transposed
from lampc.native.making import Making
from lampc.ops.convolution import fixed
from lampc.ops.grid import Pad, PadGrad, Upsample, UpsampleGrad


def upsample(making: Making, node: Node) -> None:
    """Each place of what lies around it."""
    op, shape = node.op, making.graph.type(node.operands[0]).shape
    assert isinstance(op, Upsample)
    lines = [larger(size, factor, op.mode) for size, factor in zip(fixed(shape[2:]), op.factors, strict=True)]
    mapped(making, node, lines, kept(shape))


def upsample_grad(making: Making, node: Node) -> None:
    """Each place's share of all that was made of it."""
    op, shape = node.op, node.types[0].shape
    assert isinstance(op, UpsampleGrad)
    pairs = zip(fixed(shape[2:]), op.factors, strict=True)
    lines = [transposed(larger(size, factor, op.mode), size) for size, factor in pairs]
    mapped(making, node, lines, kept(shape))


def larger(size: int, factor: int, mode: str) -> list[Line]:
    """An axis ``factor`` times as long: repeated, or interpolated between the middles of places."""
    if mode == "nearest":
        return [((place // factor, Fraction(1)),) for place in range(size * factor)]
    lines: list[Line] = []
    for place in range(size * factor):
        middle = max(Fraction(0), (place + Fraction(1, 2)) / factor - Fraction(1, 2))
        before = int(middle)
        part = middle - before
        single = not part or before == size - 1
        lines.append(((before, Fraction(1)),) if single else ((before, 1 - part), (before + 1, part)))
    return lines


def pad(making: Making, node: Node) -> None:
    """What is kept moves to its new place, in the order in which it lies."""
    op, (value,) = node.op, node.operands
    assert isinstance(op, Pad)
    sizes = fixed(making.graph.type(value).shape[-len(op.amounts) :])
    lines = [padded(size, before, after, op.mode) for size, (before, after) in zip(sizes, op.amounts, strict=True)]
    mapped(making, node, lines, making.view(value).order, op.value)


def pad_grad(making: Making, node: Node) -> None:
    """Each place's own gradient and those of its copies."""
    op = node.op
    assert isinstance(op, PadGrad)
    sizes = fixed(node.types[0].shape[-len(op.amounts) :])
    pairs = zip(sizes, op.amounts, strict=True)
    lines = [transposed(padded(size, before, after, op.mode), size) for size, (before, after) in pairs]
    mapped(making, node, lines, making.view(node.operands[0]).order)


def padded(size: int, before: int, after: int, mode: str) -> list[Line]:
    """An axis with more places, or fewer, at its ends; of zeros nothing is the source."""
    lines: list[Line] = []
    for place in range(-before, size + after):
        source = place
        if mode == "replicate":
            source = min(max(place, 0), size - 1)
        elif mode == "reflect":
            source = size - 1 - abs(size - 1 - abs(place))
        lines.append(((source, Fraction(1)),) if 0 <= source < size else ())
    return lines


GRID: dict[type[Op], Callable[[Making, Node], None]] = {
    Upsample: upsample,
    UpsampleGrad: upsample_grad,
    Pad: pad,
    PadGrad: pad_grad,
}
