"""Accumulation: updates of several minibatches' gradients, what is left at the end of an epoch, and the schedule's count."""

from __future__ import annotations

import itertools
import math
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile
from lampc.layers.optimizers import OPTIMIZERS
from lampc.layers.schedules import SCHEDULES

NETWORK = "input 3; linear 4 xavier; tanh; linear 1 xavier; loss mse"
BACKENDS = ("torch", "native")


def data(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(samples, 3, generator=generator, dtype=torch.float64)
    return x, x.sum(1, keepdim=True).sin()


def train(source: str, samples: int, backend: str, batch: int = 2, epochs: int = 3, **settings: object) -> lampc.Model:
    program = lampc.compile.text(source, batch=batch, precision="f64", **settings)
    model = program.model(seed=1, backend=backend)
    model.train(lampc.DataLoader(data(samples), batch=batch), epochs=epochs)
    return model


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("samples", "accumulate"), [(12, 3), (10, 3), (11, 4), (7, 9)], ids=["even", "left", "odd", "beyond"])
def test_training_is_a_loop_written_by_hand(backend: str, samples: int, accumulate: int) -> None:
    """The last group of an epoch is smaller; the schedule counts updates."""
    epochs, batch = 3, 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        source = f"{NETWORK}; optimizer adam lr=0.1; schedule cosine"
        model = train(source, samples, backend, batch, epochs, accumulate=accumulate)
    weights = lampc.compile.text(NETWORK, precision="f64").model(seed=1).parameters
    first, first_bias, second, second_bias = (weight.clone().requires_grad_() for weight in weights.values())
    optimizer = torch.optim.Adam([first, first_bias, second, second_bias], lr=0.1)
    x, y = data(samples)
    minibatches = list(zip(x.split(batch), y.split(batch), strict=True))
    updates = epochs * math.ceil(len(minibatches) / accumulate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / updates)) / 2)
    for _ in range(epochs):
        for begin in range(0, len(minibatches), accumulate):
            group = minibatches[begin : begin + accumulate]
            optimizer.zero_grad()
            for inputs, targets in group:
                p = F.linear(torch.tanh(F.linear(inputs, first, first_bias)), second, second_bias)
                (F.mse_loss(p, targets) / len(group)).backward()
            optimizer.step()
            schedule.step()
    for found, wanted in zip(model.parameters.values(), (first, first_bias, second, second_bias), strict=True):
        torch.testing.assert_close(found, wanted.detach(), rtol=1e-12, atol=1e-12)
    assert model.storage.states["t"].item() == updates


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_moves_before_an_update_is_due(backend: str) -> None:
    program = lampc.compile.text(f"{NETWORK}; optimizer adam lr=0.1", accumulate=4, batch=2, precision="f64")
    model = program.model(seed=0, backend=backend)
    before = [p.clone() for p in model.parameters.values()]
    seen = []

    class Watched(lampc.DataLoader):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for pair in super().__iter__():
                seen.append([not torch.equal(p, q) for p, q in zip(model.parameters.values(), before, strict=True)])
                yield pair

    model.train([*Watched(data(12), batch=2)], epochs=1)
    seen.clear()
    before[:] = [p.clone() for p in model.parameters.values()]

    class Pairs:
        def __len__(self) -> int:
            return 6

        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter(Watched(data(12), batch=2))

    model.train(Pairs(), epochs=1)
    assert [all(moved) for moved in seen] == [False, False, False, False, True, True]
    assert [any(moved) for moved in seen[:4]] == [False] * 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_an_interrupted_training_had_gathered_is_dropped(backend: str) -> None:
    """Training anew from the same parameters is the same, whatever had been gathered before."""
    program = lampc.compile.text(f"{NETWORK}; optimizer sgd lr=0.1", accumulate=3, batch=2, precision="f64")
    wanted = train(f"{NETWORK}; optimizer sgd lr=0.1", 12, backend, accumulate=3)
    model = program.model(seed=1, backend=backend)
    for name in ("gradient", "gathered", "passed"):
        model.storage.states[name].fill_(2.0)
    model.train(lampc.DataLoader(data(12), batch=2), epochs=3)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters.values(), wanted.parameters.values(), strict=True))


def test_more_than_there_are_is_said() -> None:
    with pytest.warns(RuntimeWarning, match="accumulate=9, and an epoch of the loader has 4 minibatches"):
        train(f"{NETWORK}; optimizer sgd", 8, "torch", accumulate=9)


def test_a_loader_without_a_length_is_refused() -> None:
    model = lampc.compile.text(f"{NETWORK}; optimizer sgd", accumulate=2).model()
    with pytest.raises(lampc.LampError, match=r"E703.*accumulate needs the number of minibatches"):
        model.train(iter([data(4)]), epochs=1)


def test_the_case_of_a_schedule_under_accumulation(tmp_path: Path) -> None:
    source = (
        "linear 2->1 xavier; sigmoid; data xor; loss bce; optimizer sgd; schedule cosine; train epochs=2 batch=2 accumulate=2"
    )
    for backend in BACKENDS:
        model = lampc.compile.text(source, folder=tmp_path).model(backend=backend)
        model.train()
        assert model.storage.states["t"].item() == 2


_OPTIONS = [*itertools.product((1, 2), ("", "clip=0.5"), ("", "freeze", "lr=0.01"), (False, True))]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_options_that_are_fine_alone_are_fine_together(optimizer: str, schedule: str) -> None:
    """Each optimiser and schedule meets all pairs of the other options in turn; the backends agree after some steps."""
    place = list(OPTIMIZERS).index(optimizer) * len(SCHEDULES) + list(SCHEDULES).index(schedule)
    for accumulate, clip, layer, recompute in (_OPTIONS[(7 * place + step) % len(_OPTIONS)] for step in (0, 11)):
        source = (f"input 3; linear 4 xavier {layer}; tanh; linear 1 xavier; loss mse; optimizer {optimizer} lr=0.01 {clip}; "
                  f"schedule {schedule}; train recompute={'on' if recompute else 'off'}")  # fmt: skip
        ends = [train(source, 9, backend, epochs=1, accumulate=accumulate).parameters for backend in ("torch", "auto")]
        for name, found in ends[0].items():
            torch.testing.assert_close(found, ends[1][name], rtol=1e-9, atol=1e-11)
            assert found.isfinite().all()
