"""A table's columns, printed: what each is and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from lampc.cli.say import say, say_table
from lampc.printable import printable
from lampc.table.schema import Schema
from lampc.table.shown import NAMES, Shown, rows, shown
from lampc.tables import Column

MOST = 60
"""Columns that are shown; `lampc data --json` has them all."""


def print_schema(schema: Schema, color: bool, scaled: bool = False) -> None:
    """What was found of a table's form, and a line for each column; ``scaled``: number targets are standardised."""
    for note in schema.notes:
        say(printable(note))
    print_columns(shown(schema, scaled=scaled), color)


def print_columns(columns: Sequence[Shown], color: bool) -> None:
    """A line for each column."""
    heads = [Column(name, right=name == "missing", wraps=name in ("values", "becomes")) for name in NAMES]
    say_table(heads, rows(columns[:MOST]), color, 128)
    if len(columns) > MOST:
        say(f"and {len(columns) - MOST} columns more")
