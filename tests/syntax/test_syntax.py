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
        ("", []),
        (";;;\n\n", []),
    ],
)
def test_one_mistake_is_one_error(text: str, codes: list[str]) -> None:
    assert read(text)[1] == codes


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
