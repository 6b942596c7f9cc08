"""Programs drawn over the whole language mean what the same networks in PyTorch mean; `python -m generator` judges more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.draw import FORMS, draw
from generator.experiment import DEFAULTS, LOSSES
from generator.judge import Judge, failure
from generator.layers import KINDS
from generator.shrink import shrunk
from generator.text import text
from lampc.layers import optimizers
from lampc.layers.layer import LAYERS
from lampc.layers.losses import LOSSES as KNOWN_LOSSES
from lampc.layers.optimizers import OPTIMIZERS
from lampc.ops.activations import Tanh
from lampc.ops.arithmetic import Mul
from lampc.ops.matmul import MatMul
from lampc.ops.normalise import LayerNorm, Softmax

PROGRAMS, TOGETHER = 2000, 100


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


def found(numbers: range, judge: Judge) -> str:
    """What the first program says that is wrong."""
    return next((message for number in numbers if (message := failure(draw(number), judge))), "")


LITTLE = Judge(native=(), evaluated=False, trained=False, exports=())


@pytest.mark.parametrize("op", [Tanh, Softmax, MatMul, LayerNorm, Mul], ids=lambda op: op.__name__)
def test_a_gradient_that_is_off_is_found(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = op.gradient

    def off(self: Any, node: Any, *cotangents: Any) -> list[Any]:
        return [g and g * 1.001 for g in right(self, node, *cotangents)]

    monkeypatch.setattr(op, "gradient", off)
    assert "torch f64: gradient" in found(range(100), LITTLE)


def test_native_code_that_is_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Tanh.expression
    monkeypatch.setattr(Tanh, "expression", lambda self, a: right(self, a) * 1.001)
    assert "native f64: prediction" in found(range(0, 200, 4), replace(LITTLE, native=("f64",)))


def test_an_update_that_is_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = optimizers._moments
    monkeypatch.setattr(optimizers, "_moments", lambda step, g: (right(step, g)[0] * 1.001, right(step, g)[1]))
    assert "torch f64: training" in found(range(60), replace(LITTLE, trained=True))
