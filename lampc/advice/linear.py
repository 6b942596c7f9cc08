"""Layers that another one makes useless: two linear maps in a row, and a bias that a norm takes off."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lampc.diagnostics import Problems
from lampc.diagnostics.edits import instead
from lampc.elaborate import Elaborated
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Parameter
from lampc.ops.arithmetic import Add
from lampc.ops.channels import BatchNorm
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.pool import Pool
from lampc.ops.random import Dropout
from lampc.ops.shape import Reshape
from lampc.source import Span


@dataclass(frozen=True)
class _Linear:
    """A linear layer's product, and its weight's sizes."""

    node: Node
    inputs: int
    outputs: int


def warn_of_linear(program: Elaborated, problems: Problems) -> None:
    """Report a linear layer that feeds another one with no activation between, and is as wide as one of its neighbours.

    A narrower one is a bottleneck, which no single layer is; one whose weight is shared or frozen does more than its part.
    """
    graph = program.graph
    kinds = {use.name: use.kind for use in program.layers}
    said: set[Span] = set()
    for node in graph:
        second = _linear(graph, node, kinds)
        before = None if second is None else _before(graph, node)
        first = None if before is None else _linear(graph, before[0], kinds)
        if first is None or second is None or before is None or node.spans[0] in said:
            continue
        reshaped = before[1]
        if first.outputs < (first.inputs if reshaped else min(first.inputs, second.outputs)):
            continue
        said.add(node.spans[0])
        one = "" if reshaped else f", `linear {first.inputs}->{second.outputs}`,"
        problems.report("W411", f"two linear layers with no activation between compute no more than one{one} does",
                        second.node.spans[0], "follows with no activation",
                        also=[(first.node.spans[0], "the first")],
                        fixes=["put an activation between: `relu`, `tanh`, `gelu`", "or leave one of them out"])  # fmt: skip


def _linear(graph: Graph, node: Node, kinds: dict[str, str]) -> _Linear | None:
    """The product of a layer `linear` with a weight of its own that is trained."""
    if not isinstance(node.op, MatMul) or kinds.get(node.layer) != "linear":
        return None
    weight = graph[node.operands[1].node]
    if not isinstance(weight.op, Parameter) or not weight.op.trainable or len(graph.users(weight.id)) > 1:
        return None
    outputs, inputs = weight.op.type.shape
    return _Linear(node, inputs, outputs) if isinstance(inputs, int) and isinstance(outputs, int) else None


def _before(graph: Graph, node: Node) -> tuple[Node, bool] | None:
    """What makes a product's operand, for it alone, through what changes no number's kind; whether it was reshaped."""
    reshaped = False
    while True:
        node = graph[node.operands[0].node]
        if len(graph.users(node.id)) != 1 or any(value.node == node.id for value in graph.outputs.values()):
            return None
        if isinstance(node.op, MatMul):
            return node, reshaped
        if isinstance(node.op, Reshape):
            reshaped = True
        elif not isinstance(node.op, Dropout) and not (isinstance(node.op, Add) and _is_parameter(graph, node.operands[1])):
            return None


def warn_of_bias(program: Elaborated, problems: Problems) -> None:
    """Report a bias whose sum goes to a batchnorm alone, which takes each channel's mean off."""
    graph = program.graph
    for node in graph:
        if not isinstance(node.op, BatchNorm):
            continue
        before = graph[node.operands[0].node]
        while isinstance(before.op, Pool) and not any(before.op.padding) and len(graph.users(before.id)) == 1:
            before = graph[before.operands[0].node]  # what is added to a whole channel passes
        if len(graph.users(before.id)) == 1 and _adds_bias(graph, before):
            what = before.spans[0]
            without = re.sub(r" bias=\w+(\([^)]*\))?", "", what.phrase)
            problems.report(
                "W415",
                "`batchnorm` takes off what the bias before it adds",
                what,
                "has a bias",
                also=[(node.spans[0], "takes each channel's mean off")],
                fixes=[f"leave it out: `{without} bias=off`"],
                edits=instead(what, f"{without} bias=off"),
            )


def _adds_bias(graph: Graph, node: Node) -> bool:
    """Whether a node adds a number of its own to each channel, a sample's first axis."""
    if isinstance(node.op, Convolution):
        return len(node.operands) == 3 and _is_parameter(graph, node.operands[2])
    if not isinstance(node.op, Add) or node.types[0].rank != 2:
        return False
    return isinstance(graph[node.operands[0].node].op, MatMul) and _is_parameter(graph, node.operands[1])


def _is_parameter(graph: Graph, value: Value) -> bool:
    return isinstance(graph[value.node].op, Parameter)
