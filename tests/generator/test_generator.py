"""Programs drawn over the whole language mean what the same networks in PyTorch mean; `python -m generator` judges more."""

from __future__ import annotations

import pytest

from generator.draw import FORMS, draw
from generator.experiment import DEFAULTS, LOSSES
from generator.judge import Judge, failure
from generator.layers import KINDS
from generator.shrink import shrunk
from generator.text import text
from lampc.layers.layer import LAYERS
from lampc.layers.losses import LOSSES as KNOWN_LOSSES
from lampc.layers.optimizers import OPTIMIZERS

PROGRAMS, TOGETHER = 600, 100


@pytest.mark.parametrize("first", range(0, PROGRAMS, TOGETHER))
def test_programs_mean_what_torch_means(first: int) -> None:
    for number in range(first, first + TOGETHER):
        message = failure(draw(number), Judge.of(number))
        assert not message, (
            f"{message}\nprogram {number} (cd tests; python -m generator --only {number}):\n{text(draw(number))}"
        )


def test_the_whole_language_is_drawn() -> None:
    assert {*LAYERS} <= {*KINDS, *FORMS}
    assert {*KNOWN_LOSSES} <= {*LOSSES}
    assert {*OPTIMIZERS} == {*DEFAULTS}


def test_a_program_that_fails_is_made_small() -> None:
    program = next(p for p in map(draw, range(100)) if "tanh" in text(p) and len(p.body) > 4)
    small = shrunk(program, lambda p: "tanh" in text(p))
    assert [each.name for each in small.body] == ["tanh"]
