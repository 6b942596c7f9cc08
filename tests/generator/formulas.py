"""Formulas: drawn, and evaluated by torch."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from generator.program import Formula

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "sin": torch.sin, "cos": torch.cos, "erf": torch.erf,
    "abs": torch.abs, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": F.relu, "gelu": F.gelu, "silu": F.silu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)), "max": torch.maximum, "min": torch.minimum,
    "where": lambda c, a, b: torch.where(c > 0, a, b), "mean": torch.mean, "sum": torch.sum,
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "^": lambda a, b: a**b, ">": lambda a, b: (a > b).double(), "<": lambda a, b: (a < b).double(),
}  # fmt: skip
"""What functions and operators are."""

ANYWHERE = ("sin", "cos", "erf", "abs", "tanh", "sigmoid", "relu", "gelu", "silu", "softplus")
"""Functions that take any number and do not grow fast."""


def evaluate(formula: Formula, values: Mapping[str, Any]) -> Tensor:
    """What a formula comes to."""
    if not formula.operands:
        found = values[formula.head] if isinstance(formula.head, str) else formula.head
        return found if isinstance(found, Tensor) else torch.tensor(float(found), dtype=torch.float64)
    assert isinstance(formula.head, str)
    return FUNCTIONS[formula.head](*(evaluate(operand, values) for operand in formula.operands))


def call(head: str, *operands: Formula) -> Formula:
    return Formula(head, operands)


def number(value: float) -> Formula:
    return Formula(value)


def draw(rng: random.Random, tensors: tuple[str, ...], numbers: tuple[str, ...] = (), depth: int = 3) -> Formula:
    """A formula of some tensors and numbers, defined everywhere."""
    if depth == 0 or rng.random() < 0.15:
        return Formula(rng.choice(tensors))

    def inner() -> Formula:
        return draw(rng, tensors, numbers, depth - 1)

    def constant() -> Formula:
        return Formula(rng.choice(numbers)) if numbers and rng.random() < 0.5 else number(rng.choice([0.5, 1.0, 2.0, 1.7, 3.0]))

    form = rng.randrange(11)
    if form < 3:
        return call(rng.choice(ANYWHERE), inner())
    if form < 5:
        return call(rng.choice("+-*"), inner(), inner())
    if form == 5:
        return call(rng.choice("+-*/"), inner(), constant())
    if form == 6:
        return call("where", call(rng.choice("<>"), inner(), constant()), inner(), inner())
    if form == 7:
        return call(rng.choice(["max", "min"]), inner(), rng.choice([inner, constant])())
    if form == 8:
        return call("^", inner(), number(float(rng.choice([2, 3]))))
    if form == 9:
        return call("exp", call(rng.choice(["tanh", "sin", "sigmoid"]), inner()))
    positive = call("+", call(rng.choice(["abs", "softplus"]), inner()), number(0.5))
    return rng.choice([call("log", positive), call("sqrt", positive), call("/", inner(), positive)])
