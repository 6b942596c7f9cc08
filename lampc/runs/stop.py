"""Being asked to stop."""

from __future__ import annotations


class Stopped(Exception):
    """Somebody asked to stop, and all has been saved."""


class Stop:
    """Whether somebody has asked to stop: ``signal`` is its number, 0 while nobody has."""

    signal = 0
