"""The statement `init`: how the weights of a whole file begin."""

from __future__ import annotations

import math
from typing import Any

import pytest

import lampc.compile
from lampc.diagnostics import LampError


def begins(source: str, **settings: Any) -> dict[str, str]:
    """How each parameter begins, but for biases that begin with 0."""
    parameters = lampc.compile.text(source, **settings).parameters
    return {name: str(found.initialiser) for name, found in parameters.items() if found.initialiser.kind != "zeros"}


def test_it_is_for_layers_that_state_none() -> None:
    assert begins("init kaiming; linear 4->8; relu; linear 2 xavier") == {
        "linear1.weight": "kaiming",
        "linear2.weight": "xavier",
    }
    assert begins("linear 4->8; relu; linear 2; init kaiming") == {"linear1.weight": "kaiming", "linear2.weight": "kaiming"}


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("init normal(0.02)", "normal(0.02)"),
        ("init normal std=0.02", "normal(0.02)"),
        ("init normal 0.02", "normal(0.02)"),
        ("init uniform -0.5 0.5", "uniform(-0.5, 0.5)"),
        ("init uniform low=-0.5 high=2", "uniform(-0.5, 2)"),
        ("let how = orthogonal; init how", "orthogonal"),
    ],
)
def test_it_takes_any_initialiser_with_its_numbers(statement: str, wanted: str) -> None:
    assert begins(f"{statement}; linear 4->8") == {"linear1.weight": wanted}


def test_a_gain_that_is_stated_stands_and_another_follows_the_activation() -> None:
    for options, wanted in [("", math.sqrt(2)), (" gain=2", 2.0), ("(gain=3)", 3.0)]:
        program = lampc.compile.text(f"init kaiming{options}; linear 4->8; relu")
        assert program.parameters["linear1.weight"].initialiser.gain == wanted


def test_it_is_for_weights_of_every_kind_and_not_for_slopes() -> None:
    found = begins("init lecun; input 6 int<9>; embedding 8; position; attention 2; conv1d 4 3; prelu; scale; lstm 3")
    weights = {name: how for name, how in found.items() if "weight" in name and name != "scale1.weight"}
    assert len(weights) >= 6
    assert set(weights.values()) == {"lecun"}
    assert found["prelu1.slope"] == "constant(0.25)"


def test_blocks_follow_it_too() -> None:
    source = "init normal(0.5)\nblock cell(n) { linear n; tanh }\nlinear 3->4; repeat 2 { cell 4 }"
    assert set(begins(source).values()) == {"normal(0.5)"}


def test_settings_override_it() -> None:
    assert begins("init kaiming; linear 4->8", init="lecun") == {"linear1.weight": "lecun"}
    assert begins("linear 4->8", init="xavier") == {"linear1.weight": "xavier"}


@pytest.mark.parametrize(
    ("source", "code", "places"),
    [
        ("init kaiming; init xavier; linear 4->8", "E502", ["init xavier", "init kaiming"]),
        ("init kaimign; linear 4->8", "E304", ["init kaimign"]),
        ("init; linear 4->8", "E301", ["init"]),
        ("init 3; linear 4->8", "E304", ["init 3"]),
        ("init normal xavier; linear 4->8", "E304", ["xavier"]),
        ("init normal sd=2; linear 4->8", "E304", ["init normal sd=2"]),
        ("init normal -1; linear 4->8", "E305", ["init normal -1"]),
        ("init off; linear 4->8", "E304", ["init off"]),
        ("linear 4->8; residual { init kaiming; linear 8 }", "E208", ["init kaiming"]),
        ("let init = 3; linear 4->8", "E202", ["init"]),
    ],
)
def test_what_it_does_not_take_is_refused_at_its_place(source: str, code: str, places: list[str]) -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text(source)
    (found,) = caught.value.diagnostics
    assert (found.code, [label.span.text for label in found.labels]) == (code, places)


def test_it_is_the_networks_own_where_that_stands_alone() -> None:
    from lampc.export.onnx import network_text

    alone = network_text(lampc.compile.text("init kaiming; linear 4->8; relu; linear 2; loss mse; train epochs=3"))
    assert begins(alone) == {"linear1.weight": "kaiming", "linear2.weight": "kaiming"}


def test_a_run_that_is_kept_says_how_it_began() -> None:
    from lampc.runs.config import resolved

    program = lampc.compile.text("init normal(0.02); linear 4->8 ; relu; linear 2; loss mse")
    assert resolved(program)["init"] == {"init": "normal(0.02)", "gain": 1.0}
    assert resolved(lampc.compile.text("init kaiming; linear 4->8; loss mse"))["init"] == {"init": "kaiming", "gain": None}
    assert "init" not in resolved(lampc.compile.text("linear 4->8; loss mse"))
