"""Writing text from a model that predicts the next character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from lampc.diagnostics import LampError, Problems

if TYPE_CHECKING:
    from lampc.runtime.model import Model


def sample(model: Model, prompt: str = "", length: int = 400, temperature: float = 1.0, seed: int = 0) -> Iterator[str]:
    """Characters that may follow a prompt, one after another, each drawn as likely as the model says.

    The last ``context`` characters are what the model sees; where there are fewer, they stand at the window's beginning and
    what follows them is not looked at. ``temperature`` divides the logits; 0 takes the likeliest.

    Raises:
        LampError: if the program's data is no text, or the prompt has a character that the text has not.
    """
    program = model.program
    data = program.experiment.data
    known = data.description.vocabulary if data is not None and data.description is not None else None
    shape = program.evaluated_type.sample
    span = None if data is None else data.span
    problems = Problems()
    if known is None or len(shape) != 2 or shape[-1] != len(known):
        problems.report("E504", "only a network that predicts the next character of `data text` can be sampled from", span)
        raise LampError(problems.errors)
    strange = sorted(set(prompt) - set(known))
    if strange:
        problems.report("E604", f"the prompt has {strange[0]!r}, which the text has not", span)
        raise LampError(problems.errors)
    numbers = {character: index for index, character in enumerate(known)}
    context = shape[0]
    written = [numbers[character] for character in prompt] or [numbers.get("\n", 0)]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(length):
        window = written[-context:]
        x = torch.zeros(1, context, dtype=torch.int64)
        x[0, : len(window)] = torch.tensor(window)
        logits = model(x)[0, len(window) - 1].double().cpu()
        if temperature == 0:
            chosen = int(logits.argmax())
        else:
            chosen = int(torch.multinomial((logits / temperature).softmax(0), 1, generator=generator))
        written.append(chosen)
        yield known[chosen]
