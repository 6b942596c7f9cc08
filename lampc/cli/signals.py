"""Being asked to stop: the first time all is saved, the second time nothing is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lampc.runs.stop import Stop


@contextmanager
def listening(stop: Stop) -> Iterator[None]:
    """Note SIGINT and SIGTERM in ``stop``; a second one ends the process at once, with 128 + its number."""

    def heard(number: int, frame: FrameType | None) -> None:
        if stop.signal:
            os._exit(128 + number)
        stop.signal = number

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def terminable() -> Iterator[Stop]:
    """Let SIGTERM interrupt as Ctrl-C does; ``signal`` says which it was."""
    stop = Stop()

    def heard(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        raise KeyboardInterrupt

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
