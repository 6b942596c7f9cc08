"""SIGTERM ends a training after the op under way, however long its step is; what was saved before goes on to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command import ROOT, Command

from lampc.runs import checkpoint, stop
from lampc.runs.directory import CONFIG, LAST

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")

LONG = """linear 2->512 xavier; tanh
repeat 6 { linear 512 xavier; tanh }
linear 1 xavier
data disc train=16000 test=10
loss mse
optimizer adam lr=0.0001
train epochs=2 batch=16000 backend=BACKEND
"""
"""Two steps, of a second or more each."""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "LAMPC_RUNS": "runs"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "lampc", "train", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip


def appears(path: Path, going: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert going.poll() is None, "it has ended"
        time.sleep(0.02)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_a_long_step_is_left_and_the_run_goes_on_to_the_same_bits(backend: str, lampc: Command, tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.lamp").write_text(LONG.replace("BACKEND", backend))
    going = start(tmp_path, "a.lamp", "--save-every", "0")
    appears(tmp_path / "runs/a/1" / LAST, going)  # before the first step
    time.sleep(0.3)  # it is saved, and the step has begun
    going.send_signal(signal.SIGTERM)
    said, _ = going.communicate()
    assert going.returncode == 128 + signal.SIGTERM
    assert "saved in epoch 1 of 2, before the step that was under way; go on with `lampc train --resume runs/a/1`" in said
    for arguments in (("--resume", "a", "--save-every", "0"), ("a.lamp",)):
        done = lampc("train", "--run-dir", "runs", *arguments)
        assert done.status == 0, done.err
    resumed, whole = (checkpoint.read(tmp_path / "runs/a" / number / LAST) for number in "12")
    assert resumed.about["progress"]["epoch"] == 2
    assert all(torch.equal(resumed.tensors[name], tensor) for name, tensor in whole.tensors.items())


@pytest.mark.parametrize("arguments", [("--no-save",), ("--runs", "3")])
def test_long_steps_of_several_seeds_and_of_what_is_not_kept_are_left_too(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text(LONG.replace("BACKEND", "native").replace("epochs=2", "epochs=1000000"))
    going = start(tmp_path, "a.lamp", *arguments)
    assert going.stdout is not None
    while not (line := going.stdout.readline()).startswith("memory"):
        assert line, "it has ended"
    if "--runs" in arguments:
        appears(tmp_path / "runs/a/1" / CONFIG, going)
    time.sleep(1.0)
    going.send_signal(signal.SIGTERM)
    said, _ = going.communicate()
    assert going.returncode == 128 + signal.SIGTERM
    assert "interrupted" in said
    assert ("nothing had been saved yet" in said) == ("--runs" in arguments)


def test_training_is_given_time_where_it_soon_comes_to_a_place_to_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(stop.time, "monotonic", lambda: clock[0])
    asked = stop.Stop()
    assert asked.grace == 0  # nothing has been trained that could be lost
    for pause in (0.1, 0.1):
        asked.between()
        clock[0] += pause
    assert asked.grace == stop.GRACE
    clock[0] += 10
    assert asked.grace == 0  # this step is a long one
    asked.between()
    assert asked.grace == 0  # and so, it seems, is the next
