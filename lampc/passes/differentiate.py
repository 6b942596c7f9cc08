"""Reverse-mode differentiation, from graph to graph."""

from __future__ import annotations

from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.keys import Grad
from lampc.ir.leaves import Input, Parameter
from lampc.ops.pullback import pull_back
from lampc.ops.term import Build, Term


def differentiate(graph: Graph, inputs: bool = False) -> Graph:
    """Append the gradient of ``loss`` with respect to every trainable parameter that it depends on.

    With ``inputs`` to x and y as well.

    Before: an output ``loss``, a scalar. After: outputs ``Grad(label)``, of the parameters' types; the forward nodes
    keep their ids, and gradient nodes carry the places of the nodes that they are the gradient of. Gradients are nodes
    like others: what they make may be part of another loss.

    Raises:
        LampError: if the loss depends on a parameter through an op that has no gradient (E811).
    """
    out = graph.copy()
    build = Build(out)
    loss = graph.outputs["loss"]
    active = _active(graph, inputs) & graph.live([loss])
    cotangents: dict[Value, Term] = {}
    with build.at(spans=graph[loss.node].spans, stage=Stage.BACKWARD, layer="loss"):
        cotangents[loss] = build.constant(graph.type(loss), 1.0)
    pull_back(build, graph, active, cotangents)
    for node in graph:  # parameters in the order in which they were declared
        if isinstance(node.op, Parameter | Input) and Value(node.id) in cotangents:
            key = Grad(node.op.label)
            out.outputs.pop(key, None)
            out.outputs[key] = cotangents[Value(node.id)].value
    return out


def _active(graph: Graph, inputs: bool) -> set[int]:
    """The nodes that depend on a parameter which is trained, or on numbers that are given."""
    active: set[int] = set()
    for node in graph:
        trained = isinstance(node.op, Parameter) and node.op.trainable
        given = inputs and isinstance(node.op, Input) and node.op.type.dtype != "i64"
        if trained or given or any(operand.node in active for operand in node.operands):
            active.add(node.id)
    return active
