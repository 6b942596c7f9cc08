"""Tables in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lampc.table.cells import Form, Table
from lampc.table.kinds import understand
from lampc.table.parsed import Codes, Moments, Numbers, Values, Words
from lampc.table.read import of_bytes
from lampc.table.schema import Column, Target
from lampc.table.statement import Override


def table(columns: Mapping[str, Sequence[str | None]], decimal: str = ".") -> Table:
    """A table of text."""
    made = {name: pa.chunked_array([pa.array(cells, pa.string())]) for name, cells in columns.items()}
    return Table("t.csv", made, Form(decimal=decimal), lambda row: f"line {row + 2}")


def read(text: str) -> Table:
    """A table as a file has it."""
    return of_bytes(text.encode(), "t.csv")


def column(cells: Sequence[str | None], override: Override | None = None, decimal: str = ".") -> tuple[Column, Values]:
    """A column that is no target, beside one that is."""
    overrides = {"x": override} if override is not None else {}
    (found,), _, parsed = understand(table({"x": cells, "y": ["0.5"] * len(cells)}, decimal), overrides, ["y"], False, ())
    return found, parsed.columns["x"]


def target(cells: Sequence[str | None], classes: bool = False) -> tuple[Target, Values]:
    """A target alone."""
    _, (found,), parsed = understand(table({"y": cells}), {}, ["y"], classes, ())
    return found, parsed.columns["y"]


def kinds(found: Sequence[Column | Target]) -> dict[str, str]:
    """The kind of each, by name."""
    return {each.name: each.kind for each in found}


def cells(values: Values) -> list[Any]:
    """Values as Python's, None where a cell is missing."""
    missing = values.missing.tolist()
    match values:
        case Numbers():
            found: list[Any] = values.values.tolist()
        case Moments():
            found = values.seconds.tolist()
        case Codes():
            found = [values.words[code] if code >= 0 else None for code in values.codes]
        case Words():
            found = values.cells.to_pylist()
    return [None if gap else value for value, gap in zip(found, missing, strict=True)]
