"""``lampc compare``."""

from __future__ import annotations

from typing import Any

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_runs
from lampc.cli.say import say, say_json
from lampc.cli.verb import verb
from lampc.printable import printable


@verb("lampc compare disc/1 disc/2")
@click.argument("first", metavar="A", shell_complete=complete_runs)
@click.argument("second", metavar="B", shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@COLOR
def compare(first: str, second: str, as_json: bool) -> int:
    """Show where two runs differ: what they measured, their settings, their sources."""
    from lampc.runs.directory import find
    from lampc.runs.overview import compare as compared

    found = compared(find(first), find(second))
    if as_json:
        say_json(found)
        return 0
    names = [printable(path.removeprefix("runs/")) for path in found["runs"]]
    width = max((len(name) for name in (*found["measures"], *found["settings"])), default=0)
    column = max(12, *(len(name) for name in names))
    say(f"{'':{width}}  {names[0]:>{column}}  {names[1]:>{column}}")
    for part in ("measures", "settings"):
        for name, (one, other) in found[part].items():
            say(f"{name:{width}}  {_shown(one):>{column}}  {_shown(other):>{column}}")
    for name, values in found.get("paired", {}).items():
        say(f"{name}: {names[1]} − {names[0]} is {_difference(name, values)}, fold by fold")
    for what in ("same program", "same data"):
        if not found[what]:
            say(f"not the {what}")
    for name, (one, other) in found["versions"].items():
        say(f"{name}: {one} and {other}")
    for line in found["source"]:
        say(line)
    return 0


def _difference(name: str, found: dict[str, Any]) -> str:
    """A mean difference with its deviation over the folds: of an accuracy in points of a hundred."""
    if name.endswith("accuracy"):
        return f"{100 * found['mean']:+.1f} ± {100 * found['std']:.1f} %"
    return f"{found['mean']:+.4g} ± {found['std']:.2g}"


def _shown(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else "" if value is None else printable(str(value))
