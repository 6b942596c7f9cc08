"""``lampc sample``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from lampc.cli.completion import complete_what_samples
from lampc.cli.inputs import common, load
from lampc.cli.progress import progress
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say, say_characters
from lampc.cli.verb import verb
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given
from lampc.examples import located


@verb('lampc sample gpt --prompt "The " --length 100')
@click.argument("file", required=False, default="-", metavar="[FILE]", shell_complete=complete_what_samples)
@click.option("--prompt", default="", help="What the text begins with.")
@click.option("--length", type=click.IntRange(1, 1_000_000), metavar="N", default=400, show_default=True,
              help="Characters to write.")  # fmt: skip
@click.option("--temperature", type=click.FloatRange(0.0, 100.0), default=0.8, show_default=True,
              help="Below 1 keeps to what is likely, 0 takes the likeliest.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**53), metavar="N", default=0, show_default=True, help="Of what is drawn.")
@common
def sample(file: str, prompt: str, length: int, temperature: float, seed: int, settings: tuple[str, ...],
           allow_python: bool, color: str) -> int:  # fmt: skip
    """Write more of a text: by a trained network, a run such as `gpt/1`, or by one that FILE says, trained first."""
    from lampc.compile import compile_source
    from lampc.runs.directory import exists
    from lampc.runs.load import load as loaded
    from lampc.runtime.sample import sample as characters

    named = file != "-" and not file.endswith(".lamp") and not os.path.isfile(file)
    if named and (exists(file) or not os.path.isfile(located(file)[0])):
        if settings:
            raise click.UsageError(f"--set beside {file}: it is a run, which is what it was trained to be.")
        return _write(prompt, characters(loaded(file, allow_python=allow_python).model(), prompt, length, temperature, seed))
    problems = Problems()
    source, folder, overrides = load(file, settings, problems)
    program = compile_source(source, Given(folder, overrides, allow_python), problems)
    print_diagnostics(program.warnings)
    model = program.model()
    drawn = characters(model, prompt, length, temperature, seed)
    next(drawn)  # a wrong prompt is refused before the training
    config = program.experiment.train
    say(f"training {config.epochs} epochs …", err=True)
    shown = progress(err=True, rarely=True)
    shown.begin(config.epochs, 1)
    history = model.train(
        evaluate=False, on_epoch=lambda epoch: shown.epoch(0, epoch), on_part=lambda part: shown.part(0, part)
    )
    shown.close()
    measured = ", ".join(f"{name} {value:.4g}" for name, value in history.test.items())
    say(f"{history.steps:,} steps; held out: {measured}", err=True)
    return _write(prompt, characters(model, prompt, length, temperature, seed))


def _write(prompt: str, drawn: Iterator[str]) -> int:
    """Character by character, as they are drawn."""
    begun = next(drawn, "")  # a wrong prompt is refused before anything is written
    say_characters(prompt + begun)
    for character in drawn:
        say_characters(character)
    say()
    return 0
