"""Every optimiser offered, on the cases of torch's own test database of optimisers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.testing._internal.common_optimizers import optim_db

import lampc
import lampc.compile
from lampc.layers.optimizers import OPTIMIZERS

STEPS = 10
NETWORK = "linear 3->5 xavier; tanh; linear 2 xavier; loss "
NAMES = {"SGD": "sgd", "Adam": "adam", "AdamW": "adamw", "RMSprop": "rmsprop", "Adagrad": "adagrad"}
"""Torch's names of what is offered; lion is not in torch, and its muon is in bfloat16."""

RENAMED = {"initial_accumulator_value": "initial"}
NOT_IN_THE_LANGUAGE = {
    "foreach": "how torch runs it, not what it computes",
    "fused": "how torch runs it, not what it computes",
    "capturable": "how torch runs it, not what it computes",
    "differentiable": "no gradients of an update",
}


@dataclass(frozen=True)
class Case:
    optimizer: type[torch.optim.Optimizer]
    kwargs: Mapping[str, Any]
    desc: str
    error: str = ""
    """What torch says of it, if it refuses it."""

    def __str__(self) -> str:
        return f"{self.optimizer.__name__}-{self.error or self.desc}".replace(" ", "_")

    @property
    def stripped(self) -> dict[str, Any]:
        """The options without those that the language does not have, numbers as numbers."""
        kept = {name: value for name, value in self.kwargs.items() if name not in NOT_IN_THE_LANGUAGE}
        return {name: float(value) if isinstance(value, Tensor) else value for name, value in kept.items()}

    @property
    def skipped(self) -> str:
        """Why the language cannot say it; empty where it can."""
        if self.error and not self.kwargs:
            return "about what is optimised, not about an option: a program's parameters are its layers'"
        if self.error and any(isinstance(v, Tensor) or (isinstance(v, tuple) and any(isinstance(w, Tensor) for w in v))
                              for v in self.kwargs.values()):  # fmt: skip
            return "about options that are tensors: those of a program are numbers"
        return next((f"{name}: {NOT_IN_THE_LANGUAGE[name]}" for name in NOT_IN_THE_LANGUAGE if self.kwargs.get(name)), "")

    @property
    def written(self) -> str:
        """The statement that says it; torch's default lr where it gives none, which need not be lampc's."""
        default = self.optimizer([torch.zeros(1)]).defaults
        options = {**default, **self.stripped}
        words = [NAMES[self.optimizer.__name__], "decay_all"]
        for name, value in options.items():
            if name == "betas":
                words += [f"beta1={value[0]!r}", f"beta2={value[1]!r}"]
            elif name not in (*NOT_IN_THE_LANGUAGE, "maximize") and name != "decoupled_weight_decay":
                words.append(f"{RENAMED.get(name, name)}={_written(value)}")
        return " ".join(words)


def _written(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else repr(value)


def _cases() -> list[Case]:
    found = []
    for info in optim_db:
        if info.optim_cls.__name__ in NAMES:
            found += [Case(info.optim_cls, given.kwargs, given.desc) for given in info.optim_inputs_func(device="cpu")]
            for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float64):
                given = error.optimizer_error_input
                found.append(Case(info.optim_cls, given.kwargs, given.desc, str(error.error_regex)))
    return found


CASES = _cases()
COVERED = [case for case in CASES if not case.skipped]
STEPPED = [case for case in COVERED if not case.error]
REFUSED = [case for case in COVERED if case.error]


def test_every_optimiser_of_torchs_that_is_offered_is_in_the_database() -> None:
    assert {info.optim_cls.__name__ for info in optim_db} >= set(NAMES)
    assert {*NAMES.values(), "lion", "muon"} == set(OPTIMIZERS)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("case", STEPPED, ids=str)
def test_ten_steps_are_torchs(case: Case, backend: str) -> None:
    """A program's loss is made less; what is to be made more is written as its negative."""
    loss = "fn(p, y) = -mean((p - y)^2)" if case.kwargs.get("maximize") else "mse"
    source = f"{NETWORK}{loss}; optimizer {case.written}"
    model = lampc.compile.text(source, precision="f64").model(seed=4, backend=backend)
    p = {name: value.detach().clone().requires_grad_() for name, value in model.parameters.items()}
    optimizer = case.optimizer(list(p.values()), **case.stripped)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(STEPS, 6, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(STEPS, 6, 2, generator=generator, dtype=torch.float64)
    for inputs, targets in zip(x, y, strict=True):
        optimizer.zero_grad()
        hidden = torch.tanh(F.linear(inputs, p["linear1.weight"], p["linear1.bias"]))
        F.mse_loss(F.linear(hidden, p["linear2.weight"], p["linear2.bias"]), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.train(list(zip(x, y, strict=True)), epochs=1)
    for name, value in model.parameters.items():
        torch.testing.assert_close(value, p[name].detach(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_torch_refuses_is_refused(case: Case) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(f"{NETWORK}mse; optimizer {case.written}")
    assert [found.code for found in caught.value.diagnostics] == ["E305"]


def test_how_much_is_covered() -> None:
    """In scope is what the language can say: every case but those with an option that it does not have by design.

    A case in scope is covered if it is among those that run above, so it would count against this if its option had no
    counterpart: that is looked up in the optimiser's signature.
    """
    print()
    covered = 0
    for case in CASES:
        if case.skipped:
            print(f"out of scope: {case} {dict(case.kwargs)}: {case.skipped}")
    for case in COVERED:
        names = {"beta1" if name == "betas" else RENAMED.get(name, name) for name in case.stripped if name != "maximize"}
        missing = names - set(OPTIMIZERS[NAMES[case.optimizer.__name__]].signature.names)
        covered += not missing
        if missing:
            print(f"not covered: {case}: no option {', '.join(missing)}")
    print(f"{covered} covered of {len(COVERED)} in scope, of {len(CASES)} cases")
    assert covered >= 0.95 * len(COVERED)
    assert len(STEPPED) >= 20
    assert len(REFUSED) >= 5
