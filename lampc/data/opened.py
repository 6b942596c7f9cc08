"""Regular files of a project, opened."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from lampc.data.nearby import beside
from lampc.data.place import within
from lampc.data.source import DataError

_FILE_BYTES = 2_000_000_000


def regular(folder: Path, name: str) -> Path:
    """The path of a file that a program names.

    Raises:
        DataError: if it cannot be had, or is too large.
    """
    try:
        path = within(folder, name)
        if path.exists() and not path.is_file():
            raise DataError("E601", f"cannot read {name}: it is not a file")
        if path.stat().st_size > _FILE_BYTES:
            raise DataError("E601", f"{name} is larger than {_FILE_BYTES:,} bytes")
        return path
    except (OSError, ValueError) as error:
        raise _unreadable(folder, name, error) from None


def open_regular(folder: Path, name: str, mode: str) -> IO[bytes]:
    """A regular file's bytes.

    Raises:
        DataError: if it cannot be had, or is too large.
    """
    try:
        return regular(folder, name).open(mode)
    except (OSError, ValueError) as error:
        raise _unreadable(folder, name, error) from None


def _unreadable(folder: Path, name: str, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or str(error)
    return DataError("E601", f"cannot read {name}: {reason[:1].lower()}{reason[1:]}", beside(folder / name, name), "path")
