"""Ctrl-C at any moment of the start: one line and 130, never a traceback, and nothing half written."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = "linear 2->4 xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=100000000 batch=4\n"
START = """import sys
from lampc.__main__ import main
from lampc.interrupt import end_at_once
end_at_once()
sys.argv[0] = "lampc"
print("begun", flush=True)
main()
"""
SAVED = re.compile(
    r"(saved in epoch \d+ of 100000000(, before the step that was under way)?; go on|nothing had been saved yet; begin anew) "
    r"with `lampc train --resume runs/x/\d+`"
)
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


def interrupted(folder: Path, seconds: float, *arguments: str) -> tuple[int, str]:
    """The exit status and what was said on standard error, where SIGINT came so long after the beginning."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", START, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, err


@pytest.mark.parametrize("block", [0, *(pytest.param(block, marks=pytest.mark.long) for block in range(1, 10))])
def test_at_five_moments_of_the_start(tmp_path: Path, block: int) -> None:
    """Imports, the compilation, the first epochs: some begin a run, and then it is saved first."""
    (tmp_path / "x.lamp").write_text(SOURCE)
    drawn = random.Random(block)
    for _ in range(5):
        status, err = interrupted(tmp_path, drawn.uniform(0.0, 3.0), "train", "x.lamp", "--run-dir", "runs")
        said = [line for line in err.splitlines() if not SAVED.fullmatch(line)]
        assert status == 130, err
        assert said == ["interrupted"], err
    assert not list(tmp_path.rglob(".writing-*"))


def test_at_the_start_of_a_sweep(tmp_path: Path) -> None:
    """No library is left half imported by an exception in its midst."""
    (tmp_path / "x.lamp").write_text(SOURCE)
    drawn = random.Random(7)
    for _ in range(5):
        status, err = interrupted(tmp_path, drawn.uniform(0.3, 2.0), "sweep", "x.lamp", "--grid", "optimizer.lr=0.1,0.2")
        assert status == 130, err
        assert [line for line in err.splitlines() if line != "no trial has ended"] == ["interrupted"], err


def test_a_file_that_is_half_written_goes_first(tmp_path: Path) -> None:
    script = ("import os, signal, pathlib, lampc.files as files\n"
              "from lampc.interrupt import end_at_once\nend_at_once()\n"
              "with files.writing(pathlib.Path('a')) as file:\n    file.write(b'x')\n"
              "    os.kill(os.getpid(), signal.SIGINT)\n")  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=False, capture_output=True, timeout=120)
    assert list(tmp_path.iterdir()) == []


def test_where_it_is_ignored_it_stays_so(tmp_path: Path) -> None:
    script = ("import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nfrom lampc.interrupt import end_at_once\n"
              "end_at_once()\nos.kill(os.getpid(), signal.SIGINT)\nprint('here')\n")  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "here\n"
