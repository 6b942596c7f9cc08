"""Being asked to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """Somebody asked to stop, and all has been saved."""


GRACE = 3.0
"""Seconds that training has to come to a place where it can be saved; what takes longer is left in its midst."""


class Stop:
    """Whether somebody has asked to stop: ``signal`` is its number, 0 while nobody has."""

    signal = 0
    late = False
    """Whether that did not come about in time: training is left where it is."""
    saving = False
    """Whether something is being saved, which is let come to its end."""
    _began = _took = math.inf

    def between(self) -> None:
        """Training has come to a place where it can be saved."""
        now = time.monotonic()
        self._took = now - self._began if self._began < now else math.inf
        self._began = now

    @property
    def grace(self) -> float:
        """How long to wait for the next such place: not at all where it may be long in coming, or none has come yet."""
        soon = self._took <= GRACE and time.monotonic() - self._began <= GRACE
        return GRACE if soon else 0.0

    @contextmanager
    def save(self) -> Iterator[None]:
        """Save something."""
        self.saving = True
        try:
            yield
        finally:
            self.saving = False
