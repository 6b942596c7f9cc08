"""Being asked to stop: the first time all is saved, the second time nothing is.

Python hears of a signal between two of its own instructions. One that comes while machine code runs is heard of by a thread
of its own, through a socket that the system's handler writes to.
"""

from __future__ import annotations

import _thread
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType

from lampc.native import stop as steps
from lampc.native.stop import Abandoned
from lampc.runs.stop import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def listening(stop: Stop) -> Iterator[None]:
    """Note SIGINT and SIGTERM in ``stop``; a second one ends the process at once, with 128 + its number.

    Where training does not soon come to a place at which it can be saved, it is left where it is, after the op under way.

    Raises:
        Abandoned: then; what has been saved before stays.
    """
    left = False

    def heard(number: int, frame: FrameType | None) -> None:
        if stop.signal and not stop.late:
            os._exit(128 + number)
        stop.signal = number
        nonlocal left
        if stop.late and not left and not stop.saving:
            left = True
            raise Abandoned

    def wait(ears: socket.socket, number: int) -> None:
        """In a thread: give training a while, then have it left."""
        if not _more(ears, stop.grace):
            stop.late = True
            steps.ask()
            _thread.interrupt_main(signal.Signals(number))
            ears.recv(1)  # of that
        if ears.recv(1):
            os._exit(128 + number)

    with _hearing(heard, wait):
        yield


@contextmanager
def terminable() -> Iterator[Stop]:
    """Let SIGTERM interrupt as Ctrl-C does, after the op under way; ``signal`` says which it was."""
    stop = Stop()

    def heard(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        raise KeyboardInterrupt

    with _hearing(heard, lambda ears, number: steps.ask()):
        yield stop


@contextmanager
def _hearing(heard: Callable[[int, FrameType | None], None], told: Callable[[socket.socket, int], None]) -> Iterator[None]:
    """Have one function told of signals in this thread, and another of the first one in a thread that nothing holds up."""
    ears, mouth = socket.socketpair()
    mouth.setblocking(False)

    def listen() -> None:
        while number := ears.recv(1):
            if number[0] in SIGNALS:
                told(ears, number[0])
                break

    thread = Thread(target=listen, daemon=True)
    before = {number: signal.signal(number, heard) for number in SIGNALS}
    other = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(other)
        mouth.close()  # which the thread hears of
        thread.join()
        ears.close()
        for number, handler in before.items():
            signal.signal(number, handler)
        steps.forget()


def _more(ears: socket.socket, seconds: float) -> bool:
    """Whether there is more to hear within a time: another signal, or that nobody listens any more."""
    return bool(select.select([ears], [], [], seconds)[0])
