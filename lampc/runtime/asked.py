"""Numbers that Python programs ask for."""

from __future__ import annotations

from operator import index
from typing import Any

from lampc.diagnostics import failure

SEEDS = 2**54
"""The greatest seed: several in a row, from the greatest that a program may name."""


def whole(name: str, value: Any, least: int = 0, most: int = 2**53) -> int:
    """A whole number, a Python one or numpy's.

    Raises:
        LampError: if it is none, or out of range.
    """
    try:
        found = index(value)
    except TypeError:
        raise failure("E802", f"`{name}`: a whole number is wanted, not {str(value)[:40]!r}") from None
    if not least <= found <= most:
        shown = f"{found:,}" if abs(found) < 10**30 else "that number"
        raise failure("E305", f"`{name}`: {shown} is not between {least:,} and {most:,}")
    return found
