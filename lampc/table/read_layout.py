"""Where a text's table begins, what its columns are called, and what is to be said of how it is written."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked, Form
from lampc.table.read_dialect import Dialect, cells, reader_of
from lampc.table.read_encoding import Text
from lampc.table.read_form import NAMES, NUMBER, decimal_of, dialect_of, headed, title_lines, wanted_delimiter

_HEADS = (1 << 20, 1 << 24)
_LINES = 1000
_HIGHEST = 50
COLUMNS = 100_000
"""The most that are read."""


@dataclass(frozen=True)
class Layout:
    """A text's table."""

    dialect: Dialect
    form: Form
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
        DataError: if it is empty, has too many columns, or its first line does not end.
    """
    lines = _first_lines(text)
    start, said, comments = _preface(lines)
    if start == len(lines):
        raise DataError("E603", f"{text.source.name} is empty: a table with a header line is wanted")
    insisted = wanted_delimiter(asked.delimiter) if asked.delimiter is not None else said
    above = title_lines(lines[start : start + _LINES], insisted, likely)
    start += above
    sample = lines[start : start + _LINES]
    dialect, _ = dialect_of(sample, insisted, likely)
    rows = cells(sample, dialect)
    width = Counter(len(row) for row in rows[1:] or rows).most_common(1)[0][0]
    if max(width, len(rows[0])) > COLUMNS:
        raise DataError("E601", f"{text.source.name} has {max(width, len(rows[0])):,} columns; {COLUMNS:,} are read")
    below = [row for row in rows[1:] if len(row) == width]
    first, at_once, header = _header(rows[0], below, cells(comments[-1:], dialect), asked)
    after = start + (0 if at_once else _height(text, sample, dialect))
    names, unnamed, doubled = _names(first, width, below, header)
    decimal = asked.decimal or decimal_of([row[: len(names)] for row in below])
    form = Form("csv", dialect.delimiter, decimal, text.encoding, header)
    numbers = header and asked.header is None and at_once is False and all(NUMBER.fullmatch(cell) for cell in first)
    taken = ["the first line, which is numbers, names the columns: header=off takes it for a row"] * numbers
    notes = (*_said_of_form(form, dialect, asked, likely, above), *taken, *doubled)
    begin = text.begin + sum(len(line.encode()) for line in lines[:after])
    return Layout(dialect, form, names, unnamed, begin, after + 1, notes)


def _header(first: list[str], below: list[list[str]], comments: list[list[str]], asked: Asked) -> tuple[list[str], bool, bool]:
    """The names' cells, empty ones if there are none; whether the first row is one of the rows; whether names were found."""
    if asked.header is not None:
        return (first, False, True) if asked.header else ([""] * len(first), True, False)
    found = headed(first, below)
    if not found and comments and len(comments[-1]) == len(first) > 1:
        return comments[-1], True, True
    return ([""] * len(first), True, False) if found is False else (first, False, True)


def _said_of_form(form: Form, dialect: Dialect, asked: Asked, likely: str, above: int) -> Iterator[str]:
    """What was found and is not what one expects of a table."""
    if form.encoding != "utf-8" and asked.encoding is None:
        yield f'the text is not UTF-8: encoding="{form.encoding}"'
    if above:
        yield f"{'a line' if above == 1 else f'{above} lines'} above the table {'is' if above == 1 else 'are'} left out"
    if asked.delimiter is None and form.delimiter != likely:
        shown = "tab" if form.delimiter == "\t" else f'"{form.delimiter}"'
        yield f"cells are divided by {NAMES.get(form.delimiter, f'`{form.delimiter}`')}: delimiter={shown}"
    if asked.header is None and not form.header:
        yield "the first line is a row, not names: the columns are called column1, column2, …; header=on takes it for names"
    if dialect.quote != '"':
        yield f"cells are quoted by {dialect.quote}"
    if asked.decimal is None and form.decimal == ",":
        yield 'a comma begins decimals: decimal=","'


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


def _height(text: Text, lines: Sequence[str], dialect: Dialect) -> int:
    """How many lines the first row has.

    Raises:
        DataError: if it is very many, so that a quote is open.
    """
    reader = reader_of(lines, dialect)
    next(reader)
    if reader.line_num > _HIGHEST:
        raise DataError("E601", f"{text.source.name}: a quote is opened in the first line of the table and not closed",
                        ('a cell with a quote in it is written `"5"" pipe"`',))  # fmt: skip
    return reader.line_num


def _name_rows(firsts: Sequence[str]) -> bool:
    """Whether the first cells of rows may name them: unlike each other; of numbers such that count upwards.

    Others have a cell too many: a comma in a number moves all that comes after it.
    """
    if len({*firsts}) < len(firsts):
        return False
    if not all(NUMBER.fullmatch(cell) for cell in firsts):
        return True
    whole = [int(cell) for cell in firsts if re.fullmatch(r"\d{1,18}", cell)]
    counts = len(whole) == len(firsts) and all(one < next_ for one, next_ in itertools.pairwise(whole))
    return counts and (len(whole) > 1 or whole[0] < 2)


def _names(first: Sequence[str], width: int, below: Sequence[Sequence[str]], header: bool
           ) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:  # fmt: skip
    """Names for as many columns as rows have cells, all different; those that are made up; what is said of doubled ones."""
    given = [" ".join(cell.split()) for cell in first]
    if header and below and len(given) == width - 1:  # R leaves out the name of rows' names; others end rows in a delimiter
        named = ["", *given] if _name_rows([row[0] for row in below]) else given
        given = named if any(row[-1] for row in below) else [*given, ""]
    unnamed = tuple(f"column{place}" for place, name in enumerate(given, 1) if not name and header)
    given = [name or f"column{place}" for place, name in enumerate(given, 1)]
    every, taken = set(given), set[str]()
    names, doubled, counts = [], [], Counter[str]()
    for name in given:
        made = name
        while made in taken or (made != name and made in every):
            counts[name] += 1
            made = f"{name}_{counts[name] + 1}"
        if made != name:
            doubled.append(f"`{made}`")
        taken.add(made)
        names.append(made)
    shown = ", ".join(doubled[:5]) + (", …" if doubled[5:] else "")
    return (
        tuple(names),
        unnamed if header else (),
        [f"several columns have one name; the later are called {shown}"] * bool(doubled),
    )
