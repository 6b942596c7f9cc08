"""Every schedule gives the learning rates of torch.optim.lr_scheduler."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch.optim import SGD, lr_scheduler

import lampc
import lampc.compile

STEPS, EPOCHS = 7, 6
TOTAL = STEPS * EPOCHS
LR = 0.3

Schedule = Callable[[SGD], lr_scheduler.LRScheduler]


def warmed(steps: int, make: Callable[[SGD], lr_scheduler.LRScheduler]) -> Schedule:
    """A rise from 1/steps to 1, then another schedule from its beginning."""

    def both(optimizer: SGD) -> lr_scheduler.LRScheduler:
        rise = lr_scheduler.LinearLR(optimizer, 1 / steps, 1.0, steps - 1)
        return lr_scheduler.SequentialLR(optimizer, [rise, make(optimizer)], [steps])

    return both


def onecycle(**options: float) -> Schedule:
    return lambda o: lr_scheduler.OneCycleLR(o, LR, TOTAL, cycle_momentum=False, **options)  # type: ignore[arg-type]


CASES: dict[str, Schedule] = {
    "constant": lambda o: lr_scheduler.ConstantLR(o, 1.0),
    "step": lambda o: lr_scheduler.StepLR(o, 10 * STEPS),
    "step every=2 gamma=0.5": lambda o: lr_scheduler.StepLR(o, 2 * STEPS, 0.5),
    "step every=1 gamma=1.1": lambda o: lr_scheduler.StepLR(o, STEPS, 1.1),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL),
    "cosine floor=0.1": lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, 0.1 * LR),
    "cosine warmup=2 floor=0.1": warmed(2 * STEPS, lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL - 2 * STEPS, 0.1 * LR)),
    "linear": lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, TOTAL),
    "linear end=0.2": lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, TOTAL),
    "linear end=0.2 warmup=1": warmed(STEPS, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, TOTAL - STEPS)),
    "onecycle": onecycle(),
    "onecycle peak=0.5 div=10 final_div=100": onecycle(pct_start=0.5, div_factor=10, final_div_factor=100),
}


def rates_of_torch(make: Schedule) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        rates = []
        for _ in range(TOTAL):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
    return rates


def model_of(schedule: str, backend: str, optimizer: str = f"sgd lr={LR}", layer: str = "") -> lampc.Model:
    source = f"linear 1->1 zeros {layer}; loss fn(p, y) = mean(p * y); optimizer {optimizer}; schedule {schedule}"
    return lampc.compile.text(source, precision="f64", epochs=EPOCHS, batch=1).model(backend=backend)


def loader(steps: int = STEPS) -> lampc.DataLoader:
    return lampc.DataLoader((torch.ones(steps, 1, dtype=torch.float64), torch.ones(steps, 1, dtype=torch.float64)), batch=1)


def rates_of(schedule: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The gradient is 1 at every step, so each moves the bias by the learning rate; a training is cut short at each."""
    model = model_of(schedule, backend)
    places = [0.0]
    for steps in range(1, TOTAL + 1):
        model.reset(0)
        # As many steps as asked for, of a training of TOTAL steps
        monkeypatch.setattr("lampc.runtime.train.wind", lambda *_: None)
        model.storage.set({"steps": TOTAL, "steps_per_epoch": STEPS, "steps_before": 0})
        model.train(loader(steps), epochs=1)
        places.append(-model.parameters["linear1.bias"].item())
    return [after - before for before, after in pairwise(places)]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("schedule", CASES)
def test_rates_are_torchs(schedule: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = rates_of_torch(CASES[schedule])
    assert rates_of(schedule, backend, monkeypatch) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("schedule", CASES)
def test_a_training_goes_over_its_schedule_and_the_next_begins_anew(schedule: str, backend: str) -> None:
    model = model_of(schedule, backend)
    wanted = sum(rates_of_torch(CASES[schedule]))
    for training in (1, 2):
        model.train(loader(), epochs=EPOCHS)
        assert -model.parameters["linear1.bias"].item() == pytest.approx(training * wanted, rel=1e-12)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_layers_own_rates_follow_too(backend: str) -> None:
    model = model_of("cosine", backend, layer="lr=0.6")
    model.train(loader(), epochs=EPOCHS)
    wanted = 2 * sum(rates_of_torch(CASES["cosine"]))
    assert -model.parameters["linear1.bias"].item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop momentum=0.5", "adagrad lr_decay=0.1", "lion"])
def test_both_backends_agree(optimizer: str) -> None:
    found = []
    for backend in ("torch", "native"):
        model = model_of("cosine warmup=1", backend, optimizer)
        model.train(loader(), epochs=EPOCHS)
        found.append(model.parameters["linear1.weight"])
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_the_rate_is_in_the_listing_and_nothing_of_it_where_it_stays() -> None:
    source = "linear 1->1; loss mse; optimizer sgd"
    assert "cos(" in str(lampc.compile.text(f"{source}; schedule cosine").update)
    assert str(lampc.compile.text(f"{source}; schedule constant").update) == str(lampc.compile.text(source).update)


def test_a_loader_without_length_is_refused() -> None:
    with pytest.raises(lampc.LampError, match="E703"):
        model_of("cosine", "torch").train(iter([(torch.ones(1, 1), torch.ones(1, 1))]), epochs=1)


def test_only_training_sets_its_steps() -> None:
    with pytest.raises(lampc.LampError, match="E801"):
        model_of("cosine", "torch").set(steps=5)


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        ("cosin", "E201"),
        ("", "E301"),
        ("cosine floor=-1", "E305"),
        ("step every=0", "E305"),
        ("onecycle peak=1", "E305"),
        ("linear gamma=1", "E303"),
    ],
)
def test_what_makes_no_sense_is_refused(schedule: str, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(f"linear 1->1; loss mse; schedule {schedule}")
    assert [found.code for found in caught.value.diagnostics] == [code]
