"""Dropout: in training a random mask, in use nothing."""

from __future__ import annotations

import pytest
import torch

import lampc
import lampc.compile

ONES = "input 1000; dropout {rate}; linear 1000->1 ones; loss mse; optimizer sgd lr=0"


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_each_number_is_dropped_or_scaled_up(rate: float) -> None:
    model = lampc.compile.text("input 1000; dropout " + str(rate)).model(seed=3)
    out = model.forward(torch.ones(50, 1000))
    kept = torch.tensor(1 / (1 - rate))
    assert ((out == 0) | ((out - kept).abs() < 1e-5)).all()
    # 50,000 draws: four standard deviations of the share
    assert float((out == 0).float().mean()) == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 50_000) ** 0.5)
    rows = (out == 0).float().mean(1)
    assert float(rows.std()) == pytest.approx((rate * (1 - rate) / 1000) ** 0.5, rel=0.5)


def test_masks_differ_from_step_to_step_and_sample_to_sample() -> None:
    model = lampc.compile.text("input 50; dropout 0.5").model(seed=3)
    x = torch.ones(4, 50)
    first, second = model.forward(x), model.forward(x)
    assert not torch.equal(first, second)
    assert len({tuple(row.tolist()) for row in first}) == 4


def test_two_dropouts_draw_two_masks() -> None:
    """They are equal ops of one operand, and yet no common subexpression."""
    model = lampc.compile.text("input 50; concat { dropout 0.5 | dropout 0.5 }").model(seed=3)
    left, right = model.forward(torch.ones(4, 50)).split(50, dim=1)
    assert not torch.equal(left, right)


def test_the_gradient_passes_where_the_number_did() -> None:
    model = lampc.compile.text("input 20; linear 20->20 xavier; dropout 0.5; loss fn(p, y) = sum(p * y)",
                               precision="f64").model(seed=3)  # fmt: skip
    x, y = torch.ones(1, 20), torch.ones(1, 20)
    number = model.random.number
    mask = (model.forward(x) != 0).double() * 2
    model.random.number = number
    _, gradients = model.gradients(x, y)
    torch.testing.assert_close(gradients["linear1.bias"], mask[0])
    torch.testing.assert_close(gradients["linear1.weight"], mask.t() @ x.double())


def test_prediction_and_evaluation_are_without() -> None:
    model = lampc.compile.text(ONES.format(rate=0.5)).model(seed=3)
    x, y = torch.ones(4, 1000), torch.full((4, 1), 1000.0)
    assert torch.equal(model(x), y)
    assert model.evaluate(x, y)["loss"] == 0
    assert not torch.equal(model.forward(x), y)
    assert float(model.loss(x, y)) > 0


def test_prediction_does_not_move_the_generator() -> None:
    program = lampc.compile.text(ONES.format(rate=0.5))
    one, other = program.model(seed=3), program.model(seed=3)
    x = torch.ones(4, 1000)
    other(x)
    other.evaluate(x, torch.ones(4, 1))
    assert torch.equal(one.forward(x), other.forward(x))


def test_a_rate_of_nothing_is_no_dropout() -> None:
    program = lampc.compile.text(ONES.format(rate=0))
    assert not any(i.op.name == "dropout" for i in program.forward)
    assert torch.equal(program.model().forward(torch.ones(2, 1000)), torch.full((2, 1), 1000.0))


@pytest.mark.parametrize("rate", ["1", "-0.1", "1.5"])
def test_a_rate_lies_below_one(rate: str) -> None:
    with pytest.raises(lampc.LampError):
        lampc.compile.text(ONES.format(rate=rate))


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_the_rate_changes_without_recompiling(backend: str) -> None:
    source = "input 12; linear 12->9 xavier; dropout {rate}; linear 9->1 xavier; loss mse; optimizer sgd lr=0.1"
    x, y = torch.rand(40, 12), torch.rand(40, 1)
    changed, written = (lampc.compile.text(source.format(rate=rate)).model(seed=3, backend=backend) for rate in (0.5, 0.2))
    loader = lampc.DataLoader((x, y), batch=10)
    changed.train(loader, epochs=1)
    changed.reset(3)
    changed.set(**{"dropout1.rate": 0.2})
    changed.train(loader, epochs=3)
    written.train(loader, epochs=3)
    assert all(torch.equal(p, written.parameters[name]) for name, p in changed.parameters.items())


def test_programs_that_differ_in_rates_and_the_optimisers_numbers_are_one_machine_code() -> None:
    source = "linear 12->9 xavier; dropout {}; linear 9->1 xavier; loss mse; optimizer sgd lr={} momentum={}"
    programs = [lampc.compile.text(source.format(*numbers)) for numbers in ((0.5, 0.1, 0.9), (0.2, 0.3, 0.5))]
    one, other = (program.native.module("loss").text for program in programs)
    assert one == other


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan"), "a half"])
def test_a_rate_that_is_none_is_refused_and_changes_nothing(rate: object) -> None:
    model = lampc.compile.text(ONES.format(rate=0.5)).model()
    with pytest.raises(lampc.LampError, match=r"dropout1\.rate"):
        model.set(lr=0.5, **{"dropout1.rate": rate})  # type: ignore[arg-type]
    assert float(model.storage.settings["lr"]) == 0
