"""Edits: each fix that is certain, made in the text, is the mend that its words say."""

from __future__ import annotations

from pathlib import Path

import pytest

import lampc.compile
from lampc.cli.mend import examined, until_mended
from lampc.diagnostics import Diagnostic, Edit, LampError, Severity
from lampc.diagnostics.edits import removed, rewritten
from lampc.diagnostics.mend import mended
from lampc.elaborate.given import Given
from lampc.source import Source, Span


def mend(text: str, folder: Path = Path()) -> str:
    given = Given(folder)
    return until_mended(examined(Source("a.lamp", text, folder / "a.lamp"), given), given).source.text


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("linaer 2->1", "linear 2->1"),
        ("linear 2->1; Tanh", "linear 2->1; tanh"),
        ("linear 2->1 # dense\nDense(25, activation='relu')", "linear 2->1 # dense\nlinear 25; relu"),
        ("Sequential(\n  Linear(2, 25),\n  Tanh(),\n)\nlinear 1", "linear 2->25\ntanh\nlinear 1"),
        ("repeat 2 {\n  nn.Sequential(\n    nn.Linear(2, 2),\n    nn.Tanh())\n}", "repeat 2 {\n  linear 2->2\n  tanh\n}"),
        ('data csv "t.tsv" delimiter="\\t"', 'data csv "t.tsv" delimiter=tab'),
        ("let width = 25\nlinear 2->widht", "let width = 25\nlinear 2->width"),
        ("linear 2->4 xavir", "linear 2->4 xavier"),
        ("linear 2->4 kernel_initializer=he_normal", "linear 2->4 init=kaiming"),
        ("linear 2->4 → linear 1", "linear 2->4; linear 1"),
        ("// a net\nlinear 2->1", "# a net\nlinear 2->1"),
        ("linear 2->1 // a net", "linear 2->1 # a net"),
        ("linear 2->4 as h; tanh; sum { from hh | pass }", "linear 2->4 as h; tanh; sum { from h | pass }"),
        ("block b(n) { linear n }\nlinear 2->4; b m=4", "block b(n) { linear n }\nlinear 2->4; b n=4"),
        ("use std.resnt\nlinear 2->1", "use std.resnet\nlinear 2->1"),
        ("input 1x4x4\nconv 2 kernel=3; relu; linear 8->1", "input 1x4x4\nconv 2 kernel=3; relu; flatten; linear 8->1"),
        ("linear 2->1\noptimizer Adam lr=0,01", "linear 2->1\noptimizer adam lr=0.01"),
        ("linear 2->1; sigmoid\ndata xor\nloss mse\nmetrics acc", "linear 2->1; sigmoid\ndata xor\nloss mse\nmetrics accuracy"),
        ("linear 2->1; sigmoid\ndata xor\nloss mse\nmetrics accuracy\ntrain best=acuracy",
         "linear 2->1; sigmoid\ndata xor\nloss mse\nmetrics accuracy\ntrain best=accuracy"),
        ("init xavir\nlinear 2->1", "init xavier\nlinear 2->1"),
        ("input 1x4x4\nconv 2 kernel=3; batchnorm; relu", "input 1x4x4\nconv 2 kernel=3 bias=off; batchnorm; relu"),
    ],
)  # fmt: skip
def test_a_mistake_is_mended_as_its_help_says(wrong: str, right: str) -> None:
    for end in ("\n", "\r\n"):
        assert mend(wrong.replace("\n", end)) == right.replace("\n", end)


@pytest.mark.parametrize(
    "text",
    [
        "linear 2->24; tanh; linear 25->1",  # either could be meant
        "Sequential(Linear(2, 25),  # hidden\n  Tanh())",  # the comment were lost
        "linear 2->1 (",
        "transformer 4",
        "zzzzzzzz 4",
    ],
)
def test_what_a_person_has_to_choose_is_left(text: str) -> None:
    assert mend(text) == text


def test_a_text_that_is_right_is_not_touched() -> None:
    for path in sorted((Path(__file__).parents[2] / "models").glob("*.lamp")):
        text = path.read_text(encoding="utf-8")
        assert mend(text, path.parent) == text


def test_only_the_programs_own_text_is_mended(tmp_path: Path) -> None:
    (tmp_path / "parts.lamp").write_text("block b() { linaer 2->2 }\n")
    text = 'use "parts.lamp"\nb; tnah\n'
    assert mend(text, tmp_path) == 'use "parts.lamp"\nb; tanh\n'
    assert (tmp_path / "parts.lamp").read_text() == "block b() { linaer 2->2 }\n"


def finding(*edits: Edit) -> Diagnostic:
    return Diagnostic("E101", Severity.ERROR, "wrong", fixes=("so",), edits=edits)


def test_fixes_that_meet_are_made_one_after_another() -> None:
    source = Source("a.lamp", "abcdef")

    def edit(start: int, end: int, text: str) -> Edit:
        return Edit(Span(source, start, end), text)

    one, two = finding(edit(0, 2, "X")), finding(edit(1, 3, "Y"))
    assert mended(source, [one, two]) == ("Xcdef", [one])
    both = finding(edit(0, 1, "X"), edit(5, 6, "Y"))
    assert mended(source, [both]) == ("XbcdeY", [both])
    assert mended(source, [finding(edit(1, 2, "Z")), both]) == ("XZcdeY", [finding(edit(1, 2, "Z")), both])
    inside, half = finding(edit(0, 4, "Q")), finding(edit(2, 2, "R"), edit(5, 5, "S"))
    assert mended(source, [inside, half]) == ("Qef", [inside])  # a fix is made whole or not at all
    again = finding(edit(0, 2, "X"), edit(4, 5, "W"))
    assert mended(source, [one, again]) == ("XcdWf", [one, again])  # what two say alike is done once
    assert mended(source, [finding(Edit(Span(Source("b.lamp", "abcdef"), 0, 1), "X"))]) == ("abcdef", [])


@pytest.mark.parametrize(
    ("text", "word", "left"),
    [
        ("relu; softmax", "softmax", "relu"),
        ("softmax; relu", "softmax", "relu"),
        ("relu\n  softmax\nloss mse", "softmax", "relu\nloss mse"),
        ("relu\nsoftmax", "softmax", "relu\n"),
        ("relu\nsoftmax # last\n", "softmax", "relu\nsoftmax # last\n"),
        ("sum { softmax | pass }", "softmax", "sum { softmax | pass }"),
    ],
)
def test_a_statement_left_out(text: str, word: str, left: str) -> None:
    source = Source("a.lamp", text)
    start = text.index(word)
    found = finding(*removed(Span(source, start, start + len(word))))
    assert mended(source, [found])[0] == left


def test_brackets_go_with_their_statement() -> None:
    source = Source("a.lamp", "Sequential(Linear(2, 3),\n)\nrelu")
    found = finding(*rewritten(Span(source, 0, 22), "linear 2->3"))
    assert mended(source, [found])[0] == "linear 2->3\nrelu"


def test_edits_are_part_of_the_data() -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text("linear 2->1\nsigmoud", name="a.lamp")
    assert caught.value.diagnostics[0].json()["edits"] == [
        {"file": "a.lamp", "line": 2, "column": 1, "end_line": 2, "end_column": 8, "start": 12, "end": 19, "text": "sigmoid"}
    ]
