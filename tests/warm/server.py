"""Imports what is slow to import, and then runs commands, each in a fork of its own, until its standard input ends."""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any


def serve(place: str) -> dict[str, Any]:
    """Answer clients; in a fork, what it is to run."""
    with socket.socket(socket.AF_UNIX) as ears, selectors.DefaultSelector() as asked:
        ears.bind(place)
        ears.listen()
        asked.register(ears, selectors.EVENT_READ)
        asked.register(0, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits for a command
        print("ready", flush=True)
        while True:
            if any(key.fd == 0 for key, _ in asked.select()):
                os.unlink(place)
                os.rmdir(os.path.dirname(place))
                os._exit(0)
            line, _ = ears.accept()
            if not os.fork():
                break
            line.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with line:
        size, streams, _, _ = socket.recv_fds(line, 8, 3)
        about = b""
        while len(about) < int.from_bytes(size, "big"):
            about += line.recv(1 << 20)
        command = os.fork()
        if command:
            for stream in (0, 1, 2, *streams):
                os.close(stream)
            status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            line.sendall(str(status if status >= 0 else 128 - status).encode())
            os._exit(0)
    for stream, given in enumerate(streams):
        os.dup2(given, stream)
        os.close(given)
    found: dict[str, Any] = json.loads(about)
    return found


def become(about: dict[str, Any]) -> None:
    """Be a process as the client would have been, and run what it was to run."""
    os.environ.clear()
    os.environ.update(about["environment"])
    if about["folder"]:
        os.chdir(about["folder"])
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    flag, what, *arguments = about["arguments"]
    path = about["environment"].get("PYTHONPATH", "").split(os.pathsep)
    own = {str(Path(__file__).parent), str(Path(__file__).parents[2])}
    sys.path[:] = [place for place in sys.path if place not in own]
    sys.path[:0] = [about["folder"] if flag == "-m" else "", *filter(None, path)]
    sys.argv = ["-c", *arguments]
    if flag == "-m":
        sys.argv[0] = what
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        assert flag == "-c", flag
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})


def ended(about: dict[str, Any]) -> int:
    """Run it; its exit status."""
    try:
        become(about)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    import lampc.runtime.train  # noqa: F401

    gc.collect()
    gc.freeze()  # a fork's collector would write to all pages
    status = ended(serve(sys.argv[1]))
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)  # to take PyTorch down takes longer than most commands
