"""Printing diagnostics."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click

from lampc.cli.say import say
from lampc.diagnostics import Diagnostic
from lampc.diagnostics.render import plain, render

_STYLES = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "place": {"fg": "cyan"},
    "help": {"fg": "green"},
}


def wants_color(color: str, stream: object = None) -> bool:
    """Whether to colour a stream: as ``--color`` says, else on a terminal without ``NO_COLOR``."""
    if color != "auto":
        return color == "always"
    stream = sys.stdout if stream is None else stream
    return "NO_COLOR" not in os.environ and bool(getattr(stream, "isatty", bool)())


def paint(style: str, text: str) -> str:
    """A text in a style, for a terminal."""
    return click.style(text, **_STYLES[style])  # type: ignore[arg-type]


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to standard error, a blank line between them; of very many the first."""
    diagnostics = list(diagnostics)
    context = click.get_current_context(silent=True)
    color = (context.obj or {}).get("color", _COLOR[-1]) if context else _COLOR[-1]
    colored = wants_color(color, sys.stderr)
    for index, diagnostic in enumerate(diagnostics[:_MOST]):
        text = render(diagnostic, paint if colored else plain)
        click.echo(("\n" if index else "") + text, err=True, color=colored)
    if len(diagnostics) > _MOST:
        say(f"\nand {len(diagnostics) - _MOST:,} more", err=True)


_MOST = 200
"""Diagnostics that are printed: nobody reads a million, as of a file that is no program."""
_COLOR = ["auto"]
"""The last ``--color`` given: diagnostics are printed after click has closed its context."""


def remember_color(color: str) -> None:
    """Keep what ``--color`` said."""
    _COLOR.append(color)


def warned(message: Warning | str, *_: object, **__: object) -> None:
    """A warning for people: what, not where in lampc."""
    say(f"warning: {message}", err=True)
