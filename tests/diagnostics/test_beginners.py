"""Mistakes of people's first programs, in the words of other languages: each message shows the place, the cause, and a mend
that compiles when it is typed, or is made by the diagnostic's own edits.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_files import GOLDEN, Golden
from typed import TYPED

import lampc.compile
from lampc.cli import run
from lampc.diagnostics import Diagnostic, LampError
from lampc.diagnostics.mend import mended
from lampc.diagnostics.render import render
from lampc.syntax.rephrase import certain, said

FOLDERS = ("beginners", "newcomers")
PROGRAMS = [path for folder in FOLDERS for path in sorted((GOLDEN / "diagnostics" / folder).glob("*.lamp"))]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def diagnose(text: str, folder: Path) -> tuple[Diagnostic, ...]:
    """The errors of a program; if there are none, the warnings that are about what it means, not how its weights begin."""
    try:
        program = lampc.compile.text(text, name="example.lamp", folder=folder)
    except LampError as error:
        return tuple(found for found in error.diagnostics if found.code.startswith("E"))
    return tuple(found for found in program.warnings if found.code in MEANT)


MEANT = ("W402", "W403", "W413", "W418", "W419")


@pytest.mark.parametrize("path", PROGRAMS, ids=named)
def test_the_message(path: Path, golden: Golden) -> None:
    found = diagnose(path.read_text(encoding="utf-8"), path.parent)
    assert found
    assert all(diagnostic.labels and diagnostic.fixes for diagnostic in found)
    golden(f"diagnostics/{named(path)}.txt", "\n\n".join(map(render, found)) + "\n")


def repaired(text: str, folder: Path) -> str:
    """A program with all that is certain mended, as `lampc check --fix` does it."""
    for _ in range(20):
        found = diagnose(text, folder)
        source = next((d.labels[0].span.source for d in found if d.labels), None)
        if source is None:
            break
        after, made = mended(source, found)
        if not made:
            break
        text = after
    return text


@pytest.mark.parametrize("path", PROGRAMS, ids=named)
def test_what_the_help_says_compiles(path: Path) -> None:
    """What is certain is done by edits; of the rest the test types what the help shows."""
    text = path.read_text(encoding="utf-8")
    shown = "\n".join(map(render, diagnose(text, path.parent)))
    for old, new, words in TYPED.get(named(path), ()):
        assert words in shown, words
        assert old in text or old == "*", old
        text = new if old == "*" else text.replace(old, new)
    text = repaired(text, path.parent)
    left = [found for found in diagnose(text, path.parent) if not found.message.startswith("cannot read")]
    assert left == [], f"{text}\n{left}"


def test_only_choices_are_typed() -> None:
    """What is typed above is done by no edit."""
    chosen = set()
    for path in PROGRAMS:
        after = repaired(path.read_text(encoding="utf-8"), path.parent)
        if any(not found.message.startswith("cannot read") for found in diagnose(after, path.parent)):
            chosen.add(named(path))
    assert chosen == set(TYPED)


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


@pytest.mark.parametrize(
    ("theirs", "whole"),
    [
        ("model.fit(x, y, epochs=5)", True),
        ("model.fit(x, y, epochs=5, validation_split=0.1)", False),
        ("Dense(10, activation='relu', kernel_regularizer=l2(0.01))", False),
        ("nn.Conv2d(3, 8, kernel_size=3, stride=1, bias=True)", True),
        ("nn.LSTM(32, 64, batch_first=True, num_layers=2)", True),
        ("Embedding(1000, 16, mask_zero=True)", False),
        ("torch.optim.Adam(model.parameters(), lr=1e-3, amsgrad=True)", True),
        ("pd.read_csv('iris.csv', sep=';')", False),
    ],
)
def test_what_loses_an_option_is_no_edit(theirs: str, whole: bool) -> None:
    ours = said(theirs)
    assert ours is not None
    assert certain(theirs, ours) == whole
