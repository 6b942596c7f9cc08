"""The seed's experiment: a 2-25-25-25-1 network learns a disc in 100 epochs of 20 minibatches."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

import lampc.compile
from lampc import resources
from lampc.data import Dataset

EPOCHS, BATCH, LR = 100, 50, 0.16
Training = Callable[[Dataset, int], tuple[float, float]]
"""From data and a seed to microseconds a step and accuracy on held-out points."""


def train_lampc(data: Dataset, seed: int) -> tuple[float, float]:
    """The program's own training loop, compiled before the clock starts, without evaluation between epochs."""
    model = PROGRAM.model(seed=seed)
    begin = time.perf_counter()
    history = model.train(data=data, evaluate=False)
    seconds = time.perf_counter() - begin
    return 1e6 * seconds / history.steps, history.test["accuracy"]


def train_eager(data: Dataset, seed: int) -> tuple[float, float]:
    """Plain PyTorch: modules, autograd, SGD."""
    torch.manual_seed(seed)
    net = _network()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    loss = nn.MSELoss()
    x, y = _tensors(data.train)
    steps = 0
    begin = time.perf_counter()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            loss(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
            steps += 1
    seconds = time.perf_counter() - begin
    with torch.no_grad():
        x, y = _tensors(data.test)
        accuracy = ((net(x) > 0.5) == (y > 0.5)).double().mean().item()
    return 1e6 * seconds / steps, accuracy


PROGRAM = lampc.compile.file(resources.path("models", "disc.lamp"))
CONTENDERS: dict[str, Training] = {"PyTorch eager": train_eager, "lampc": train_lampc}


def measure(rounds: int, threads: int) -> dict[str, Any]:
    """Every contender ``rounds`` times, taking turns, each round on data of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    for train in CONTENDERS.values():
        train(PROGRAM.data(0), 0)  # warm up
    for seed in range(rounds):
        data = PROGRAM.data(seed)
        for name, train in CONTENDERS.items():
            found[name].append(train(data, seed))
    torch.set_num_threads(before)
    times = {name: statistics.median(time for time, _ in results) for name, results in found.items()}
    return {
        "benchmark": "disc",
        "rounds": rounds,
        "threads": threads,
        "torch": torch.__version__,
        "us_per_step": times,
        "times_eager": {name: times["PyTorch eager"] / time for name, time in times.items()},
        "accuracy": {name: statistics.fmean(accuracy for _, accuracy in results) for name, results in found.items()},
    }


def table(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    yield f"disc: 2-25-25-25-1, 2,000 steps of 50, {figures['rounds']} rounds, {figures['threads']} thread(s)"
    yield f"{'':14}  {'µs a step':>9}  {'× eager':>7}  {'accuracy':>8}"
    for name, time_taken in figures["us_per_step"].items():
        ratio, accuracy = figures["times_eager"][name], figures["accuracy"][name]
        yield f"{name:14}  {time_taken:9.1f}  {ratio:7.2f}  {100 * accuracy:6.1f} %"


def _network() -> nn.Sequential:
    sizes = [2, 25, 25, 25, 1]
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(sizes)):
        linear = nn.Linear(before, after)
        last = number == len(sizes) - 2
        nn.init.xavier_normal_(linear.weight, gain=1.0 if last else 5 / 3)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Sigmoid() if last else nn.Tanh()]
    return nn.Sequential(*layers)


def _tensors(split: Any) -> tuple[Tensor, Tensor]:
    return torch.as_tensor(split.x, dtype=torch.float32), torch.as_tensor(split.y, dtype=torch.float32)
