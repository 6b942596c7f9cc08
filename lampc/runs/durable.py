"""Files that are there whole or not at all, whatever stops the process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PREFIX, SUFFIX = ".writing-", ".tmp"


def write(path: Path, content: bytes) -> None:
    """Replace a file: the content is on the disk before the name is, and the name before this returns.

    Raises:
        OSError: if it cannot be written; then the old file is as it was.
    """
    temporary = path.with_name(f"{PREFIX}{path.name}-{os.getpid()}{SUFFIX}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have a folder's names on the disk; where the system has no such call, it does so by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> list[Path]:
    """Remove what a process left half written; only for who holds the folder's lock."""
    orphans = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    for orphan in orphans:
        with contextlib.suppress(OSError):
            orphan.unlink()
    return orphans


def read(path: Path) -> bytes:
    """A file's content; not through a link, which could lead anywhere.

    Raises:
        OSError: if it cannot be read, or is a link.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        return file.read()
