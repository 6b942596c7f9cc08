"""Tables of texts, as a terminal shows them; no cell is markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.printable import printable

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Column:
    """A table's column."""

    name: str
    right: bool = False
    """Whether cells stand at its right end, as numbers do."""
    footer: str = ""
    wraps: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    """What rich prints."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, show_edge=False, show_footer=any(column.footer for column in columns))
    for column in columns:
        made.add_column(column.name, Text(column.footer), justify="right" if column.right else "left",
                        no_wrap=not column.wraps)  # fmt: skip
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def lines(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int) -> str:
    """The table as text, at most so many characters wide."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, no_color=True, highlight=False, color_system=None, width=width).print(table(columns, rows))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
