"""Cells that are not what their column is: all of a table in one message, with a line that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.written import word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.table.distinct import Distinct

_PLACES = 3
_SHOWN = 30


@dataclass(frozen=True, eq=False)
class Bad:
    """The bad cells of a column."""

    column: str
    rows: NDArray[np.int64]
    """Where they are."""
    said: str
    """What is wrong with the first: ``\\`abc\\` is not a number``."""
    fixes: tuple[str, ...]


class BadCells(DataError):
    """E602 of some columns; ``bad`` so that those of a whole table can be told together."""

    def __init__(self, table: Table, bad: Sequence[Bad], option: str | None = None, later: bool = False) -> None:
        told = "; ".join(f"{_where(table, each.rows)}, column `{each.column}`: {each.said}" for each in bad)
        fixes = tuple(dict.fromkeys(fix for each in bad for fix in each.fixes))
        drop = f"or leave out: `drop=[{', '.join(word(each.column) for each in bad)}]`"
        if later:  # what it is to be is settled, and the table is another than the program names
            told, fixes, drop = f"{table.name}, {told}", (), "correct the cells, or leave them empty: then they are missing"
        super().__init__("E602", told, (*fixes, drop), option)
        self.bad = tuple(bad)


def _where(table: Table, rows: NDArray[np.int64]) -> str:
    """``line 7, 12 and 3 more``."""
    shown = [table.place(int(row)) for row in rows[:_PLACES]]
    if all(place.startswith("line ") for place in shown):
        shown = [shown[0], *(place.removeprefix("line ") for place in shown[1:])]
    more = f" and {len(rows) - len(shown):,} more" if len(rows) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def bad_words(column: str, words: Distinct, odd: NDArray[np.bool_], wanted: str) -> Bad:
    """The bad cells of a column whose different words [d] are partly odd; ``wanted``: what they are not, ``a number``."""
    rows = words.rows(odd)
    first = words.words[int(words.codes[rows[0]])].as_py()
    said = f"`{first[:_SHOWN]}` is not {wanted}"
    others = [word for word in words.words.filter(odd).to_pylist() if word != first]
    if others:
        more = ", …" if len(others) > _PLACES else ""
        said += f", nor is {', '.join(f'`{word[:_SHOWN]}`' for word in others[:_PLACES])}{more}"
    name = word(column)
    if wanted.startswith("a number"):
        return Bad(column, rows, said, (f"let what is no number be missing: `column {name} number`",
                                        f"or let all be categories: `column {name} category`"))  # fmt: skip
    return Bad(column, rows, said, (f"let them be categories: `column {name} category`",))


def gaps(column: str, missing: NDArray[np.bool_]) -> Bad:
    """Missing cells where none may be."""
    import numpy as np

    return Bad(column, np.flatnonzero(missing), "the cell is missing",
               (f"let a mean stand for it: `column {word(column)} missing=mean`",))  # fmt: skip
