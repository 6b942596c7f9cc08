"""A table at first sight: its schema, fitted on all its rows, and the program that trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lampc.diagnostics.unplaced import DataError
from lampc.table import shown, written
from lampc.table.cells import Table
from lampc.table.fit import fitted
from lampc.table.kinds import understand
from lampc.table.parsed import Numbers, Parsed, with_targets
from lampc.table.read import read
from lampc.table.schema import Schema, Target

TABLES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".data", ".gz", ".feather", ".arrow")
"""How tables' names end."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a table is."""

    table: Table
    schema: Schema
    parsed: Parsed
    classes: bool = False
    """Whether the target's whole numbers are taken for classes."""

    def columns(self) -> list[shown.Shown]:
        """The columns, as they are shown."""
        return shown.shown(self.schema, self.parsed)

    def program(self, path: str) -> str:
        """The program that trains on the table, at a path from the program's folder."""
        return written.program(self.schema, len(with_targets(self.parsed, self.schema.targets)), path, self.classes)


def sight(path: Path, targets: Sequence[str] = ()) -> Sight:
    """What a table is; where no target is named, the last column is it.

    Raises:
        DataError: if it cannot be read, or has no such column, or cells that are not what their column mostly is.
    """
    return of_table(read(path, str(path)), targets)


def of_table(table: Table, targets: Sequence[str] = ()) -> Sight:
    """The same of a table that has been read.

    Raises:
        DataError: as ``sight`` does.
    """
    targets = tuple(targets) or tuple(table.columns)[-1:]
    if not table.rows:
        raise DataError("E603", f"{table.name} has a header and no rows")
    columns, learnt, parsed = understand(table, {}, targets, False, ())
    classes = len(learnt) == 1 and _names_classes(learnt[0], parsed)
    if classes:
        alone = replace(table, columns={name: table.columns[name] for name in targets})
        _, learnt, target = understand(alone, {}, targets, True, ())
        parsed = Parsed({**parsed.columns, **target.columns}, parsed.rows)
    if not len(with_targets(parsed, learnt)):
        raise DataError("E603", f"no row has a target: `{learnt[0].name}` is missing in all")
    return Sight(table, Schema(fitted(columns, parsed, standardise=True), learnt, table.form), parsed, classes)


def _names_classes(target: Target, parsed: Parsed) -> bool:
    """Whether a target's numbers are whole and few, as classes are numbered: three at most, or from 0 or 1 on and none rare."""
    import numpy as np

    values = parsed.columns[target.name]
    if target.kind != "number" or target.written or not isinstance(values, Numbers):
        return False
    present = values.values[~values.missing]
    if not len(present) or bool((present != np.floor(present)).any()) or np.ptp(present) > 100:
        return False
    unlike, counts = np.unique(present, return_counts=True)
    few, rarest = len(unlike), int(counts.min())
    in_a_row = bool(unlike[0] in (0, 1)) and unlike[-1] - unlike[0] == few - 1
    if few < 2 or rarest < 2:
        return False
    return few <= 3 or (few <= written.CLASSES and in_a_row and rarest * few * 4 >= len(present))
