"""What a program says of single columns: ``column age missing=mean``, ``column embarked category embed=4``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lampc.table.schema import Kind


@dataclass(frozen=True)
class Override:
    """A bound ``column`` statement; what it leaves out is inferred."""

    name: str
    kind: Kind | None = None
    missing: Literal["", "mean", "median", "zero", "own", "refuse"] = ""
    """What a missing cell is: of numbers a mean, a median or 0, each with a slot that says so; of a category a slot of its own;
    ``refuse``: a mistake; empty: by the kind."""
    embed: int = 0
    most: int = 0
    """Of a category: how many values have slots; the others, which are rarer, share one. 0: as many as is usual."""
    parts: tuple[str, ...] = ()
    written: str = ""
    """Of a date: its pattern, such as ``%d.%m.%Y``."""
    length: int = 0
    unit: Literal["", "word", "character"] = ""
