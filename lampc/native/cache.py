"""Compiled code on disk, by a hash of everything that it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

_DIGEST = 32
"""Bytes of SHA-256, before the code in a file: a damaged entry is known, and compiled again."""
_MOST = 400
"""Entries that are kept."""


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
    """An entry; None if there is none that is whole."""
    place = folder()
    if place is None:
        return None
    try:
        raw = (place / f"{name}.o").read_bytes()
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
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(temporary, place / f"{name}.o")
        except OSError:
            os.unlink(temporary)
            raise
        _sweep(place)


def _sweep(place: Path) -> None:
    """Drop the entries that have been unused longest, and what a killed process left."""
    entries = sorted(place.glob("*.o"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[_MOST:]:
        old.unlink(missing_ok=True)
