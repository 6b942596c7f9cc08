"""``lampc predict``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lampc.cli.report import remember_color


@click.command()
@click.argument("run")
@click.argument("input", default="-", metavar="[INPUT]")
@click.option("-o", "--output", metavar="OUT", help="A .csv, .jsonl, .npz or .parquet file; standard output where left out.")
@click.option("--json", "as_json", is_flag=True, help="On standard output: a JSON object a line, not CSV.")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour errors."
)
def predict(run: str, input: str, output: str | None, as_json: bool, last: bool, device: str | None, color: str) -> int:
    """Predict with a trained network: RUN is a run's directory, `disc/3`, or `disc` for its latest.

    INPUT is a .csv, .npz, .npy, .parquet or .jsonl file; without it, standard input is read, and each line, numbers or JSON,
    is answered by a line, one that names the columns by one that names the answers.
    """
    remember_color(color)
    from lampc.runs import inputs
    from lampc.runs.load import load
    from lampc.runs.predict import Lines, Writer, writer
    from lampc.runs.predict import predict as predicted

    found = load(run, "last" if last else "best")
    model = found.model(device)
    header, lines = inputs.with_header(found, inputs.open_lines(sys.stdin)) if input == "-" else (True, iter(()))
    out: Writer = writer(Path(output)) if output is not None else Lines(sys.stdout, not as_json, header)
    if input == "-":
        parts = inputs.grouped(found, inputs.records(found, lines, header, "standard input"), 1)
    else:
        parts = inputs.chunks(found, Path(input))
    try:
        for x in parts:
            out.write(predicted(found, model, x))
    finally:
        if output is not None:
            out.close()
    return 0
