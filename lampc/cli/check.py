"""``lampc check``."""

from __future__ import annotations

import click

from lampc.cli.completion import complete_programs
from lampc.cli.inputs import common, parse_settings, read
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say, say_json
from lampc.cli.verb import verb
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given


@verb("lampc check disc", "lampc check mine.lamp --set width=64")
@click.argument("files", nargs=-1, metavar="[FILE]...", shell_complete=complete_programs)
@click.option("--json", "as_json", is_flag=True, help="Print each finding as a line of JSON.")
@common
def check(files: tuple[str, ...], as_json: bool, settings: tuple[str, ...], allow_python: bool, color: str) -> int:
    """Find all mistakes of programs, without running them."""
    from lampc.compile import examine

    failed = errors = 0
    for file in files or ("-",):
        problems = Problems()
        found = read(file, problems)
        overrides = parse_settings(settings, problems)
        elaborated = examine(found[0], Given(found[1], overrides, allow_python), problems) if found else None
        if as_json:
            for diagnostic in problems.sorted():
                say_json({"file": file, **diagnostic.json()})
        else:
            print_diagnostics(problems.sorted())
        failed += bool(problems.errors)
        errors += len(problems.errors)
        if not problems.errors and elaborated is not None and not as_json:
            count = sum(layer.parameter_count for layer in elaborated.layers)
            say(f"{file}: fine, {_number(len(elaborated.layers), 'layer')}, {_number(count, 'parameter')}"
                       f"{', ' + _number(len(problems.warnings), 'warning') if problems.warnings else ''}")  # fmt: skip
    if failed and not as_json:
        where = f" in {failed} of {len(files)} files" if len(files) > 1 else ""
        say(f"\n{_number(errors, 'error')}{where}; `lampc explain CODE` says more", err=True)
    return 1 if failed else 0


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
