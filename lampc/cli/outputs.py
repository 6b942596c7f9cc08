"""What a verb writes where ``-o`` says."""

from __future__ import annotations

from pathlib import Path

from lampc import files
from lampc.diagnostics import failure


def save(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        LampError: if that is impossible.
    """
    try:
        files.write(path, content)
    except OSError as error:
        raise failure("E003", f"cannot write {path}: {error.strerror or error}") from None
