"""``lampc runs``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lampc.cli.report import remember_color, wants_color


@click.command()
@click.argument("name", required=False)
@click.option("--run-dir", envvar="LAMPC_RUNS", default="runs", show_default=True, metavar="DIR", help="Where runs are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a run.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour output."
)
def runs(name: str | None, run_dir: str, as_json: bool, color: str) -> int:
    """List the runs that are kept, all or those of a NAME."""
    remember_color(color)
    from lampc.runs.directory import every
    from lampc.runs.overview import overview

    found = [overview(path) for path in every(Path(run_dir)) if name is None or path.parent.name == name]
    if as_json:
        for run in found:
            click.echo(json.dumps(run))
    elif not found:
        click.echo(f"there are no runs in {run_dir}" + (f" called {name}" if name else ""))
    else:
        _print(found, wants_color(color))
    return 0


def _print(found: list[dict[str, Any]], color: bool) -> None:
    import sys

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lampc.cli.train import measure

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for column, justify in (("run", "left"), ("started", "left"), ("state", "left"), ("epochs", "right"), ("seeds", "right"),
                            ("best", "right"), ("epoch", "right"), ("settings", "left")):  # fmt: skip
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for run in found:
        best = run["best"]
        value = "" if best is None else f"{best['metric']} {measure(best['metric'], {'mean': best['value'], 'values': [0]})}"
        epoch = "" if best is None else str(best["epoch"])
        table.add_row(Text(run["run"]), run["started"][:16].replace("T", " "), run["state"], str(run["epochs"]),
                      str(run["seeds"]), value, epoch, Text(" ".join(run["settings"])))  # fmt: skip
    Console(no_color=not color, highlight=False, color_system="auto" if color else None,
            width=None if sys.stdout.isatty() else 140).print(table)  # fmt: skip
