"""A command on a terminal of its own: what it shows, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command import ROOT

_STYLE = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Screen:
    """What a terminal that is never scrolled shows: its lines, and every state of the line that was written over."""

    columns: int
    lines: list[str] = field(default_factory=lambda: [""])
    states: list[str] = field(default_factory=list)
    wrapped: list[str] = field(default_factory=list)
    """Lines that had no room."""
    controls: set[str] = field(default_factory=set)
    """Sequences other than styles."""
    styles: int = 0
    returns: int = 0
    _column: int = 0

    def write(self, text: str) -> None:
        self.styles += len(_STYLE.findall(text))
        for char in _STYLE.sub("", text):
            if char == "\n":
                self._note()
                self.lines.append("")
                self._column = 0
            elif char == "\r":
                self._note()
                self.returns += 1
                self._column = 0
            elif not char.isprintable():
                self.controls.add(char)
            else:
                line = self.lines[-1]
                self.lines[-1] = line[: self._column].ljust(self._column) + char + line[self._column + 1 :]
                self._column += 1
                if self._column == self.columns + 1:
                    self.wrapped.append(self.lines[-1])

    def _note(self) -> None:
        if self.lines[-1].strip() and self.lines[-1] not in self.states[-1:]:
            self.states.append(self.lines[-1])

    def shown(self) -> list[str]:
        """The lines as they are at the end."""
        return [line.rstrip() for line in self.lines]


@dataclass
class Run:
    """A command that has ended."""

    status: int
    screen: Screen
    out: str
    """Standard output, where it went elsewhere."""
    first: float
    """Seconds until anything was shown."""


def on_terminal(*arguments: object, cwd: Path = ROOT, columns: int = 80, env: dict[str, str] | None = None,
                out: int | None = None, stdin: str = "", during: Callable[[Screen, Any, int], None] | None = None,
                module: str = "lampc") -> Run:  # fmt: skip
    """Run the command line with standard error, and, if ``out`` says nothing, standard output on a terminal so wide.

    ``during`` is called with the screen, the process and the terminal whenever something has been written.
    """
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST  # what is written is read as it is
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    resize(ours, columns)
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")}
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", **(env or {})}
    screen, first, begun = Screen(columns), 0.0, time.monotonic()
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.PIPE, stdout=theirs if out is None else out,
                          stderr=theirs, start_new_session=True) as running:  # fmt: skip
        os.close(theirs)
        assert running.stdin is not None
        running.stdin.write(stdin.encode())
        running.stdin.close()
        try:
            while time.monotonic() - begun < 120:
                if not select.select([ours], [], [], 0.2)[0]:
                    if running.poll() is not None:
                        break
                    continue
                try:
                    part = os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                first = first or time.monotonic() - begun
                screen.write(part.decode(errors="replace"))
                if during is not None:
                    during(screen, running, ours)
            running.wait(30)
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
            os.close(ours)
    if out is not None:
        os.lseek(out, 0, os.SEEK_SET)
    return Run(running.returncode, screen, "" if out is None else os.read(out, 1 << 20).decode(), first)


def resize(terminal: int, columns: int) -> None:
    """Make a terminal another width."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
