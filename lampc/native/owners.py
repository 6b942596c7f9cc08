"""Who else could change a file: whoever owns, or may write to, a folder on the way to it."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def stranger(place: Path) -> str | None:
    """What lets another user change what is in a folder; None if nothing does, or the system doesn't tell."""
    if not hasattr(os, "getuid"):
        return None
    try:
        real = place.resolve(strict=True)
        for folder in (real, *real.parents):
            found = folder.stat()
            if found.st_uid not in (0, os.getuid()):
                return f"{folder} belongs to another user"
            shared = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _alone(found.st_gid))
            if shared and (folder == real or not found.st_mode & stat.S_ISVTX):  # in a sticky folder nobody renames others' own
                return f"others may write to {folder}"
    except OSError as error:
        return f"{place} cannot be looked at: {error.strerror or error}"
    return None


def _alone(group: int) -> bool:
    """Whether a group is this user's alone: many systems give each user one of the same name."""
    import grp
    import pwd

    try:
        user, members = pwd.getpwuid(os.getuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and members.gr_name == user.pw_name and set(members.gr_mem) <= {user.pw_name}
