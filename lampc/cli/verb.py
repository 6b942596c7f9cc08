"""What every verb's help has: as much as the terminal is wide, examples that can be copied, and how it exits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from lampc.tables import folded
from lampc.terminal import width

EXITS = (
    ("0", "fine"),
    ("1", "the program, its data or its run is wrong, or its training came to nothing"),
    ("2", "wrong usage, or a fault in lampc"),
    ("130", "interrupted (143 by SIGTERM)"),
    ("141", "`train`, `sweep`: nobody reads what is printed any more"),
)
"""What a verb exits with."""
_RUN = "A run's directory, `disc/3`, or `disc` for the latest that is called so."
_ARGUMENTS = {
    "[FILE]": "A program's file, or an example's name; `-`, or nothing: standard input.",
    "[FILE]...": "Programs' files, or examples' names; `-`, or nothing: standard input.",
    "RUN": _RUN,
    "A": _RUN,
    "B": "Another one.",
}
"""What arguments are, as the first line of help names them."""
_NARROW = 60
"""Characters of a line below which an option's help stands under it."""


class Formatter(click.HelpFormatter):
    """Folds help at words, whatever the width."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__(width=max(20, min(width(sys.stdout, 80), 110)))

    def write_sentences(self, text: str) -> None:
        """Write paragraphs."""
        indent = " " * self.current_indent
        for number, paragraph in enumerate(text.split("\n\n")):
            self.write("\n" * bool(number))
            for line in folded(" ".join(paragraph.split()), self.width - self.current_indent, ""):
                self.write(f"{indent}{line}\n")

    write_text = write_sentences

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        indent, longest = " " * self.current_indent, max((len(term) for term, _ in rows), default=0)
        beside = min(longest, col_max) + col_spacing
        stacked = self.width < _NARROW and longest > 12
        column = 4 if stacked else beside
        for term, text in rows:
            lines = folded(" ".join(text.split()), max(10, self.width - self.current_indent - column), "") if text else []
            first = lines.pop(0) if lines and not stacked and len(term) <= beside - col_spacing else ""
            self.write(f"{indent}{term:{beside}}{first}".rstrip() + "\n")
            for line in lines:
                self.write(f"{indent}{'':{column}}{line}\n")

    def write_command(self, command: str) -> None:
        r"""Write a command that can be copied: what has no room goes on after a ``\``."""
        first, *more = folded(f"{'':{self.current_indent}}{command}", self.width - 2, " " * (self.current_indent + 4))
        self.write(" \\\n".join([first, *more]) + "\n")


class Context(click.Context):
    """Help of a verb is laid out by ``Formatter``."""

    formatter_class = Formatter


class Verb(click.Command):
    """A verb of the command line."""

    context_class = Context
    examples: tuple[str, ...] = ()

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        names = [param.make_metavar(ctx) for param in self.params if isinstance(param, click.Argument)]
        told = [(name.strip("[]."), _ARGUMENTS[name]) for name in names if name in _ARGUMENTS]
        if told:
            with formatter.section("Arguments"):
                formatter.write_dl(told)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        assert isinstance(formatter, Formatter)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write_command(example)
        write_exits(formatter)


def write_exits(formatter: click.HelpFormatter) -> None:
    """Write what a verb exits with."""
    with formatter.section("Exit status"):
        formatter.write_dl(EXITS)


def verb(*examples: str, name: str | None = None) -> Callable[[Callable[..., Any]], Verb]:
    """A verb from a function, as ``click.command`` makes it; with commands that show what it is for."""

    def decorate(function: Callable[..., Any]) -> Verb:
        made: Verb = click.command(name, cls=Verb)(function)
        made.examples = examples
        return made

    return decorate
