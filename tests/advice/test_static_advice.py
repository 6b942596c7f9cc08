"""What a program's text alone lets one foresee is warned of; what only looks like it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lampc.compile
from lampc.diagnostics import LampError
from lampc.layers import LAYERS

ROOT = Path(__file__).parents[2]


def warned(source: str, codes: str = "W41") -> list[str]:
    """The warnings of one kind, each with what it points at."""
    found = lampc.compile.text(source).warnings
    return [f"{each.code} {each.labels[0].span.text}" for each in found if each.code.startswith(codes)]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("linear 4->16; linear 3", ["W411 linear 3"]),
        ("linear 4->16; dropout 0.1; linear 3", ["W411 linear 3"]),
        ("linear 4->16 bias=off; linear 3", ["W411 linear 3"]),
        ("input 3x4; linear 8; flatten; linear 2", ["W411 linear 2"]),
        ("linear 4->8; repeat 2 { linear 8 }; relu", ["W411 linear 8"]),
        ("fn loud(x) = x * 2\nlinear 4->8; loud; linear 3", []),
        ("linear 4->2; linear 4", []),  # a bottleneck
        ("input 3x4; linear 2; flatten; linear 2", []),
        ("linear 4->16; relu; linear 3", []),
        ("linear 4->16; batchnorm; linear 3", []),
        ("linear 4->16 freeze; linear 3", []),
        ("linear 4->4 as h; linear 4 tie=h; tanh", []),
        ("linear 4->4; residual { linear 4; tanh }", []),  # the first is taken up twice
        ("linear 4->16 as h; linear 3 as p; concat { from p | from h }", []),
        ("input 4x4; linear 4; transpose; linear 4", []),  # mixes places, then features
    ],
)  # fmt: skip
def test_linear_layers_in_a_row(source: str, wanted: list[str]) -> None:
    assert warned(source, "W411") == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("linear 4->3; softmax; softmax; loss crossentropy", ["W412 softmax"]),
        ("linear 4->3; softmax; logsoftmax; loss nll", ["W412 logsoftmax"]),
        ("linear 4->3; softmax; loss crossentropy", []),
        ("linear 4->3; logsoftmax; loss crossentropy", []),
        ("linear 4->3; softmax; linear 3; softmax", []),
        ("linear 4->1; softmax; loss bce", ["W413 softmax"]),
        ("linear 4->1; loss crossentropy", ["W413 loss crossentropy"]),
        ("linear 4->2; softmax; loss crossentropy", []),
        ("linear 4->1; sigmoid; loss bce", []),
    ],
)
def test_softmaxes_that_say_nothing(source: str, wanted: list[str]) -> None:
    assert warned(source) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("linear 4->8 zeros; relu; linear 1 xavier", ["linear 4->8 zeros"]),
        ("linear 4->8 zeros; tanh; linear 1 zeros", ["linear 4->8 zeros", "linear 1 zeros"]),
        ("linear 4->8 zeros; tanh; linear 8 zeros; tanh; linear 1 xavier", ["linear 4->8 zeros", "linear 8 zeros"]),
        ("linear 4->8 zeros; sigmoid; linear 1 zeros", ["linear 4->8 zeros"]),  # 8 units that are alike
        ("linear 4->8 constant(0.1); tanh; linear 1 ones", ["linear 4->8 constant(0.1)"]),
        ("input 1x8x8; conv 4 3 zeros; relu; flatten; linear 10 xavier", ["conv 4 3 zeros"]),
        ("linear 4->8 normal(0); relu; linear 1 xavier", ["linear 4->8 normal(0)"]),
        ("linear 4->8 uniform(0, 0); softsign; linear 1 zeros", ["linear 4->8 uniform(0, 0)", "linear 1 zeros"]),
        ("fn f(x) = x^2; linear 4->8 zeros; f; linear 1 xavier", ["linear 4->8 zeros"]),
        ("input 5 int<9>; embedding 8 zeros; mean 1; linear 1 zeros", ["embedding 8 zeros", "linear 1 zeros"]),
        ("input 5 int<9>; embedding 8 zeros; mean 1; linear 1 xavier", []),
        ("input 5x4; attention 2 zeros; mean 1; linear 1 xavier", ["attention 2 zeros"]),
        ("linear 4->1 zeros", []),
        ("linear 4->8 xavier; relu; linear 1 zeros", []),
        ("linear 4->8 zeros; tanh; linear 1 xavier", []),  # different gradients make them differ
        ("linear 4->8 zeros bias=normal; relu; linear 1 xavier", []),
        ("linear 4->8 constant(0.1); tanh; dropout 0.5; linear 1 ones", []),
        ("linear 4->8 xavier; residual { linear 8 xavier; relu; linear 8 zeros }; relu; linear 1 xavier", []),
        ("linear 4->8 zeros freeze; relu; linear 1 xavier", []),
    ],
)  # fmt: skip
def test_weights_that_never_learn(source: str, wanted: list[str]) -> None:
    found = warned(f"{source}; loss mse", "W414")
    assert found == [f"W414 {text}" for text in wanted]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("source", [
    "linear 2->8 zeros; relu; linear 1 xavier",
    "linear 2->8 zeros; tanh; linear 1 zeros",
    "fn f(x) = abs(x)\nlinear 2->8 zeros; f; linear 1 xavier",
    "linear 2->8 zeros; softsign; linear 1 zeros",
])  # fmt: skip
def test_weights_that_are_said_never_to_learn_do_not(source: str, backend: str) -> None:
    model = lampc.compile.text(f"{source}; loss mse; data disc train=100 test=0; train epochs=3", backend=backend).model()
    before = model.parameters["linear1.weight"].clone()
    model.train()
    assert (model.parameters["linear1.weight"] == before).all()


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_units_that_begin_alike_stay_alike(backend: str) -> None:
    source = "linear 2->8 constant(0.1); tanh; linear 1 ones; loss mse; data disc train=100 test=0; train epochs=3"
    model = lampc.compile.text(source, backend=backend).model()
    before = model.parameters["linear1.weight"].clone()
    model.train()
    weight = model.parameters["linear1.weight"]
    assert (weight != before).any()
    assert (weight - weight[0]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("input 3x8x8; conv 8 3; batchnorm; relu", ["W415 conv 8 3"]),
        ("linear 4->8; batchnorm; relu", ["W415 linear 4->8"]),
        ("input 3x8x8; conv 8 3 bias=off; batchnorm; relu", []),
        ("input 3x8x8; conv 8 3; maxpool 2; batchnorm; relu", ["W415 conv 8 3"]),
        (
            "input 3x8x8; conv 8 3; avgpool 2 padding=1; batchnorm; relu",
            [],
        ),  # less of it at the edge
        ("linear 4->8; layernorm; relu", []),
        ("linear 4->8; relu; batchnorm", []),
        ("input 3x4; linear 8; batchnorm; relu", []),  # the bias is each feature's, the mean each place's
        ("linear 4->8 as h; batchnorm; relu; sum { pass | from h }", []),
    ],
)
def test_a_bias_that_batchnorm_takes_off(source: str, wanted: list[str]) -> None:
    assert warned(source) == wanted


def test_how_a_bias_is_left_out() -> None:
    (found,) = lampc.compile.text("linear 4->8 bias=normal(0.1) xavier; batchnorm; relu").warnings
    assert found.fixes == ("leave it out: `linear 4->8 xavier bias=off`",)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("linear 2->3 freeze; loss mse", ["W416 loss mse"]),
        ("linear 2->3 freeze", []),
        ("linear 2->3; loss mse; optimizer adam lr=0", ["W416 optimizer adam lr=0"]),
        ("linear 2->8 lr=0; relu; linear 3; loss mse", ["W416 linear 2->8 lr=0"]),
        ("linear 2->8 freeze; relu; linear 3 lr=0.1; loss mse; optimizer sgd lr=0", []),
        ("linear 2->8 freeze; relu; linear 3; loss mse", []),
        ("linear 2->8; relu; linear 3; loss mse; optimizer muon lr=0", []),  # biases have a rate of their own
        ("linear 2->3; loss mse; optimizer muon lr=0 lr_vectors=0", ["W416 optimizer muon lr=0 lr_vectors=0"]),
    ],
)
def test_parameters_that_no_step_moves(source: str, wanted: list[str]) -> None:
    assert warned(source) == wanted


@pytest.mark.parametrize(
    ("formula", "unbounded"),
    [
        ("-mean(p)", True),
        ("mean(y) - mean(p)", True),
        ("mean(p - y)", True),
        ("-mean(abs(p))", True),
        ("-mean((p - y)^2)", True),
        ("mean(tanh(p)) - mean(relu(p))", True),
        ("mean((p - y)^2)", False),
        ("mean((p - y)^2) - mean(p)", False),
        ("mean(abs(p)) - mean(p)", False),
        ("-mean(tanh(p))", False),
        ("-mean(sigmoid(p))", False),
        ("mean(p - p)", False),
        ("mean(exp(p))", False),
        ("mean(p^3)", True),
        ("mean(p^4)", False),
        ("-mean(max(p, y))", True),
        ("mean(min(p, y))", True),
        ("mean(max(p, 0)) + mean(max(1 - p, 0))", False),
    ],
)
def test_losses_without_a_least_value(formula: str, unbounded: bool) -> None:
    assert warned(f"linear 2->3 xavier; loss total = {formula}", "W417") == [f"W417 loss total = {formula}"] * unbounded
    assert warned(f"linear 2->3 xavier; loss fn(p, y) = {formula}", "W417") == [f"W417 loss fn(p, y) = {formula}"] * unbounded


@pytest.mark.parametrize(
    ("source", "unbounded"),
    [
        ("linear 2->3 xavier; loss total = -crossentropy(p, y)", True),
        ("linear 2->3 xavier; loss total = 2 * crossentropy(p, y)", False),
        ("linear 2->3 xavier as a; tanh; linear 3 xavier; loss total = crossentropy(p, y) - crossentropy(a, y)", False),
        ("linear 2->1 xavier; sigmoid; loss total = -bce(p, y)", True),
        ("linear 2->1 xavier; sigmoid; loss total = bce(p, y)", False),
        ("input 1x6x6; conv 2 3; loss total = -mean(p)", True),
        ("input 1x6x6; conv 2 3; loss mse", False),
    ],
)
def test_losses_of_classes_and_images_without_a_least_value(source: str, unbounded: bool) -> None:
    assert len(warned(source, "W417")) == unbounded


def test_a_loss_that_no_bias_moves_is_not_decided() -> None:
    assert warned("linear 2->3 xavier bias=off; loss total = -mean(p)", "W417") == []


def programs() -> list[str]:
    """The programs that the documentation holds, but for those of the pages that trigger something."""
    fence = re.compile(r"^```lamp[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    found = [layer.example for layer in LAYERS.values()]
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        found += fence.findall(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "docs" / "errors").glob("E*.md")):
        found += fence.findall(path.read_text(encoding="utf-8"))[-1:]
    return found


def test_the_documentation_follows_the_advice() -> None:
    said = []
    for source in programs():
        try:
            said += [(source, each.code) for each in lampc.compile.text(source, folder=ROOT / "models").warnings
                     if each.code.startswith("W41")]  # fmt: skip
        except LampError:
            continue
    assert said == []
