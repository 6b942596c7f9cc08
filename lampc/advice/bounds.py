"""Losses that have no least value: training makes them ever smaller, and the network useless."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant, Input, Parameter
from lampc.ops.activations import Elu, Gelu, LeakyRelu, Relu, Sigmoid, Silu, Softplus
from lampc.ops.arithmetic import Abs, Add, Maximum, Minimum, Power, Scale, Square, Sub
from lampc.ops.classes import BinaryCrossEntropy, Pick
from lampc.ops.convolution import Convolution
from lampc.ops.exponential import Exp, Log
from lampc.ops.normalise import LogSoftmax
from lampc.ops.reduction import Mean, Sum
from lampc.ops.shape import Reshape, Slice, Transpose

_SAME = (Mean, Sum, Reshape, Slice, Transpose)
"""What goes wherever all of its operand's elements go."""
_GROWING = (Relu, Elu, Gelu, Silu, Softplus, Exp, Log)
"""What grows without a bound where its operand does, and of whose fall nothing is said."""


@dataclass(frozen=True)
class _Reach:
    """Whether a value goes below, and above, every number while some bias does, everything else held."""

    below: bool = False
    above: bool = False


def warn_of_no_bound(program: Elaborated, problems: Problems) -> None:
    """Report a loss that a bias alone can bring below every number."""
    graph, loss = program.graph, program.experiment.loss
    if loss is None or "loss" not in graph.outputs or not _reach(graph)[graph.outputs["loss"].node].below:
        return
    problems.report("W417", "this loss has no least value: training brings it below every number, and learns nothing else",
                    loss.span, fixes=["take what is to be small: `mean((p - y)^2)`, `mean(abs(…))`",
                                      "or bound what is to be large: `-mean(tanh(p))`"])  # fmt: skip


def _reach(graph: Graph) -> list[_Reach]:
    """What is known of each node's first result."""
    found: list[_Reach] = []
    for node in graph:
        op, operands = node.op, [found[value.node] for value in node.operands]
        bias = node.operands if isinstance(op, Add) else node.operands[2:] if isinstance(op, Convolution) else ()
        if any(_free(graph, value) for value in bias):
            known = _Reach(True, True)
        elif isinstance(op, Add | Sub):
            known = _sum(graph, node.operands, operands, isinstance(op, Sub))
        elif isinstance(op, Scale):
            factor = op.factor.value
            known = _turned(operands[0]) if factor < 0 else operands[0] if factor > 0 else _Reach()
        elif (isinstance(op, LeakyRelu) and op.slope > 0) or isinstance(op, _SAME):
            known = operands[0]
        elif isinstance(op, Pick):  # of what are no logarithms W403 is said
            known = _Reach(below=operands[0].below and isinstance(graph[node.operands[0].node].op, LogSoftmax))
        elif isinstance(op, LogSoftmax):  # one class's score apart from the others'
            known = _Reach(below=operands[0].above and node.types[0].shape[-1] != 1)
        elif isinstance(op, BinaryCrossEntropy):
            chance = graph[node.operands[0].node]
            score = found[chance.operands[0].node] if isinstance(chance.op, Sigmoid) else _Reach()
            known = _Reach(above=score.below and score.above)
        elif isinstance(op, Maximum):
            known = _Reach(above=operands[0].above or operands[1].above)
        elif isinstance(op, Minimum):
            known = _Reach(below=operands[0].below or operands[1].below)
        elif isinstance(op, Power) and op.exponent > 0 and op.exponent % 2 == 1:
            known = operands[0]
        elif isinstance(op, Abs | Square):
            known = _Reach(above=operands[0].below or operands[0].above)
        elif isinstance(op, (*_GROWING, LeakyRelu)):
            known = _Reach(above=operands[0].above)
        else:
            known = _Reach()
        found.append(known)
    return found


def _free(graph: Graph, value: Value) -> bool:
    """Whether it is a bias that is trained and belongs to this sum alone."""
    op = graph[value.node].op
    alone = len(graph.users(value.node)) == 1
    return alone and isinstance(op, Parameter) and op.trainable and op.lr != 0 and len(op.type.shape) == 1


def _sum(graph: Graph, values: tuple[Value, ...], reach: list[_Reach], less: bool) -> _Reach:
    """A sum goes where one part goes while the other is held back."""
    a, b = reach
    (a_low, a_high), (b_low, b_high) = (_ends(graph, value) for value in values)
    if less:
        b, b_low, b_high = _turned(b), -b_high, -b_low
    return _Reach(
        (a.below and b_high < math.inf) or (b.below and a_high < math.inf),
        (a.above and b_low > -math.inf) or (b.above and a_low > -math.inf),
    )


def _turned(reach: _Reach) -> _Reach:
    return _Reach(reach.above, reach.below)


def _ends(graph: Graph, value: Value) -> tuple[float, float]:
    """The least and the greatest that a value can be; of what is given, some numbers."""
    node = graph[value.node]
    if isinstance(node.op, Input | Parameter | Constant):
        return (0.0, 0.0)
    if isinstance(node.op, _SAME):
        return _ends(graph, node.operands[0])
    if isinstance(node.op, Square | Abs):
        return (0.0, math.inf)
    return node.op.codomain
