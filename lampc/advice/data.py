"""What is remarked of data, where the network and its loss do nothing about it."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.leaves import Parameter
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul

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
    experiment = program.experiment
    train, data, loss = experiment.train, experiment.data, experiment.loss
    assert data is not None and data.description is not None and loss is not None
    if code == "W421":
        return _weighs_raw(program)
    if code == "W425":
        chosen = {metric.name for metric in program.metrics}
        return loss.type is not None and not loss.arguments.get("weights") and not chosen & _FAIR
    if code == "W426":
        return not train.shuffle and train.batch * train.accumulate < data.description.train
    return True


def _weighs_raw(program: Elaborated) -> bool:
    """Whether the samples' numbers go to weights as they are."""
    graph = program.graph
    return any(
        isinstance(node.op, MatMul | Convolution) and isinstance(graph[node.operands[1].node].op, Parameter)
        for node in graph.users(program.input.node)
    )
