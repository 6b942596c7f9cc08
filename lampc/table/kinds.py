"""What each column of a table is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.parse import MISSING, parse
from lampc.table.parsed import Codes, Parsed
from lampc.table.schema import Column, Target
from lampc.table.statement import Override


def understand(
    table: Table, overrides: Mapping[str, Override], targets: Sequence[str], classes: bool, other: Sequence[str]
) -> tuple[tuple[Column, ...], tuple[Target, ...], Parsed]:
    """The columns, unfitted, the targets, and all values."""
    parsed, columns, learnt = {}, [], []
    for name, cells in table.columns.items():
        number = _are_numbers(cells)
        if name in targets:
            target = Target(name, "number" if number and not classes else "class")
            values = parse(cells, target, table)
            if isinstance(values, Codes):
                target = Target(name, "class", values.words)
            learnt.append(target)
        else:
            column = Column(name, "number" if number else "category")
            values = parse(cells, column, table)
            if name not in other:
                columns.append(column)
        parsed[name] = values
    return tuple(columns), tuple(sorted(learnt, key=lambda target: targets.index(target.name))), Parsed(parsed, table.rows)


def _are_numbers(cells: object) -> bool:
    try:
        parse(cells, Column("", "number"), Table("", {}))
    except DataError:
        return False
    return True


__all__ = ["MISSING", "understand"]
