"""Where a text's table begins, what its columns are called, and what is to be said of how it is written."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked
from lampc.table.read_dialect import Dialect, cells
from lampc.table.read_encoding import Text
from lampc.table.read_form import NAMES, decimal_of, dialect_of, headed, wanted_delimiter

_HEADS = (1 << 20, 1 << 24)
_LINES = 1000
COLUMNS = 100_000
"""The most that are read."""


@dataclass(frozen=True)
class Layout:
    """A text's table."""

    dialect: Dialect
    decimal: str
    header: bool
    names: tuple[str, ...]
    """As many as rows have cells, all different."""
    unnamed: tuple[str, ...]
    """Which of them the file does not name."""
    begin: int
    """Bytes before the first row."""
    line: int
    """The first row's line, from 1."""
    notes: tuple[str, ...]


def layout_of(text: Text, asked: Asked, likely: str) -> Layout:
    """How a table is written; ``likely``: the delimiter that its name speaks for, which is not worth a note.

    Raises:
        DataError: if it is empty, or its first line too long.
    """
    lines = _first_lines(text)
    notes: list[str] = []
    start, said, comments = _preface(lines)
    if start == len(lines):
        raise DataError("E603", f"{text.source.name} is empty: a table with a header line is wanted")
    delimiter = wanted_delimiter(asked.delimiter) if asked.delimiter is not None else said
    sample = lines[start : start + _LINES]
    dialect = dialect_of(sample, delimiter, likely)
    rows = cells(sample, dialect)
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    if max(width, len(rows[0])) > COLUMNS:
        raise DataError("E601", f"{text.source.name} has {max(width, len(rows[0])):,} columns; {COLUMNS:,} are read")
    below = [row for row in rows[1:] if len(row) == width]
    first, header = rows[0], asked.header
    after = start + _height(sample, dialect)
    if header is None:
        header = headed(first, below)
        named = cells([comments[-1]], dialect) if comments and not header else []
        if named and len(named[0]) == len(first) > 1:
            first, after, header = named[0], start, True
        elif header is None:
            header = True
        elif not header:
            notes.append(
                "the first line is a row, not names: the columns are called column1, column2, …; header=on takes it for names"
            )
    if not header:
        after = start
    names, unnamed = _names(first if header else [""] * len(first), width, below, header, notes)
    decimal = asked.decimal or decimal_of([row[: len(names)] for row in below])
    if asked.delimiter is None and dialect.delimiter != likely:
        shown = dialect.delimiter.replace("\t", "\\t")
        notes.insert(0, f'cells are divided by {NAMES.get(dialect.delimiter, "`" + shown + "`")}: delimiter="{shown}"')
    if dialect.quote != '"':
        notes.append(f"cells are quoted by {dialect.quote}")
    if asked.decimal is None and decimal == ",":
        notes.append('a comma begins decimals: decimal=","')
    begin = text.begin + sum(len(line.encode()) for line in lines[:after])
    return Layout(dialect, decimal, header, names, unnamed, begin, after + 1, tuple(notes))


def _first_lines(text: Text) -> list[str]:
    """Whole lines of a text's beginning.

    Raises:
        DataError: if there is none.
    """
    for size in _HEADS:
        raw = text.source.head(text.begin + size + 1)[text.begin :]
        whole = len(raw) <= size
        lines = list(io.StringIO(raw.decode(errors="ignore"), newline=""))
        if whole or len(lines) > 2:
            return lines if whole else lines[:-1]
    raise DataError("E601", f"{text.source.name}: its first lines are longer than {_HEADS[-1]:,} bytes: is it a table?")


def _preface(lines: Sequence[str]) -> tuple[int, str | None, list[str]]:
    """How many lines stand before the table, the delimiter that Excel says there, and comments without their ``#``."""
    said, comments = None, []
    for place, line in enumerate(lines):
        if place == 0 and (found := re.fullmatch(r'"?sep=(.)"?\s*', line, re.DOTALL)):
            said = found[1]
        elif line.lstrip().startswith("#"):
            comments.append(line.lstrip()[1:].lstrip("# "))
        elif line.strip():
            return place, said, comments
    return len(lines), said, comments


def _height(lines: Sequence[str], dialect: Dialect) -> int:
    """How many lines the first row has."""
    count, quotes = 0, 0
    for line in lines:
        count += 1
        quotes += line.count(dialect.quote)
        if quotes % 2 == 0:
            break
    return count if quotes % 2 == 0 else 1


def _names(first: Sequence[str], width: int, below: Sequence[Sequence[str]], header: bool, notes: list[str]
           ) -> tuple[tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    """Names for as many columns as rows have cells, all different; what is made up is said."""
    given = [" ".join(cell.split()) for cell in first]
    if header and below and len(given) == width - 1:
        given = ["", *given] if any(row[-1] for row in below) else [*given, ""]
    unnamed = [place for place, name in enumerate(given) if not name]
    taken, names, doubled = set(given), [], []
    for place, name in enumerate(given):
        made, number = name or f"column{place + 1}", 2
        while made in names or (made != name and made in taken):
            made, number = f"{name or f'column{place + 1}'}_{number}", number + 1
        if name and made != name:
            doubled.append(f"`{made}`")
        names.append(made)
    if doubled:
        notes.append(
            f"several columns have one name; the later are called {', '.join(doubled[:5])}{', …' if doubled[5:] else ''}"
        )
    return tuple(names), tuple(names[place] for place in unnamed) if header else ()
