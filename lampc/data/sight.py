"""A table at first sight: its schema, fitted on all its rows, and the program that trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lampc.table import shown, written
from lampc.table.cells import Table
from lampc.table.fit import fitted
from lampc.table.kinds import understand
from lampc.table.parsed import Numbers, Parsed
from lampc.table.read import read
from lampc.table.schema import Schema, Target

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
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
        missing = self.parsed.columns[self.schema.targets[0].name].missing
        return written.program(self.schema, int((~missing).sum()), path, self.classes)


def sight(path: Path, targets: Sequence[str] = ()) -> Sight:
    """What a table is; where no target is named, the last column is it.

    Raises:
        DataError: if it cannot be read, or has no such column, or cells that are not what their column mostly is.
    """
    table = read(path, str(path))
    targets = tuple(targets) or tuple(table.columns)[-1:]
    columns, learnt, parsed = understand(table, {}, targets, False, ())
    classes = len(learnt) == 1 and _names_classes(learnt[0], parsed)
    if classes:
        alone = replace(table, columns={name: table.columns[name] for name in targets})
        _, learnt, target = understand(alone, {}, targets, True, ())
        parsed = Parsed({**parsed.columns, **target.columns}, parsed.rows)
    return Sight(table, Schema(fitted(columns, parsed, standardise=True), learnt, table.form), parsed, classes)


def _names_classes(target: Target, parsed: Parsed) -> bool:
    """Whether a target's numbers are few and whole, as classes are numbered."""
    import numpy as np

    values = parsed.columns[target.name]
    if target.kind != "number" or target.written or not isinstance(values, Numbers):
        return False
    present = values.values[~values.missing]
    if not bool((present == np.floor(present)).all()) or np.ptp(present) >= written.CLASSES:
        return False
    unlike, counts = np.unique(present, return_counts=True)
    return 1 < len(unlike) <= written.CLASSES and int(counts.min()) > 1
