"""Mistakes of people's first programs, in the words of other languages: each message shows the place, the cause, and a mend
that compiles when it is typed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden_files import GOLDEN, Golden

import lampc.compile
from lampc.cli import run
from lampc.diagnostics import Diagnostic, LampError
from lampc.diagnostics.render import render
from lampc.source import Span
from lampc.syntax.rephrase import said

FOLDER = GOLDEN / "diagnostics" / "beginners"
PROGRAMS = sorted(FOLDER.glob("*.lamp"))


def diagnose(text: str) -> tuple[Diagnostic, ...]:
    try:
        lampc.compile.text(text, name="example.lamp", folder=FOLDER)
    except LampError as error:
        return error.diagnostics
    return ()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_message(path: Path, golden: Golden) -> None:
    found = diagnose(path.read_text(encoding="utf-8"))
    assert found
    assert all(diagnostic.labels and diagnostic.fixes for diagnostic in found)
    golden(f"diagnostics/beginners/{path.stem}.txt", "\n\n".join(map(render, found)) + "\n")


def statement(span: Span) -> tuple[int, int]:
    """Where the statement around a place begins and ends, as a person sees it."""
    text = span.source.text
    depth = 0
    first = 0
    for index, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character in ";\n" and depth == 0:
            if index >= span.end:
                return first, index
            first = index + 1
    return first, len(text)


def edit(diagnostic: Diagnostic) -> tuple[int, int, str] | None:
    """What a person who follows the first help types, and in place of what; None where it names a place, not words."""
    span, fix = diagnostic.labels[0].span, diagnostic.fixes[0]
    words = re.findall(r"`([^`]+)`", fix)
    if re.match(r"write `[^`]+`$", fix):
        return (*statement(span), words[-1])
    if re.match(r"write paths|sizes stand", fix) and span.text.startswith('"'):
        return span.start, span.end, words[-1]
    if fix.startswith("lampc calls it"):
        return span.start, span.end, words[0]
    if fix.startswith("did you mean"):
        return span.start, span.end, span.text.replace(re.findall(r"\w+", span.text)[-1], words[0])
    if fix.startswith("a comment begins"):
        return span.start, span.source.text.find("\n", span.start), "# …"
    if fix.startswith("`;` or a new line"):
        return (*statement(span), words[-1])
    return None


PLACES = {
    "option_activation", "option_decay_of_train", "option_epochs_of_optimizer", "option_layer", "option_lr_of_train",
    "option_units", "path_bare", "shape_channels_last", "shape_in_block", "shape_in_library", "shape_names_of_data",
    "shape_no_channels", "shape_no_flatten", "shape_row_of_pixels", "statement_beside", "statement_several",
}  # fmt: skip
"""Mistakes whose help says where something belongs: no words that one could type in the mistake's place."""


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_what_the_help_says_compiles_when_typed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    edits = [edit(diagnostic) for diagnostic in diagnose(text) if diagnostic.code != "E206"]
    assert (None in edits) == (path.stem in PLACES)
    if path.stem in PLACES:
        return
    for first, last, shown in sorted((known for known in edits if known is not None), reverse=True):
        text = f"{text[:first]}{shown}{text[last:]}"
    assert [found for found in diagnose(text) if not found.message.startswith("cannot read data")] == [], text


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Linear(2, 25)", "linear 2->25"),
        ("tf.keras.layers.Dense(units=25, activation=tf.nn.relu)", "linear 25; relu"),
        ("Dense(25, activation='relu')", "linear 25; relu"),
        ("x = self.conv1(x)", None),
        ("linear 2->25, tanh", "linear 2->25; tanh"),
        ("linear 2->25 xavier", None),
        ("width = 2*n", "let width = 2 * n"),
        ("x = F.relu(f(g(x)))", None),
        ("(" * 1000, None),
        ("Sequential(" * 1000, None),
        ("linear 2, " * 1000, None),
        ("nn.LSTM(32, 64, batch_first=True)", "lstm 32->64"),
        ("SGD(net.parameters(), lr=0.1, momentum=0.9)", "optimizer sgd lr=0.1 momentum=0.9"),
        ("nn.MaxPool2d(2, 2)", "maxpool 2 stride=2"),
    ],
)
def test_what_is_said_of_others_statements(theirs: str, ours: str | None) -> None:
    assert said(theirs) == ours


def test_a_programs_option_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "disc.lamp", "--epochs", "5"]) == 2
    assert "`--set epochs=5`" in capsys.readouterr().err
    assert run(["train", "disc.lamp", "--batch-size=32"]) == 2
    assert "`--set batch=32`" in capsys.readouterr().err
    assert run(["train", "disc.lamp", "--epoch", "5"]) == 2
    assert "`--set epochs=5`" in capsys.readouterr().err
