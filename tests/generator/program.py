"""What is drawn: a program as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Init:
    """An initialiser with its numbers, by name: ``xavier(gain=2)``; ``off`` where there may be none."""

    name: str
    numbers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Statement:
    """A layer, a form with branches, or a use of a block or a formula."""

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    branches: tuple[Body, ...] = ()
    label: str = ""
    written: bool = False
    """Whether every argument is given by its name."""

    def get(self, name: str, default: Any = None) -> Any:
        return dict(self.arguments).get(name, default)


Body = tuple[Statement, ...]


@dataclass(frozen=True)
class Formula:
    """An expression: a parameter's name, a number, or a function of expressions."""

    head: str | float
    operands: tuple[Formula, ...] = ()


@dataclass(frozen=True)
class Definition:
    """``fn name(x, a=…) = formula`` or ``block name(n=…) { body }``."""

    name: str
    numbers: tuple[tuple[str, float], ...] = ()
    formula: Formula | None = None
    body: Body = ()


@dataclass(frozen=True)
class Input:
    """A sample's shape, whole numbers below ``below`` if there is one, and its name where there are several."""

    shape: tuple[int, ...]
    below: int = 0
    label: str = ""


@dataclass(frozen=True)
class Option:
    """A statement of the experiment: its name, what it chooses, and options."""

    choice: str
    options: tuple[tuple[str, Any], ...] = ()

    def get(self, name: str, default: Any) -> Any:
        return dict(self.options).get(name, default)


@dataclass(frozen=True)
class Training:
    """How a network is trained and measured."""

    loss: Option
    total: Formula | None = None
    """For ``loss total = …`` and ``loss fn(p, y) = …``."""
    optimizer: Option = Option("sgd")
    schedule: Option | None = None
    metrics: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    parts: tuple[tuple[str, int], ...] = ()
    """Where several values are trained: the loss of each, and how many numbers of a target are its."""

    def get(self, name: str, default: Any) -> Any:
        return dict(self.options).get(name, default)


@dataclass(frozen=True)
class Program:
    """A whole program."""

    inputs: tuple[Input, ...]
    body: Body
    training: Training
    definitions: tuple[Definition, ...] = ()
    lets: tuple[tuple[str, int], ...] = ()
    init: Init | None = None
    """How weights begin that do not say it."""
    seed: int = field(default=0, compare=False)


def statements(body: Body) -> Iterator[Statement]:
    """All statements of a body, those in branches too."""
    for statement in body:
        yield statement
        for branch in statement.branches:
            yield from statements(branch)


def used(program: Program) -> Iterator[Statement]:
    """All statements of a program, those of its blocks too."""
    for body in (program.body, *(each.body for each in program.definitions)):
        yield from statements(body)
