"""Numbers that Python programs ask for."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from lampc.diagnostics import failure
from lampc.elaborate.settings import number
from lampc.layers.signature import Refused

SEEDS = 2**54
"""The greatest seed: several in a row, from the greatest that a program may name."""


def whole(name: str, value: Any, least: int = 0, most: int = 2**53) -> int:
    """A whole number, a Python one or numpy's.

    Raises:
        LampError: if it is none, or out of range.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        found = index(value)
    except TypeError:
        raise failure("E802", f"`{name}`: a whole number is wanted, not {str(value)[:40]!r}") from None
    if not least <= found <= most:
        shown = f"{found:,}" if abs(found) < 10**30 else "that number"
        raise failure("E305", f"`{name}`: {shown} is not between {least:,} and {most:,}")
    return found


def seeds(value: Any) -> list[int]:
    """Some seeds.

    Raises:
        LampError: if they are none.
    """
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise failure("E802", f"`seeds`: whole numbers are wanted, `range(8)`, not {str(value)[:40]!r}")
    return [whole("seeds", seed, 0, SEEDS) for seed in value]


def real(name: str, value: Any) -> float:
    """A number from 0 on, a Python one or numpy's.

    Raises:
        LampError: if it is none, or below 0.
    """
    try:
        found = float(number(value))
    except Refused as refused:
        raise failure(refused.code, f"`{name}`: {refused}") from None
    if found < 0:
        raise failure("E305", f"`{name}`: {found:g} is below 0")
    return found
