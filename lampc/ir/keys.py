"""What the outputs of a graph are called by: words of the language for values, and what a pass makes by what it is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from lampc.ir.leaves import Parameters, State

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Grad:
    """The loss's gradient by a parameter or an input."""

    label: str

    def __str__(self) -> str:
        return f"grad {self.label}"


@dataclass(frozen=True, slots=True)
class Next:
    """What replaces a leaf when a step ends: the parameters, an optimiser's state, a running mean."""

    leaf: State | Parameters

    def __str__(self) -> str:
        return f"next {self.leaf.label}"


Key = str | Grad | Next
"""``prediction``, ``loss`` and the program's own names are words."""


def gradients(outputs: Mapping[Key, _Made]) -> dict[str, _Made]:
    """What stands under gradients, by their labels."""
    return {key.label: made for key, made in outputs.items() if isinstance(key, Grad)}


def following(outputs: Mapping[Key, _Made]) -> dict[State | Parameters, _Made]:
    """What stands under the leaves that are replaced."""
    return {key.leaf: made for key, made in outputs.items() if isinstance(key, Next)}


def lasting(outputs: Mapping[Key, _Made]) -> dict[Key, _Made]:
    """All but what replaces leaves."""
    return {key: made for key, made in outputs.items() if not isinstance(key, Next)}
