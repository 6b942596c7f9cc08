"""``lampc export``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.colors import COLOR
from lampc.cli.say import tell
from lampc.cli.verb import verb

ENDINGS = {"torch": ".py", "onnx": ".onnx", "safetensors": ".safetensors", "c": ".c"}


@verb("lampc export disc --to torch", "lampc export disc --to c -o disc.c")
@click.argument("run")
@click.option("--to", "form", type=click.Choice(list(ENDINGS)), required=True,
              help="PyTorch source beside its weights, ONNX, the weights alone, or a C file.")  # fmt: skip
@click.option("-o", "--output", metavar="OUT", help="The file. [default: the run's name with the form's ending]")
@click.option("--value", default="", metavar="NAME", help="Which value to predict, named with `as`. [default: the last one]")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@COLOR
def export(run: str, form: str, output: str | None, value: str, last: bool) -> int:
    """Write a trained network for others to use."""
    from lampc.export.files import write
    from lampc.runs.load import load

    found = load(run, "last" if last else "best")
    path = Path(output) if output is not None else Path(found.path.parent.name + ENDINGS[form])
    for written in write(found, form, path, value):
        tell(f"wrote {written}")
    return 0
