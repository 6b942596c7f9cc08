"""What a command left, and running one as a process of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warm import python

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command left."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]


def process(*arguments: object, cwd: Path = ROOT, stdin: str = "", env: dict[str, str] | None = None) -> Done:
    """Runs the command line as a process."""
    found = subprocess.run(
        [*python(), "-m", "lampc", *map(str, arguments)],
        cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )  # fmt: skip
    return Done(found.returncode, found.stdout, found.stderr)
