"""One course of training, whoever asks for it: the same epochs, the same choice, the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from courses import PATHS, python

import lampc.compile
from lampc.runtime.course import Choosing
from lampc.runtime.history import Epoch
from lampc.runtime.runs import train_runs
from lampc.runtime.weights import weights, with_weights

NETWORK = "linear 2->8 xavier; tanh; linear 1 xavier; sigmoid\n"
DROPOUT = "linear 2->8 xavier; tanh; dropout 0.2; linear 1 xavier; sigmoid\n"
DATA = "data disc train=90 test=30 validation=40\nloss bce\nmetrics accuracy auc\n"
PROGRAMS = {
    "patience": NETWORK + DATA + "optimizer adam lr=0.05\ntrain epochs=60 batch=16 shuffle patience=3 seed=2",
    "best": NETWORK + DATA + "optimizer adam lr=0.05\ntrain epochs=12 batch=16 shuffle best=auc",
    "schedule": NETWORK + DATA + "optimizer adam lr=0.05\nschedule cosine warmup=1\ntrain epochs=10 batch=16 shuffle",
    "dropout": DROPOUT + DATA + "optimizer sgd lr=0.5 momentum=0.9\ntrain epochs=10 batch=16 shuffle seed=5",
    "accumulate": NETWORK + DATA + "optimizer adam lr=0.05\ntrain epochs=10 batch=16 shuffle accumulate=2 patience=2",
    "no validation": NETWORK + DATA.replace(" validation=40", "")
    + "optimizer sgd lr=3\ntrain epochs=60 batch=16 shuffle patience=2",
    "op list": DROPOUT + DATA + "optimizer adam lr=0.05\ntrain epochs=40 batch=16 shuffle patience=4 backend=torch",
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_path_takes_the_same_course(name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    program = lampc.compile.text(PROGRAMS[name])
    wanted = python(program, PROGRAMS[name])
    assert PATHS[path](program, PROGRAMS[name]) == wanted
    assert (wanted.best is None) == (name == "no validation")
    if program.experiment.train.patience:
        assert len(wanted.epochs) < program.experiment.train.epochs


def test_what_is_measured_at_the_end_is_what_is_used() -> None:
    program = lampc.compile.text(PROGRAMS["patience"])
    model = program.model()
    history = model.train()
    data, best = program.data(), history.best
    assert best is not None
    assert data.validation is not None
    last = {name: t.clone() for name, t in model.parameters.items()}
    assert best.epoch < len(history)
    with with_weights(model, best.weights):
        assert history.test == model.evaluate(data.test.x, data.test.y)
        assert history.validation == model.evaluate(data.validation.x, data.validation.y)
        assert best.value == history.validation["accuracy"] == max(epoch.validation["accuracy"] for epoch in history)
    assert all(torch.equal(last[name], t) for name, t in model.parameters.items())


def test_the_test_part_is_measured_once_and_never_chooses() -> None:
    """With the same training and validation part, another test part changes nothing but its own figures."""
    text = PROGRAMS["patience"]
    found = [lampc.compile.text(text).model().train(data=_other_test(text, shift)) for shift in (0.0, 5.0)]
    assert found[0].best == found[1].best
    assert [(e.loss, e.validation, e.test) for e in found[0]] == [(e.loss, e.validation, {}) for e in found[1]]
    assert found[0].test != found[1].test


def _other_test(text: str, shift: float) -> Any:
    from dataclasses import replace

    data = lampc.compile.text(text).data()
    return replace(data, test=replace(data.test, x=data.test.x[:] + shift))


def epochs(*measures: tuple[float, float]) -> list[Epoch]:
    return [Epoch(n, 1.0, 0.0, {}, {"accuracy": accuracy, "loss": loss}) for n, (accuracy, loss) in enumerate(measures, 1)]


@pytest.mark.parametrize(
    ("measures", "chosen"),
    [
        ([(0.5, 3.0), (0.7, 2.0), (0.6, 1.0)], 2),
        ([(0.7, 2.0), (0.7, 1.0), (0.7, 3.0)], 2),  # of equals the lower loss
        ([(0.7, 2.0), (0.7, 2.0), (0.6, 2.0)], 2),  # then the later epoch
        ([(float("nan"), 1.0), (0.1, 9.0)], 2),
        ([(0.5, 1.0), (0.5, float("nan"))], 1),
    ],
)
def test_which_epoch_is_chosen(measures: list[tuple[float, float]], chosen: int) -> None:
    choosing = Choosing(lampc.compile.text(PROGRAMS["patience"]), validated=True)
    assert max(epoch.epoch for epoch in epochs(*measures) if choosing.note(epoch)) == chosen


def test_an_answer_of_false_ends_training_and_no_other_does() -> None:
    program = lampc.compile.text(PROGRAMS["schedule"])
    whole = program.model().train()
    for answer in (None, 0, ""):
        assert len(program.model().train(on_epoch=lambda _, a=answer: a)) == 10
    assert len(program.model().train(on_epoch=lambda epoch: np.bool_(epoch.epoch < 4))) == 4
    asked = program.model().train(on_epoch=lambda epoch: epoch.epoch < 4)
    assert asked.ended == "asked"
    assert [e.loss for e in asked] == [e.loss for e in whole][:4]
    several = train_runs(program, [0, 1], on_epoch=lambda run, seed, epoch: epoch.epoch < 4)
    assert [len(history) for history in several] == [4, 4]
    assert [e.loss for e in several[0]] == [e.loss for e in asked]
    assert several[0].test == asked.test


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_what_a_diverged_run_was_until_then_does_not_hang_on_when_it_is_looked_at(backend: str) -> None:
    text = "linear 2->6 xavier; linear 1; loss mse; data disc train=90 test=30\noptimizer sgd lr=1e-3\n"
    program = lampc.compile.text(f"{text}schedule step every=1 gamma=10\ntrain epochs=90 batch=16 backend={backend}")
    found = [train_runs(program, [0, 1], **how) for how in ({}, {"every": 9e9}, {"every": 0.2}, {"measure": 7})]
    told = [[(h.diverged, h.steps, [e.loss for e in h]) for h in histories] for histories in found]
    assert told == [told[0]] * 4
    for diverged, steps, losses in told[0]:
        assert diverged is not None
        assert (len(losses), steps) == (diverged.epoch - 1, 6 * len(losses))
        assert len(losses) > 2


def test_scikit_learn_takes_the_course_of_a_run(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from lampc.sklearn import LampClassifier

    drawn = np.random.default_rng(0)
    x, y = drawn.normal(size=(80, 3)), drawn.integers(0, 3, 80)
    y[x[:, 0] > 0.3] = 1
    rows = [f"{','.join(map(repr, row.tolist()))},{'abc'[label]}" for row, label in zip(x, y, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["p,q,r,kind", *rows]) + "\n")
    estimator = LampClassifier("linear 6 xavier; tanh", epochs=80, batch=16, validation=0.25, patience=4, random_state=3)
    estimator.fit(x, y)
    network, end = estimator.program_.partition("\n")[2], ""
    program = lampc.compile.text(f'{network}{end}\ndata csv "t.csv" split=1 validation=0.25', folder=tmp_path)
    history = program.model().train()
    losses = [epoch.loss for epoch in history]
    assert estimator.loss_curve_ == pytest.approx(losses, rel=1e-12), "means of columns are summed in another order"
    assert len(history) < 80
    assert history.best is not None
    found = weights(estimator.model_)
    for name, tensor in history.best.weights.items():
        np.testing.assert_allclose(found[name].numpy(), tensor.numpy(), rtol=1e-9, atol=1e-12)
