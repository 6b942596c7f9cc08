"""Moving numbers: transposing, copying, joining and cutting along any axis."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.expression import Load, Pattern, Shift
from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.loops.language import Affine, Axis, Nest, affine
from lampc.native.forms.reshaping import reshape
from lampc.native.kernel import Store, Way
from lampc.native.making import Making, Order, dims, named, put, spread
from lampc.native.spaces import NoNativeForm
from lampc.ops.cast import Cast
from lampc.ops.shape import Concat, Copy, Reshape, Slice, Transpose
from lampc.ops.waves import Table, Waves


def transpose(making: Making, node: Node) -> None:
    """Each number from its old place to its new one."""
    op = node.op
    assert isinstance(op, Transpose)
    out = making.result(node)
    axes = named(out.dims)
    back = [axes[op.order.index(axis)] for axis in range(len(axes))]
    making.loops("transpose", Nest("move", axes, (put(out, axes, making.read(node.operands[0], back)),)))


def copy(making: Making, node: Node) -> None:
    """Nothing is written over that is still needed, so that the same buffer will do."""
    making.alias(node, node.operands[0])


def cast(making: Making, node: Node) -> None:
    """Stored as the other type has it."""
    op, (value,) = node.op, node.operands
    assert isinstance(op, Cast)
    if "bf16" in (op.dtype, making.graph.type(value).dtype):
        raise NoNativeForm("bf16, which `mixed` keeps numbers in, has no native form yet")
    if value in making.constants:
        making.alias(node, value)
        return
    out = making.result(node, order=making.shared([value]))
    axes = named(out.dims)
    order = tuple(axes[dim] for dim in out.memory)
    making.loops("cast", Nest("cast", order, (put(out, axes, making.read(value, axes)),)))


def concat(making: Making, node: Node) -> None:
    """Operands side by side, in the order in which all of them lie."""
    op, type = node.op, node.types[0]
    assert isinstance(op, Concat)
    order = making.shared(node.operands)
    out, start = making.result(node, order=order), 0
    for value in node.operands:
        part = making.graph.type(value)
        if _along_columns(op.axis, order, len(part.shape)):
            store = Store(out.buffer, making.load(value, Pattern.EACH, order), Way.EACH, Shift(offset=start))
            making.add("join", *spread(part.shape, order), [store])
        else:
            axes = named(dims(part.shape))
            there = _moved(axes, op.axis, start)
            making.loops("join", Nest("join", _in(axes, order), (put(out, there, making.read(value, axes)),)))
        size = part.shape[op.axis]
        assert isinstance(size, int), type
        start += size


def cut(making: Making, node: Node) -> None:
    """A part, in the order in which the whole lies."""
    op, (value,) = node.op, node.operands
    assert isinstance(op, Slice)
    order = making.shared([value])
    out = making.result(node, order=order)
    if _along_columns(op.axis, order, len(out.dims)):
        here = Load(making.view(value, order).buffer, Pattern.EACH, Shift(offset=op.start))
        making.add("cut", *spread(node.types[0].shape, order), [Store(out.buffer, here)])
        return
    axes = named(out.dims)
    there = making.read(value, _moved(axes, op.axis, op.start))
    making.loops("cut", Nest("cut", _in(axes, order), (put(out, axes, there),)))


def _along_columns(axis: int, order: Order, rank: int) -> bool:
    """Whether an axis is the one of columns, of a value that has rows."""
    return rank > 1 and axis == (order or range(rank))[-1]


def _moved(axes: tuple[Axis, ...], along: int, start: int) -> list[Affine]:
    return [affine(axis) + start if n == along else affine(axis) for n, axis in enumerate(axes)]


def _in(axes: tuple[Axis, ...], order: Order) -> tuple[Axis, ...]:
    return tuple(axes[n] for n in order) if order else axes


def table(making: Making, node: Node) -> None:
    """Numbers that are known beforehand."""
    op = node.op
    assert isinstance(op, Waves | Table)
    numbers = op.numbers if isinstance(op, Waves) else lambda: op.values
    making.same(node, making.table(f"%{node.id}", node.types[0], numbers))


MOVING: dict[type[Op], Callable[[Making, Node], None]] = {
    Transpose: transpose, Copy: copy, Cast: cast, Concat: concat, Slice: cut, Reshape: reshape, Waves: table, Table: table,
}  # fmt: skip
