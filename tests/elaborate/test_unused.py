"""What nothing uses is warned of, what only seems unused is not; and nothing of a loop that goes round no times is built."""

from __future__ import annotations

import pytest

import lampc.compile


def warned(source: str) -> list[str]:
    """The warnings of things that nothing uses, each with what it points at."""
    found = lampc.compile.text(source).warnings
    return [f"{each.code} {each.labels[0].span.text}" for each in found if "W405" <= each.code <= "W409"]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("input 8 as x\nlinear 4 as unused\nfrom x; linear 2", ["W405 linear 4"]),
        ("linear 2->25 xavier; tanh as h; linear 25 xavier; from h; linear 1 xavier", ["W405 linear 25 xavier"]),
        ("input 8 as x; linear 4; tanh; linear 3; from x; linear 2", ["W405 linear 4"]),
        ("input 8 as x; linear 4; from x; relu; from x; linear 2", ["W405 linear 4", "W405 relu"]),
        ("input 8 as x; repeat 3 { linear 4 }; from x; linear 2", ["W405 linear 4"]),
        ("input 8 as x; batchnorm; from x; linear 2; loss mse", ["W405 batchnorm"]),
        ("input 8 as x; sum { linear 4 | linear 4; tanh }; from x; linear 2", ["W405 linear 4", "W405 linear 4"]),
        ("let w = 3; linear 2->4", ["W406 w"]),
        ("linear 2->4; repeat 2 { let w = 3; tanh }", ["W406 w"]),
        ("fn f(x) = x*x; linear 2->4", ["W407 f"]),
        ("block b(n) { linear n }; linear 2->4", ["W408 b"]),
        ("block b(n, m=2) { linear n }; linear 2->4; b 4", ["W409 m"]),
    ],
)  # fmt: skip
def test_what_nothing_uses(source: str, wanted: list[str]) -> None:
    assert warned(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "linear 2->4 as a; tanh; linear 4; sum { pass | from a }",
        "linear 2->4 as code; tanh; linear 2; loss total = mse(p, y) + mean(code^2)",
        "input 4 as x; linear 3 as a; from x; linear 4->3 tie=a",
        "linear 4->4 as a; tanh; linear 4->4 tie=a",
        "input 4; flatten; repeat 2 { dropout 0.1; pass }; linear 2",
        "input 3x8; lstm 4 last; linear 2; dropout",
        "input 8; batchnorm; linear 2; loss mse",
        "let w = 3; let v = 2*w; block b(n, m=v) { linear n*m }; linear 2->4; b 4",
        "fn f(x) = x*x; fn g(x) = f(x); linear 2->4; g",
        "fn f(p, y) = mean((p - y)^2); linear 2->4; loss f",
        "let r = 0.1; linear 2->4; dropout r",
        "let r = 2; fn f(x) = x*r; linear 2->4; f",
        "use std.resnet\ninput 3x8x8; res 3; globalpool; linear 2",
        "block b(n) { repeat n { tanh } }; linear 2->4; b 0",
    ],
)
def test_what_is_used(source: str) -> None:
    assert warned(source) == []


def test_a_norm_that_nothing_uses_keeps_nothing() -> None:
    model = lampc.compile.text("input 4 as x; batchnorm; from x; linear 2; loss mse").model(seed=0)
    assert list(model.parameters) == ["linear1.weight", "linear1.bias"]
    assert "batchnorm" not in str(model.program.training.instructions)


class TestRepeatZero:
    @pytest.mark.parametrize(
        ("source", "same"),
        [
            ("input 2; repeat 0 { tanh }; linear 3", "input 2; linear 3"),
            ("linear 2->3; repeat times=0 { linear 5 }; relu", "linear 2->3; relu"),
            ("repeat 0 { linear 2->3 }; linear 4->5", "linear 4->5"),
            (
                "block b(c, norm=1) { linear c; repeat norm { layernorm }; relu }\ninput 16\nb 8 norm=0",
                "input 16; linear 8; relu",
            ),
            ("input 2; repeat 0 { tanh }", "input 2; pass"),
        ],
    )
    def test_is_nothing(self, source: str, same: str) -> None:
        assert str(lampc.compile.text(source).inference) == str(lampc.compile.text(same).inference)

    def test_a_resnet_of_depth_one_has_one_block_of_each_width(self) -> None:
        program = lampc.compile.text("use std.resnet\ninput 3x32x32\nresnet 16 1 10")
        assert sum(use.kind == "conv" for use in program.layers) == 1 + 2 + 3 + 3

    def test_mistakes_in_it_are_still_mistakes(self) -> None:
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.text("let n = 0; input 2 as h; repeat n { tahn; linear 3; linear 7->2; from h; from g }")
        assert [found.code for found in caught.value.diagnostics] == ["E201", "E203"]
