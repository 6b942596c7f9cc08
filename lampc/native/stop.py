"""Stopping machine code in the midst of a step: it looks between two kernels whether somebody has asked.

Python hears of signals between two of its own instructions, and a step may take minutes.
"""

from __future__ import annotations

import ctypes

_ASKED = ctypes.c_int64(0)

ADDRESS = ctypes.addressof(_ASKED)
"""Where machine code looks."""
ABANDONED = -2
"""What it returns when it has left off."""


class Abandoned(KeyboardInterrupt):
    """A step was left in its midst because somebody asked: what it worked in is neither as before nor as after."""


def ask() -> None:
    """Have all machine code of this process leave off, and what is called later too, until ``forget``."""
    _ASKED.value = 1


def forget() -> None:
    """Nobody asks any more."""
    _ASKED.value = 0
