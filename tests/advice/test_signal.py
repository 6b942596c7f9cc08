"""Predicted deviations, forward and back, beside those of networks that are made: weights drawn, a minibatch run."""

from __future__ import annotations

import math

import pytest
import torch

import lampc.compile
from lampc.advice.signal import Begin, follow
from lampc.advice.signal.site import RULES
from lampc.compile import beginning
from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant, Input, Parameter, Setting, State
from lampc.ir.op import REGISTRY, Op, Run
from lampc.layers import LAYERS
from lampc.layers.initialisers import INITIALISERS
from lampc.runtime.storage import DTYPES

SAMPLES, SEEDS = 64, 16


def graph_of(source: str) -> Graph:
    """A program's forward graph, with gains, as it is followed."""
    return beginning(lampc.compile.text(source).elaborated)


def measured(graph: Graph, classes: int) -> dict[Value, float]:
    """The root mean square of every value and gradient of a graph, over networks of several seeds, by torch's kernels."""
    squares: dict[Value, float] = {}
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        tensors: dict[Value, torch.Tensor] = {}
        for node in graph:
            results = [torch.zeros(type.dims(SAMPLES), dtype=DTYPES[type.dtype]) for type in node.types]
            op, out = node.op, results[0]
            if isinstance(op, Parameter):
                INITIALISERS[op.initialiser.kind].fill(out, op.initialiser, generator)
            elif isinstance(op, Input) and out.dtype == torch.int64:
                out.random_(0, op.below or classes, generator=generator)
            elif isinstance(op, Input):
                out.normal_(generator=generator)
            elif isinstance(op, Constant):
                out.fill_(op.value.at(SAMPLES))
            elif isinstance(op, Setting | State):
                out.fill_(op.value)
            else:
                op.bind(torch, results, [tensors[operand] for operand in node.operands], Run(SAMPLES))()
            for index, result in enumerate(results):
                tensors[Value(node.id, index)] = result
                square = float(result.double().square().mean())
                squares[Value(node.id, index)] = squares.get(Value(node.id, index), 0.0) + square / SEEDS
    return {value: math.sqrt(square) for value, square in squares.items()}


def compared(source: str, classes: int = 10) -> list[tuple[str, str, float, float]]:
    """For each layer its value's, and its gradient's deviation: as predicted and as measured."""
    graph = graph_of(source)
    signal = follow(graph, {"x": Begin(), "y": Begin()})
    found = measured(signal.graph, classes)
    last = {node.layer: node.id for node in graph if node.operands and node.layer}
    rows = [(layer, "value", signal.rms[Value(id)], found[Value(id)]) for layer, id in last.items()]
    for layer, id in last.items():
        if Value(id) in signal.gradients and layer != "loss":
            cotangent = signal.cotangents[Value(id)]
            rows.append((layer, "gradient", signal.rms[cotangent], found[cotangent] * SAMPLES))
    return rows


CLASSES = "; linear 10 xavier; loss crossentropy"
NETWORKS = {
    "relu, N(0, 1)": "linear 64->64; relu; linear 64; relu; linear 10; loss crossentropy",
    "relu, kaiming": "init kaiming; linear 32->100; relu; repeat 6 { linear 100; relu }; linear 10; loss crossentropy",
    "tanh, xavier": "init xavier; linear 20->50; tanh; repeat 4 { linear 50; tanh }; linear 1; loss mse",
    "tanh, N(0, 1)": "linear 2->25; tanh; linear 40; tanh; linear 1; loss mse",
    "sigmoid": "init xavier; linear 30->60; sigmoid; repeat 3 { linear 60; sigmoid }" + CLASSES,
    "gelu, silu, softplus": "init lecun; linear 30->60; gelu; linear 60; silu; linear 60; softplus" + CLASSES,
    "residual": "init kaiming; linear 32->64; repeat 6 { residual { linear 64; relu; linear 64 } }" + CLASSES,
    "layernorm": "linear 32->64; relu; layernorm; linear 64; relu; layernorm" + CLASSES,
    "rmsnorm": "linear 32->64; repeat 2 { residual { rmsnorm; linear 64; silu; linear 64 } }; rmsnorm" + CLASSES,
    "batchnorm": "input 3x8x8; repeat 2 { conv 16 3 bias=off; batchnorm; relu }; globalpool" + CLASSES,
    "groupnorm": "input 3x8x8; repeat 2 { conv 16 3; groupnorm 4; silu }; globalpool" + CLASSES,
    "conv": "input 3x12x12; conv 16 3 padding=1; relu; maxpool 2; conv 32 3; relu; flatten" + CLASSES,
    "strided conv": "input 3x16x16; conv 16 3 stride=2 padding=1; relu; conv 16 3; relu; avgpool 2; flatten" + CLASSES,
    "embedding": "input 12 int<40>; embedding 32; linear 64; relu; mean 1" + CLASSES,
    "gated product": "linear 32->64 xavier; product { linear 48; sigmoid | linear 48 xavier }" + CLASSES,
    "concat": "init xavier; linear 32->16; concat { linear 8; tanh | linear 24; relu | pass }" + CLASSES,
    "rnn": "input 20x8; rnn 48 last" + CLASSES,
    "lstm": "input 20 int<40>; embedding 32; lstm 48 last" + CLASSES,
    "gru": "input 20 int<40>; embedding 32; gru 48 last" + CLASSES,
    "attention": "input 16 int<40>; embedding 32; residual { layernorm; attention 4 }; layernorm" + CLASSES,
    "attention, causal": "input 16 int<40>; embedding 32; attention 4 causal rope; layernorm" + CLASSES,
    "formula": "fn swish(x) = x * sigmoid(1.7 * x)\ninit kaiming; linear 32->64; swish; linear 64; swish" + CLASSES,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_deviations_are_those_of_networks_that_are_made(name: str) -> None:
    for layer, what, predicted, found in compared(NETWORKS[name]):
        allowed = 1.5 if layer == "loss" else 1.33 if what == "gradient" else 1.25  # a loss: the mean of a few large numbers
        assert found / allowed < predicted < found * allowed, (layer, what)


FORWARD = [name for name, op in REGISTRY.items() if op.__module__.startswith("lampc.ops")]
UNREACHED = {"all_reduce", "wait", "pack", "affine", "batchnorm_inference", "maxpool_take", "vjp"}
"""Ops that passes make later, or gradients of gradients."""


@pytest.mark.parametrize("name", sorted(set(FORWARD) - UNREACHED))
def test_every_op_can_be_followed(name: str) -> None:
    op = REGISTRY[name]
    says = op.expression is not Op.expression or op.expressions is not Op.expressions
    assert op in RULES or says


def test_inputs_are_as_they_are_given() -> None:
    graph = graph_of("linear 64->32 xavier; loss mse")
    sizes = [follow(graph, {"x": Begin(0.3, rms, 0.4)}).rms[Value(2)] for rms in (0.5, 1.0)]
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=1e-6)


def test_numbers_beyond_all_bounds_are_followed_to_the_end() -> None:
    source = "linear 64->64; repeat 300 { linear 64; relu }; linear 10; loss crossentropy"
    signal = follow(graph_of(source), {})
    assert all(math.isfinite(size) for size in signal.rms.values())


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_is_followed_both_ways(layer: str) -> None:
    graph = graph_of(f"{LAYERS[layer].example}\nloss fn(p, y) = mean((p - y)^2)")
    signal = follow(graph, {})
    values = [Value(node.id) for node in graph if node.types[0].dtype != "i64"]
    assert all(value in signal.rms and math.isfinite(signal.rms[value]) for value in values)
    assert all(gradient in signal.rms for gradient in signal.cotangents.values())
