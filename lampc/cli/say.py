"""All that the command line says: text without what drives a terminal, JSON, tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

import click

from lampc.printable import json_line, printable_lines
from lampc.tables import Column, folded, table
from lampc.terminal import is_terminal, width

_BEFORE: list[Callable[[], None]] = []


def before_all(hide: Callable[[], None]) -> None:
    """Have what is drawn on the terminal hidden before anything is said."""
    _BEFORE[:] = [hide]


def clear(err: bool = False) -> None:
    """Hide what is drawn on the terminal, if what is going to be said goes there."""
    for hide in _BEFORE if is_terminal(sys.stderr if err else sys.stdout) else ():
        hide()


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines of text; whatever of others' stands in them is shown, and does nothing."""
    clear(err)
    click.echo(printable_lines(text), err=err)


def say_json(value: Any, *, err: bool = False) -> None:
    """Print a line of JSON, exactly: its escapes are ASCII, and harmless. Numbers that are none are null."""
    clear(err)
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


def say_no_more() -> None:
    """Let what is still to be printed go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unread() -> int:
    """The status of a verb whose work is not done when the reader of what it prints has gone, as after ``| head``.

    It is what the shell has for who is ended by a broken pipe, 128 + SIGPIPE: 0 would say that it is done.
    """
    say_no_more()
    say("interrupted: nobody reads what is printed", err=True)
    return 141


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


def tell(text: str, *, err: bool = False) -> None:
    """Print sentences: on a terminal that is too narrow for a line it goes on in the next one after a whole word."""
    stream = sys.stderr if err else sys.stdout
    if is_terminal(stream):
        room = width(stream, 80)
        text = "\n".join(part for line in text.split("\n") for part in folded(line, room))
    say(text, err=err)


def say_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], color: bool, otherwise: int) -> None:
    """Print a table; ``otherwise`` characters wide where neither a terminal nor ``COLUMNS`` says more. No cell is markup."""
    clear()
    from rich.console import Console

    room = width(sys.stdout, otherwise)
    console = Console(no_color=not color, highlight=False, color_system="standard" if color else None, force_terminal=color,
                      width=room, height=25)  # fmt: skip
    try:
        console.print(table(columns, rows, room))
    except SystemExit:  # rich's answer to a closed pipe
        raise BrokenPipeError from None
