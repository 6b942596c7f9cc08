"""``lampc train``."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from lampc.cli.inputs import FILE, common, load
from lampc.cli.report import print_diagnostics, wants_color
from lampc.diagnostics import LampError, Problems

if TYPE_CHECKING:
    from lampc.cli.progress import Progress
    from lampc.compile import Program
    from lampc.runtime.backend import Choice
    from lampc.runtime.history import Epoch, History


@click.command()
@FILE
@click.option("--runs", type=click.IntRange(1, 100_000), help="Train this many seeds, and report mean ± std.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="The first seed.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to train.")
@click.option("--backend", type=click.Choice(["auto", "torch", "native"]), help="What runs it. [default: auto]")
@click.option("--json", "as_json", is_flag=True, help="Print lines of JSON alone: start, epochs, end.")
@common
def train(file: str, runs: int | None, seed: int | None, device: str | None, backend: str | None, as_json: bool,
          settings: tuple[str, ...], allow_python: bool, color: str) -> int:  # fmt: skip
    """Train the network as the file says."""
    from lampc.compile import compile_source

    problems = Problems()
    options = {"runs": runs, "seed": seed, "device": device, "backend": backend}
    try:
        source, folder, overrides = load(file, settings, problems)
        overrides.update({f"train.{name}": value for name, value in options.items() if value is not None})
        program = compile_source(source, folder, overrides, allow_python, problems)
        print_diagnostics(program.warnings)
        return _train(program, file, as_json, wants_color(color))
    except LampError as error:
        if as_json:
            _line({"event": "error", "diagnostics": [diagnostic.json() for diagnostic in error.diagnostics]})
        raise


def _train(program: Program, file: str, as_json: bool, color: bool) -> int:
    from lampc.cli.progress import progress
    from lampc.runtime.runs import train_runs

    config = program.experiment.train
    seeds = [config.seed + run for run in range(config.runs)]
    model = program.model()  # torch's import and compilation are not part of the time that is measured
    model.native("loss")
    backend = model.backend
    if as_json:
        _line(_start(program, file, seeds, backend))
    else:
        _print_layers(program, color)
        click.echo(f"backend {backend.name}: {backend.reason}")
    finished: list[History] = []
    begin = time.perf_counter()
    shown: Progress | None = None if as_json else progress(config.epochs, config.runs, color)

    def on_epoch(run: int, seed: int, epoch: Epoch) -> None:
        if shown is not None:
            shown.epoch(run, epoch)
        else:
            _line({"event": "epoch", "run": run, "seed": seed, "epoch": epoch.epoch, "loss": epoch.loss,
                   "seconds": epoch.seconds, "test": epoch.test})  # fmt: skip

    interrupted = False
    try:
        train_runs(program, seeds, on_epoch=on_epoch, finished=finished, every=0.0 if as_json else _BREAK)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if shown is not None:
            shown.close()
    end = _end(finished, time.perf_counter() - begin, backend.name)
    if as_json:
        _line(end)
    elif finished:
        _print_end(end, len(finished))
        _print_tables(program, end["tables"])
    if interrupted:
        raise KeyboardInterrupt
    return 0


_BREAK = 0.2
"""Seconds between what is shown to people."""


def _start(program: Program, file: str, seeds: list[int], backend: Choice) -> dict[str, Any]:
    config = program.experiment.train
    return {
        "event": "start",
        "file": file,
        "backend": backend.name,
        "reason": backend.reason,
        "device": config.device,
        "precision": config.dtype,
        "seeds": seeds,
        "epochs": config.epochs,
        "batch": config.batch,
        "parameters": sum(layer.parameter_count for layer in program.layers),
        "layers": [
            {"name": layer.name, "text": layer.text, "shape": list(layer.output_type.sample),
             "parameters": layer.parameter_count} for layer in program.layers
        ],
    }  # fmt: skip


def _end(finished: list[History], seconds: float, backend: str) -> dict[str, Any]:
    from lampc.runtime.runs import summary

    steps = sum(history.steps for history in finished)
    training = sum(history.seconds for history in finished)
    return {
        "event": "end",
        "seconds": seconds,
        "steps": steps,
        "us_per_step": 1e6 * training / steps if steps else 0.0,
        "backend": backend,
        "runs": len(finished),
        "train": summary([history.train for history in finished]),
        "test": summary([history.test for history in finished]),
        "tables": {name: _added([history.tables[name] for history in finished]) for name in finished[0].tables}
        if finished else {},
    }  # fmt: skip


def _added(tables: list[list[list[float]]]) -> list[list[float]]:
    """The runs' tables, added cell by cell."""
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def _print_tables(program: Program, tables: dict[str, list[list[float]]]) -> None:
    """Counts with the classes' names: what is true by rows, what was predicted by columns."""
    data = program.experiment.data
    classes = data.description.classes if data is not None and data.description is not None else None
    for name, rows in tables.items():
        names = list(classes or map(str, range(len(rows))))[:20]
        names += [""] * (min(len(rows), 20) - len(names))
        width = max(5, *(len(label) for label in names))
        click.echo(f"{name} (rows are true, columns predicted)")
        click.echo(" " * (width + 2) + " ".join(f"{label:>{width}}" for label in names))
        for label, row in zip(names, rows, strict=False):
            click.echo(f"  {label:{width}}" + " ".join(f"{count:{width}.0f}" for count in row[:20]))


def _line(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _print_layers(program: Program, color: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lampc.ir.types import sample_text

    table = Table(box=SIMPLE_HEAD, show_edge=False, show_footer=True)
    total = sum(layer.parameter_count for layer in program.layers)
    table.add_column("layer", Text(f"{len(program.layers)} layers"))
    table.add_column("written", no_wrap=True, overflow="ellipsis")
    table.add_column("output", justify="right")
    table.add_column("parameters", f"{total:,}", justify="right")
    layers = program.layers
    shown = layers if len(layers) <= 60 else (*layers[:40], None, *layers[-10:])
    for layer in shown:
        if layer is None:
            table.add_row("…", f"{len(layers) - 50:,} more", "", "")
            continue
        count = f"{layer.parameter_count:,}" if layer.parameter_count else ""
        table.add_row(Text(layer.name), Text(layer.text), sample_text(layer.output_type.sample), count)
    Console(no_color=not color, highlight=False, color_system="auto" if color else None,
            width=None if sys.stdout.isatty() else 100).print(table)  # fmt: skip
    click.echo()


def _print_end(end: dict[str, Any], runs: int) -> None:
    spread = f" over {runs} runs" if runs > 1 else ""
    for part in ("train", "test"):
        measures = ", ".join(f"{name} {measure(name, found)}" for name, found in end[part].items())
        if measures:
            click.echo(f"{part:5} {measures}{spread}")
    click.echo(f"{end['steps']:,} steps in {end['seconds']:.2f} s, {_microseconds(end['us_per_step'])} µs a step "
               f"(backend {end['backend']})")  # fmt: skip


def _microseconds(number: float) -> str:
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}"


def measure(name: str, found: dict[str, Any]) -> str:
    """A measure for people: accuracy in per cent, mean ± std where there are several runs."""
    several = len(found["values"]) > 1
    if name == "accuracy":
        return f"{100 * found['mean']:.1f} %" + (f" ± {100 * found['std']:.1f}" if several else "")
    return f"{found['mean']:.4g}" + (f" ± {found['std']:.2g}" if several else "")
