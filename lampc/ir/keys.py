"""What the outputs of a graph are called by: words of the language for values, and what a pass makes by what it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lampc.ir.leaves import Parameters, State

_Made = TypeVar("_Made")


class Grad(str):
    """The loss's gradient by a parameter or an input. It is written ``grad LABEL``; no word of the language has a space."""

    __slots__ = ("label",)
    label: str

    def __new__(cls, label: str) -> Grad:
        key = super().__new__(cls, f"grad {label}")
        key.label = label
        return key

    def __getnewargs__(self) -> tuple[str]:
        return (self.label,)


class Next(str):
    """What replaces a leaf when a step ends: the parameters, an optimiser's state, a running mean."""

    __slots__ = ("leaf",)
    leaf: State | Parameters

    def __new__(cls, leaf: State | Parameters) -> Next:
        key = super().__new__(cls, f"next {leaf.label}")
        key.leaf = leaf
        return key

    def __getnewargs__(self) -> tuple[State | Parameters]:  # type: ignore[override]
        return (self.leaf,)


Key = str
"""``prediction``, ``loss`` and the program's own names are plain words; what a pass makes is a ``Grad`` or a ``Next``."""


def gradients(outputs: Mapping[Key, _Made]) -> dict[str, _Made]:
    """What stands under gradients, by their labels."""
    return {key.label: made for key, made in outputs.items() if isinstance(key, Grad)}


def following(outputs: Mapping[Key, _Made]) -> dict[State | Parameters, _Made]:
    """What stands under the leaves that are replaced."""
    return {key.leaf: made for key, made in outputs.items() if isinstance(key, Next)}


def lasting(outputs: Mapping[Key, _Made]) -> dict[Key, _Made]:
    """All but what replaces leaves."""
    return {key: made for key, made in outputs.items() if not isinstance(key, Next)}
