"""Running the command line in this process, where only its words matter."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import pytest
from command import ROOT, Command, Done

from lampc.cli import run
from lampc.cli.report import remember_color


@pytest.fixture
def lampc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line in this process."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def command(*arguments: object, stdin: str | bytes | None = None) -> Done:
        if stdin is not None:
            raw = stdin.encode() if isinstance(stdin, str) else stdin
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        remember_color("auto")
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where examples are run: two runs of disc, one of iris and of gpt, a table, a network of ONNX, a program."""
    place = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("LAMPC_RUNS", raising=False)
        for command in ("train disc -q --set epochs=2", "train disc -q --set epochs=2", "train iris -q --set epochs=2",
                        "train gpt -q --set epochs=1 --set width=8 --set data.stride=400",
                        "export disc --to onnx -o net.onnx"):  # fmt: skip
            assert run(command.split()) == 0
    shutil.copy(ROOT / "models" / "iris.csv", place / "other.csv")
    shutil.copy(ROOT / "models" / "iris.csv", place / "new.csv")
    return place
