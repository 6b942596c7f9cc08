"""Weights that begin such that they are never learnt."""

from __future__ import annotations

from dataclasses import dataclass

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Initialiser, Parameter
from lampc.ops.activations import Elu, Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from lampc.ops.arithmetic import Abs, Add, Div, Mul, Scale, Square, Sub
from lampc.ops.attention import Attention, Gather
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.pool import Pool
from lampc.ops.random import Dropout
from lampc.ops.reduction import Mean, Sum
from lampc.ops.shape import Reshape, Slice, Transpose

_KEEPS_ZERO = (Relu, LeakyRelu, Elu, Gelu, Silu, Tanh, Abs, Square, Div, Dropout, Reshape, Transpose, Slice, Pool, Mean, Sum,
               Scale, Gather, Attention)  # fmt: skip
"""Ops whose result is 0 where their first operand is."""
_FLAT_AT_ZERO = (Relu, Abs, Square)
"""Ops whose slope at 0 is 0."""
_PRODUCTS = (MatMul, Convolution, Mul)
_ACTIVATIONS = (Relu, LeakyRelu, Elu, Gelu, Silu, Tanh, Sigmoid, Softplus)


def warn_of_beginnings(program: Elaborated, problems: Problems) -> None:
    """Report weights that never get a gradient because of zeros, and hidden units that begin alike and stay so."""
    graph = program.graph
    if "loss" not in graph.outputs:
        return
    stuck = _stuck(graph)
    reported = False
    for node in graph:
        op = node.op
        if node.id in stuck and isinstance(op, Parameter) and len(op.type.shape) > 1 and _value(op.initialiser) == 0:
            reported = True
            problems.report("W414", "weights that begin with zeros, and that no gradient ever reaches: a factor or a slope "
                            "on its way is 0 and stays 0", node.spans[0], "begins with zeros",
                            fixes=["let it begin at random: `xavier`, or `kaiming` before relu"])  # fmt: skip
    for pair in () if reported else _alike(graph):
        problems.report("W414", f"{pair.units} units that begin alike stay alike: they learn as one",
                        pair.first.spans[0], "begins with one number",
                        also=[(pair.second.spans[0], "and so does what takes them up")],
                        fixes=["let it begin at random: `xavier`, or `kaiming` before relu"])  # fmt: skip


def _value(initialiser: Initialiser) -> float | None:
    """The number that all of a tensor begin with; None where they differ."""
    fixed, numbers = {"zeros": 0.0, "ones": 1.0}, initialiser.numbers
    if initialiser.kind == "constant" or (initialiser.kind == "uniform" and numbers[0] == numbers[1]):
        return numbers[0]
    if initialiser.kind == "normal" and numbers[0] == 0:
        return 0.0
    return fixed.get(initialiser.kind)


# Zeros that keep their own gradients away -------------------------------------------------------------------------


def _stuck(graph: Graph) -> set[int]:
    """The trained parameters that get no gradient in the first step, nor later, when all that do get one have moved."""
    live = graph.live([graph.outputs["loss"]])
    trained = {node.id for node in graph if isinstance(node.op, Parameter) and node.op.trainable and node.id in live}
    moving: set[int] = set()
    while True:
        reached = _reached(graph, _zeros(graph, moving)) & trained
        if reached <= moving:
            return trained - moving
        moving |= reached


def _zeros(graph: Graph, moving: set[int]) -> set[int]:
    """The nodes whose first result is 0 everywhere while the parameters in ``moving`` are anything."""
    zeros: set[int] = set()
    for node in graph:
        op, first = node.op, [value.node in zeros for value in node.operands]
        if isinstance(op, Parameter):
            known = node.id not in moving and _value(op.initialiser) == 0
        elif isinstance(op, _PRODUCTS):
            known = (first[0] or first[1]) and all(first[2:])
        elif isinstance(op, Add | Sub):
            known = all(first)
        else:
            known = isinstance(op, _KEEPS_ZERO) and first[0]
        if known:
            zeros.add(node.id)
    return zeros


def _reached(graph: Graph, zeros: set[int]) -> set[int]:
    """The nodes that a gradient of the loss reaches, past slopes and factors of 0."""
    reached = {graph.outputs["loss"].node}
    for id in range(len(graph) - 1, -1, -1):
        node = graph[id]
        if id not in reached or (isinstance(node.op, _FLAT_AT_ZERO) and node.operands[0].node in zeros):
            continue
        for position, operand in enumerate(node.operands):
            other = node.operands[1 - position].node if isinstance(node.op, _PRODUCTS) and position < 2 else None
            if other is None or other not in zeros:
                reached.add(operand.node)
    return reached


# Units that are alike ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Alike:
    """Two weights that begin with one number each, with nothing between them that tells units apart."""

    first: Node
    second: Node
    units: int


def _alike(graph: Graph) -> list[_Alike]:
    found = []
    for node in graph:
        weight = _even(graph, node.operands[1]) if isinstance(node.op, MatMul) else None
        before = None if weight is None else _hidden(graph, node.operands[0])
        if weight is None or before is None:
            continue
        first = _even(graph, before.operands[1])
        units = 0 if first is None else first.types[0].shape[0]
        if first is not None and isinstance(units, int) and units > 1:
            found.append(_Alike(first, weight, units))
    return found


def _even(graph: Graph, value: Value) -> Node | None:
    """A weight that is trained, for one layer alone, and begins with one number."""
    node = graph[value.node]
    if isinstance(node.op, Parameter) and node.op.trainable and len(node.op.type.shape) == 2:
        return node if _value(node.op.initialiser) is not None and len(graph.users(node.id)) == 1 else None
    return None


def _hidden(graph: Graph, value: Value) -> Node | None:
    """The product that makes a value, through a bias of one number and activations."""
    while True:
        node = graph[value.node]
        if len(graph.users(node.id)) != 1:
            return None
        if isinstance(node.op, MatMul):
            return node
        if isinstance(node.op, Add):
            bias = graph[node.operands[1].node]
            if not isinstance(bias.op, Parameter) or _value(bias.op.initialiser) is None:
                return None
        elif not isinstance(node.op, _ACTIVATIONS):
            return None
        value = node.operands[0]
