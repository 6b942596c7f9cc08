"""How much memory there is, and refusing what does not fit before it is asked for."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
"""Where Linux tells of limits that hold for groups of processes, such as a container's."""


def available() -> int | None:
    """The bytes that this process may still take: what the machine, its group and its own limits leave; None: not known."""
    known = [bytes for bytes in (_machine(), _group(), _process()) if bytes is not None]
    return max(0, min(known)) if known else None


def _machine() -> int | None:
    if sys.platform == "win32":
        return _windows()
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
        return sum(1024 * int(lines[name].split()[0]) for name in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        pass
    try:  # elsewhere how much is free is not told, but how much there is
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


_STATUS = ("whole", "free", "paged", "page", "virtual", "unused", "more")


def _windows() -> int | None:
    class Status(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ulong), ("load", ctypes.c_ulong),
                    *((name, ctypes.c_ulonglong) for name in _STATUS))  # fmt: skip

    status = Status(length=ctypes.sizeof(Status))
    call = getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx  # noqa: B009  # only there
    return int(status.page) if call(ctypes.byref(status)) else None


def _group() -> int | None:
    """What control groups leave, version 2 or 1, each group within those above it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += _left(GROUPS, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            found += _left(GROUPS / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    return min(found, default=None)


def _left(root: Path, path: str, limit: str, usage: str, cache: str) -> list[int]:
    """Of a group and those above: the limit less what is used, but for what of files the system would drop."""
    folder, found = root / path.lstrip("/"), []
    for place in (folder, *folder.parents):
        if not place.is_relative_to(root):
            break
        try:
            most = (place / limit).read_text(encoding="utf-8").strip()
            if most == "max":
                continue
            statistics = dict(line.split() for line in (place / "memory.stat").read_text(encoding="utf-8").splitlines())
            found.append(int(most) - int((place / usage).read_text(encoding="utf-8")) + int(statistics.get(cache, 0)))
        except (OSError, ValueError):
            continue
    return found


def _process() -> int | None:
    """What `ulimit -v` and `ulimit -d` leave."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    found = []
    for name, field in (("RLIMIT_AS", "VmSize"), ("RLIMIT_DATA", "VmData")):
        limit = getattr(resource, name, None)
        most = resource.RLIM_INFINITY if limit is None else resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            found.append(most - _used(field))
    return min(found, default=None)


def _used(field: str) -> int:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
        return 1024 * int(lines[field].split()[0])
    except (OSError, KeyError, ValueError):
        return 0
