"""Formulas drawn at random: whatever stable form they are given, value and slope are those of the formula as it is written."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

import lampc.compile

MANY = 25
FUNCTIONS: dict[str, Any] = {
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "abs": torch.abs,
    "softplus": torch.nn.functional.softplus,
}  # fmt: skip


def drawn(chance: random.Random, depth: int) -> str:
    """Of what stable forms begin with: sums, products, quotients and powers of exponentials, logarithms and numbers."""
    if depth == 0 or chance.random() < 0.1:
        return chance.choice(["x", "x", str(chance.choice([1, 1, 2, 0.5, 3])), "exp(x)", "exp(-x)", "log(x)"])
    draw = chance.random()
    part = drawn(chance, depth - 1)
    if draw < 0.35:
        return f"{chance.choice(list(FUNCTIONS))}({part})"
    if draw < 0.45:
        return f"({part})^({chance.choice(['2', '3', '-1', '0.5'])})"
    return f"({part} {chance.choice('+-*/*+-')} {drawn(chance, depth - 1)})"


def written(formula: str, x: torch.Tensor) -> torch.Tensor:
    """The formula in PyTorch, as it stands."""
    found = eval(formula.replace("^", "**"), {**FUNCTIONS, "x": x})
    return found + 0 * x


def formulas(seed: int, x: torch.Tensor) -> list[str]:
    """Such as are smooth and of moderate size where they are looked at."""
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < MANY:
        formula = drawn(chance, 4)
        try:
            at = x.clone().requires_grad_()
            value = written(formula, at)
            (slope,) = torch.autograd.grad(value.sum(), at)
        except (TypeError, ZeroDivisionError, OverflowError):  # of numbers alone
            continue
        if "x" in formula and all(bool((v.isfinite() & (v.abs() < 1e4)).all()) for v in (value, slope)):
            found.append(formula)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_value_and_slope(seed: int) -> None:
    x = torch.tensor([[0.3], [0.9], [1.7]], dtype=torch.float64)
    these = formulas(seed, x)
    functions = "\n".join(f"fn f{i}(x) = {formula}" for i, formula in enumerate(these))
    heads = " | ".join(f"bias; f{i}" for i in range(MANY))
    program = lampc.compile.text(f"{functions}\ninput 1; concat {{ {heads} }}; loss fn(p, y) = sum(p); train precision=f64")
    model = program.model(backend=("torch", "native")[seed % 2])
    found, (_, gradients) = model(x), model.gradients(x, torch.zeros(3, MANY))
    for i, formula in enumerate(these):
        at = x.clone().requires_grad_()
        value = written(formula, at)
        (slopes,) = torch.autograd.grad(value.sum(), at)
        slope = gradients[f"bias{i + 1}.bias"]
        assert found[:, i].tolist() == pytest.approx(value.flatten().tolist(), rel=1e-9, abs=1e-9), formula
        assert slope.item() == pytest.approx(slopes.sum().item(), rel=1e-7, abs=1e-7), f"slope of {formula}"
