"""``python -m benchmarks disc``, ``mlp``, ``runs``, ``grid``, ``matmul``, ``cnn``, ``gpt``, ``scaling`` or ``tables``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks import compare, networks
from benchmarks.matmul import matmul
from benchmarks.scaling import scaling
from benchmarks.tables import tables


@click.command()
@click.argument("what", type=click.Choice(["disc", "mlp", "runs", "grid", "matmul", "cnn", "gpt", "scaling", "tables"]))
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often each is measured.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads for PyTorch.")
@click.option("--runs", type=click.IntRange(1), default=50, show_default=True, help="For `runs`: how many.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="For `scaling`: up to how many.")
@click.option("--skip", multiple=True, help="A peer to leave out.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to a file.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw them.")
def main(
    what: str, rounds: int, threads: int, runs: int, workers: int, skip: tuple[str, ...], output: Path | None, plot: str | None
) -> None:
    """Measure lampc beside its peers."""
    if what == "scaling":
        for line in scaling(workers, rounds):
            click.echo(line)
        return
    if what == "tables":
        for line in tables(rounds):
            click.echo(line)
        return
    if what in ("cnn", "gpt"):
        for line in networks.measure(what, rounds, skip):
            click.echo(line)
        return
    if what in ("grid", "matmul"):
        for line in compare.grid() if what == "grid" else matmul(rounds):
            click.echo(line)
        return
    figures = compare.many(runs, rounds) if what == "runs" else compare.measure(what, rounds, threads, skip)
    for line in compare.table(figures):
        click.echo(line)
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        compare.plot(figures, plot)


main()
