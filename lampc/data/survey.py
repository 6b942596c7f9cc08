"""A table that no program has named yet: its schema, and what a program would say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lampc.data.samples import with_targets
from lampc.data.source import SOURCES, DataError, Request
from lampc.data.understood import Understood, understood
from lampc.table.fit import fitted
from lampc.table.parsed import Numbers
from lampc.table.schema import Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv",
           ".tsv": "csv", ".txt": "csv", ".data": "csv", ".gz": "csv"}  # fmt: skip
"""Tables by their files' endings, and the data that they are."""


@dataclass(frozen=True)
class Survey:
    """What a table is."""

    schema: Schema
    """Fitted on all rows that have a target."""
    rows: int
    """Those."""
    every: int
    """All rows."""
    notes: tuple[str, ...]
    """What was found of its form."""
    classes: bool
    """Whether its target is of whole numbers that are taken for classes."""


def survey(path: Path, targets: Sequence[str] = (), classes: bool | None = None) -> Survey:
    """A table's schema; its last column is the target if none is named. ``classes``: whether a target of numbers is of classes;
    found where it is None.

    Raises:
        DataError: if it cannot be read, or has no such column.
    """
    source = SOURCES[ENDINGS.get(path.suffix.lower(), "csv")]
    given = {**source.signature.defaults, "path": path.name, "target": tuple(targets) or None}
    known = understood(Request({**given, "classes": bool(classes)}, path.parent.absolute(), 0))
    if classes is None and _are_classes(known):
        return survey(path, targets, True)
    rows = with_targets(known.parsed, known.targets)
    if not len(rows):
        raise DataError("E603", f"no row has a target: `{known.targets[0].name}` is missing in all")
    parsed = known.parsed if len(rows) == known.parsed.rows else known.parsed.take(rows)
    schema = Schema(fitted(known.columns, parsed, True), known.targets, known.table.form, known.used)
    return Survey(schema, len(rows), known.parsed.rows, known.table.notes, bool(classes))


def _are_classes(known: Understood) -> bool:
    """Whether a target is of so few whole numbers that they name classes: up to three, or a few from 0 or 1 on, none rare."""
    import numpy as np

    values = known.parsed.columns[known.targets[0].name]
    if len(known.targets) > 1 or known.targets[0].kind != "number" or not isinstance(values, Numbers):
        return False
    there: NDArray[np.float64] = values.values[~values.missing]
    if not len(there) or (there != np.floor(there)).any() or there.max() - there.min() > 100:
        return False
    found, counts = np.unique(there, return_counts=True)
    few, rarest = len(found), int(counts.min())
    if few < 2 or rarest < 2:
        return False
    in_a_row = found[0] in (0, 1) and found[-1] - found[0] == few - 1
    return few <= 3 or bool(few <= 10 and in_a_row and rarest * few * 4 >= len(there))
