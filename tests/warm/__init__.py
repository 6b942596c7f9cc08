"""Python processes that need not import PyTorch, the second that most commands take: forks of one that has.

``python()`` is what to write instead of ``sys.executable`` where what a command says matters, not how it is started. What
gets signals, is measured, or must show what it imports, is started as it is by users.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def python(executable: str = sys.executable) -> list[str]:
    """The beginning of a command line: an interpreter that takes ``-m MODULE …`` or ``-c TEXT …``."""
    return [sys.executable, "-SE", str(HERE / "client.py"), _server(executable)] if sys.platform == "linux" else [executable]


@cache
def _server(executable: str) -> str:
    """The socket of this process's server for an interpreter, which ends with it; another's has a lampc of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if executable == sys.executable:
        environment["PYTHONPATH"] = str(HERE.parents[1])
    place = os.path.join(tempfile.mkdtemp(prefix="lampc"), "warm")
    server = subprocess.Popen([executable, str(HERE / "server.py"), place], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    server.stdout.close()
    atexit.register(server.communicate)  # which ends its input; where that is not come to, the system does
    return place
