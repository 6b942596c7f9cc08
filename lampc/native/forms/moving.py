"""Moving numbers: transposing, copying, joining and cutting along any axis."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.loops.language import Axis, Nest
from lampc.native.making import Making, dims, extent, named, put
from lampc.ops.shape import Transpose


def transpose(making: Making, node: Node) -> None:
    """Each number from its old place to its new one."""
    op = node.op
    assert isinstance(op, Transpose)
    out = making.result(node)
    axes = named(out.dims)
    back = [axes[op.order.index(axis)] for axis in range(len(axes))]
    making.loops("transpose", Nest("move", axes, (put(out, axes, making.read(node.operands[0], back)),)))


MOVING: dict[type[Op], Callable[[Making, Node], None]] = {Transpose: transpose}

__all__ = ["MOVING", "Axis", "Value", "dims", "extent"]
