"""What a network is computed for beside its training: evaluation, a value that the file names, units that may stand still."""

from __future__ import annotations

from collections.abc import Sequence

from lampc.elaborate import Elaborated
from lampc.ir.graph import Graph, Value
from lampc.ir.keys import Key
from lampc.layers.metrics import MetricType
from lampc.ops.activations import Relu, Sigmoid, Tanh
from lampc.ops.arithmetic import Mul
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.passes.inference import for_inference
from lampc.passes.order import FORWARD, WHOLE, run_passes, without_collection
from lampc.passes.totals import total_up

ENDS = (Sigmoid, Softmax, LogSoftmax)
"""The activations that make probabilities of scores."""


def evaluated(program: Elaborated, simplified: Graph, metrics: Sequence[MetricType]) -> Graph:
    """Prediction and loss as they are for use: without dropout, with running statistics; and what metrics ask for."""
    heads = {metric.head.output: metric.head.label for metric in metrics if metric.head.label}
    graph = simplified
    with without_collection():
        if heads:
            whole = program.graph
            named: dict[Key, Value] = {output: program.labels[label] for output, label in heads.items()}
            graph, _ = total_up(run_passes(whole.with_outputs({**whole.outputs, **named}), FORWARD))
        graph = for_inference(graph)
        for metric in metrics:
            end = graph[graph.outputs[metric.head.output].node]
            if metric.of_scores and isinstance(end.op, ENDS):
                graph.outputs[metric.head.scores] = end.operands[0]
        return run_passes(graph, WHOLE)


def valued(program: Elaborated, label: str) -> Graph:
    """What computes a value that the file names with `as`, for prediction; under the output ``prediction``.

    Raises:
        KeyError: if there is none of that name.
    """
    graph = program.graph.with_outputs({"prediction": program.labels[label]})
    with without_collection():
        return run_passes(for_inference(run_passes(graph, FORWARD)), WHOLE)


def units(program: Elaborated) -> Graph:
    """What computes the hidden activations that may come to a standstill, by their layers' names, and the prediction."""
    graph, prediction = program.graph, program.graph.outputs["prediction"]
    live = graph.live(graph.outputs.values())
    chosen: dict[Key, Value] = {"prediction": prediction}
    for use in program.layers:
        gates = any(isinstance(user.op, Mul) for user in graph.users(use.output.node))
        hidden = use.output.node in live and use.output != prediction and not gates
        if hidden and use.name != "prediction" and isinstance(graph[use.output.node].op, Relu | Tanh | Sigmoid):
            chosen[use.name] = use.output
    with without_collection():
        return run_passes(for_inference(run_passes(graph.with_outputs(chosen), FORWARD)), WHOLE)
