"""Reverse-mode differentiation, from graph to graph."""

from __future__ import annotations

from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.leaves import Input, Parameter
from lampc.ops.term import Build, Term, TermNode


def differentiate(graph: Graph, inputs: bool = False) -> Graph:
    """Append the gradient of ``loss`` with respect to every trainable parameter that it depends on.

    With ``inputs`` to x and y as well.

    Before: an output ``loss``, a scalar. After: outputs ``grad NAME``, of the parameters' types; the forward nodes
    keep their ids, and gradient nodes carry the places of the nodes that they are the gradient of.
    """
    out = graph.copy()
    build = Build(out)
    loss = graph.outputs["loss"]
    active = _active(graph, inputs) & graph.live([loss])
    cotangents: dict[Value, Term] = {}
    with build.at(spans=graph[loss.node].spans, stage=Stage.BACKWARD, layer="loss"):
        cotangents[loss] = build.constant(graph.type(loss), 1.0)
    for node in reversed(list(graph)):
        results = [Value(node.id, index) for index in range(len(node.types))]
        if node.id not in active or not any(result in cotangents for result in results):
            continue
        if isinstance(node.op, Parameter | Input):
            out.outputs[f"grad {node.op.label}"] = cotangents[results[0]].value
            continue
        terms = TermNode(build, node, tuple(map(build.term, node.operands)), tuple(build.term(result) for result in results))
        with build.at(spans=node.spans, stage=Stage.BACKWARD, layer=node.layer, note=""):
            gradients = node.op.gradient(terms, *(cotangents.get(result) for result in results))
            for operand, gradient in zip(node.operands, gradients, strict=True):
                if gradient is None or operand.node not in active:
                    continue
                assert gradient.type == graph.type(operand), (node.op, gradient.type, graph.type(operand))
                before = cotangents.get(operand)
                cotangents[operand] = gradient if before is None else before + gradient
    # Parameters in the order in which they were declared
    labels = [node.op.label for node in graph if isinstance(node.op, Parameter | Input)]
    grads = {f"grad {label}": out.outputs.pop(f"grad {label}", None) for label in labels}
    out.outputs.update({name: value for name, value in grads.items() if value is not None})
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
