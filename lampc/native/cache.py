"""Compiled code on disk, by a hash of everything that it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import warnings
from functools import lru_cache
from pathlib import Path

from lampc import files
from lampc.native import owners

_DIGEST = 32
"""Bytes of SHA-256, before the code in a file: a damaged entry is known, and compiled again."""
_MOST = 400
"""Entries that are kept."""
_LEFT = 3600.0
"""Seconds after which nobody is writing a half-written file any more."""


def folder() -> Path | None:
    """Where entries are; None where ``LAMPC_CACHE`` is ``off``."""
    named = os.environ.get("LAMPC_CACHE")
    if named:
        return None if named == "off" else Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "lampc" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lampc"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lampc"


def key(*parts: str) -> str:
    """The name of what depends on some texts."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """An entry; None if there is none that is whole, or where others than this user may have written it."""
    place = folder()
    if place is None or not place.is_dir() or not _ours(place):
        return None
    try:
        raw = files.read(place / f"{name}.o")
    except OSError:
        return None
    digest, code = raw[:_DIGEST], raw[_DIGEST:]
    return code if hashlib.sha256(code).digest() == digest else None


def save(name: str, code: bytes) -> None:
    """Keep an entry. Several processes may do so at once: a file appears whole or not at all. Failing is no harm."""
    place = folder()
    if place is None:
        return
    with contextlib.suppress(OSError):
        files.folder(place, mode=0o700)
        if _ours(place):
            files.write(place / f"{name}.o", hashlib.sha256(code).digest() + code, lasting=False)
            _sweep(place)


@lru_cache(maxsize=16)
def _ours(place: Path) -> bool:
    """Whether nobody else may change what is there; if not it is said, once: code from there would be run as this user."""
    stranger = owners.stranger(place)
    if stranger is not None:
        warnings.warn(f"the cache of compiled code is not used: {stranger}; LAMPC_CACHE names another folder",
                      RuntimeWarning, stacklevel=2)  # fmt: skip
    return stranger is None


def _sweep(place: Path) -> None:
    """Drop the entries that have been unused longest, and what a killed process left."""
    entries = sorted(place.glob("*.o"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[_MOST:]:
        files.remove(old)
    for left in place.glob("*.tmp"):
        if time.time() - left.lstat().st_mtime > _LEFT:
            files.remove(left)
