"""lampc beside its peers: the same training, in turns, in one process."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

import lampc
import lampc.compile
from benchmarks import peak, peers
from benchmarks.peers import Data, Job
from lampc import resources
from lampc.compile import Program
from lampc.runtime.runs import train_runs

DISC = Job((2, 25, 25, 25, 1), "tanh", False, 0.16, 0.0, 100, 50)
MLP = Job((784, 512, 512, 10), "relu", True, 0.05, 0.9, 5, 128)

_MLP = """
linear 784->512 kaiming; relu
linear 512->512 kaiming; relu
linear 512->10 xavier
loss crossentropy
optimizer sgd lr=0.05 momentum=0.9
metrics accuracy
train epochs=5 batch=128 shuffle
"""

PEERS: dict[str, tuple[str, peers.Train]] = {
    "PyTorch eager": ("torch", peers.eager),
    "torch.compile": ("torch", peers.compiled),
    "JAX, jitted scan": ("jax", peers.jax_scan),
    "scikit-learn": ("sklearn", peers.sklearn),
}
"""What each needs, and what it does."""


def program(name: str) -> tuple[Program, Job]:
    """The program of a benchmark, and the same as a job."""
    if name == "disc":
        return lampc.compile.file(resources.path("models", "disc.lamp")), DISC
    return lampc.compile.text(_MLP), MLP


def data(name: str, compiled: Program, seed: int) -> Data:
    """Points of the disc; for mlp random images whose class depends on their pixels."""
    if name == "disc":
        found = compiled.data(seed)
        return tuple(a.astype(np.float32) for a in (found.train.x, found.train.y, found.test.x, found.test.y))  # type: ignore[return-value, union-attr]
    rng = np.random.default_rng(seed)
    x = rng.random((5120 + 1000, 784), dtype=np.float32)
    y = (x @ rng.normal(size=(784, 10))).argmax(1)
    return x[:5120], y[:5120], x[5120:], y[5120:]


def lampc_train(compiled: Program, backend: str) -> peers.Train:
    """The program's own training loop, without evaluation on the way."""

    def train(job: Job, found: Data, seed: int) -> tuple[float, float]:
        model = compiled.model(seed=seed, backend=backend)
        loader = lampc.DataLoader((found[0], found[1]), batch=job.batch, shuffle=True, seed=seed)
        model.native("loss")
        begin = time.perf_counter()
        model.train(loader, epochs=job.epochs, evaluate=False, data=None)
        seconds = time.perf_counter() - begin
        return seconds, model.evaluate(found[2], found[3]).get("accuracy", math.nan)

    return train


def measure(name: str, rounds: int, threads: int, skip: tuple[str, ...]) -> dict[str, Any]:
    """Every contender ``rounds`` times, taking turns, each round on data of its own; medians."""
    compiled, job = program(name)
    contenders: dict[str, peers.Train] = {
        "lampc": lampc_train(compiled, "native"),
        "lampc, torch's kernels": lampc_train(compiled, "torch"),
    }
    contenders.update({n: f for n, (needs, f) in PEERS.items() if find_spec(needs) and needs not in skip and n not in skip})
    torch.set_num_threads(threads)
    if hasattr(os, "sched_setaffinity"):  # for those that cannot be told, such as JAX
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    first, found, warm = data(name, compiled, 0), {n: [] for n in contenders}, {}  # type: ignore[var-annotated]
    for contender, train in contenders.items():
        begin = time.perf_counter()
        seconds, _ = train(job, first, 0)
        warm[contender] = time.perf_counter() - begin - seconds
    for seed in range(rounds):
        given = data(name, compiled, seed)
        for contender, train in contenders.items():
            found[contender].append(train(job, given, seed))
    steps = job.steps(len(first[0]))
    times = {n: 1e6 * statistics.median(s for s, _ in results) / steps for n, results in found.items()}
    operations = compiled_flops(compiled, job.batch)
    core = peak.gflops()
    return {
        "benchmark": name, "rounds": rounds, "threads": threads, "steps": steps, "torch": torch.__version__,
        "us_per_step": times,
        "times_eager": {n: times["PyTorch eager"] / t for n, t in times.items()} if "PyTorch eager" in times else {},
        "accuracy": {n: statistics.fmean(a for _, a in results) for n, results in found.items()},
        "compile_seconds": warm, "flops_per_step": operations, "core_gflops": core,
        "of_peak": {n: operations / t / 1e3 / core for n, t in times.items()},
        "missing": [n for n, (needs, _) in PEERS.items() if not find_spec(needs)],
    }  # fmt: skip


def compiled_flops(compiled: Program, batch: int) -> int:
    """Operations of a step."""
    from lampc.runtime.threads import flops

    return flops(compiled.training, batch)


def many(runs: int, rounds: int) -> dict[str, Any]:
    """Many runs of disc on all cores: one after another in eager PyTorch, vmapped in JAX, over threads in lampc.

    In turns; medians. A round of eager PyTorch is a tenth of the runs, its time taken ten times.
    """
    compiled, job = program("disc")
    given = [data("disc", compiled, seed) for seed in range(runs)]
    steps = runs * job.steps(1000)
    train_runs(compiled, [0, 1], every=math.inf)
    taken: dict[str, list[tuple[float, float]]] = {}
    few = max(1, runs // 10)
    for number in range(rounds):
        begin = time.perf_counter()
        histories = train_runs(compiled, list(range(runs)), every=math.inf)
        seconds = time.perf_counter() - begin
        taken.setdefault("lampc", []).append((seconds, statistics.fmean(h.test["accuracy"] for h in histories)))
        seeds = [(number * few + k) % runs for k in range(few)]
        results = [peers.eager(job, given[seed], seed) for seed in seeds]
        accuracy = statistics.fmean(a for _, a in results)
        taken.setdefault("PyTorch eager", []).append((runs / few * sum(s for s, _ in results), accuracy))
        if find_spec("jax"):
            taken.setdefault("JAX, vmapped", []).append(peers.jax_vmap(job, given, range(runs)))
    found = {n: (statistics.median(s for s, _ in r), statistics.fmean(a for _, a in r)) for n, r in taken.items()}
    return {
        "benchmark": "disc", "runs": runs, "seconds": {n: s for n, (s, _) in found.items()},
        "us_per_step": {n: 1e6 * s / steps for n, (s, _) in found.items()},
        "times_eager": {n: found["PyTorch eager"][0] / s for n, (s, _) in found.items()},
        "accuracy": {n: a for n, (_, a) in found.items()},
    }  # fmt: skip


def grid(rounds: int = 3) -> Iterator[str]:
    """Microseconds a step over widths and batches: native code, and torch's kernels."""
    yield f"{'width':>6} {'batch':>6} {'native':>9} {'torch':>9}  ratio"
    for width in (8, 16, 32, 64, 128, 256, 512):
        for batch in (1, 8, 32, 128, 512):
            source = f"linear 16->{width} xavier; tanh; linear {width}->{width} xavier; tanh; linear {width}->1 xavier"
            compiled = lampc.compile.text(f"{source}\nloss mse\noptimizer sgd lr=1e-4", batch=batch)
            steps = max(3, int(2e7 / (6 * batch * (width * width + 20 * width))))
            steps = min(steps, 300)
            x, y = torch.rand(batch * steps, 16), torch.rand(batch * steps, 1)
            best = {}
            for backend in ("native", "torch"):
                model = compiled.model(seed=0, backend=backend)
                loader = lampc.DataLoader((x, y), batch=batch)
                histories = [model.train(loader, epochs=1) for _ in range(rounds + 1)]
                best[backend] = min(history.us_per_step for history in histories[1:])
            yield f"{width:6} {batch:6} {best['native']:9.1f} {best['torch']:9.1f}  {best['torch'] / best['native']:5.1f}"


def table(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    head = f"{figures['benchmark']}: " + (f"{figures['runs']} runs at once, all cores" if "runs" in figures else
            f"{figures['steps']:,} steps, {figures['rounds']} rounds, {figures['threads']} thread(s)")  # fmt: skip
    yield head
    whole = "compile_seconds" in figures
    yield f"{'':24}  {'µs a step':>9}  {'× eager':>7}  {'accuracy':>8}" + (f"  {'compile':>8}  {'of peak':>7}" if whole else "")
    for name, taken in figures["us_per_step"].items():
        line = f"{name:24}  {taken:9.1f}  {figures['times_eager'].get(name, math.nan):7.1f}  "
        line += f"{100 * figures['accuracy'][name]:6.1f} %"
        if whole:
            line += f"  {figures['compile_seconds'][name]:6.2f} s  {100 * figures['of_peak'][name]:5.0f} %"
        yield line
    for name in figures.get("missing", ()):
        yield f"{name:24}  not installed"


def plot(figures: dict[str, Any], path: str) -> None:
    """Bars of the times a step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    names = list(figures["us_per_step"])[::-1]
    axes.barh(names, [figures["us_per_step"][name] for name in names])
    axes.set(xscale="log", xlabel="µs a step")
    figure.savefig(path)
