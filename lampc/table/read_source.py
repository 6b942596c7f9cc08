"""Files of somebody else's: opened only if they are files, small enough, and read under one roof of errors."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lampc.diagnostics import LampError
from lampc.diagnostics.unplaced import DataError

FILE_BYTES = 2_000_000_000
"""The largest file that is read, packed or unpacked."""
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Source:
    """Bytes that can be read again and again: a file's, or some that are in memory."""

    name: str
    path: Path | None = None
    raw: bytes = field(default=b"", repr=False)

    def binary(self) -> IO[bytes]:
        """Them, from the beginning."""
        return io.BytesIO(self.raw) if self.path is None else self.path.open("rb")

    def head(self, size: int) -> bytes:
        """The first of them."""
        with self.binary() as file:
            return file.read(size)


@contextmanager
def reading(path: Path | None, name: str | None = None) -> Iterator[None]:
    """Around what a library does with a file: whatever it raises is what is wrong with that file, under a name to show.

    Raises:
        DataError: if it is no regular file, which might never end, or cannot be read (E601).
    """
    try:
        if path is not None and path.exists() and not path.is_file():
            raise OSError("it is not a file")
        yield
    except (DataError, LampError):
        raise
    except MemoryError:
        raise DataError("E601", f"cannot read {name or path}: what is in it is larger than memory") from None
    except Exception as error:
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise DataError("E601", f"cannot read {name or path}: {said[:300]}") from None


def regular(path: Path, name: str) -> Source:
    """A file that can be read, unpacked if it is gzip's.

    Raises:
        DataError: if it is none, or larger than is read (E601).
    """
    with reading(path, name):
        if path.stat().st_size > FILE_BYTES:
            raise DataError("E601", f"{name} is larger than {FILE_BYTES:,} bytes")
        return unpacked(Source(name, path))


def unpacked(source: Source) -> Source:
    """What gzip packed; anything else as it is.

    Raises:
        DataError: if it unpacks to more than is read.
    """
    if source.head(2) != b"\x1f\x8b":
        return source
    made = io.BytesIO()
    try:
        with source.binary() as file, gzip.GzipFile(fileobj=file) as opened:
            while block := opened.read(_BLOCK):
                made.write(block)
                if made.tell() > FILE_BYTES:
                    raise DataError("E601", f"{source.name} unpacks to more than {FILE_BYTES:,} bytes")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError("E601", f"cannot read {source.name}: it cannot be unpacked: {error}") from None
    return Source(source.name, None, made.getvalue())
