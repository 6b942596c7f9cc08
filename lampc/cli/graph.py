"""``lampc graph``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.clashes import one_of
from lampc.cli.inputs import FILE, common, load
from lampc.cli.outputs import save
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say
from lampc.cli.verb import verb
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given

ENDINGS = {"dot": (".dot", ".gv"), "svg": (".svg",), "text": (".txt", "")}
"""How files of each form end; the first is what a form is called."""


@verb("lampc graph residual", "lampc graph residual -o residual.svg")
@FILE
@click.option("--dot", is_flag=True, help="Graphviz's language.")
@click.option("--svg", is_flag=True, help="A picture; needs no Graphviz.")
@click.option("--text", is_flag=True, help="For the terminal. [default]")
@click.option("--backward", is_flag=True, help="Draw every operation of forward, backward and update.")
@click.option("-o", "--output", type=click.Path(dir_okay=False),
              help="Write to a file: .svg, .dot, .gv or .txt; another one with the form named, too.")  # fmt: skip
@common
def graph(file: str, dot: bool, svg: bool, text: bool, backward: bool, output: str | None, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Draw the network."""
    from lampc import draw
    from lampc.compile import build, examine

    form = _form(output)
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
    drawn = {"dot": draw.dot, "svg": draw.svg, "text": draw.text}[form](picture)
    if output is None or output == "-":
        say(drawn.rstrip("\n"))
        return 0
    save(Path(output), drawn.encode())
    return 0


def _form(output: str | None) -> str:
    """What is asked for, by a flag or a file's ending.

    Raises:
        UsageError: if they say different things, or an ending that there is no form for.
    """
    asked = one_of(*ENDINGS)
    if output is None or output == "-":
        return asked or "text"
    ending = Path(output).suffix.lower()
    told = next((form for form, endings in ENDINGS.items() if ending in endings), None)
    if (asked is None and told is None) or (told is None and ending in _PICTURES):
        raise click.UsageError(f"{output}: a picture is .svg, .dot, .gv or .txt. Graphviz makes others: "
                               f"lampc graph … --dot | dot -T{ending[1:]} -o {output}")  # fmt: skip
    if asked is not None and told is not None and ending and asked != told:
        raise click.UsageError(f"--{asked} beside {output}, which is to be --{told}: leave one out.")
    return asked or told or "text"


_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".pdf", ".ps", ".eps", ".webp", ".html")
