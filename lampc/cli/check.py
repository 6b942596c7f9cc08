"""``lampc check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from lampc import __version__
from lampc.cli import mend
from lampc.cli.completion import complete_programs
from lampc.cli.inputs import common, parse_settings, read
from lampc.cli.report import paint, print_diagnostics, wants_color
from lampc.cli.say import say, say_exactly, say_json
from lampc.cli.verb import verb
from lampc.diagnostics import Diagnostic, LampError, Problems
from lampc.diagnostics.formats import concise, github
from lampc.elaborate import Elaborated
from lampc.elaborate.given import Given
from lampc.source import Source

FORMATS = ("text", "concise", "json", "github", "sarif")


@dataclass(frozen=True)
class _Manner:
    """How programs are checked and what is said of them."""

    settings: tuple[str, ...]
    allow_python: bool
    fix: bool
    diff: bool
    form: str
    color: str

    @property
    def says(self) -> bool:
        """Whether people read it."""
        return self.form in ("text", "concise")


@dataclass(frozen=True)
class _Outcome:
    """What came of a file."""

    file: str
    left: tuple[Diagnostic, ...]
    elaborated: Elaborated | None = None
    made: tuple[Diagnostic, ...] = ()
    differs: bool = False
    """Whether a fix is shown that is not made."""

    @property
    def errors(self) -> int:
        return sum(found.severity == "error" for found in self.left)


@verb("lampc check flowers.lamp", "lampc check --fix flowers.lamp", "lampc check --format sarif *.lamp > lampc.sarif")
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=complete_programs)
@click.option("--fix", is_flag=True, help="Mend what can be mended in one way only; standard input is printed, mended.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--format", "form", type=click.Choice(FORMATS), metavar="FORM",
              help=f"How findings are printed: {', '.join(FORMATS)}. [default: text]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: each finding is a line.")
@common
def check(files: tuple[str, ...], fix: bool, diff: bool, form: str | None, as_json: bool, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Find all mistakes of programs, without running them; and mend those whose mend is certain.

    It exits with 1 if an error is left, or if --diff shows a change. Warnings are no errors.
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and --format {form} is given, too.")
    if diff and (as_json or form in ("json", "github", "sarif")):
        raise click.UsageError(
            f"--diff prints a diff, and {'--json' if as_json else f'--format {form}'} findings: one of them."
        )
    manner = _Manner(settings, allow_python, fix or diff, diff, "json" if as_json else form or "text", color)
    outcomes = [_outcome(file, manner) for file in files or ("-",)]
    if manner.form == "sarif":
        from lampc.diagnostics.sarif import sarif

        piped = manner.fix and "-" in (files or ("-",))
        say_json(sarif([found for outcome in outcomes for found in outcome.left], __version__), err=piped)
    if manner.says:
        _sum_up(outcomes, manner)
    if manner.form == "text" and len(outcomes) == 1 and not (manner.fix or outcomes[0].errors) and outcomes[0].elaborated:
        _say_columns(outcomes[0].elaborated, wants_color(manner.color))
    return 1 if any(outcome.errors or outcome.differs for outcome in outcomes) else 0


def _outcome(file: str, manner: _Manner) -> _Outcome:
    problems = Problems()
    found = read(file, problems)
    overrides = parse_settings(manner.settings, problems)
    if found is None:
        outcome = _Outcome(file, problems.sorted())
    else:
        given = Given(found[1], overrides, manner.allow_python)
        try:
            outcome = _checked(file, found[0], given, problems, manner)
        except LampError as error:  # the mended text cannot be written
            outcome = _Outcome(file, error.diagnostics)
    _print(outcome, manner)
    return outcome


def _checked(file: str, source: Source, given: Given, problems: Problems, manner: _Manner) -> _Outcome:
    result = mend.examined(source, given)
    if manner.fix:
        result = mend.until_mended(result, given)
    changed = result.source.text != source.text
    if manner.diff:
        colored = wants_color(manner.color)
        for line in mend.difference(source, result.source):
            say(_painted(line) if colored else line)
    elif manner.fix and file == "-":
        say_exactly(result.source.text)
    elif changed:
        mend.write(source, result.source)
    problems.take(result.problems.sorted())
    return _Outcome(file, problems.sorted(), result.elaborated, result.made, manner.diff and changed)


def _painted(line: str) -> str:
    style = {"-": "error", "+": "help", "@": "place"}.get(line[:1])
    return paint(style, line) if style and line[:3] not in ("---", "+++") else line


def _print(outcome: _Outcome, manner: _Manner) -> None:
    """Print what is found in a file; SARIF is of all files at once."""
    file, left = outcome.file, outcome.left
    piped = file == "-" and manner.fix
    if manner.form == "json":
        for diagnostic in left:
            say_json({"file": file, **diagnostic.json()}, err=piped)
    elif manner.form == "github":
        for diagnostic in left:
            say(github(diagnostic), err=piped)
    elif manner.says:
        for diagnostic in outcome.made:
            say(f"{'would mend' if manner.diff else 'mended'} {concise(diagnostic)}; {diagnostic.fixes[0]}", err=True)
        if manner.form == "concise":
            for diagnostic in left:
                say(concise(diagnostic), err=piped)
        else:
            print_diagnostics(left)
        if not outcome.errors and outcome.elaborated is not None:
            _say_fine(outcome, err=piped or manner.diff)


def _say_columns(elaborated: Elaborated, color: bool) -> None:
    """What becomes of a table's columns."""
    data = elaborated.experiment.data
    if data is not None and data.description is not None and data.description.schema is not None:
        from lampc.cli.columns import print_schema

        print_schema(data.description.schema, color, scaled=data.request.scale)


def _say_fine(outcome: _Outcome, err: bool) -> None:
    assert outcome.elaborated is not None
    layers = outcome.elaborated.layers
    count = sum(layer.parameter_count for layer in layers)
    warnings = f", {_number(len(outcome.left), 'warning')}" if outcome.left else ""
    say(f"{outcome.file}: fine, {_number(len(layers), 'layer')}, {_number(count, 'parameter')}{warnings}", err=err)


def _sum_up(outcomes: Sequence[_Outcome], manner: _Manner) -> None:
    failed = sum(outcome.errors > 0 for outcome in outcomes)
    if not failed:
        return
    errors = sum(outcome.errors for outcome in outcomes)
    where = f" in {failed} of {len(outcomes)} files" if len(outcomes) > 1 else ""
    certain = 0 if manner.fix else sum(bool(found.edits) for outcome in outcomes for found in outcome.left)
    mends = f"; `lampc check --fix` mends {certain}" if certain else ""
    say(f"\n{_number(errors, 'error')}{where}{mends}; `lampc explain CODE` says more", err=True)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
