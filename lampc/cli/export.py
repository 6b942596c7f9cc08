"""``lampc export``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.report import remember_color
from lampc.cli.say import tell

ENDINGS = {"torch": ".py", "onnx": ".onnx", "safetensors": ".safetensors", "c": ".c"}


@click.command()
@click.argument("run")
@click.option("--to", "form", type=click.Choice(list(ENDINGS)), required=True,
              help="PyTorch source beside its weights, ONNX, the weights alone, or a C file.")  # fmt: skip
@click.option("-o", "--output", metavar="OUT", help="The file. [default: the run's name with the form's ending]")
@click.option("--value", default="", metavar="NAME", help="Which value to predict, named with `as`. [default: the last one]")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour errors."
)
def export(run: str, form: str, output: str | None, value: str, last: bool, color: str) -> int:
    """Write a trained network for others to use."""
    remember_color(color)
    from lampc.export.files import write
    from lampc.runs.load import load

    found = load(run, "last" if last else "best")
    path = Path(output) if output is not None else Path(found.path.parent.name + ENDINGS[form])
    for written in write(found, form, path, value):
        tell(f"wrote {written}")
    return 0
