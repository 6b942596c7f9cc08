"""Samples of several rows: what is summed, averaged or repeated along one axis stands where the next kernel reads it."""

from __future__ import annotations

import pytest
import torch

import lampc.compile
from lampc.runtime.model import Model

WIDTHS = [1, 2, 3, 4, 8, 15, 16, 17, 32, 33, 48, 64]
"""Around the vectors of float32 and float64: rows of these many results are padded, or not."""


def native(text: str) -> Model:
    return lampc.compile.text(text).model(seed=0, backend="native")


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("rows", WIDTHS)
def test_means_of_the_last_axis(rows: int, precision: str) -> None:
    model = native(f"input {rows}x2\nmean 2\ntrain precision={precision}")
    x = torch.arange(3.0 * rows * 2, dtype=model.storage.dtype).reshape(3, rows, 2)
    assert model.backend.name == "native"
    torch.testing.assert_close(model(x), x.mean(2))


@pytest.mark.parametrize(("shape", "axis"), [("2x3x5", 3), ("2x5x3x7", 4), ("3x17", 2), ("17x1", 2), ("1x5", 2)])
def test_samples_of_more_axes(shape: str, axis: int) -> None:
    model = native(f"input {shape}\nmean {axis}")
    x = torch.rand(4, *map(int, shape.split("x")), generator=torch.Generator().manual_seed(0))
    assert model.backend.name == "native"
    torch.testing.assert_close(model(x), x.mean(axis))


@pytest.mark.parametrize("loss", ["loss kl", "loss crossentropy soft"])
@pytest.mark.parametrize("rows", [1, 3, 17])
def test_losses_of_sequences(loss: str, rows: int) -> None:
    """Each sample has several rows, and each row a loss of its own: the value, and a step of training."""
    text = f"input {rows}x2; scale; {'logsoftmax; ' if 'kl' in loss else ''}{loss}\noptimizer sgd lr=0.1\ntrain precision=f64"
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, rows, 2, generator=generator, dtype=torch.float64)
    y = torch.randn(6, rows, 2, generator=generator, dtype=torch.float64).softmax(-1)
    found = []
    for backend in ("native", "torch"):
        model = lampc.compile.text(text).model(seed=0, backend=backend)
        before = model.evaluate(x, y)["loss"]
        model.train([(x, y)], epochs=2)
        found.append((before, model.evaluate(x, y)["loss"]))
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    log_p, entropy = x.log_softmax(-1), (y * y.log()).sum(-1).mean()
    assert found[0][0] == pytest.approx(float((entropy if "kl" in loss else 0.0) - (y * log_p).sum(-1).mean()), rel=1e-12)


@pytest.mark.parametrize("rows", WIDTHS)
def test_gradients_of_means(rows: int) -> None:
    """The gradient is repeated along the axis that the mean took."""
    text = f"input {rows}x3; linear 5 xavier; tanh; mean 2; linear 2 xavier; loss mse\noptimizer sgd\ntrain precision=f64"
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(7, *shape, generator=generator, dtype=torch.float64) for shape in ((rows, 3), (2,)))
    models = [lampc.compile.text(text).model(seed=0, backend=backend) for backend in ("native", "torch")]
    for model in models:
        model.train([(x, y)], epochs=2)
    assert models[0].backend.name == "native"
    for name, tensor in models[0].parameters.items():
        torch.testing.assert_close(tensor, models[1].parameters[name], rtol=1e-12, atol=1e-12)
