"""The only way to a file that lampc writes: whole or not at all, whatever stops the process; never through a link, never to
a device.

What is written gets a random name beside its place, which nobody can have made before, and is renamed into the place once
it is on the disk. A run's folder may be somebody else's: nothing in it that is a link, or no regular file, is opened.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PREFIX, SUFFIX = ".writing-", ".tmp"
half_written: set[Path] = set()
"""What is being written at the moment, under its random name."""
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def write(path: Path, content: bytes, lasting: bool = True) -> None:
    """Replace a file: the content is on the disk before the name is, and the name before this returns, if it is to last.

    Raises:
        OSError: if it cannot be written; then the old file is as it was.
    """
    with writing(path, lasting) as file:
        file.write(content)


@contextlib.contextmanager
def writing(path: Path, lasting: bool = True) -> Iterator[IO[bytes]]:
    """A file to fill, which takes its place when the block ends, and leaves no trace if it ends in an exception.

    Raises:
        OSError: if it cannot be written; then the old file is as it was.
    """
    mode = _replaceable(path)
    temporary = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    half_written.add(temporary)
    try:
        yield from _filling(path, temporary, mode, lasting)
    finally:
        half_written.discard(temporary)


def _filling(path: Path, temporary: Path, mode: int | None, lasting: bool) -> Iterator[IO[bytes]]:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, 0o666 if mode is None else mode)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if lasting:
        sync(path.parent)


def _replaceable(path: Path) -> int | None:
    """The permissions of the file that is there; None if there is none.

    Raises:
        OSError: if what is there is no regular file.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except ValueError as error:  # a NUL in a name
        raise OSError(errno.EINVAL, str(error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"it is {_kind(found.st_mode)}, and only a file is replaced")
    return stat.S_IMODE(found.st_mode)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder" if stat.S_ISDIR(mode) else "a device or the like"


def append(path: Path, content: bytes) -> None:
    """Add to a file, all of it or nothing; it is on the disk before this returns.

    Raises:
        OSError: if it cannot be written; then the file is as it was.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _PLAIN, 0o666)
    with open(descriptor, "ab") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_nlink > 1:
            raise OSError(errno.EINVAL, "it is no file of its own")
        try:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        except OSError:
            os.truncate(path, before.st_size)  # no half lines
            raise


def read(path: Path, most: int | None = None) -> bytes:
    """A file's content; not through a link, which could lead anywhere, nor from a device, which may never end.

    Raises:
        OSError: if it cannot be read, is no regular file, or has more than ``most`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | _PLAIN)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, f"it is {_kind(found.st_mode)}, not a file")
        if most is not None and found.st_size > most:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, and {most:,} are the most")
        return file.read()


def folder(path: Path, below: Path | None = None, mode: int = 0o777) -> None:
    """Make a folder, and those above it; where ``below`` is given no step from there on may be a link.

    Raises:
        OSError: if it cannot be made.
    """
    if below is not None:
        for step in (path, *path.parents):
            if step == below or not step.is_relative_to(below):
                break
            if step.is_symlink():
                raise OSError(errno.ELOOP, f"{step.name} is a link")
    path.mkdir(mode, parents=True, exist_ok=True)


def new_folder(path: Path) -> None:
    """Make a folder that nobody has made before.

    Raises:
        OSError: if it is there already, or cannot be made.
    """
    path.mkdir()


def remove(path: Path) -> None:
    """Remove a file, or a link itself; that there is none is fine.

    Raises:
        OSError: if it cannot be removed.
    """
    path.unlink(missing_ok=True)


def scratch(suffix: str) -> Any:
    """A file for this process alone, which goes when it does, and may be opened by its name meanwhile."""
    # One that goes by itself could not be opened again under Windows.
    kept = tempfile.NamedTemporaryFile(prefix="lampc-", suffix=suffix, delete=False)  # noqa: SIM115
    atexit.register(_gone, kept)
    return kept


def _gone(kept: Any) -> None:
    kept.close()
    with contextlib.suppress(OSError):
        os.unlink(kept.name)


def held_open(folder: Path) -> int | None:
    """A folder's descriptor, by which it is known again, to be closed by who asks; None where the system has no such thing."""
    return None if os.name == "nt" else os.open(folder, os.O_RDONLY)


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
