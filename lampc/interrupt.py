"""Ctrl-C before there is anything to save: one line, and the process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

from lampc import files


def end_at_once() -> None:
    """Let SIGINT end the process wherever it is, with 128 + its number; a file that is half written goes first.

    An exception would be lost in what libraries do while they are imported, or be shown as a traceback. Where SIGINT is
    ignored, as for what a script runs in the background, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _heard)


def _heard(number: int, frame: FrameType | None) -> None:
    if files.half_written:
        raise KeyboardInterrupt
    with contextlib.suppress(Exception):  # it may be in the midst of writing
        sys.stdout.flush()
        if "lampc.cli.say" in sys.modules:
            sys.modules["lampc.cli.say"].clear(err=True)
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(128 + number)
