"""Tables of texts, as a terminal shows them; no cell is markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Column:
    """A table's column."""

    name: str
    right: bool = False
    """Whether cells stand at its right end, as numbers do."""
    footer: str = ""
    wraps: bool = False
    """Whether cells may take several lines; words stay whole."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int) -> RenderableType:
    """What rich prints within a width: a table, or, where that is too narrow for it, a row's cells one below the other."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [[printable(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells, width)
    if widths is None:
        return Text("\n".join(_records(columns, cells, width)))
    made = Table(box=SIMPLE_HEAD, show_edge=False, show_footer=any(column.footer for column in columns))
    for column, wide in zip(columns, widths, strict=True):
        made.add_column(column.name, Text(column.footer), justify="right" if column.right else "left",
                        no_wrap=not column.wraps, width=wide)  # fmt: skip
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """How wide each column is, so that nothing is cut and no word parted; None where there is no room for that."""
    from rich.cells import cell_len

    texts = [[column.name, column.footer, *(row[index] for row in rows)] for index, column in enumerate(columns)]
    found = [max(map(cell_len, column)) for column in texts]
    parts = [[word for text in column for word in text.split()] for column in texts]
    least = [max(map(cell_len, words), default=0) if column.wraps else wide
             for column, words, wide in zip(columns, parts, found, strict=True)]  # fmt: skip
    room = width - 3 * len(columns) + 1  # a space on either side, and one between two
    if sum(least) > room:
        return None
    while sum(found) > room:
        widest = max(range(len(found)), key=lambda index: (found[index] > least[index], found[index]))
        found[widest] -= 1
    return found


def _records(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Iterable[str]:
    footers = [[column.footer for column in columns]] if any(column.footer for column in columns) else []
    name = max((len(column.name) for column in columns[1:]), default=0)
    for row in (*rows, *footers):
        yield from folded(row[0], width, "  ")
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                yield from folded(f"  {column.name:{name}}  {cell}", width, "    ")


def folded(line: str, width: int, indent: str = "  ") -> list[str]:
    """A line in lines of at most so many characters, those after the first indented.

    A word is parted only where it is longer than a line; styles take no room.
    """
    if _long(line) <= width:
        return [line]
    room, found = max(1, width - len(indent)), [""]
    for word in line.split(" "):
        joined = f"{found[-1]} {word}" if found[-1].strip() else f"{found[-1]}{word or ' '}"
        if _long(joined) <= (width if len(found) == 1 else room) or not found[-1].strip():
            found[-1] = joined
        else:
            found.append(word)
        while _long(found[-1]) > (width if len(found) == 1 else room) and "\x1b" not in found[-1]:
            cut = width if len(found) == 1 else room
            found[-1:] = [found[-1][:cut], found[-1][cut:]]
    return [found[0], *(f"{indent}{part.strip()}" for part in found[1:] if part.strip())]


def _long(text: str) -> int:
    return len(re.sub(r"\x1b\[[\d;]*m", "", text))


def lines(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int) -> str:
    """The table as text, at most so many characters wide."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    made = table(columns, rows, width)
    Console(file=out, no_color=True, highlight=False, color_system=None, width=width, height=25).print(made)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
