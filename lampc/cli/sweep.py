"""``lampc sweep``."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any

import click

from lampc import files
from lampc.cli.inputs import FILE, common, load
from lampc.cli.report import print_diagnostics
from lampc.diagnostics import Problems, failure
from lampc.elaborate import parse_setting

Row = dict[str, Any]


@click.command()
@FILE
@click.option("--grid", multiple=True, metavar="NAME=A,B,…",
              help="Values to try for a constant or an option. Given again, every combination is tried.")  # fmt: skip
@click.option("--search", multiple=True, metavar="NAME=LOW..HIGH[:log]",
              help="Numbers, or values A,B,…, to search among with Optuna (extra `sweep`).")  # fmt: skip
@click.option("--trials", type=click.IntRange(1, 1_000_000), help="How many settings to try; for --search.")
@click.option("--storage", metavar="PLACE",
              help="Share the study: a file, or a database's address. Several processes may work at it.")  # fmt: skip
@click.option("--study", metavar="NAME", help="What the shared study is called. [default: the file's name]")
@click.option("--runs", type=click.IntRange(1, 100_000), default=1, show_default=True, help="Seeds for each combination.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to save table.csv and plot.svg. [default: sweep-NAME]",
)
@click.option("--json", "as_json", is_flag=True, help="Print each row as a line of JSON.")
@common
def sweep(file: str, grid: tuple[str, ...], search: tuple[str, ...], trials: int | None, storage: str | None,
          study: str | None, runs: int, output: Path | None, as_json: bool, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Train with every combination of some settings, or search among them, and compare."""
    from lampc.compile import compile_source

    if bool(grid) == bool(search):
        raise click.UsageError("Say what to try: --grid NAME=A,B,… or --search NAME=LOW..HIGH.")
    if search and trials is None:
        raise click.UsageError("Say how many settings to try: --trials 20.")
    problems = Problems()
    if search or storage is not None:
        name = study or (Path(file).stem if file != "-" else "stdin")
        rows = _studied(load(file, settings, problems), search or grid, trials, storage, name, runs, allow_python)
        return _told([text.partition("=")[0] for text in search or grid], rows, file, output, as_json)
    axes = [_axis(text, problems) for text in grid]
    source, place, overrides = load(file, settings, problems)
    problems.raise_errors()
    names = [name for name, _ in axes]
    programs = []
    for values in itertools.product(*(values for _, values in axes)):  # all are checked before the first is trained
        chosen = dict(zip(names, values, strict=True))
        programs.append((chosen, compile_source(source, place, {**overrides, **chosen, "train.runs": runs}, allow_python,
                                                Problems())))  # fmt: skip
    print_diagnostics(programs[0][1].warnings)
    rows = []
    for chosen, program in programs:
        rows.append(_row(chosen, program))
    return _told(names, rows, file, output, as_json)


def _studied(loaded: Any, given: tuple[str, ...], trials: int | None, storage: str | None, study: str, runs: int,
             allow_python: bool) -> list[Row]:  # fmt: skip
    """What Optuna finds, this process's trials and those of others."""
    from lampc.compile import compile_source
    from lampc.runs.study import parse, search

    source, place, overrides = loaded
    space = dict(parse(text) for text in given)

    def measured(chosen: dict[str, Any]) -> Row:
        problems = Problems()
        found = [parse_setting(f"{name}={value}", problems) for name, value in chosen.items()]
        problems.raise_errors()
        more = dict(setting for setting in found if setting is not None)
        return _row(
            dict(more), compile_source(source, place, {**overrides, **more, "train.runs": runs}, allow_python, Problems())
        )

    seed = compile_source(source, place, overrides, allow_python, Problems()).experiment.train.seed
    return search(space, measured, _score, trials, storage, study, seed)


def _told(names: list[str], rows: list[Row], file: str, output: Path | None, as_json: bool) -> int:
    for row in rows if as_json else ():
        click.echo(json.dumps(row))
    if not rows:
        click.echo("no trial has ended", err=True)
        return 1
    best = _best(rows)
    if not as_json:
        _print(names, rows, best)
    folder = output or Path(f"sweep-{Path(file).stem if file != '-' else 'stdin'}")
    _save(folder, names, rows, best)
    if not as_json:
        click.echo(f"saved in {folder}")
    return 0


def _axis(text: str, problems: Problems) -> tuple[str, list[object]]:
    name, _, values = text.partition("=")
    parsed = [parse_setting(f"{name}={value}", problems) for value in values.split(",")]
    return name, [setting[1] for setting in parsed if setting is not None]


def _row(chosen: dict[str, object], program: Any) -> Row:
    from lampc.runtime.runs import summary, train_runs

    config = program.experiment.train
    histories = train_runs(program, [config.seed + run for run in range(config.runs)], every=float("inf"))
    measured = [history.test or history.train or {"loss": history[-1].loss} for history in histories]
    plain = {name: getattr(value, "value", value) for name, value in chosen.items()}
    return {"settings": plain, "measures": summary(measured)}


def _score(row: Row) -> float:
    """Greater is better: the accuracy, or failing that r2, or minus the loss."""
    measures = row["measures"]
    name = next((name for name in ("accuracy", "r2") if name in measures), None)
    return float(measures[name]["mean"]) if name else -float(measures["loss"]["mean"])


def _best(rows: list[Row]) -> int:
    return max(range(len(rows)), key=lambda index: (_score(rows[index]), -rows[index]["measures"]["loss"]["mean"]))


def _print(names: list[str], rows: list[Row], best: int) -> None:
    from lampc.cli.train import measure

    head = [*names, *rows[0]["measures"]]
    cells = [
        [*(str(row["settings"][name]) for name in names), *(measure(name, m) for name, m in row["measures"].items())]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in [head, *cells]) for column in range(len(head))]
    for index, line in enumerate([head, *cells]):
        mark = "  best" if index == best + 1 else ""
        click.echo("  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) + mark)


def _save(folder: Path, names: list[str], rows: list[Row], best: int) -> None:
    try:
        files.folder(folder)
        measures, text = list(rows[0]["measures"]), io.StringIO()
        writer = csv.writer(text)
        writer.writerow([*names, *(f"{name} {part}" for name in measures for part in ("mean", "std")), "best"])
        for index, row in enumerate(rows):
            numbers = [row["measures"][name][part] for name in measures for part in ("mean", "std")]
            writer.writerow([*(row["settings"][name] for name in names), *numbers, int(index == best)])
        files.write(folder / "table.csv", text.getvalue().encode())
        _plot(folder / "plot.svg", names, rows)
    except OSError as error:
        raise failure("E003", f"cannot write {folder}: {error.strerror or error}") from None


def _plot(path: Path, names: list[str], rows: list[Row]) -> None:
    """Means with deviations, a row a place; left out where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        click.echo('no plot: it needs matplotlib (pip install "lampc[plot]")', err=True)
        return
    name = next((name for name in ("accuracy", "r2") if name in rows[0]["measures"]), "loss")
    figure = Figure(figsize=(max(4.0, 0.6 * len(rows) + 2), 3.5), layout="constrained")
    axes = figure.subplots()
    found = [row["measures"][name] for row in rows]
    axes.errorbar(range(len(rows)), [m["mean"] for m in found], [m["std"] for m in found], fmt="o", capsize=3)
    axes.set_xticks(range(len(rows)), [", ".join(str(row["settings"][n]) for n in names) for row in rows], rotation=45)
    axes.set(xlabel=", ".join(names), ylabel=name)
    with files.writing(path) as file:
        figure.savefig(file, format=path.suffix[1:])
