"""``lampc graph``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.inputs import FILE, common, load
from lampc.cli.outputs import save
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say
from lampc.cli.verb import verb
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given

FORMATS = ("dot", "svg", "text")


@verb("lampc graph residual", "lampc graph residual -o residual.svg")
@FILE
@click.option("--dot", "form", flag_value="dot", help="Graphviz's language.")
@click.option("--svg", "form", flag_value="svg", help="A picture; needs no Graphviz.")
@click.option("--text", "form", flag_value="text", help="For the terminal. [default]")
@click.option("--backward", is_flag=True, help="Draw every operation of forward, backward and update.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to a file; its ending may name the format.")
@common
def graph(file: str, form: str | None, backward: bool, output: str | None, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Draw the network."""
    from lampc import draw
    from lampc.compile import build, examine

    problems = Problems()
    source, folder, overrides = load(file, settings, problems)
    elaborated = examine(source, Given(folder, overrides, allow_python), problems)
    problems.raise_errors()
    assert elaborated is not None
    print_diagnostics(problems.warnings)
    if backward:
        picture = draw.program(build(source, elaborated).whole)
    else:
        loss = elaborated.experiment.loss
        inputs = {elaborated.input: ("x", elaborated.input_type)}
        picture = draw.network(elaborated.layers, inputs, loss.name if loss else None)
    suffix = Path(output).suffix.lstrip(".").lower() if output else ""
    form = form or (suffix if suffix in FORMATS else "dot" if suffix == "gv" else "text")
    text = {"dot": draw.dot, "svg": draw.svg, "text": draw.text}[form](picture)
    if output is None or output == "-":
        say(text.rstrip("\n"))
        return 0
    save(Path(output), text.encode())
    return 0
