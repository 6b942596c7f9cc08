"""Activation recomputation: what is cheap to compute again is not kept from the forward to the backward program."""

from __future__ import annotations

from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.leaves import Constant, Leaf
from lampc.ops.channels import GroupNorm
from lampc.ops.elementwise import Elementwise
from lampc.ops.normalise import LayerNorm, RmsNorm, Softmax
from lampc.ops.random import Dropout
from lampc.ops.shape import Moving
from lampc.ops.term import Build

_CHEAP = (Elementwise, LayerNorm, RmsNorm, GroupNorm, Softmax, Dropout, Moving)
"""Ops that cost about as much as reading their operands; Chen et al. 2016 would keep fewer values, and compute more."""


def recompute(graph: Graph) -> Graph:
    """Let the backward program compute activations and norms again from the products that it keeps.

    Before: a whole graph after all other passes; sharing common subexpressions would undo this. After: of the forward values
    that the backward program reads, only products, joins of several values, and what the gradient's own ops saved are kept.
    """
    new = Graph()
    build = Build(new)
    moved: dict[Value, Value] = {}
    again: dict[Value, Value] = {}

    def copy(node: Node, operands: list[Value], stage: Stage, note: str, into: dict[Value, Value]) -> None:
        with build.at(spans=node.spans, stage=stage, layer=node.layer, note=note):
            same = new.add(node.op, operands, node.types, node.spans, stage, node.layer, note)
        into.update({Value(node.id, index): Value(same.id, index) for index in range(len(node.types))})

    def backward(value: Value) -> Value:
        """A forward value as the backward program gets it."""
        node = graph[value.node]
        if value in again or not _dropped(graph, node):
            return again.get(value, moved[value])
        copy(node, [backward(operand) for operand in node.operands], Stage.BACKWARD, "computed again", again)
        return again[value]

    for node in graph:
        if node.stage is Stage.FORWARD or isinstance(node.op, Leaf | Constant):
            copy(node, [moved[operand] for operand in node.operands], node.stage, node.note, moved)
        elif node.stage is Stage.BACKWARD:
            copy(node, [backward(operand) for operand in node.operands], node.stage, node.note, moved)
        else:
            copy(node, [moved[operand] for operand in node.operands], node.stage, node.note, moved)
    new.outputs = {name: moved[value] for name, value in graph.outputs.items()}
    return new


def _dropped(graph: Graph, node: Node) -> bool:
    """Whether a forward value is computed again: cheaply, of one large value, and not of the loss's few numbers."""
    if node.stage is not Stage.FORWARD or isinstance(node.op, Leaf | Constant) or not isinstance(node.op, _CHEAP):
        return False
    if not node.types[0].batched or Value(node.id) in graph.outputs.values():
        return False
    large = {operand for operand in node.operands if graph.type(operand).batched}
    return len(large) == 1 and node.layer != "loss" and _at_hand(graph, large.pop())


def _at_hand(graph: Graph, value: Value) -> bool:
    """Whether a value is there in the backward program anyway; to keep it in place of another would gain nothing."""
    node = graph[value.node]
    read = any(user.stage is Stage.BACKWARD and value in user.operands for user in graph.users(node.id))
    return read or isinstance(node.op, Leaf) or _dropped(graph, node)
