"""Running the command line in this process, where only its words matter."""

from __future__ import annotations

import io
import sys

import pytest
from command import Command, Done

from lampc.cli import run
from lampc.cli.report import remember_color


@pytest.fixture
def lampc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line in this process."""

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
