"""What stands between cells and around them, and Python's csv told so."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

CELL = 1 << 26
"""The most characters of a cell; what is longer is a quote that is never closed."""


@dataclass(frozen=True)
class Dialect:
    """What stands between cells and around them."""

    delimiter: str = ","
    """One character; a blank: any number of blanks and tabs."""
    quote: str = '"'
    loose: bool = False
    """Whether a quote may follow a blank, so that Python's csv must read, which is slower."""


def reader_of(lines: Iterable[str], dialect: Dialect, strict: bool = False) -> Reader:
    """Rows of lines, cells untrimmed; an empty line is a row without cells."""
    csv.field_size_limit(max(csv.field_size_limit(), CELL))
    return csv.reader(
        _cut(lines) if dialect.delimiter == " " else lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        skipinitialspace=True,
        strict=strict,
    )


def _cut(lines: Iterable[str]) -> Iterator[str]:
    """Lines whose cells are divided by blanks, none of them at the begin or the end."""
    return (line.replace("\t", " ").strip() + "\n" for line in lines)


def cells(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The trimmed cells of the rows of some lines; empty lines are none."""
    return [[cell.strip() for cell in row] for row in reader_of(lines, dialect) if row and (len(row) > 1 or row[0].strip())]
