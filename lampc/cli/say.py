"""All that the command line says: text without what drives a terminal, JSON, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

import click

from lampc.printable import json_line, printable_lines
from lampc.tables import Column, table


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines of text; whatever of others' stands in them is shown, and does nothing."""
    click.echo(printable_lines(text), err=err)


def say_json(value: Any, *, err: bool = False) -> None:
    """Print a line of JSON, exactly: its escapes are ASCII, and harmless. Numbers that are none are null."""
    click.echo(json_line(value), err=err)


def say_characters(text: str) -> None:
    """Print part of a line at once."""
    sys.stdout.write(printable_lines(text))
    sys.stdout.flush()


def say_exactly(text: str) -> None:
    """Print a text as it is, for a file or another program; a terminal shows what is in it, as ever."""
    if sys.stdout.isatty():
        say_characters(text)
    else:
        click.echo(text.encode(), nl=False)


class Shown:
    """Standard output as a stream for lines of tables."""

    def write(self, text: str) -> int:
        """Print what is written."""
        sys.stdout.write(printable_lines(text))
        return len(text)

    def flush(self) -> None:
        """Let it be seen."""
        sys.stdout.flush()


def standard_output() -> IO[str]:
    """Where tables go if no file is named."""
    stream: Any = Shown()
    return stream  # type: ignore[no-any-return]


def say_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], color: bool, width: int) -> None:
    """Print a table; ``width`` columns of characters wide where there is no terminal. No cell is markup."""
    from rich.console import Console

    Console(no_color=not color, highlight=False, color_system="auto" if color else None,
            width=None if sys.stdout.isatty() else width).print(table(columns, rows))  # fmt: skip
