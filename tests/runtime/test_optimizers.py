"""Every optimiser takes torch.optim's steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch_optimizers import Lion, Muon

import lampc
import lampc.compile
from lampc.layers.optimizers import OPTIMIZERS

NETWORK = "linear 3->6 xavier; tanh; linear 6->4 xavier; gelu; linear 4->2 xavier; loss mse\n"
STEPS = 20

Make = Callable[[list[Tensor]], "torch.optim.Optimizer | OfAll"]


def lion(parameters: list[Tensor], lr: float, beta1: float, beta2: float, decay: float) -> Lion:
    return Lion(parameters, {"lr": lr, "beta1": beta1, "beta2": beta2, "weight_decay": decay})


CASES: dict[str, tuple[str, Make, float]] = {
    # what the program says: what torch is told, and the greatest norm of a gradient (0: any)
    "plain": ("sgd lr=0.1", lambda p: torch.optim.SGD(p, lr=0.1), 0),
    "default": ("sgd", lambda p: torch.optim.SGD(p, lr=0.01), 0),
    "momentum": ("sgd lr=0.05 momentum=0.9", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9), 0),
    "nesterov": (
        "sgd lr=0.05 momentum=0.9 nesterov",
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        0,
    ),
    "decay": ("sgd lr=0.1 weight_decay=0.03 decay_all", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.03), 0),
    "decay-momentum": (
        "sgd lr=0.05 momentum=0.8 weight_decay=0.03 decay_all",
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.03),
        0,
    ),
    "clip": ("sgd lr=0.2 clip=0.5", lambda p: torch.optim.SGD(p, lr=0.2), 0.5),
    "clip-momentum-decay": (
        "sgd lr=0.1 momentum=0.9 nesterov weight_decay=0.01 clip=0.3 decay_all",
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        0.3,
    ),
    "clip-never-reached": ("sgd lr=0.1 clip=1e6", lambda p: torch.optim.SGD(p, lr=0.1), 1e6),
    "adam": ("adam", lambda p: torch.optim.Adam(p), 0),
    "adam-options": (
        "adam lr=0.01 beta1=0.8 beta2=0.9 eps=1e-4",
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.9), eps=1e-4),
        0,
    ),
    "adam-decay": ("adam lr=0.01 weight_decay=0.1 decay_all", lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1), 0),
    "adam-clip": ("adam lr=0.01 clip=0.2", lambda p: torch.optim.Adam(p, lr=0.01), 0.2),
    "adamw": ("adamw lr=0.01 decay_all", lambda p: torch.optim.AdamW(p, lr=0.01), 0),
    "adamw-decay": (
        "adamw lr=0.01 weight_decay=0.3 decay_all",
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.3),
        0,
    ),
    "adamw-none": ("adamw lr=0.01 weight_decay=0", lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0), 0),
    "adamw-clip": (
        "adamw lr=0.02 weight_decay=0.1 clip=0.2 decay_all",
        lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1),
        0.2,
    ),
    "dampening": (
        "sgd lr=0.05 momentum=0.9 dampening=0.4 weight_decay=0.03 decay_all",
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.4, weight_decay=0.03),
        0,
    ),
    "adam-amsgrad": ("adam lr=0.05 amsgrad", lambda p: torch.optim.Adam(p, lr=0.05, amsgrad=True), 0),
    "adamw-amsgrad": (
        "adamw lr=0.05 weight_decay=0.3 amsgrad decay_all",
        lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.3, amsgrad=True),
        0,
    ),
    "rmsprop": ("rmsprop", lambda p: torch.optim.RMSprop(p), 0),
    "rmsprop-options": (
        "rmsprop lr=0.005 alpha=0.9 eps=1e-4 momentum=0.8 centered weight_decay=0.1 decay_all",
        lambda p: torch.optim.RMSprop(p, lr=0.005, alpha=0.9, eps=1e-4, momentum=0.8, centered=True, weight_decay=0.1),
        0,
    ),
    "rmsprop-clip": ("rmsprop lr=0.001 clip=0.2", lambda p: torch.optim.RMSprop(p, lr=0.001), 0.2),
    "adagrad": ("adagrad", lambda p: torch.optim.Adagrad(p), 0),
    "adagrad-options": (
        "adagrad lr=0.1 lr_decay=0.02 initial=0.1 eps=1e-6 weight_decay=0.1 decay_all",
        lambda p: torch.optim.Adagrad(p, 0.1, lr_decay=0.02, initial_accumulator_value=0.1, eps=1e-6, weight_decay=0.1),
        0,
    ),
    "lion": ("lion lr=0.01", lambda p: lion(p, 0.01, 0.9, 0.99, 0.0), 0),
    "lion-options": ("lion lr=0.02 beta1=0.8 beta2=0.7 weight_decay=0.3 decay_all", lambda p: lion(p, 0.02, 0.8, 0.7, 0.3), 0),
}


def batches(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(11)
    return [
        (torch.randn(8, 3, generator=generator, dtype=dtype), torch.randn(8, 2, generator=generator, dtype=dtype))
        for _ in range(STEPS)
    ]


def predict(p: Mapping[str, Tensor], x: Tensor) -> Tensor:
    x = torch.tanh(F.linear(x, p["linear1.weight"], p["linear1.bias"]))
    x = F.gelu(F.linear(x, p["linear2.weight"], p["linear2.bias"]))
    return F.linear(x, p["linear3.weight"], p["linear3.bias"])


def trained_by_torch(
    begin: Mapping[str, Tensor], make: Make, clip: float, data: list[tuple[Tensor, Tensor]]
) -> dict[str, Tensor]:
    parameters = {name: p.detach().clone().requires_grad_() for name, p in begin.items()}
    optimizer = make(list(parameters.values()))
    for x, y in data:
        optimizer.zero_grad()
        F.mse_loss(predict(parameters, x), y).backward()  # type: ignore[no-untyped-call]
        if clip:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip)
        optimizer.step()
    return {name: p.detach() for name, p in parameters.items()}


@pytest.mark.parametrize(("precision", "backend", "tolerance"), [("f64", "torch", 1e-12), ("f64", "native", 1e-12),
                                                                 ("f32", "torch", 1e-5)])  # fmt: skip
@pytest.mark.parametrize("case", CASES)
def test_steps_are_torchs(case: str, precision: str, backend: str, tolerance: float) -> None:
    written, make, clip = CASES[case]
    model = lampc.compile.text(f"{NETWORK} optimizer {written}", precision=precision).model(seed=3, backend=backend)
    data = batches(model.parameters["linear1.weight"].dtype)
    wanted = trained_by_torch(model.parameters, make, clip, data)
    history = model.train(data, epochs=1)
    assert history.steps == STEPS
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, wanted[name], rtol=tolerance, atol=tolerance)


class OfAll:
    """Several optimisers, each of some of the parameters, as one."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self.parts:
            part.step()


def muon(parameters: list[Tensor], nesterov: bool, decay: float) -> OfAll:
    """Matrices by orthogonalised momentum, all else by AdamW."""
    numbers = {"lr": 0.03, "momentum": 0.95, "nesterov": nesterov, "weight_decay": decay}
    others = torch.optim.AdamW([p for p in parameters if p.dim() != 2], lr=1e-3, weight_decay=0.0)
    return OfAll(Muon([p for p in parameters if p.dim() == 2], numbers), others)


@pytest.mark.parametrize(("options", "nesterov", "decay"), [("", True, 0.0), ("nesterov=off weight_decay=0.1", False, 0.1)])
def test_muon_is_its_formula(options: str, nesterov: bool, decay: float) -> None:
    model = lampc.compile.text(f"{NETWORK} optimizer muon lr=0.03 {options}", precision="f64").model(seed=3)
    data = batches(torch.float64)
    wanted = trained_by_torch(model.parameters, lambda p: muon(p, nesterov, decay), 0, data)
    model.train(data, epochs=1)
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, wanted[name], rtol=1e-9, atol=1e-11)


def test_muon_moves_what_is_no_matrix_at_a_rate_of_its_own() -> None:
    steps = "linear 3->4 xavier bias=ones; linear 2 xavier bias=ones lr=0.2; loss mse; optimizer muon lr=0 lr_vectors=0.1"
    model = lampc.compile.text(f"{steps} weight_decay=0.5 decay_all", precision="f64").model(seed=3)
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model.train([(x, model(x))], epochs=1)  # of no gradient, so that weights do nothing but decay
    torch.testing.assert_close(model.parameters["linear1.bias"], torch.full((4,), 0.95, dtype=torch.float64))
    torch.testing.assert_close(model.parameters["linear2.bias"], torch.full((2,), 0.9, dtype=torch.float64))


def test_clipping_bounds_the_first_step() -> None:
    model = lampc.compile.text(f"{NETWORK} optimizer sgd lr=1 clip=0.01", precision="f64").model(seed=3)
    before = {name: p.clone() for name, p in model.parameters.items()}
    model.train(batches(torch.float64)[:1], epochs=1)
    moved = sum(float((p - before[name]).square().sum()) for name, p in model.parameters.items())
    assert moved**0.5 == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_learning_rate_of_nothing_moves_nothing(name: str) -> None:
    still = "lr=0 lr_vectors=0" if name == "muon" else "lr=0"
    model = lampc.compile.text(f"{NETWORK} optimizer {name} {still}", precision="f64").model(seed=3)
    before = {name: p.clone() for name, p in model.parameters.items()}
    model.train(batches(torch.float64), epochs=1)
    assert all(torch.equal(p, before[name]) for name, p in model.parameters.items())


def test_settings_change_between_steps_without_recompiling() -> None:
    data = batches(torch.float64)
    model = lampc.compile.text(f"{NETWORK} optimizer sgd lr=0.1 momentum=0.9", precision="f64").model(seed=3)
    parameters = {name: p.detach().clone().requires_grad_() for name, p in model.parameters.items()}
    optimizer = torch.optim.SGD(list(parameters.values()), lr=0.1, momentum=0.9)
    for number, (x, y) in enumerate(data):
        lr = 0.1 / (1 + number)
        model.set(lr=lr)
        optimizer.param_groups[0]["lr"] = lr
        model.train([(x, y)], epochs=1)
        optimizer.zero_grad()
        F.mse_loss(predict(parameters, x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, parameters[name].detach(), rtol=1e-12, atol=1e-12)


def test_a_setting_that_is_none_is_refused() -> None:
    model = lampc.compile.text(f"{NETWORK} optimizer sgd").model()
    with pytest.raises(lampc.LampError, match="momentun"):
        model.set(momentun=0.9)


def test_the_optimisers_state_goes_on_over_calls_and_begins_anew_on_reset() -> None:
    data: Any = batches(torch.float64)
    program = lampc.compile.text(f"{NETWORK} optimizer adam lr=0.01", precision="f64")
    once, twice = program.model(seed=3), program.model(seed=3)
    once.train(data, epochs=2)
    twice.train(data, epochs=1)
    twice.train(data, epochs=1)
    assert all(torch.equal(p, twice.parameters[name]) for name, p in once.parameters.items())
    twice.reset(3)
    twice.train(data, epochs=2)
    assert all(torch.equal(p, twice.parameters[name]) for name, p in once.parameters.items())
