"""Sums, means and maxima over any axes, what is repeated along them, and the gradient of a maximum."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.expression import Across, Expression, Load, Pattern, call, number
from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.ir.types import Shape, Type, inverse_count
from lampc.loops.language import Fold, Nest, Reduced, Reduction
from lampc.native.kernel import Store, Way
from lampc.native.making import Making, Order, at, dims, named, put
from lampc.native.spaces import space
from lampc.ops.reduction import Expand, Max, MaxGrad, Mean, Sum


def reduce(making: Making, node: Node) -> None:
    """By rows and columns where these suffice, as the operand lies; else over its axes."""
    op, (value,) = node.op, node.operands
    assert isinstance(op, Sum | Mean | Max)
    order = making.view(value).memory
    shape = tuple(making.graph.type(value).shape[axis] for axis in order)
    kept = [axis for axis in order if axis not in op.axes]
    gone = {order.index(axis) for axis in op.axes}
    if kept == sorted(kept) and _rows_suffice(shape, gone, isinstance(op, Max)):
        _by_rows(making, node, order, gone)
    else:
        _by_axes(making, node)


def _rows_suffice(shape: Shape, gone: set[int], maximum: bool) -> bool:
    """Whether the last axes go one by one, and then all that are left, or all of these but the last."""
    left, rank = _last_gone(shape, gone)
    leading = set(range(rank - 1)) if rank and isinstance(shape[rank - 1], int) else None
    return not left or (not maximum and left in (set(range(rank)), leading))


def _last_gone(shape: Shape, gone: set[int]) -> tuple[set[int], int]:
    """The axes that are left to go after the last ones, and the rank then."""
    left, rank = set(gone), len(shape)
    while rank > 1 and rank - 1 in left and len(left) < rank and isinstance(shape[rank - 1], int):
        rank -= 1
        left.remove(rank)
    return left, rank


def _by_rows(making: Making, node: Node, order: Order, gone: set[int]) -> None:
    """Trailing axes go one by one, the last first; then all leading ones at once."""
    op, (value,) = node.op, node.operands
    type = making.graph.type(value)
    type = type.of(tuple(type.shape[axis] for axis in order))
    x = making.load(value, Pattern.EACH, order)
    if isinstance(op, Mean):
        x = x * number(inverse_count(tuple(type.shape[axis] for axis in gone)))
    left, rank = _last_gone(type.shape, gone)
    kind = "max" if isinstance(op, Max) else "sum"
    while type.rank > rank:
        rows, cols = space(type.shape)
        type = type.of(type.shape[:-1])
        id = _made(making, node, type, last=type.rank == rank and not left)
        making.add(op.name, rows, cols, [Store(id, Across(kind, x), Way.ROW)])
        x = Load(id, Pattern.EACH)
    if left or type.rank == len(order):
        way = Way.SUM_ALL if len(left) == type.rank else Way.SUM_ROWS
        making.add(op.name, *space(type.shape), [Store(making.result(node).buffer, x, way if left else Way.EACH)])


def _made(making: Making, node: Node, type: Type, last: bool) -> int:
    """A node's buffer, or one for what is made on the way there."""
    return making.result(node).buffer if last else making.room(f"%{node.id}'", type).buffer


def _by_axes(making: Making, node: Node) -> None:
    op, (value,) = node.op, node.operands
    assert isinstance(op, Sum | Mean | Max)
    shape = making.graph.type(value).shape
    axes = named(dims(shape))
    kept = tuple(axis for n, axis in enumerate(axes) if n not in op.axes)
    gone = tuple(axes[n] for n in sorted(op.axes))
    found: Expression = Reduced("found")
    if isinstance(op, Mean):
        found = found * number(inverse_count(tuple(shape[n] for n in op.axes)))
    reduction = Reduction("found", Fold.MAX if isinstance(op, Max) else Fold.SUM, gone, making.read(value, axes))
    making.loops(op.name, Nest("reduce", kept, (put(making.result(node), kept, found),), (reduction,)))


def max_grad(making: Making, node: Node) -> None:
    """A share for each maximum, then for each number its share, or nothing."""
    op, (dy, a, y) = node.op, node.operands
    assert isinstance(op, MaxGrad)
    type = making.graph.type(a)
    axes = named(dims(type.shape))
    kept = tuple(axis for n, axis in enumerate(axes) if n not in op.axes)
    gone = tuple(axes[n] for n in sorted(op.axes))
    share = making.room(f"%{node.id} share", making.graph.type(y))
    out = making.result(node, order=making.shared([a]))
    is_most = call("equal", making.read(a, axes), making.read(y, kept))
    count = Reduction("count", Fold.SUM, gone, is_most)
    making.loops("shares", Nest("shares", kept, (put(share, kept, making.read(dy, kept) / Reduced("count")),), (count,)))
    order = tuple(axes[dim] for dim in out.memory)
    there = call("select", is_most, at(share, kept), 0.0)
    making.loops(op.name, Nest("give", order, (put(out, axes, there),)))


def expand(making: Making, node: Node) -> None:
    """Along the last axis or all before it by rows and columns; else vectors lie along what lies in the operand's."""
    op, (value,) = node.op, node.operands
    assert isinstance(op, Expand)
    whole = node.types[0].shape
    natural = value in making.constants or not making.shared([value])
    pattern = _pattern(making.graph.type(value).shape, whole, set(op.axes))
    if pattern is not None and natural:
        x = making.load(value, pattern)
        making.add(op.name, *space(whole), [Store(making.result(node).buffer, x)])
        return
    axes = named(dims(whole))
    old = [axis for axis in range(len(whole)) if axis not in op.axes]
    inner = old[making.view(value).memory[-1]] if old else len(whole) - 1
    out = making.result(node, order=_innermost(inner, whole))
    order = tuple(axes[dim] for dim in out.memory)
    making.loops(op.name, Nest("repeat", order, (put(out, axes, making.read(value, [axes[n] for n in old])),)))


def _pattern(shape: Shape, whole: Shape, new: set[int]) -> Pattern | None:
    """How an operand is read at each row and column of what it is repeated to; None if it is not to be said so."""
    if not shape:
        return Pattern.ONE
    if not isinstance(whole[-1], int):
        return None
    last = len(whole) - 1
    return Pattern.ROW if new == {last} else Pattern.COLUMN if new == set(range(last)) else None


def _innermost(axis: int, shape: Shape) -> Order:
    """The order with an axis as the last; the axes' own if that is the batch's, or the last already."""
    if axis == len(shape) - 1 or not isinstance(shape[axis], int):
        return ()
    return (*(other for other in range(len(shape)) if other != axis), axis)


REDUCTIONS: dict[type[Op], Callable[[Making, Node], None]] = {
    Sum: reduce, Mean: reduce, Max: reduce, MaxGrad: max_grad, Expand: expand,
}  # fmt: skip
