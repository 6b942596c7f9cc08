"""Colour: who decides, each stream by itself; and how wide a stream is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from command import Command, process

from lampc.terminal import colored, rewrites, width

NAMES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS")


class Stream:
    """A terminal, or none."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("asked", "variables", "on_a_terminal", "elsewhere"),
    [
        ("auto", "", True, False),
        ("always", "NO_COLOR=1 TERM=dumb", True, True),
        ("never", "FORCE_COLOR=1 CLICOLOR_FORCE=1", False, False),
        ("auto", "NO_COLOR=1", False, False),
        ("auto", "NO_COLOR=", True, False),
        ("auto", "NO_COLOR=1 FORCE_COLOR=1", False, False),
        ("auto", "FORCE_COLOR=1", True, True),
        ("auto", "FORCE_COLOR=3", True, True),
        ("auto", "FORCE_COLOR=0", False, False),
        ("auto", "FORCE_COLOR=false", False, False),
        ("auto", "FORCE_COLOR=", True, False),
        ("auto", "FORCE_COLOR=1 TERM=dumb", True, True),
        ("auto", "FORCE_COLOR=0 CLICOLOR_FORCE=1", False, False),
        ("auto", "CLICOLOR_FORCE=1", True, True),
        ("auto", "CLICOLOR_FORCE=0", True, False),
        ("auto", "CLICOLOR_FORCE=1 TERM=dumb", True, True),
        ("auto", "TERM=dumb", False, False),
        ("auto", "TERM=xterm", True, False),
    ],
)
def test_who_decides(asked: str, variables: str, on_a_terminal: bool, elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables.split():
        monkeypatch.setenv(*variable.split("="))
    assert colored(asked, Stream(True)) == on_a_terminal
    assert colored(asked, Stream(False)) == elsewhere


def test_what_is_no_stream_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tempfile.TemporaryFile("w", encoding="utf-8")  # noqa: SIM115 - it is to be closed
    closed.close()
    for stream in (None, closed, object()):
        assert not rewrites(stream) and width(stream, 99) == 99
    monkeypatch.setenv("TERM", "dumb")
    assert not rewrites(Stream(True))


@pytest.mark.parametrize(("columns", "found"), [("50", 50), ("0", 99), ("", 99), ("x", 99), ("-3", 99)])
def test_columns_says_how_wide(columns: str, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width(Stream(False), 99) == found


@pytest.mark.parametrize("columns", [40, 60, 80, 122])
def test_a_table_in_a_pipe_is_as_wide_as_columns_says(columns: int, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10000")
    words = set(lampc("examples").out.split())
    monkeypatch.setenv("COLUMNS", str(columns))
    done = lampc("examples")
    lines = done.out.splitlines()[:-1]
    assert max(map(len, lines)) <= columns
    assert {word for word in done.out.split() if not set(word) & set("─")} >= {
        w for w in words - {"name"} if not set(w) & set("─")
    }
    assert "…" not in done.out
    monkeypatch.delenv("COLUMNS")
    assert 80 < max(map(len, lampc("examples").out.splitlines())) <= 122


@pytest.mark.skipif(os.name == "nt", reason="terminals are POSIX's")
def test_each_stream_is_judged_by_itself(tmp_path: Path) -> None:
    from terminal import on_terminal

    (tmp_path / "bad.lamp").write_text("linear 2->3; tahn")
    with tempfile.TemporaryFile() as file:
        run = on_terminal("check", "bad.lamp", cwd=tmp_path, out=file.fileno())
    assert run.status == 1 and run.screen.styles > 0
    with tempfile.TemporaryFile() as file:
        table = on_terminal("examples", out=file.fileno())
    assert "disc" in table.out and "\x1b" not in table.out
    assert on_terminal("examples").screen.styles > 0
    assert on_terminal("examples", env={"NO_COLOR": "1"}).screen.styles == 0
    assert "\x1b[" in process("examples", env={"FORCE_COLOR": "1"}).out


def test_a_table_is_coloured_where_it_is_asked_for(lampc: Command) -> None:
    assert "\x1b[" in lampc("examples", "--color", "always").out
    assert "\x1b[" not in lampc("examples").out
