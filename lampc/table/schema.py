"""A table's schema: what each column is and what it becomes. Fitted on the training part, kept with the run, asked everywhere.

A sample's numbers are called slots: a column has none (it is left out), one, or several, side by side, in the table's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lampc.table.cells import Form

Kind = Literal["number", "yesno", "category", "date", "text", "id", "out"]
"""What a column is; ``id`` and ``out`` are left out."""
TargetKind = Literal["class", "yesno", "number"]

REST = "other"
"""The slot of categories that are rare."""
GAP = "missing"
"""The slot that says that a cell is missing."""
DAYS = "days"
"""The slot of a date's days since the first."""


@dataclass(frozen=True)
class Column:
    """A column that is no target."""

    name: str
    kind: Kind
    note: str = ""
    """What is to be said of it: why it is left out, what was found."""
    written: str = ""
    """How its cells are written, as ``lampc.table.parse`` reads them: of numbers ``thousands``, ``percent``, ``$`` …, or
    several of these with spaces between; of dates a pattern such as ``%d/%m/%Y``."""
    values: tuple[str, ...] = ()
    """Of a category what has a slot, in that order; of yes/no the words for no and for yes; of a text its vocabulary."""
    rest: bool = False
    """Of a category: whether the last slot but that of gaps is of all others, which are rare."""
    shares: tuple[float, ...] = ()
    """Of a category: how often each slot occurs; what training never saw is encoded so, if there is no slot of rare ones."""
    gaps: bool = False
    """Whether a slot of its own says that a cell is missing."""
    fill: tuple[float, ...] = ()
    """What stands in the slots of numbers where a cell is missing: their means, before they are standardised."""
    parts: tuple[str, ...] = ()
    """Of a date: ``year``, ``month``, ``day``, ``weekday``, ``hour``, ``minute``, ``days``: a slot each."""
    first: float = 0.0
    """Of a date: the first, in seconds since 1970, from which ``days`` count."""
    mean: tuple[float, ...] = ()
    """What is taken off the slots of a number or a date; empty: they are not standardised."""
    deviation: tuple[float, ...] = ()
    """By what they are divided then."""
    embed: int = 0
    """Of a category: the length of the vector that is learnt for each value; 0: one-hot."""
    policy: Literal["", "mean", "median", "zero", "own", "refuse"] = ""
    """What was said of missing cells; see ``statement.Override``."""
    most: int = 0
    """Of a category: how many values were asked to have slots; 0: as many as is usual."""
    length: int = 0
    """Of a text: how many of its words or characters count."""
    unit: Literal["", "word", "character"] = ""
    """Of a text: what a whole number stands for."""
    missing: int = 0
    """Cells of the training part that are missing."""
    low: str = ""
    """The least cell, to be shown."""
    high: str = ""

    @property
    def taken(self) -> bool:
        """Whether the network sees it."""
        return self.kind not in ("id", "out")

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the slots that hold numbers, without the column's name: ``""`` for a number, a date's parts."""
        return {"number": ("",), "yesno": ("",), "date": self.parts}.get(self.kind, ())

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of its slots: ``age``, ``age missing``, ``embarked=S``, ``embarked other``, ``when year``."""
        if self.kind == "text":
            return tuple(f"{self.name} {place}" for place in range(self.length))
        found = [f"{self.name} {measure}".rstrip() for measure in self.measures]
        if self.kind == "category":
            found += [f"{self.name}={value}" for value in self.values] + [f"{self.name} {REST}"] * self.rest
        return (*found, *[f"{self.name} {GAP}"] * (self.gaps and self.taken))


@dataclass(frozen=True)
class Target:
    """A column that is learnt."""

    name: str
    kind: TargetKind
    values: tuple[str, ...] = ()
    """The classes; of yes/no the words for no and for yes."""
    written: str = ""
    """How numbers are written."""
    missing: int = 0
    """Rows that are left out for it."""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Schema:
    """What a table's columns are."""

    columns: tuple[Column, ...]
    """All that are no target and not used otherwise, in the table's order, also those that are left out."""
    targets: tuple[Target, ...]
    form: Form = field(default_factory=Form)
    used: Mapping[str, str] = field(default_factory=dict)
    """Columns that are used otherwise, by what for: ``weight``, ``group``, ``time``, ``part``."""
    notes: tuple[str, ...] = ()
    """What was found of the table's form, and is to be said."""

    @property
    def taken(self) -> tuple[Column, ...]:
        """The columns that the network sees."""
        return tuple(column for column in self.columns if column.taken)

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of a sample's numbers."""
        return tuple(name for column in self.taken for name in column.slots)

    @property
    def width(self) -> int:
        """How many numbers a sample has."""
        return len(self.slots)

    @property
    def places(self) -> dict[str, slice]:
        """Where each taken column's slots are in a sample."""
        found, begin = {}, 0
        for column in self.taken:
            end = begin + len(column.slots)
            found[column.name] = slice(begin, end)
            begin = end
        return found

    @property
    def name(self) -> str:
        """The target's name, or their names."""
        return ", ".join(target.name for target in self.targets)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of what is told apart: classes, or no and yes; None where targets are numbers or several."""
        one = self.targets[0] if len(self.targets) == 1 else None
        return one.values if one is not None and one.kind != "number" else None

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns that name rows."""
        return tuple(column.name for column in self.columns if column.kind == "id")
