"""Who asks is told how far a long epoch is, and may leave in its midst; it changes no bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
import lampc.runtime.train as loop
from lampc.runtime.history import Epoch, Part
from lampc.runtime.runs import train_runs

TEXT = """linear 2->8 xavier; tanh; dropout 0.1; linear 1 xavier; sigmoid
data disc train=400 test=40
loss mse
train epochs=3 batch=10 shuffle
"""


@pytest.fixture(autouse=True)
def short_spells(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch is gone through in pieces, as one is that takes minutes."""
    monkeypatch.setattr(loop, "_SPELL", 0.0)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_parts_go_through_an_epoch_and_change_no_bit(backend: str) -> None:
    program = lampc.compile.text(TEXT, backend=backend)
    told: list[Part | Epoch] = []
    model, alone = program.model(), program.model()
    history = model.train(on_part=told.append, on_epoch=told.append)
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in alone.train()]
    assert all(torch.equal(p, alone.parameters[name]) for name, p in model.parameters.items())
    first = told[: told.index(history[0])]
    assert len(first) > 5
    done = [part.done for part in first if isinstance(part, Part)]
    assert done == sorted({*done}) and done[0] == 10 and done[-1] < 400
    assert {(part.epoch, part.samples) for part in first if isinstance(part, Part)} == {(1, 400)}
    assert str(first[0]) == f"epoch 1, 10 of 400 samples: loss {first[0].loss:.4g}"


def test_a_parts_loss_is_the_mean_of_its_samples() -> None:
    program = lampc.compile.text("linear 1->1 zeros; loss mse; optimizer sgd lr=0", precision="f64")
    y = torch.arange(70.0).reshape(70, 1)
    told: list[Part] = []
    program.model().train(lampc.DataLoader((torch.zeros(70, 1), y), batch=7, shuffle=False), epochs=1, on_part=told.append)
    assert told
    assert [part.loss for part in told] == pytest.approx([float(y[: part.done].square().mean()) for part in told])


@pytest.mark.parametrize("raised", [KeyboardInterrupt, StopIteration, ValueError])
@pytest.mark.parametrize("where", ["on_part", "on_epoch"])
def test_who_leaves_by_an_exception_keeps_what_has_been_trained(where: str, raised: type[BaseException]) -> None:
    program = lampc.compile.text(TEXT)

    def leave(told: Any) -> None:
        if told.epoch == 2:
            raise raised

    model, other = program.model(), program.model()
    begun = {name: p.clone() for name, p in model.parameters.items()}
    with pytest.raises(raised):
        model.train(**{where: leave})
    other.train(epochs=1 if where == "on_part" else 2, on_epoch=lambda _: None)
    there = {name: p.clone() for name, p in model.parameters.items()}
    assert not any(torch.equal(p, begun[name]) for name, p in there.items())
    if where == "on_epoch":  # two whole epochs
        assert all(torch.equal(p, other.parameters[name]) for name, p in there.items())
    assert np.isfinite(model.train(epochs=1)[0].loss)  # and it goes on from there
    assert not any(torch.equal(p, there[name]) for name, p in model.parameters.items())


def test_several_seeds_are_told_of_by_their_numbers() -> None:
    told: list[tuple[int, Part]] = []
    train_runs(lampc.compile.text(TEXT), [5, 6], on_part=lambda run, part: told.append((run, part)))
    assert {run for run, _ in told} == {0, 1}
    assert {part.epoch for _, part in told} == {1, 2, 3}
