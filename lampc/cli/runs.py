"""``lampc runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_folders, complete_names
from lampc.cli.report import color_asked, wants_color
from lampc.cli.say import say, say_json, say_table
from lampc.cli.verb import verb
from lampc.tables import Column


@verb("lampc runs", "lampc runs disc --json")
@click.argument("name", required=False, shell_complete=complete_names)
@click.option(
    "--run-dir",
    envvar="LAMPC_RUNS",
    default="runs",
    show_default=True,
    metavar="DIR",
    shell_complete=complete_folders,
    help="Where runs are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a run.")
@COLOR
def runs(name: str | None, run_dir: str, as_json: bool) -> int:
    """List the runs that are kept, all or those of a NAME."""
    from lampc.runs.directory import every
    from lampc.runs.overview import overview

    found = [overview(path) for path in every(Path(run_dir)) if name is None or path.parent.name == name]
    if as_json:
        for run in found:
            say_json(run)
    elif not found:
        say(f"there are no runs in {run_dir}" + (f" called {name}" if name else ""))
    else:
        _print(found, wants_color(color_asked()))
    return 0


def _print(found: list[dict[str, Any]], color: bool) -> None:
    from lampc.cli.results import measure

    rows = []
    for run in found:
        best = run["best"]
        value = "" if best is None else f"{best['metric']} {measure(best['metric'], {'mean': best['value'], 'values': [0]})}"
        epoch = "" if best is None else str(best["epoch"])
        rows.append((run["run"], run["started"][:16].replace("T", " "), run["state"], str(run["epochs"]), _seeds(run),
                     value, epoch, " ".join(run["settings"])))  # fmt: skip
    numbers = ("epochs", "seeds", "best", "epoch")
    names = ("run", "started", "state", "epochs", "seeds", "best", "epoch", "settings")
    say_table([Column(name, right=name in numbers) for name in names], rows, color, 140)


def _seeds(run: dict[str, Any]) -> str:
    """How many trainings it has: seeds, each with so many folds."""
    folds = f"{run['folds']} folds" if "folds" in run else ""
    return f"{run['seeds']} × {folds}" if folds and run["seeds"] > 1 else folds or str(run["seeds"])
