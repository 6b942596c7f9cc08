"""What is predicted for one sample never depends on the others of its minibatch."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.diagnostics import LampError
from lampc.export.onnx import export
from lampc.export.torch_source import to_torch
from lampc.runtime.model import Model

SHAPES = ("5", "1", "3x4", "2x3x2")


def formula(rng: random.Random, depth: int) -> str:
    """Some expression of x that exists for every x."""
    if depth == 0:
        return rng.choice(["x", "x", "a", "2", "mean(x)"])

    def part() -> str:
        return formula(rng, depth - 1)

    return rng.choice(
        [
            lambda: f"sum({part()})",
            lambda: f"mean({part()})",
            lambda: f"({part()} {rng.choice('+-*')} {part()})",
            lambda: f"{part()} / (1 + ({part()})^2)",
            lambda: f"where({part()} > {part()}, {part()}, {part()})",
            lambda: f"{rng.choice(['max', 'min'])}({part()}, {part()})",
            lambda: f"{rng.choice(['tanh', 'sigmoid', 'abs', 'sin', 'centred'])}({part()})",
        ]
    )()


def program(rng: random.Random) -> str:
    shape = rng.choice(SHAPES)
    return (
        "fn centred(x) = x - mean(x)\n"
        f"fn f(x, a=0.5) = x + {formula(rng, rng.randint(1, 3))}\n"
        f"input {shape}; f; f a=-1; flatten; linear 2 normal(0.5); loss mse; train precision=f64"
    )


def two_batches(model: Model) -> tuple[torch.Tensor, torch.Tensor]:
    """Four samples, and the first of them among others."""
    generator = torch.Generator().manual_seed(0)
    shape = model.program.elaborated.input_type.sample
    x = torch.randn(4, *shape, generator=generator, dtype=model.storage.dtype)
    others = 100 * torch.randn(6, *shape, generator=generator, dtype=model.storage.dtype)
    return x, torch.cat([x[:1], others])


@pytest.mark.parametrize("seed", range(50))
def test_a_formulas_value_is_of_one_sample(seed: int) -> None:
    model = lampc.compile.text(program(random.Random(seed))).model(seed=1, backend="torch")
    x, y = two_batches(model)
    together = model(x)
    for row in range(4):
        torch.testing.assert_close(model(x[row : row + 1])[0], together[row], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(model(y)[0], together[0], rtol=1e-9, atol=1e-9)


UNIT = "fn unit(x) = x / sqrt(sum(x^2))\nlinear 4->8 xavier; unit; linear 1 xavier; loss mse; train epochs=3 batch=20"


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_a_vector_of_length_one(backend: str) -> None:
    model = lampc.compile.text("input 4\nfn unit(x) = x / sqrt(sum(x^2))\nunit").model(backend=backend)
    x, _ = two_batches(model)
    torch.testing.assert_close(model(x), x / x.norm(dim=1, keepdim=True))
    model = lampc.compile.text(UNIT).model(seed=0, backend=backend)
    torch.testing.assert_close(model(x[:1]), model(x)[:1])


@pytest.mark.parametrize("source", [UNIT, "fn f(x) = where(mean(x) > x, x - mean(x), max(x, sum(x)))\ninput 3x4; f"])
def test_exports_keep_samples_apart(source: str) -> None:
    ort = pytest.importorskip("onnxruntime")
    model = lampc.compile.text(source).model(seed=0)
    session = ort.InferenceSession(export(model).SerializeToString(), providers=["CPUExecutionProvider"])
    for x in two_batches(model):
        wanted = model(x)
        torch.testing.assert_close(to_torch(model)(x), wanted)
        torch.testing.assert_close(torch.from_numpy(session.run(None, {"x": x.numpy()})[0]), wanted)


def test_its_gradient_is_right() -> None:
    source = "fn f(x, a) = where(mean(x) > x, a * x / sum(x^2), x * sum(x))\ninput 2x3; linear 3 xavier; f 2; loss mse; "
    model = lampc.compile.text(source + "train precision=f64").model(seed=0)
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(4, 2, 3))), torch.from_numpy(rng.normal(size=(4, 2, 3)))
    weight, bias = (model.parameters[f"linear1.{name}"].detach().clone().requires_grad_() for name in ("weight", "bias"))
    h = x @ weight.T + bias

    def over_sample(v: torch.Tensor) -> torch.Tensor:
        return v.sum((1, 2), keepdim=True)

    out = torch.where(over_sample(h) / 6 > h, 2 * h / over_sample(h**2), h * over_sample(h))
    ((out - y) ** 2).mean().backward()  # type: ignore[no-untyped-call]
    _, found = model.gradients(x, y)
    torch.testing.assert_close(found["linear1.weight"], weight.grad)
    torch.testing.assert_close(found["linear1.bias"], bias.grad)


def test_a_loss_goes_over_everything() -> None:
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(4, 3))), torch.from_numpy(rng.normal(size=(4, 3)))
    model = lampc.compile.text("input 3\nfn rmse(p, y) = sqrt(mean((p - y)^2))\ntanh; loss rmse; train precision=f64").model()
    assert model.loss(x, y) == pytest.approx(float(((x.tanh() - y) ** 2).mean().sqrt()))


@pytest.mark.parametrize("loss", ["fn(p, y) = mean(sum((p - y)^2))", "total = mean(sqrt(sum((p - y)^2)) / 3)"])
def test_no_mean_of_what_was_added_up(loss: str) -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text(f"linear 2->3; loss {loss}")
    assert [found.code for found in caught.value.diagnostics] == ["E304"]


def test_a_number_of_each_sample_is_no_layers_value() -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text("fn f(x) = mean(x)\ninput 4; f")
    assert [found.code for found in caught.value.diagnostics] == ["E404"]
