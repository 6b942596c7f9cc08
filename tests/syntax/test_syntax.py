"""Text to tree: every node has its place, wrong statements stand as `Broken`, and nothing is read twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from golden_files import Golden

import lampc.compile
from lampc.cli import run
from lampc.diagnostics import Problems
from lampc.source import Source, Span
from lampc.syntax import parse, tree

SOURCE = """\
let w = 2*(3 + 1)^2   # a size
fn swish(x, b=1.7) = x * sigmoid(b * x)
block cell(n, k = 3) { linear n->k*n xavier(gain=2) bias=off; swish b=2 }
use "other.lamp"
repeat 2 { residual { cell w | pass } as h }
conv 3 3x3 [1, 2] int<96> name="x y" -> 4
loss fn(p, y) = mean((p - y)^2)
"""


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else [value]:
            if is_dataclass(child) and not isinstance(child, Source | Span):
                yield from nodes(child)


def read(text: str) -> tuple[tree.Body, list[str]]:
    problems = Problems()
    body = parse(Source("<text>", text), problems)
    return body, [found.code for found in problems.sorted()]


def test_every_node_has_a_place_inside_its_parents() -> None:
    body, codes = read(SOURCE)
    assert codes == []
    found = list(nodes(body))
    assert len(found) > 60
    for node in found:
        assert node.span.source.text == SOURCE
        assert 0 <= node.span.start <= node.span.end <= len(SOURCE)
        for child in nodes(node):
            assert node.span.start <= child.span.start
            assert child.span.end <= node.span.end
    texts = {type(node).__name__: node.span.text for node in found}
    assert texts["Use"] == 'use "other.lamp"'
    assert texts["Size"] == "3x3"
    assert texts["ListOf"] == "[1, 2]"


def test_statements_keep_their_order_around_broken_ones() -> None:
    body, codes = read("linear 2->3\nlinear ->->\ntanh\n= 3\nsigmoid")
    assert codes == ["E101", "E101"]
    assert [type(statement).__name__ for statement in body.statements] == ["Layer", "Broken", "Layer", "Broken", "Layer"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("linear 2->3 |", ["E101"]),
        ("sum { tanh | pass", ["E102"]),
        ("sum { tanh | pass }}", ["E103"]),
        ("linear (2->3", ["E102"]),
        ("linear 2)->3", ["E103"]),
        ("a; {b}; c", ["E101"]),
        ("a { b { c } d } ; e", ["E101"]),
        ('data csv "t.csv', ["E105"]),
        ("linear 2->3e", ["E104"]),
        ("conv 3x", ["E104"]),
        ("linear 2,3", ["E101"]),
        ("linear 2->3; ...; tanh", ["E106"]),
        ("linear 2->3 'x'", ["E101"]),
        ("let let = 3", ["E101"]),
        ("fn f(x) x", ["E101"]),
        ("block b { a", ["E102"]),
        ("linear\x00", ["E101"]),
        ("linear 2→3", ["E101"]),
        ("(" * 70, ["E107"]),
        ("let x = " + "1 + " * 250 + "1", ["E108"]),
        ("linear 2 ->8", ["E109"]),
        ("linear 2 kaiming (gain=2)", ["E109"]),
        ("linear 2 +8", ["E109"]),
        ("repeat 4 as i { linear 16 }", ["E101"]),
        ("", []),
        (";;;\n\n", []),
    ],
)
def test_one_mistake_is_one_error(text: str, codes: list[str]) -> None:
    assert read(text)[1] == codes


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("slice 0 -1", ["0", "-1"]),
        ("slice -3 -1", ["-3", "-1"]),
        ("slice 0-1", ["0-1"]),
        ("slice 0 - 1", ["0 - 1"]),
        ("slice 0- 1", ["0- 1"]),
        ("slice 0 - -1", ["0 - -1"]),
        ("slice 0 -n*2 + 1", ["0", "-n*2 + 1"]),
        ("slice n -(1) 2", ["n", "-(1)", "2"]),
        ("slice (0) -[1]", ["(0)", "-[1]"]),
        ("slice (0 -1) f(2 -1)", ["(0 -1)", "f(2 -1)"]),
        ("slice 3x3 -1", ["3x3", "-1"]),
        ("slice 0 \\\n  -1", ["0", "-1"]),
        ("slice 2->8 -1", ["2->8", "-1"]),
        ("slice 2 -> 8", ["2 -> 8"]),
        ("slice k=2 -1 j=-3 -4", ["-1", "-4"]),
        ("slice (\n0\n-1)", ["(\n0\n-1)"]),
        ("loss total = a -b", []),
        ("loss fn(p, y) = a -b", ["fn(p, y) = a -b"]),
    ],
)
def test_spaces_part_arguments(text: str, arguments: list[str]) -> None:
    problems = Problems()
    body = parse(Source("a.lamp", text), problems)
    assert not problems.errors
    (layer,) = body.statements
    assert isinstance(layer, tree.Layer)
    bare = [text.strip("()\n") for text in arguments]
    assert [argument.span.text.strip("()") for argument in layer.arguments] == bare


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("linear 2->\n\ntanh", "a:1:11"),
        ("linear 2->  # sizes\n\n", "a:1:11"),
        ("linear 2->", "a:1:11"),
        ("linear 2->\r\ntanh", "a:1:11"),
        ("sum { linear 2->\n}", "a:1:17"),
        ("let a\nlet b = 2", "a:1:6"),
        ("linear 2->; tanh", "a:1:11"),
        ("linear 2->)", "a:1:11"),
        ("linear 2-> = 3", "a:1:12"),
        ("fn f(x) =", "a:1:10"),
    ],
)
def test_what_is_missing_is_missed_where_it_should_stand(text: str, place: str) -> None:
    problems = Problems()
    parse(Source("a", text), problems)
    assert [str(found.labels[0].span) for found in problems.errors] == [place]


def test_precedence() -> None:
    values = {
        "1 + 2 * 3": 7,
        "-2^2": -4,
        "2^3^2": 512,
        "2^-1": 0.5,
        "(1 + 2) * 3": 9,
        "6 / 3 / 2": 1,
        "1 - 2 - 3": -4,
        "3 < 4": 1,
    }
    for text, value in values.items():
        program = lampc.compile.text(f"let a = 100 + 4*({text})\nlinear 1->a")
        assert program.layers[0].output_type.sample == (100 + 4 * value,)


def test_a_file_of_mistakes(golden: Golden, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a person sees them, all at once."""
    folder = Path(__file__).parents[1] / "golden" / "diagnostics"
    monkeypatch.chdir(folder)
    assert run(["check", "wrong.lamp"]) == 1
    golden("diagnostics/wrong.txt", capsys.readouterr().err)
