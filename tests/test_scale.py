"""Cost grows with the program, not with its square: counted in calls, because times are noise."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

import lampc
import lampc.compile
from lampc import draw
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given
from lampc.passes.plan_memory import plan_memory
from lampc.source import Source


def network(layers: int) -> str:
    return "input 8\n" + "linear 8->8 xavier; tanh\n" * layers + "loss mse"


def calls(work: Callable[[], object]) -> int:
    """The calls that some work makes, of Python functions and C ones."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def check(source: str) -> None:
    problems = Problems()
    assert lampc.compile.examine(Source("<text>", source), Given(), problems)
    assert not problems.errors


def picture(source: str) -> str:
    found = lampc.compile.text(source).elaborated
    return draw.svg(draw.network(found.layers, {found.input: ("x", found.input_type)}, "mse"))


WORK: dict[str, Callable[[str], object]] = {
    "check": check,
    "compile": lambda source: lampc.compile.text(source).training,
    "plan": lambda source: plan_memory(lampc.compile.text(source).training, 50),
    "svg": picture,
    "svg of all operations": lambda source: draw.svg(draw.program(lampc.compile.text(source).whole)),
}


@pytest.mark.parametrize("what", WORK)
def test_ten_times_the_layers_cost_ten_times_as_much(what: str) -> None:
    """From some 250 layers on the gradient explodes: a mend is sought, which takes as long as finding that."""
    WORK[what](network(3))  # imports, and the grammar
    few, many = (calls(lambda: WORK[what](network(layers))) for layers in (20, 200))  # noqa: B023
    assert many < 12 * few


def test_two_thousand_layers() -> None:
    program = lampc.compile.text(network(1000))
    assert len(program.layers) == 2000
    assert len(program.parameters) == 2000


def test_repeats_as_deep_as_the_limit_allows() -> None:
    program = lampc.compile.text("input 4; repeat 10000 { linear 4 xavier; tanh }")
    assert len(program.layers) == 20000
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text("input 4; repeat 100000 { linear 4 xavier; tanh }")
    assert [found.code for found in caught.value.diagnostics] == ["E406"]
