"""``lampc export``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files, complete_runs
from lampc.cli.say import tell
from lampc.cli.verb import verb

ENDINGS = {"torch": ".py", "onnx": ".onnx", "safetensors": ".safetensors", "c": ".c"}


@verb("lampc export disc --to torch", "lampc export disc --to c -o disc.c")
@click.argument("run", shell_complete=complete_runs)
@click.option("--to", "form", type=click.Choice(list(ENDINGS)),
              help="PyTorch source and its weights, ONNX, weights alone, or a C file. [default: as OUT ends]")  # fmt: skip
@click.option("-o", "--output", metavar="OUT", shell_complete=complete_files,
              help="The file. [default: the run's name with the form's ending]")  # fmt: skip
@click.option("--value", default="", metavar="NAME", help="Which value to predict, named with `as`. [default: the last one]")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@COLOR
def export(run: str, form: str | None, output: str | None, value: str, last: bool) -> int:
    """Write a trained network for others to use."""
    form = _form(form, output)
    if form == "safetensors" and value:
        raise click.UsageError("--value beside --to safetensors: all weights are written, whatever is predicted.")
    from lampc.export.files import write
    from lampc.runs.load import load

    found = load(run, "last" if last else "best")
    path = Path(output) if output is not None else Path(found.path.parent.name + ENDINGS[form])
    for written in write(found, form, path, value):
        tell(f"wrote {written}")
    return 0


def _form(asked: str | None, output: str | None) -> str:
    """What is asked for, by ``--to`` or by the file's ending.

    Raises:
        UsageError: if nothing is, or they say different things.
    """
    ending = Path(output).suffix.lower() if output is not None else ""
    told = next((form for form, known in ENDINGS.items() if known == ending), None)
    if asked is None and told is None:
        endings = ", ".join(ENDINGS.values())
        raise click.UsageError(f"Say what to write: --to {', '.join(ENDINGS)}; or an OUT that ends in {endings}.")
    if asked is not None and told not in (None, asked):
        raise click.UsageError(f"--to {asked} beside {output}, which is to be {told}: leave one out.")
    return asked or told or ""
