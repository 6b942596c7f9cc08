"""What a shell may complete: programs, examples, runs, settings of the program that is named, codes.

Nothing here raises or prints: somebody is in the midst of writing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from lampc import examples

_MOST = 10_000
"""Entries of a folder that are looked at."""


def complete_examples(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The examples whose names begin so."""
    return [CompletionItem(name, help=examples.about(name)[0]) for name in examples.names() if name.startswith(begun)]


def complete_programs(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The programs here and the examples whose names begin so; where there are none, any file."""
    own = [CompletionItem(name) for name in _entries() if name.endswith(".lamp") and name.startswith(begun)]
    return [*own, *complete_examples(context, parameter, begun)] or [CompletionItem(begun, type="file")]


def _entries() -> list[str]:
    with suppress(OSError), os.scandir() as entries:
        return sorted(entry.name for entry in islice(entries, _MOST))
    return []


def complete_runs(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The runs that are kept, by name and number; their latest by the name alone. Where there are none, any folder."""
    from lampc.runs.directory import every, home

    root = Path(context.params.get("run_dir") or home())
    with suppress(OSError):
        names = [f"{path.parent.name}/{path.name}" for path in every(root)]
        known = [*dict.fromkeys(name.partition("/")[0] for name in names), *names]
        if found := [CompletionItem(name) for name in known if name.startswith(begun)]:
            return found
    return [CompletionItem(begun, type="dir")]


def complete_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What runs are called."""
    return [item for item in complete_runs(context, parameter, begun) if item.type == "plain" and "/" not in item.value]


def complete_what_samples(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Runs and programs."""
    runs = [item for item in complete_runs(context, parameter, begun) if item.type == "plain"]
    named = {item.value for item in runs}
    return [*runs, *(item for item in complete_programs(context, parameter, begun) if item.value not in named)]


def complete_settings(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The settings of the program that the command names, and, after the ``=``, the words that one may be."""
    name, equals, value = begun.partition("=")
    known = _settings(context)
    if equals:
        return [CompletionItem(f"{name}={word}") for word in _words(name, known) if word.startswith(value)]
    return [CompletionItem(f"{setting}=") for setting in sorted(known) if setting.startswith(begun)]


def _words(name: str, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    from lampc.layers.initialisers import INITIALISERS
    from lampc.layers.metrics import METRICS

    finite = {"best": ("loss", *METRICS), "init": tuple(INITIALISERS)}
    return known.get(name, ()) or finite.get(name.rpartition(".")[2] if name in known else "", ())


def _settings(context: click.Context) -> dict[str, tuple[str, ...]]:
    from lampc.diagnostics import LampError, Problems
    from lampc.elaborate import settings_of
    from lampc.elaborate.definitions import read_source
    from lampc.elaborate.given import Given
    from lampc.source import Source
    from lampc.syntax import parse

    named = [context.params.get("file"), *(context.params.get("files") or ()), *context.args]  # where an option is not whole
    file = next((name for name in named if name and name != "-"), "-")
    problems = Problems()
    with suppress(LampError, OSError):
        path, name = examples.located(file)
        source = read_source(path, name, problems, None, [])
        if source is not None:
            return settings_of(parse(source, problems), Given(path.parent))
    # what every program has
    return settings_of(parse(Source("", ""), problems), Given())


def complete_codes(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The codes of diagnostics, with their titles."""
    from lampc.diagnostics.codes import TITLES

    return [CompletionItem(code, help=title) for code, title in TITLES.items() if code.startswith(begun.upper())]


def complete_files(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Any file."""
    return [CompletionItem(begun, type="file")]


def complete_folders(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Any folder."""
    return [CompletionItem(begun, type="dir")]


def complete_data(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Programs, examples, and any file."""
    programs = [item for item in complete_programs(context, parameter, begun) if item.type == "plain"]
    return [*programs, *complete_files(context, parameter, begun)]
