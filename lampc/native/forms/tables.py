"""Tables: rows chosen by whole numbers, and what their gradient adds up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lampc.ir.expression import number
from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.loops.language import Nest, Through, affine
from lampc.native.making import Making, at, extent, named, put
from lampc.ops.attention import Gather, GatherGrad

if TYPE_CHECKING:
    pass


def gather(making: Making, node: Node) -> None:
    """Each row from where its number says."""
    table, ids = node.operands
    out, chosen = making.result(node), making.view(ids)
    axes = named(out.dims)
    row = Through(chosen, tuple(map(affine, axes[:-1])))
    making.loops("gather", Nest("rows", axes, (put(out, axes, at(making.view(table), (row, axes[-1]))),)))


def gather_grad(making: Making, node: Node) -> None:
    """Rows are added up one after the other: two of them may have the same number."""
    dy, ids = node.operands
    out, chosen = making.result(node), making.view(ids)
    row, column = named(out.dims, "r")
    places = named(tuple(map(extent, making.graph.type(ids).shape)))
    making.loops("zeros", Nest("zeros", (row, column), (put(out, (row, column), number(0.0)),)))
    there = Through(chosen, tuple(map(affine, places)))
    added = put(out, (there, column), making.read(dy, (*places, column)), add=True)
    making.loops("scatter", Nest("rows", (*places, column), (added,), ordered=places))


TABLES: dict[type[Op], Callable[[Making, Node], None]] = {Gather: gather, GatherGrad: gather_grad}
