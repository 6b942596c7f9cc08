"""Running the command line: in this process where only its words matter, as a process of its own where more does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lampc.cli import run
from lampc.cli.report import remember_color

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]


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


def process(*arguments: object, cwd: Path = ROOT, stdin: str = "", env: dict[str, str] | None = None) -> Done:
    """Runs the command line as a process."""
    found = subprocess.run(
        [sys.executable, "-m", "lampc", *map(str, arguments)],
        cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )  # fmt: skip
    return Done(found.returncode, found.stdout, found.stderr)
