"""Several processes train as one does, and outlive the death of one of them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from warm import python

import lampc.compile
from lampc.compile import WHOLE, run_passes
from lampc.ir.keys import gradients
from lampc.passes.differentiate import differentiate
from lampc.passes.distribute import distribute
from lampc.passes.lower import lower
from lampc.runs import checkpoint
from lampc.runtime.group import part

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not dist.is_available() or os.name == "nt", reason="torch has no distributed package here")

SOURCE = (
    "linear 2->16 xavier; tanh; linear 1 xavier; sigmoid\ndata disc train=103 test=20 validation=20\nloss mse\n"
    "optimizer adam lr=0.01 clip=1\ntrain epochs=4 batch=10 shuffle precision=f64 best=loss"
)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def torchrun(count: int, *arguments: object, restarts: int = 0) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}",
            f"--max-restarts={restarts}", "-m", "lampc", *map(str, arguments)]  # fmt: skip


def together(count: int, *arguments: object) -> tuple[list[int], str]:
    """What ``torchrun`` starts, without its own second or two: so many processes; their statuses, and what they say."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    started = []
    for rank in range(count):
        ranks = {name: str(rank) for name in ("RANK", "LOCAL_RANK")}
        sizes = {name: str(count) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE")}
        command = [*python(), "-m", "lampc", *map(str, arguments)]
        started.append(subprocess.Popen(command, env={**environment(), **place, **ranks, **sizes}, text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))  # fmt: skip
    said = "".join(process.communicate(timeout=120)[1] for process in started)
    return [process.returncode for process in started], said


def trained(folder: Path, count: int, source: str = SOURCE) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    folder.mkdir(exist_ok=True)
    (folder / "a.lamp").write_text(source)
    arguments = ("train", folder / "a.lamp", "--run-dir", folder / "runs")
    statuses, said = together(count, *arguments, *(() if count > 1 else ("--backend", "torch")))
    assert statuses == [0] * count, said
    run = folder / "runs" / "a" / "1"
    tensors = {name: t for name, t in checkpoint.read(run / "last.safetensors").tensors.items() if t.is_floating_point()}
    return tensors, [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("count", "batch"), [(2, 10), (3, 2)])
def test_so_many_workers_train_as_one_does(count: int, batch: int, tmp_path: Path) -> None:
    """At the same global batch, the last, smaller one too; with three workers and two samples one has nothing to do."""
    source = SOURCE.replace("batch=10", f"batch={batch}").replace("epochs=4", "epochs=2" if batch == 2 else "epochs=4")
    several, lines = trained(tmp_path / "several", count, source)
    one, wanted = trained(tmp_path / "one", 1, source)
    assert several.keys() == one.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(several[name], tensor, rtol=1e-12, atol=1e-12)
    for found, line in zip(lines, wanted, strict=True):
        assert found["loss"] == pytest.approx(line["loss"], rel=1e-12)
        assert found["validation"]["loss"] == pytest.approx(line["validation"]["loss"], rel=1e-12)


WEIGHED = (
    'linear 3->8 xavier; tanh; linear 3 xavier\ndata npz "weighed.npz" split=0.8 validation=0.2\n'
    "loss crossentropy weights=[1, 5, 0.2] ignore=1\noptimizer sgd lr=0.1\ntrain epochs=3 batch=8 shuffle precision=f64"
)


def test_workers_share_a_weighted_mean_exactly(tmp_path: Path) -> None:
    """Each process's part of a minibatch counts as much as its samples weigh, and their classes, and the ignored not at all."""
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(90, 3)), rng.integers(0, 3, 90), rng.exponential(size=90) * rng.integers(0, 2, 90)
    for folder in (tmp_path / "several", tmp_path / "one"):
        folder.mkdir()
        np.savez(folder / "weighed.npz", x=x, y=y, w=w)
    several, lines = trained(tmp_path / "several", 2, WEIGHED)
    one, wanted = trained(tmp_path / "one", 1, WEIGHED)
    for name, tensor in one.items():
        torch.testing.assert_close(several[name], tensor, rtol=1e-12, atol=1e-12)
    for found, line in zip(lines, wanted, strict=True):
        assert found["loss"] == pytest.approx(line["loss"], rel=1e-12)


def test_several_seeds_are_refused_once(tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text(SOURCE)
    statuses, said = together(2, "train", tmp_path / "a.lamp", "--runs", 2, "--run-dir", tmp_path / "runs")
    assert all(statuses)
    assert said.count("error[E705]: several processes train one seed together") == 1
    assert not (tmp_path / "runs").exists()


def failing(*arguments: object) -> str:
    statuses, said = together(2, "train", *arguments)
    assert all(statuses)
    assert "E900" not in said
    return said


def test_what_one_process_refuses_is_no_fault_of_the_others(tmp_path: Path) -> None:
    trained(tmp_path, 2)
    said = failing("--resume", tmp_path / "runs" / "a" / "1", "--set", "train.batch=5")
    assert "error[E612]: the run was trained with batch=10, and batch=5 is asked for" in said
    assert "error[E705]: another of the processes that train together has ended" in said


def test_that_one_process_diverges_is_all_processes_outcome(tmp_path: Path) -> None:
    """One sample, which one of them has, is too large for float32 once it is squared."""
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    x[37] = 3e19
    np.savez(tmp_path / "a.npz", x=x, y=x.sum(1, keepdims=True))
    (tmp_path / "a.lamp").write_text('data npz "a.npz" split=1; linear 2->1 xavier; loss mse; train epochs=2 batch=20')
    said = failing(tmp_path / "a.lamp", "--run-dir", tmp_path / "runs")
    summary = json.loads((tmp_path / "runs" / "a" / "1" / "summary.json").read_text())
    (lost,) = summary["diverged"]
    assert said.count(f"error[E701]: epoch {lost['epoch']}, step {lost['step']}: the loss is") == 2
    assert said.count("no longer a number in the part of another process") == 1
    assert "E705" not in said


def test_samples_are_shared_out_whole() -> None:
    for samples in range(12):
        for size in range(1, 6):
            ends = [part(samples, rank, size) for rank in range(size)]
            assert [start for start, _ in ends] + [samples] == [0] + [stop for _, stop in ends]
            assert max(stop - start for start, stop in ends) - min(stop - start for start, stop in ends) <= 1


def test_reductions_begin_amid_the_backward_list_and_are_waited_for_at_its_end() -> None:
    program = lampc.compile.text("linear 8->8; tanh; linear 8; tanh; linear 8; tanh; linear 1; loss mse")
    graph = distribute(differentiate(program.simplified), bytes=300)
    routine = lower(run_passes(graph, WHOLE))
    names = [instruction.op.name for instruction in routine.instructions]
    begun = [index for index, name in enumerate(names) if name == "all_reduce"]
    waited = [index for index, name in enumerate(names) if name == "wait"]
    products = [index for index, name in enumerate(names) if name == "outer"]
    assert len(begun) == len(waited) == 3
    assert begun[0] < products[2]  # while later gradients are still being made
    assert max(begun) < min(waited)
    assert set(program.parameters) == set(gradients(graph.outputs))


def test_the_listing_shows_them() -> None:
    program = lampc.compile.text("linear 2->3; tanh; linear 1; loss mse", **{"train.workers": 2})
    listing = str(program.backward)
    assert "all_reduce(" in listing
    assert "wait(" in listing
    assert "mul(%" in listing
    assert "share" in listing
    assert "all_reduce" not in str(lampc.compile.text("linear 2->3; tanh; linear 1; loss mse").backward)


def killed(folder: Path, drawn: random.Random, source: str) -> float:
    """Train with two workers, kill one of them once there is a checkpoint; the loss that it comes to."""
    folder.mkdir()
    (folder / "a.lamp").write_text(source)
    command = torchrun(2, "train", folder / "a.lamp", "--run-dir", folder / "runs", "--save-every", 0.2, restarts=2)
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        run = folder / "runs" / "a" / "1"
        begin = time.monotonic()
        while not (run / "last.safetensors").exists():
            assert time.monotonic() - begin < 60
            assert running.poll() is None
            time.sleep(0.02)
        time.sleep(drawn.uniform(0.0, 0.5))
        listed = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=False).stdout.split()
        os.kill(int(drawn.choice(listed)), signal.SIGKILL)
        _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert [path.name for path in (folder / "runs" / "a").iterdir()] == ["1"]
    summary = json.loads((run / "summary.json").read_text())
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert summary["epochs"] == [len(lines)]
    loss: float = json.loads(lines[-1])["validation"]["loss"]
    return loss


LONGER = SOURCE.replace("train=103", "train=1000").replace("epochs=4", "epochs=25")


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="there is no pgrep")
@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.long)])
def test_a_killed_worker_is_survived(times: int, tmp_path: Path) -> None:
    _, lines = trained(tmp_path / "whole", 2, LONGER)
    drawn = random.Random(4)
    for trial in range(times):
        assert killed(tmp_path / str(trial), drawn, LONGER) == lines[-1]["validation"]["loss"]
