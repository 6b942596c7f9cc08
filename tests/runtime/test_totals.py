"""The loss of many samples is that of one minibatch of them all, whatever the parts and the backend."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile
from lampc.runtime.chunks import CHUNK
from lampc.runtime.steps import Position, steps_of

BACKENDS = ("torch", "native")


def labels(count: int, *choices: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.tensor(choices)[torch.randint(0, len(choices), (count,), generator=generator)]


def randn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


CASES: dict[str, tuple[int | None, list[float] | None, float]] = {
    "crossentropy ignore=-1": (-1, None, 0.0),
    "crossentropy weights=[1, 5, 0.2]": (None, [1.0, 5.0, 0.2], 0.0),
    "crossentropy weights=[1, 5, 0.2] ignore=0": (0, [1.0, 5.0, 0.2], 0.0),
    "crossentropy smoothing=0.1 weights=[1, 2, 3] ignore=0": (0, [1.0, 2.0, 3.0], 0.1),
    "nll weights=[1, 2, 3] ignore=-1": (-1, [1.0, 2.0, 3.0], 0.0),
}


def wanted(z: torch.Tensor, y: torch.Tensor, ignore: int | None, weights: list[float] | None, smoothing: float) -> float:
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    left_out = -100 if ignore is None else ignore
    return F.cross_entropy(z, y, weight, ignore_index=left_out, label_smoothing=smoothing).item()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", CASES)
def test_weights_and_ignored_labels(loss: str, backend: str) -> None:
    """A sum of weighted losses through the sum of the weights, over all; most of the first part is ignored."""
    end = "logsoftmax; " if loss.startswith("nll") else ""
    model = lampc.compile.text(f"input 3; scale; {end}loss {loss}", precision="f64").model(backend=backend)
    z, y = randn(2 * CHUNK, 3), labels(2 * CHUNK, 0, 1, 2)
    ignore = CASES[loss][0]
    if ignore is not None:
        y[: CHUNK - 3] = ignore
    assert model.evaluate(z, y)["loss"] == pytest.approx(wanted(z, y, *CASES[loss]), rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("samples", [1, 7, CHUNK + 1, 2 * CHUNK + 1])
@pytest.mark.parametrize("places", [(), (5,), (2, 3, 4)], ids=str)
def test_labels_of_any_rank(places: tuple[int, ...], samples: int, backend: str) -> None:
    """One label a sample or one for each place, for one sample and for one more than are evaluated at once."""
    shape = "x".join(map(str, (*places, 17)))
    source = f"input {shape}; linear 3 xavier; loss crossentropy weights=[0.2, 1, 3] ignore=2 smoothing=0.1"
    model = lampc.compile.text(source, precision="f64").model(seed=1, backend=backend)
    x, y = randn(samples, *places, 17), labels(samples * math.prod(places), 0, 1, 2).reshape(samples, *places)
    y.view(-1)[0] = 1
    loss = wanted(model(x).reshape(-1, 3), y.flatten(), 2, [0.2, 1.0, 3.0], 0.1)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_outputs(backend: str) -> None:
    """A bce weighs outputs, not samples: its mean is over all numbers."""
    model = lampc.compile.text("input 2; sigmoid; loss bce weights=[1, 5]", precision="f64").model(backend=backend)
    z, y = randn(CHUNK + 9, 2), labels(2 * CHUNK + 18, 0, 1).reshape(-1, 2).double()
    weight = torch.tensor([1.0, 5.0], dtype=torch.float64)
    found = model.evaluate(z, y)["loss"]
    assert found == pytest.approx(F.binary_cross_entropy_with_logits(z, y, weight).item(), rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_loss_of_an_epoch_is_that_of_its_samples_together(backend: str) -> None:
    """Minibatches of which little counts count little; with nothing learnt it is the evaluation's."""
    source = "input 3; linear 3 xavier; loss crossentropy ignore=-1 weights=[1, 2, 3]; optimizer sgd lr=1e-30"
    model = lampc.compile.text(source, batch=4, precision="f64").model(backend=backend)
    x, y = randn(42, 3), labels(42, -1, 0, 1, 2)
    y[:9] = -1
    loss = wanted(model(x), y, -1, [1.0, 2.0, 3.0], 0.0)
    for loader in (lampc.DataLoader((x, y), batch=4), [*lampc.DataLoader((x, y), batch=4)]):
        history = model.train(loader, epochs=2)
        assert [epoch.loss for epoch in history] == pytest.approx([loss, loss], rel=1e-12)


FORMULAS = (
    "sqrt(mean((p - y)^2))",
    "sum((p - y)^2 * y^2) / sum(y^2)",
    "log(sum((p - y)^2))",
    "mean(p^2) * mean(y^2) + sqrt(mean(abs(p)))",
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_of_sums_and_means(formula: str, backend: str) -> None:
    model = lampc.compile.text(f"input 2; scale; loss fn(p, y) = {formula}", precision="f64").model(backend=backend)
    p = randn(2 * CHUNK + 77, 2)
    y = p.flip(0)
    names = {"sqrt": torch.sqrt, "exp": torch.exp, "log": torch.log, "abs": torch.abs, "mean": torch.mean, "sum": torch.sum}
    found = eval(formula.replace("^", "**"), {"p": p, "y": y, **names}).item()
    assert model.evaluate(p, y)["loss"] == pytest.approx(found, rel=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sum_of_losses(backend: str) -> None:
    source = "input 3; scale as h; loss total = 2 * mse(h, x) + sqrt(mae(h, x)) + 0.5 * crossentropy(h, y)"
    model = lampc.compile.text(source, precision="f64").model(backend=backend)
    model.parameters["h.weight"].fill_(0.5)
    x, y = randn(CHUNK + 400, 3), labels(CHUNK + 400, 0, 1, 2)
    h = x / 2
    loss = 2 * F.mse_loss(h, x) + F.l1_loss(h, x).sqrt() + 0.5 * F.cross_entropy(h, y)
    assert model.evaluate(x, y)["loss"] == pytest.approx(loss.item(), rel=1e-12)


def test_a_mean_is_added_up_as_it_is() -> None:
    """Losses that are means need no totals of their own."""
    for loss in ("mse", "fn(p, y) = 2 * mean((p - y)^2) - mean(p) / 3 + 1"):
        assert lampc.compile.text(f"linear 2->2; loss {loss}").totals.formula is None
    assert len(lampc.compile.text("linear 2->2; loss fn(p, y) = sqrt(mean((p - y)^2))").totals.parts) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_in_which_samples_meet_is_that_of_the_programs_minibatches(backend: str) -> None:
    """A variance is no sum over samples: the mean over minibatches, each as often as it has samples."""
    source = "input 1; scale; loss fn(p, y) = mean((p - mean(p))^2) + 0 * mean(y); train batch=30"
    model = lampc.compile.text(source, precision="f64").model(backend=backend)
    x = randn(100, 1)
    loss = sum(part.var(unbiased=False).item() * len(part) for part in x.split(30)) / 100
    assert model.evaluate(x, x)["loss"] == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_perplexity_is_of_the_weighted_loss(backend: str) -> None:
    source = "input 3; scale; loss crossentropy ignore=-1 weights=[1, 4, 2]; metrics perplexity"
    model = lampc.compile.text(source, precision="f64").model(backend=backend)
    y = labels(2 * CHUNK, 0, 1, 2)
    y[:CHUNK] = -1
    found = model.evaluate(randn(2 * CHUNK, 3), y)
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]), rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_epoch_in_parts_comes_to_the_same_bits(backend: str) -> None:
    """Totals are carried from one part of an epoch to the next."""
    program = lampc.compile.text("input 3; linear 3 xavier; loss crossentropy ignore=-1; optimizer sgd", batch=4)
    x, y = randn(42, 3), labels(42, -1, 0, 1, 2)
    found = []
    for minibatches in (1, 3, 11):
        model = program.model(seed=0, backend=backend)
        steps, where = steps_of(model, lampc.DataLoader((x, y), batch=4), watched=False), Position()
        with torch.no_grad():
            while where.done < len(x):
                steps.part(where, minibatches)
        found.append(where.sums)
    assert len(found[0]) == 2
    assert found[0] == found[1] == found[2]
