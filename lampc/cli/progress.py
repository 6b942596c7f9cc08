"""Where a verb that trains shows how far it is."""

from __future__ import annotations

import os
import stat
import sys

from lampc.cli.say import before_all, say
from lampc.progress import Progress
from lampc.shows import Line, Lines, Many
from lampc.terminal import is_terminal, rewrites


def progress(quiet: bool = False, as_json: bool = False, err: bool = False, rarely: bool = False) -> Progress:
    """A line on standard error where that is a terminal, unless others write there, too; and lines where standard output,
    or, ``err``, standard error, goes elsewhere. JSON has standard output for itself. ``rarely``: lines tell of what takes long.
    """
    shows: list[Progress] = []
    drawn = rewrites(sys.stderr) and (_is_elsewhere() if as_json else is_terminal(sys.stdout) or _is_elsewhere())
    if drawn and not quiet:
        line = Line(sys.stderr)
        before_all(line.hide)
        shows.append(line)
    if not (quiet or as_json) and not (drawn and (err or is_terminal(sys.stdout))):
        shows.append(Lines(lambda text: say(text, err=err), rarely))
    return Many(shows)


def _is_elsewhere() -> bool:
    """Whether standard output goes to a file or nowhere: what a pipe leads to may write to this terminal."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return not is_terminal(sys.stdout) and not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode)
