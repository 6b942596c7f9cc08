"""What is remarked of data, where the network and its loss do nothing about it."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.leaves import Parameter
from lampc.layers.metrics import kind_of
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.shape import Reshape, Transpose

_FAIR = {"f1", "auc", "confusion"}
"""Metrics that do not gain by always saying the commonest class."""


def warn_of_data(program: Elaborated, problems: Problems) -> None:
    """Report what the data's description remarks."""
    data = program.experiment.data
    if data is None or data.description is None or program.experiment.loss is None:
        return
    for remark in data.description.remarks:
        if _bears(program, remark.code):
            problems.report(remark.code, remark.message, data.span, fixes=remark.fixes)


def _bears(program: Elaborated, code: str) -> bool:
    """Whether the program leaves a remark as it is."""
    train, data = program.experiment.train, program.experiment.data
    assert data is not None and data.description is not None
    if code == "W421":
        return _weighs_raw(program)
    if code == "W425":
        chosen = {kind_of(metric.name) for metric in program.metrics}
        compared = [head for head in program.heads if head.loss]
        return bool(compared) and not any(head.weights for head in compared) and not chosen & _FAIR
    if code == "W426":
        return not train.shuffle and train.batch * train.accumulate < data.description.train
    return True


def _weighs_raw(program: Elaborated) -> bool:
    """Whether the samples' numbers go to weights as they are."""
    graph, waiting = program.graph, [program.input.node]
    while waiting:
        for node in graph.users(waiting.pop()):
            if isinstance(node.op, MatMul | Convolution) and isinstance(graph[node.operands[1].node].op, Parameter):
                return True
            if isinstance(node.op, Reshape | Transpose):
                waiting.append(node.id)
    return False
