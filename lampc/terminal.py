"""What a stream can show: colours, a line that is written over, and how many characters of it."""

from __future__ import annotations

import os
from typing import Any


def colored(asked: str, stream: Any) -> bool:
    """Whether to colour what goes to a stream; each is judged by itself.

    The first that says something decides: ``--color always`` or ``never``; ``NO_COLOR``; ``FORCE_COLOR``, where 0 is no;
    ``CLICOLOR_FORCE``, where 0 says nothing; ``TERM=dumb``; whether the stream is a terminal. An empty variable says nothing.
    """
    if asked != "auto":
        return asked == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if force := os.environ.get("FORCE_COLOR"):
        return force.lower() not in ("0", "false")
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return rewrites(stream)


def rewrites(stream: Any) -> bool:
    """Whether a line can be written over: a terminal that is not dumb."""
    return os.environ.get("TERM") != "dumb" and is_terminal(stream)


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks on, as far as the system can tell."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream, a closed one
        return False


def width(stream: Any, otherwise: int) -> int:
    """Characters of a line, as it is now: what ``COLUMNS`` says, else what the terminal is, else as said."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return (is_terminal(stream) and os.get_terminal_size(stream.fileno()).columns) or otherwise
    except (OSError, ValueError):
        return otherwise
