"""A column's cells as what a schema says they are."""

from __future__ import annotations

from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.parsed import Codes, Numbers, Values
from lampc.table.schema import Column, Target

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "#n/a")


def parse(cells: Any, column: Column | Target, table: Table) -> Values:
    """A column's values.

    Raises:
        DataError: if a cell is none of the column's kind.
    """
    import numpy as np

    words = ["" if cell is None or str(cell).lower() in MISSING else str(cell) for cell in cells.to_pylist()]
    if column.kind in ("number", "yesno") and not column.values:
        try:
            return Numbers(np.array([float(word) if word else np.nan for word in words]))
        except ValueError as error:
            raise DataError("E602", f"{table.name}, column `{column.name}`: {error}") from None
    if column.kind == "yesno" and isinstance(column, Column):
        known = {word: float(place) for place, word in enumerate(column.values)}
        return Numbers(np.array([known.get(word, np.nan) for word in words]))
    every = tuple(sorted({word for word in words if word} | set(column.values if column.kind == "class" else ())))
    every = column.values + tuple(word for word in every if word not in column.values)
    known_codes = {word: code for code, word in enumerate(every)}
    return Codes(np.array([known_codes.get(word, -1) for word in words], np.int32), every)
