"""``lampc compare``."""

from __future__ import annotations

import json
from typing import Any

import click

from lampc.cli.report import remember_color


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour errors."
)
def compare(first: str, second: str, as_json: bool, color: str) -> int:
    """Show where two runs differ: what they measured, their settings, their sources."""
    remember_color(color)
    from lampc.runs.directory import find
    from lampc.runs.overview import compare as compared

    found = compared(find(first), find(second))
    if as_json:
        click.echo(json.dumps(found))
        return 0
    names = [path.removeprefix("runs/") for path in found["runs"]]
    width = max((len(name) for name in (*found["measures"], *found["settings"])), default=0)
    column = max(12, *(len(name) for name in names))
    click.echo(f"{'':{width}}  {names[0]:>{column}}  {names[1]:>{column}}")
    for part in ("measures", "settings"):
        for name, (one, other) in found[part].items():
            click.echo(f"{name:{width}}  {_shown(one):>{column}}  {_shown(other):>{column}}")
    for what in ("same program", "same data"):
        if not found[what]:
            click.echo(f"not the {what}")
    for name, (one, other) in found["versions"].items():
        click.echo(f"{name}: {one} and {other}")
    for line in found["source"]:
        click.echo(line)
    return 0


def _shown(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else "" if value is None else str(value)
