"""The layers, by name: how one is drawn for samples of a shape, and what it makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from generator.network import Network

Arguments = dict[str, Any]
Shape = tuple[int, ...]
Draw = Callable[[random.Random, Shape], Arguments | None]
"""Arguments for samples of a shape; None where it does not fit."""
Apply = Callable[["Network", Tensor, Arguments], Tensor]

WIDTHS = (1, 2, 3, 4, 8, 15, 16, 17, 33, 64)


@dataclass(frozen=True)
class Kind:
    """A layer: how it is drawn, what it means, which arguments need no name, and how often it is drawn."""

    draw: Draw
    apply: Apply
    bare: tuple[str, ...] = ()
    learns: bool = False
    weight: float = 1.0


KINDS: dict[str, Kind] = {}


def layer(*names: str, draw: Draw = lambda rng, shape: {}, bare: tuple[str, ...] = (), learns: bool = False,
          weight: float = 1.0) -> Callable[[Apply], Apply]:  # fmt: skip
    """Declare a layer under some names by what it makes."""

    def declare(apply: Apply) -> Apply:
        for name in names:
            KINDS[name] = Kind(draw, apply, bare, learns, weight)
        return apply

    return declare


def fitting(rng: random.Random, most: int = 64) -> int:
    """A width; small ones more often."""
    return rng.choice([width for width in WIDTHS if width <= most])


def divisor(rng: random.Random, number: int) -> int:
    return rng.choice([d for d in range(1, number + 1) if number % d == 0])


def maybe(rng: random.Random, chance: float, **arguments: Any) -> Arguments:
    """Some arguments, or none."""
    return arguments if rng.random() < chance else {}
