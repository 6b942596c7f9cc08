"""What every verb takes: a file or standard input, settings, permission for Python code, colour."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lampc import examples
from lampc.cli.completion import complete_programs, complete_settings
from lampc.cli.report import remember_color
from lampc.diagnostics import LampError, Problems
from lampc.source import Source

F = TypeVar("F", bound=Callable[..., Any])


FILE = click.argument("file", required=False, default="-", metavar="[FILE]", shell_complete=complete_programs)


def common(function: F) -> F:
    """Options that every verb which reads a program has."""
    options = (
        click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", shell_complete=complete_settings,
                     help="Override a constant or an option: width=64, optimizer.lr=0.1. May be given again."),
        click.option("--allow-python", is_flag=True, help='Permit `data python "module:function"` to run that function.'),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
                     help="Colour what is printed."),
    )  # fmt: skip

    @functools.wraps(function)
    def wrapped(*args: Any, color: str, **kwargs: Any) -> Any:
        remember_color(color)
        return function(*args, color=color, **kwargs)

    decorated: Any = wrapped
    for option in reversed(options):
        decorated = option(decorated)
    result: F = decorated
    return result


def read(file: str, problems: Problems) -> tuple[Source, Path] | None:
    """The source of a file or an example, and where its paths begin; None if it cannot be had, which has been reported."""
    from lampc.elaborate.definitions import decode, read_source

    if file == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise click.UsageError("Name a file, or pipe a program to standard input.")
        source = decode(sys.stdin.buffer.read(), "<stdin>", problems)
        return None if source is None else (source, Path())
    path, name = examples.located(file)
    source = read_source(path, name, problems, None, examples.hints(path))
    return None if source is None else (source, path.parent)


def called(file: str) -> str:
    """What a program's runs are called."""
    return "stdin" if file == "-" else examples.located(file)[0].stem or "program"


def load(file: str, settings: tuple[str, ...], problems: Problems) -> tuple[Source, Path, dict[str, object]]:
    """A program's source, the folder that its paths begin at, and its settings.

    Raises:
        LampError: if the source cannot be had. A wrong setting is reported, to be raised with the program's mistakes.
    """
    found = read(file, problems)
    overrides = parse_settings(settings, problems)
    if found is None:
        raise LampError(problems.errors)
    return *found, overrides


def parse_settings(given: tuple[str, ...], problems: Problems) -> dict[str, object]:
    """What ``--set`` gave, by name; the last of a name counts."""
    from lampc.elaborate import parse_setting

    parsed = (parse_setting(text, problems) for text in given)
    return dict(setting for setting in parsed if setting is not None)
