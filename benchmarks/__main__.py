"""``python -m benchmarks disc``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks import disc


@click.group()
def main() -> None:
    """Measure lampc beside its peers."""


@main.command(name="disc")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often each is measured.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads for PyTorch.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to a file.")
def disc_command(rounds: int, threads: int, output: Path | None) -> None:
    """One training of models/disc.lamp: 2,000 steps of 50 points."""
    figures = disc.measure(rounds, threads)
    for line in disc.table(figures):
        click.echo(line)
    if output is not None:
        output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


main()
