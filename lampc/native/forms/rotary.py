"""Rotary positions (Su et al. 2021): pairs of numbers of queries and keys, turned by angles that tables hold."""

from __future__ import annotations

import math
from collections.abc import Callable

from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.loops.language import Affine, Axis, Extent, Nest, View
from lampc.native.making import Making, at, named, put
from lampc.ops.attention import Rope


def rope(making: Making, node: Node) -> None:
    """A nest for queries and keys, pair by pair, and one for values, which stay as they are."""
    op = node.op
    assert isinstance(op, Rope)
    _, _, size = op.split(node.types[0])
    half, heads = size // 2, op.heads + op.kv_heads
    x, out = making.view(node.operands[0]), making.result(node)
    b, t, _ = named(out.dims)
    h, i = Axis("h", Extent(heads)), Axis("i", Extent(half))
    cos, sin = (at(table, [t, i]) for table in (_table(making, node, math.cos, 1), _table(making, node, math.sin, op.sign)))
    first, second = h * size + i, h * size + i + half
    a, c = at(x, [b, t, first]), at(x, [b, t, second])
    turned = (put(out, [b, t, first], a * cos - c * sin), put(out, [b, t, second], a * sin + c * cos))
    making.loops("rope", Nest("turn", (b, t, h, i), turned))
    value = Axis("v", Extent(op.kv_heads * size))
    same: list[Axis | Affine] = [b, t, value + heads * size]
    making.loops("rope", Nest("values", (b, t, value), (put(out, same, at(x, same)),)))


def _table(making: Making, node: Node, function: Callable[[float], float], sign: int) -> View:
    """The function of each place's and each pair's angle."""
    op = node.op
    assert isinstance(op, Rope)
    _, length, size = op.split(node.types[0])
    assert isinstance(length, int)
    half = size // 2

    def numbers() -> list[float]:
        return [sign * function(t * op.base ** -(i / half)) for t in range(length) for i in range(half)]

    return making.table(f"%{node.id} {function.__name__}", Type(node.types[0].dtype, (length, half)), numbers)


ROTARY: dict[type[Op], Callable[[Making, Node], None]] = {Rope: rope}
