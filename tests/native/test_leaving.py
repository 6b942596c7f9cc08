"""Machine code leaves a step in its midst when somebody asks, in all its threads, and nothing of that step is kept."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Timer

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.native import stop
from lampc.native.stop import Abandoned
from lampc.runtime.model import Model

LARGE = "linear 2->256 xavier; tanh; repeat 4 { linear 256 xavier; tanh }; linear 1\n" \
    "data disc train=600 test=10\nloss mse\noptimizer adam lr=0.001\ntrain epochs=2 batch=300 shuffle"  # fmt: skip


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    stop.forget()


def trained(threads: int) -> Model:
    model = lampc.compile.text(LARGE).model()
    model.share(threads)
    model.train(watch=False)
    return model


@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_is_left_and_the_parameters_are_as_before(threads: int) -> None:
    model = lampc.compile.text(LARGE).model()
    model.share(threads)
    before = {name: tensor.clone() for name, tensor in model.parameters.items()}
    stop.ask()
    with pytest.raises(Abandoned):
        model.train(watch=False)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.parameters.items())
    stop.forget()
    model.reset(0)
    model.train(watch=False)
    mine = trained(1)
    assert all(torch.equal(mine.parameters[name], tensor) for name, tensor in model.parameters.items())


@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_asked_for_while_threads_are_at_work(threads: int) -> None:
    model = lampc.compile.text(LARGE, epochs=1_000_000).model()
    model.share(threads)
    timer = Timer(0.5, stop.ask)
    timer.start()
    with pytest.raises(Abandoned):
        model.train(watch=False)
    timer.join()


def test_predictions_are_left_too() -> None:
    model = lampc.compile.text("linear 2->8; tanh; linear 1").model()
    stop.ask()
    with pytest.raises(KeyboardInterrupt):
        model(np.zeros((5, 2)))
