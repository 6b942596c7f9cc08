"""A table as it was read: columns of cells, and how they were written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Form:
    """How a table's text is written; of what is no text (Parquet, a frame) only ``source`` says something."""

    source: str = "csv"
    """``csv`` (whatever stands between cells), ``parquet``, ``jsonl`` or ``frame``."""
    delimiter: str = ","
    decimal: str = "."
    """``.`` or ``,``: what begins a number's decimals."""
    encoding: str = "utf-8"
    header: bool = True
    """Whether the first line names the columns; if not they are ``column1``, ``column2``, …"""


@dataclass(frozen=True)
class Asked:
    """What is insisted on of a table's form; None: as it is found."""

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None


def row_place(row: int) -> str:
    """Where a row is that has no line: ``row 3 (from 0)``."""
    return f"row {row} (from 0)"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of cells, all of one length."""

    name: str
    """What to call it in messages."""
    columns: Mapping[str, Any]
    """By name, in order: pyarrow's ChunkedArrays, of strings (trimmed, as they are written) where the table is text, else of
    the file's own types. A cell that is missing by the file's own means is null; words such as ``NA`` are still words."""
    form: Form = field(default_factory=Form)
    place: Callable[[int], str] = field(default=row_place, repr=False)
    """Where a row, from 0, is found: ``line 7``."""
    notes: tuple[str, ...] = ()
    """What was found and is to be said: another delimiter, an encoding, no header."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return next((len(column) for column in self.columns.values()), 0)
