"""Training: reproducible from its seed, measured, and stopped where the loss is no longer a number."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import lampc
import lampc.compile
from lampc.runtime.history import Epoch, History
from lampc.runtime.runs import summary, train_runs

DISC = """
linear 2->8 xavier; tanh; dropout 0.1
linear 8->1 xavier; sigmoid
data disc train=60 test=40
loss mse
optimizer sgd lr=0.5 momentum=0.9
metrics accuracy mae
train epochs=3 batch=25 shuffle
"""


def disc(**settings: Any) -> lampc.compile.Program:
    return lampc.compile.text(DISC, **settings)


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    def trained(seed: int) -> list[torch.Tensor]:
        model = disc().model(seed=seed)
        model.train()
        return list(model.parameters.values())

    first, again, other = trained(4), trained(4), trained(5)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_torchs_own_generator_is_neither_read_nor_moved() -> None:
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        model = disc().model(seed=4)
        model.train()
        results.append(list(model.parameters.values()))
        assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_seed_of_the_file_is_the_default() -> None:
    model = disc(seed=9).model()
    assert model.seed == 9
    assert all(torch.equal(p, disc().model(seed=9).parameters[name]) for name, p in model.parameters.items())


def test_reset_begins_anew() -> None:
    model = disc().model(seed=4)
    model.train()
    first = [p.clone() for p in model.parameters.values()]
    model.reset(4)
    model.train()
    assert all(torch.equal(a, b) for a, b in zip(first, model.parameters.values(), strict=True))


def test_runs_are_the_runs_of_their_seeds_alone() -> None:
    told = []
    histories = train_runs(disc(), [7, 8, 7], on_epoch=lambda run, seed, epoch: told.append((run, seed, epoch.epoch)))
    assert sorted(told) == [(run, seed, epoch) for run, seed in enumerate([7, 8, 7]) for epoch in (1, 2, 3)]
    alone = disc().model(seed=8).train()
    assert [e.loss for e in histories[1]] == [e.loss for e in alone]
    assert histories[1].test == alone.test
    assert [e.loss for e in histories[0]] == [e.loss for e in histories[2]]
    found = summary([history.test for history in histories])
    values = [history.test["loss"] for history in histories]
    assert found["loss"]["values"] == values
    assert found["loss"]["mean"] == pytest.approx(sum(values) / 3)
    assert found["loss"]["std"] == pytest.approx(float(torch.tensor(values, dtype=torch.float64).std()))


def test_what_a_history_holds() -> None:
    told: list[Epoch] = []
    model = disc().model(seed=1)
    history = model.train(on_epoch=told.append)
    assert isinstance(history, History)
    assert history.seed == 1
    assert history.epochs == told == list(history)
    assert [epoch.epoch for epoch in history] == [1, 2, 3]
    assert history.steps == 9  # 25 + 25 + 10 samples, three times
    assert history.seconds == pytest.approx(sum(epoch.seconds for epoch in history))
    assert history.us_per_step == pytest.approx(1e6 * history.seconds / 9)
    assert all(math.isfinite(epoch.loss) and epoch.seconds >= 0 for epoch in history)
    assert all(set(epoch.test) == {"loss", "accuracy", "mae"} for epoch in history)
    assert history.test == history[-1].test
    data = model.program.data(1)
    assert history.train == model.evaluate(data.train.x, data.train.y)
    assert history.test == model.evaluate(data.test.x, data.test.y)


def test_an_epochs_loss_is_the_mean_over_its_samples() -> None:
    program = lampc.compile.text("linear 1->1 zeros; loss mse; optimizer sgd lr=0", precision="f64")
    y = torch.arange(7.0).reshape(7, 1)
    history = program.model().train(lampc.DataLoader((torch.zeros(7, 1), y), batch=3), epochs=1)
    assert history[0].loss == pytest.approx(float(y.square().mean()))


def test_without_evaluation_only_the_end_is_measured() -> None:
    history = disc().model().train(evaluate=False)
    assert [bool(epoch.test) for epoch in history] == [False, False, True]


def test_on_a_loader_of_ones_own_there_is_nothing_held_out() -> None:
    model = lampc.compile.text("linear 2->1; loss mse; optimizer sgd lr=0.01").model()
    history = model.train([(torch.ones(3, 2), torch.ones(3, 1))], epochs=2)
    assert (history.train, history.test) == ({}, {})
    assert history.steps == 2


def test_training_continues_where_the_parameters_are() -> None:
    pairs = [(torch.ones(3, 2), torch.ones(3, 1))] * 3
    program = lampc.compile.text("linear 2->1; loss mse; optimizer sgd lr=0.01 momentum=0.9")
    once, twice = program.model(seed=0), program.model(seed=0)
    once.train(pairs, epochs=4)
    twice.train(pairs, epochs=2)
    twice.train(pairs, epochs=2)
    assert all(torch.equal(p, twice.parameters[name]) for name, p in once.parameters.items())


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epochs_are_nothing_to_train(epochs: int) -> None:
    with pytest.raises(lampc.LampError) as caught:
        disc().model().train(epochs=epochs)
    assert caught.value.diagnostics[0].code == "E703"


def test_a_history_plots_its_curves() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    assert matplotlib
    model = disc().model(seed=1)
    figure = model.train().plot()
    loss, metrics = figure.axes
    assert [line.get_label() for line in loss.lines] == ["train", "test"]
    assert [line.get_label() for line in metrics.lines] == ["test accuracy", "test mae"]
    assert list(loss.lines[0].get_xdata()) == [1, 2, 3]


@pytest.mark.parametrize("evaluate", [True, False])
def test_a_history_plots_without_metrics_and_without_evaluation(evaluate: bool) -> None:
    pytest.importorskip("matplotlib")
    program = lampc.compile.text("linear 2->1; loss mse; optimizer sgd lr=0.01")
    history = program.model().train([(torch.ones(3, 2), torch.ones(3, 1))], epochs=2)
    assert len(history.plot().axes) == 1
    assert disc().model().train(evaluate=evaluate, epochs=2).plot().axes
    assert History(seed=0).plot().axes


class TestTheLossIsNoLongerANumber:
    @staticmethod
    def error(source: str, x: torch.Tensor, y: torch.Tensor, steps: int = 40) -> lampc.Diagnostic:
        model = lampc.compile.text(source).model(seed=0)
        with pytest.raises(lampc.LampError) as caught:
            model.train([(x, y)] * steps, epochs=2)
        diagnostic = caught.value.diagnostics[0]
        assert diagnostic.code == "E701"
        assert diagnostic.fixes
        return diagnostic

    def test_from_a_huge_learning_rate(self) -> None:
        source = "linear 2->4; tanh; linear 4->1; loss mse; optimizer sgd lr=1e30"
        message = self.error(source, torch.ones(3, 2), torch.ones(3, 1)).message
        assert "epoch 1, step" in message
        assert any(name in message for name in ("linear1.", "linear2.", "`affine`", "`square`", "`sub`", "`mean`"))

    def test_names_the_op_that_overflowed_and_its_place(self) -> None:
        source = "fn burst(x) = exp(1000 * x); linear 2->1 ones; burst; loss mse"
        found = self.error(source, torch.ones(3, 2), torch.ones(3, 1))
        assert "`exp` of burst1" in found.message
        assert "step 1" in found.message
        assert found.labels[0].span.text == "burst"

    def test_names_the_parameter_that_an_update_spoilt(self) -> None:
        source = "linear 1->1 ones; loss fn(p, y) = mean(p * y) * 1e30; optimizer sgd lr=1e30"
        found = self.error(source, torch.full((3, 1), 1e3), torch.ones(3, 1))
        assert "`linear1." in found.message
        assert "update" in found.message

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_names_the_data(self, bad: float) -> None:
        source = "linear 2->1; loss mse"
        x, y = torch.ones(3, 2), torch.ones(3, 1)
        x[1, 0] = bad
        assert "`x`" in self.error(source, x, y).message
        y[1, 0] = bad
        assert "`y`" in self.error(source, torch.ones(3, 2), y).message

    def test_parameters_stay_as_they_were_before_the_step(self) -> None:
        program = lampc.compile.text("fn burst(x) = exp(1000 * x); linear 2->1 ones; burst; loss mse")
        model = program.model()
        before = {name: p.clone() for name, p in model.parameters.items()}
        with pytest.raises(lampc.LampError):
            model.train([(torch.ones(3, 2), torch.ones(3, 1))], epochs=1)
        assert all(torch.equal(p, before[name]) for name, p in model.parameters.items())


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_xor_is_learnt(precision: str, models: Path) -> None:
    program = lampc.compile.file(models / "xor.lamp", precision=precision)
    assert program.model(seed=1).train().train["accuracy"] == 1.0
