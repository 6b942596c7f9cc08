"""Has the server run a command with this process's standard streams, folder and environment, and ends as it did."""

import json
import os
import socket
import sys


def main() -> int:
    """The command's exit status."""
    place, *arguments = sys.argv[1:]
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = ""
    about = json.dumps({"arguments": arguments, "folder": folder, "environment": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        socket.send_fds(line, [len(about).to_bytes(8, "big")], [0, 1, 2])
        line.sendall(about)
        answer = line.recv(64)
    return int(answer or b"70")


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main() % 256)
