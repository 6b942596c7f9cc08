"""Help: nothing is cut, at any width; every option says what it does; the examples run."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from command import Command

from lampc.cli import VERBS, cli
from lampc.cli.verb import EXITS, Verb


def verb_of(name: str) -> Verb:
    found = cli.get_command(click.Context(cli), name)
    assert isinstance(found, Verb)
    return found


@pytest.mark.parametrize("name", VERBS)
def test_every_verbs_examples_run(name: str, folder: Path, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)
    (folder / "flowers.lamp").unlink(missing_ok=True)
    for file in ("mine.lamp", *(["flowers.lamp"] if name != "new" else [])):
        (folder / file).write_text("let width = 8\nlinear 2->width xavier; tanh; linear 1\n")
    examples = verb_of(name).examples
    assert examples
    for example in examples:
        if "--search" in example:
            pytest.importorskip("optuna")
        given, _, command = example.rpartition(" | ")
        words = shlex.split(command.partition(" > ")[0].replace("*.lamp", "mine.lamp flowers.lamp"))
        assert words[:2] == ["lampc", name]
        assert not given or given.startswith("echo ")
        monkeypatch.setattr(sys, "stdin", io.StringIO(given.removeprefix("echo ") + "\n"))
        done = lampc(*words[1:])
        assert done.status == 0, (example, done.err)
        assert done.out or "-o" in words


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_says_what_it_is_and_how_it_exits(name: str, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = lampc(name, "--help").out
    assert text == lampc(name, "-h").out == lampc("help", name).out
    for example in verb_of(name).examples:
        assert example in re.sub(r" \\\n +", " ", text)
    for code, what in EXITS:
        assert re.search(rf"^  {code} +{re.escape(what[:20])}", text, re.MULTILINE)
    for param in verb_of(name).params:
        if isinstance(param, click.Option):
            assert param.help and len(param.help) > 8, param.name
            assert param.opts[-1] in text


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ["", *VERBS])
def test_help_fits_and_no_word_is_cut(name: str, columns: int, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    words = set(lampc(*name.split(), "--help").out.split())
    monkeypatch.setenv("COLUMNS", str(columns))
    text = lampc(*name.split(), "--help").out
    assert "..." not in text.replace("[FILE]...", "")
    lines = text.splitlines()
    assert set(text.split()) - {"\\"} == words or columns == 20
    assert max(map(len, lines)) <= min(columns, 110) or columns == 20
    assert max(len(line) for line in lines if len(line.split()) > 2) <= max(columns, 40)


def test_the_list_of_verbs_is_whole_at_80_columns(lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = lampc("--help").out
    assert text == lampc("help").out == lampc("-h").out == lampc().out
    assert (lampc("help").status, lampc().status) == (0, 2)
    for name, what in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", text, re.MULTILINE)


def test_what_is_meant_is_understood_or_guessed(lampc: Command) -> None:
    assert lampc("version").out == lampc("--version").out != ""
    assert lampc("version").status == 0
    for wrong, meant in {"trian": "train", "TRAIN": "train", "help trian": "train", "exmaples": "examples"}.items():
        done = lampc(*wrong.split())
        assert done.status == 2
        assert f"Did you mean `lampc {meant}`?" in done.err
    assert "'--help'" in lampc("train", "--hlep").err
    assert lampc("versoin").status == 2


def test_no_verbs_file_is_read_for_the_list_of_verbs(lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("lampc.cli.import_module", None)
    assert lampc("--help").status == 0
