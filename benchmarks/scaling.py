"""Processes that share each minibatch: lampc beside PyTorch's DistributedDataParallel, at the same global batch."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CNN = """input 1x28x28
conv 64 3 padding=1; relu; maxpool
conv 64 3 padding=1; relu; maxpool
flatten; linear 10
"""
MLP = """input 256
linear 384; relu; linear 384; relu; linear 10
"""
NETWORKS = {"cnn": (CNN, 128, 2_560), "mlp": (MLP, 256, 25_600)}
"""The network, the global batch, and the samples of an epoch."""
EPOCHS = 4
_EXPERIMENT = 'data npz "data.npz" split=1\nloss crossentropy\noptimizer sgd lr=0.01\ntrain epochs={} batch={} backend=torch\n'


def scaling(workers: int, rounds: int) -> Iterator[str]:
    """A table: milliseconds a step, and of one worker's."""
    titles = [*map(_title, range(1, workers + 1)), f"1 worker, {workers} threads"]
    yield f"| ms a step (of one worker's) | {' | '.join(titles)} |"
    yield f"| --- |{' --- |' * (workers + 1)}"
    settings = [(n, 1) for n in range(1, workers + 1)] + [(1, workers)]
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            _prepare(Path(folder), name)
            for who in ("lampc", "pytorch"):
                found = {setting: [_step(Path(folder), name, who, *setting) for _ in range(rounds)] for setting in settings}
                times = [statistics.median(found[setting]) for setting in settings]
                cells = [f"{1e3 * t:.2f} ({t / times[0]:.2f})" for t in times]
                yield f"| {name}, {who} | {' | '.join(cells)} |"


def _title(workers: int) -> str:
    return f"{workers} worker{'s' if workers > 1 else ''}"


def _prepare(folder: Path, name: str) -> None:
    import numpy as np

    source, batch, samples = NETWORKS[name]
    shape = (1, 28, 28) if name == "cnn" else (256,)
    drawn = np.random.default_rng(0)
    x, y = drawn.normal(size=(samples, *shape)).astype(np.float32), drawn.integers(0, 10, samples)
    np.savez(folder / "data.npz", x=x, y=y)
    (folder / "net.lamp").write_text(source + _EXPERIMENT.format(EPOCHS, batch), encoding="utf-8")


def _step(folder: Path, name: str, who: str, workers: int, threads: int) -> float:
    """Seconds a step, in the epochs after the first."""
    _, batch, samples = NETWORKS[name]
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}", "-m"]
    run = run if workers > 1 else [sys.executable, "-m"]
    program = ["lampc", "train", "net.lamp", "--json"] if who == "lampc" else ["benchmarks.scaling", name]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([*run, *program], cwd=folder, capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": paths})  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    seconds: list[float] = [line["seconds"] for line in lines if line.get("event") == "epoch"]
    return statistics.median(seconds[1:]) / (samples / batch)


def peer(name: str) -> None:
    """The same training by PyTorch, in a process of its own."""
    import numpy as np
    import torch
    import torch.distributed as dist
    from torch import nn

    layers: dict[str, list[nn.Module]] = {
        "cnn": [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(),
                nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 10)],
        "mlp": [nn.Linear(256, 384), nn.ReLU(), nn.Linear(384, 384), nn.ReLU(), nn.Linear(384, 10)],
    }  # fmt: skip
    module: nn.Module = nn.Sequential(*layers[name])
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if size > 1:
        dist.init_process_group("gloo")
        module = nn.parallel.DistributedDataParallel(module)
    data = np.load("data.npz")
    batch = NETWORKS[name][1]
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        for start in range(0, len(x), batch):
            mine = slice(start + rank * batch // size, start + (rank + 1) * batch // size)
            optimizer.zero_grad()
            loss: torch.Tensor = nn.functional.cross_entropy(module(x[mine]), y[mine])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if rank == 0:
            print(json.dumps({"event": "epoch", "seconds": time.perf_counter() - begin}), flush=True)
    if size > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    peer(sys.argv[1])
