"""Printing diagnostics."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from lampc.cli.say import clear, say
from lampc.diagnostics import Diagnostic
from lampc.diagnostics.render import plain, render
from lampc.tables import folded
from lampc.terminal import colored, is_terminal, width

_STYLES = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "place": {"fg": "cyan"},
    "help": {"fg": "green"},
}


def wants_color(color: str, stream: object = None) -> bool:
    """Whether to colour a stream, standard output if none is named; see ``lampc/terminal.py``."""
    return colored(color, sys.stdout if stream is None else stream)


def paint(style: str, text: str) -> str:
    """A text in a style, for a terminal."""
    return click.style(text, **_STYLES[style])  # type: ignore[arg-type]


def print_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics to standard error, a blank line between them; of very many the first."""
    clear(err=True)
    diagnostics = list(diagnostics)
    context = click.get_current_context(silent=True)
    color = (context.obj or {}).get("color", _COLOR[-1]) if context else _COLOR[-1]
    colored = wants_color(color, sys.stderr)
    for index, diagnostic in enumerate(diagnostics[:_MOST]):
        text = _folded(render(diagnostic, paint if colored else plain))
        click.echo(("\n" if index else "") + text, err=True, color=colored)
    if len(diagnostics) > _MOST:
        say(f"\nand {len(diagnostics) - _MOST:,} more", err=True)


def _folded(text: str) -> str:
    """Sentences in lines that the terminal has room for; an excerpt stays as it is, above its carets."""
    if not is_terminal(sys.stderr):
        return text
    room = width(sys.stderr, 80)
    lines = ([line] if " | " in line[:12] else folded(line, room, "    ") for line in text.split("\n"))
    return "\n".join(part for line in lines for part in line)


_MOST = 200
"""Diagnostics that are printed: nobody reads a million, as of a file that is no program."""
_COLOR = ["auto"]
"""The last ``--color`` given: diagnostics are printed after click has closed its context."""


def remember_color(color: str) -> None:
    """Keep what ``--color`` said."""
    _COLOR.append(color)


def color_asked() -> str:
    """What ``--color`` said."""
    return _COLOR[-1]


def warned(message: Warning | str, *_: object, **__: object) -> None:
    """A warning for people: what, not where in lampc."""
    say(f"warning: {message}", err=True)
