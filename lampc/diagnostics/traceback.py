"""What a notebook shows of a mistake in place of Python's traceback."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path

from lampc.diagnostics.diagnostic import LampError
from lampc.diagnostics.render import render
from lampc.printable import printable

_PACKAGE = str(Path(__file__).parents[1])


def shown(error: LampError) -> list[str]:
    """The line of the user's that asked, and the diagnostics with their excerpts."""
    asked = _asked(error)
    lines = [asked, ""] if asked else []
    for index, diagnostic in enumerate(error.diagnostics):
        lines += [""] * bool(index) + render(diagnostic).split("\n")
    return lines


def _asked(error: LampError) -> str:
    """The innermost line that is neither lampc's nor a library's; empty if there is none, or it is a cell of ``%%lamp``."""
    for frame, number in reversed([*traceback.walk_tb(error.__traceback__)]):
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGE) or "site-packages" in file:
            continue
        text = linecache.getline(file, number).strip()
        return f"line {number}: {printable(text)}" if text and "run_cell_magic" not in text else ""
    return ""
