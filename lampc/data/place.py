"""Where data may lie: in the project that the program belongs to, or where the user says so."""

from __future__ import annotations

import os
from pathlib import Path

from lampc.data.source import DataError
from lampc.source import project

ALLOWED = "LAMPC_DATA"
"""The environment variable that names other folders, as ``PATH`` does."""


def within(folder: Path, name: str) -> Path:
    """A path that a program names, links followed.

    Raises:
        DataError: if it leads out of the project, or is no path.
    """
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, what no file system can encode, links in a circle
        raise DataError("E601", f'"{name}" is no path') from None
    others = [Path(other) for other in os.environ.get(ALLOWED, "").split(os.pathsep) if other]
    if any(path.is_relative_to(root.resolve()) for root in (project(folder), *others)):
        return path
    raise DataError("E601", f"{name} lies outside of the project",
                    (f"move it there, or name its folder in the environment: {ALLOWED}={path.parent}",))  # fmt: skip
