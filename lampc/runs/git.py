"""The commit that a project is at, read from its files.

Git itself is never run: what a downloaded project's ``.git/config`` names (monitors, hooks, filters, pagers) would run with it.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from lampc import files

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST = 64 * 1024 * 1024
"""Bytes of git's files that are read."""


def commit(folder: Path) -> str | None:
    """The commit, with ``+`` where a file differs from what git has noted of it; None outside of git."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / ".git").exists():
            try:
                own = _directory(place / ".git")
                found = _head(own)
                return None if found is None else found + ("+" if _changed(place, own, len(found) // 2) else "")
            except (OSError, ValueError, struct.error):
                return None
    return None


def _directory(marked: Path) -> Path:
    """Git's own folder: ``.git``, or, in a further work tree, what the file of that name names."""
    return marked if marked.is_dir() else marked.parent / _text(marked).removeprefix("gitdir:").strip()


def _text(path: Path) -> str:
    return files.read(path, _MOST).decode().strip()


def _head(own: Path) -> str | None:
    """What ``HEAD`` is, through the branch that it names."""
    head = _text(own / "HEAD")
    if not head.startswith("ref: refs/"):
        return _hash(head)
    branch = head.removeprefix("ref: ")
    if ".." in Path(branch).parts:
        return None
    common = own / _text(own / "commondir") if (own / "commondir").is_file() else own
    if (common / branch).is_file():
        return _hash(_text(common / branch))
    packed = _text(common / "packed-refs").splitlines() if (common / "packed-refs").is_file() else []
    return next((_hash(line.partition(" ")[0]) for line in packed if line.partition(" ")[2] == branch), None)


def _hash(text: str) -> str | None:
    return text if _HASH.fullmatch(text) else None


def _changed(place: Path, own: Path, digest: int) -> bool:
    """Whether a file that git follows has another size or time than git has noted, or is gone."""
    for name, seconds, nanoseconds, size in _index(files.read(own / "index", _MOST), digest):
        try:
            found = os.lstat(os.path.join(os.fsencode(place), name))
        except OSError:
            return True
        noted = seconds * 1_000_000_000 + nanoseconds
        if found.st_size & 0xFFFFFFFF != size or (found.st_mtime_ns if nanoseconds else int(found.st_mtime) * 10**9) != noted:
            return True
    return False


def _index(raw: bytes, digest: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Each file's name, time and size in git's index of version 2 or 3; of another nothing is known."""
    mark, version, count = struct.unpack_from(">4sII", raw)
    if mark != b"DIRC" or version not in (2, 3):
        return
    at = 12
    for _ in range(count):
        seconds, nanoseconds = struct.unpack_from(">II", raw, at + 8)
        mode, size = struct.unpack_from(">I", raw, at + 24)[0], struct.unpack_from(">I", raw, at + 36)[0]
        (flags,) = struct.unpack_from(">H", raw, at + 40 + digest)
        extended = bool(flags & 0x4000)
        begin = at + 42 + digest + 2 * extended
        end = raw.index(b"\0", begin)
        skipped = extended and struct.unpack_from(">H", raw, begin - 2)[0] & 0x4000
        if mode & 0o170000 == 0o100000 and not skipped and not flags & 0x8000:
            yield raw[begin:end], seconds, nanoseconds, size
        at += (end - at + 8) // 8 * 8
