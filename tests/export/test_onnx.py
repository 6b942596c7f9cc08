"""Exported ONNX models, judged by onnxruntime and by ONNX's own evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from random_networks import network

import lampc.compile
from lampc.export.onnx import export
from lampc.export.onnx_ops import SAY
from lampc.ir.op import REGISTRY
from lampc.runtime.model import Model

onnx = pytest.importorskip("onnx")
evaluator = pytest.importorskip("onnx.reference")
ort = pytest.importorskip("onnxruntime")
ort.set_default_logger_severity(3)

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "models").glob("*.lamp"))


def samples(model: Model, count: int) -> torch.Tensor:
    program = model.program.elaborated
    generator = torch.Generator().manual_seed(count)
    shape = (count, *program.input_type.sample)
    if program.input_below:
        return torch.randint(0, program.input_below, shape, generator=generator)
    return torch.rand(shape, generator=generator, dtype=torch.float64).to(model.storage.dtype)


def agree(model: Model, tolerance: float = 1e-5) -> None:
    """The checker is content, and both runtimes predict what lampc does, for one sample and for three."""
    for name, tensor in model.storage.states.items():
        if "running" in name:
            tensor.add_(torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1)))
    proto = export(model)
    onnx.checker.check_model(proto, full_check=True)
    runtimes: list[Any] = [
        ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]),
        evaluator.ReferenceEvaluator(proto),
    ]
    for count in (1, 3):
        x = samples(model, count)
        for runtime in runtimes:
            (found,) = runtime.run(None, {"x": x.numpy()})
            torch.testing.assert_close(torch.from_numpy(found), model(x), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model(path: Path) -> None:
    agree(lampc.compile.file(path).model())


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    agree(lampc.compile.text(network(seed).source, precision="f32").model(), 1e-4)  # some cancel most of their digits


@pytest.mark.parametrize(
    "text",
    [
        "input 5x8 as x; input 4x8 as k; input 4 as m; from x; attention 2 keys=k padding=m sink=both; linear 1",
        "input 5x8; attention 4 kv_heads=2 causal rope; position sinusoidal; linear 2",
        "input 6x3 as x; input 4 as s; from x; lstm 4 state=s; gru 3 direction=both; rnn 2 last",
        "input 2x6x5; convtranspose 3 3 stride=2 output_padding=1; globalpool to=3x2 max; upsample 2 linear; pad 1 "
        "edges=reflect",
        "input 2x7; conv1d 4 3 groups=2 dilation=2; instancenorm; avgpool 2 padding=1; max 1",
        "fn odd(x) = where(x > 0.3, exp(x) ^ 3, abs(x) - sqrt(x)); input 4; odd; prelu; softsign; mish; selu; logsoftmax",
        "input 6 int<9>; embedding 4; position; mean 1; linear 2",
    ],
)
def test_what_random_networks_leave_out(text: str) -> None:
    agree(lampc.compile.text(text).model())


def test_weights_and_the_source_are_found_in_it() -> None:
    model = lampc.compile.text("linear 2->3; tanh").model()
    proto = export(model)
    assert {"linear1.weight", "linear1.bias"} <= {tensor.name for tensor in proto.graph.initializer}
    assert proto.metadata_props[0].value == "linear 2->3; tanh"
    assert [dim.dim_param or dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim] == ["N", 2]


NOT_IN_AN_INFERENCE = {
    "input", "parameter", "parameters", "state", "setting", "bce", "class_weight", "pick", "outer", "pack", "pow", "share",
    "cast", "with_gradient", "batchnorm", "dropout", "noise", "all_reduce", "wait", "vjp", "maxpool_take",
}  # fmt: skip


def test_every_op_of_an_inference_can_be_said() -> None:
    assert {name for name in REGISTRY if not name.endswith("_grad")} - NOT_IN_AN_INFERENCE == SAY.keys()


WINDOWS = ("3 ceil", "2 divisor=3", "3 stride=4", "3 stride=2 padding=1 ceil", "3 stride=2 padding=1 ceil padded=off",
           "3 stride=2 padding=1 ceil divisor=5")  # fmt: skip


@pytest.mark.parametrize("shape", ["2x7", "2x6x7", "1x7x6x8"])
@pytest.mark.parametrize("text", WINDOWS)
def test_windows_over_the_edge(text: str, shape: str) -> None:
    agree(lampc.compile.text(f"input {shape}; avgpool {text}").model())


OVER = ("1 stride=2 ceil", "2 stride=3 ceil", "3 stride=2 padding=1 ceil", "2 stride=2 dilation=2 ceil")


@pytest.mark.parametrize("shape", ["2x4x4", "2x6x3", "1x7x8x9"])
@pytest.mark.parametrize("text", OVER)
def test_greatest_in_windows_over_the_edge(text: str, shape: str) -> None:
    agree(lampc.compile.text(f"input {shape}; maxpool {text}; max 1; linear 2").model())


@pytest.mark.parametrize("how", ["", " causal", " causal sink=zero"])
def test_a_place_that_sees_nothing_attends_to_nothing(how: str) -> None:
    inputs = "input 3x4 as x; input 3 as y; from y; bias constant(-0.8) as seen; from x"
    agree(lampc.compile.text(f"{inputs}; attention 2 padding=seen{how}; linear 2").model())
