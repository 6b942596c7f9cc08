"""A user's typed program: strict checkers find nothing in it, with the wheel as it is installed, and it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_program.py")
PYRIGHT = shutil.which("basedpyright", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
WRONG = """
import lampc.compile
import lampc.nn
import torch

history: lampc.Model = lampc.compile.text("linear 1").model().train()
epoch: int = lampc.compile.text("linear 1").model().train()[0]
made: int = lampc.nn.Lamp("linear 2->1")(torch.zeros(1, 2))
lampc.compile.fle("a.lamp")
lampc.nothing
"""
"""Mistakes that a checker cannot see unless lampc is typed, one a line."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the user's, from which this one is not to be seen."""
    folder = tmp_path_factory.mktemp("typed")
    shutil.copy(PROGRAM, folder / "program.py")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    return folder


def said(folder: Path, *command: object) -> list[str]:
    """What a checker prints."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run([*map(str, command)], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def test_mypy_finds_nothing_but_what_is_wrong(python: Path, folder: Path) -> None:
    checker = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--no-error-summary", "--no-pretty")
    found = said(folder, *checker, "program.py", "wrong.py")
    assert [line for line in found if line.startswith("program.py")] == []
    assert [line.split(":")[1] for line in found if "error: " in line] == ["6", "7", "8", "9", "10"]


def test_pyright_finds_nothing_but_what_is_wrong(python: Path, folder: Path) -> None:
    settings = {"typeCheckingMode": "strict", "include": ["program.py", "wrong.py"], "reportUnusedExpression": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    report = json.loads("\n".join(said(folder, PYRIGHT, "--outputjson", "--pythonpath", python)))
    places = {(Path(found["file"]).name, found["range"]["start"]["line"] + 1) for found in report["generalDiagnostics"]}
    assert sorted(places) == [("wrong.py", line) for line in (6, 7, 8, 9, 10)]


def test_it_runs(python: Path, folder: Path) -> None:
    done = subprocess.run([str(python), "program.py", str(folder)], cwd=folder, capture_output=True, text=True, check=False,
                          env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})  # fmt: skip
    assert done.returncode == 0, done.stderr
