"""Whether number targets are standardised: as the statement says or, where it does not, as loss and network allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lampc.diagnostics import Problems
from lampc.elaborate.experiment import Data, Loss
from lampc.ir.graph import Node
from lampc.ops.activations import LeakyRelu
from lampc.ops.arithmetic import Add, Div, Mul, Scale, Sub
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.random import Dropout
from lampc.ops.reduction import Mean, Sum
from lampc.ops.shape import Moving
from lampc.ops.term import Term


def standardised(data: Data | None, loss: Loss, prediction: Term, problems: Problems) -> Data | None:
    """The data, its number targets standardised where that is asked for, or where loss and network take any numbers.

    What is not known before the run, and what a run that is opened was not trained with, stays as it is.
    """
    description = data.description if data is not None else None
    if data is None or description is None or "scale" not in data.request.arguments:
        return data
    asked = data.request.arguments["scale"]
    if asked and description.scaled_range is None:
        _refuse(data, problems)
    fits = loss.type is not None and loss.type.errors and takes_any_size(prediction)
    if description.scaled_range is None or not (fits if asked is None else asked):
        return data
    return replace(data, request=replace(data.request, scale=True),
                   description=replace(description, target_range=description.scaled_range))  # fmt: skip


def _refuse(data: Data, problems: Problems) -> None:
    """Report that targets are to be standardised that cannot be."""
    description = data.description
    assert description is not None
    if description.either or description.bits:
        why = "they are yes or no"
    elif description.classes is not None:
        why = "they are classes"
    else:
        why = "the squares of their deviations are no numbers"
    problems.report("E305", f"the targets cannot be standardised: {why}", data.span, fixes=["leave out `scale`"])


def takes_any_size(prediction: Term) -> bool:
    """Whether weights alone say how large a prediction is, on both sides of 0: that of `linear` is, a sigmoid's is not.

    A formula of the file's own, such as `exp(x)`, is taken to mean what it says.
    """
    graph, free = prediction.build.graph, set[int]()
    for node in map(graph.__getitem__, range(prediction.value.node + 1)):  # operands stand before what is made of them
        if _free(node, [operand.node in free for operand in node.operands]):
            free.add(node.id)
    return prediction.value.node in free


def _free(node: Node, operands: Sequence[bool]) -> bool:
    """Whether what a node makes is of any size, given whether its operands are."""
    if isinstance(node.op, MatMul | Convolution):
        return True
    if isinstance(node.op, Mul) and node.operands[0] == node.operands[1]:  # a square
        return False
    if isinstance(node.op, Add | Sub | Mul):
        return any(operands)
    if isinstance(node.op, Scale | Div | Sum | Mean | Dropout | LeakyRelu):
        return operands[0]
    return isinstance(node.op, Moving) and all(operands)
