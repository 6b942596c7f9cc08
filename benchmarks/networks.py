"""A convolutional network and a GPT, in lampc, in PyTorch and in JAX: what a training step of each takes.

Each contender is a function that takes one step on fixed data and returns the loss.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import lampc.compile

Step = Callable[[], float]

CNN = """
input 1x28x28
conv 32 3x3; relu; maxpool 2
conv 64 3x3; relu; maxpool 2
flatten; linear 128 kaiming; relu; linear 10 xavier
loss crossentropy
optimizer adam lr=0.001
train batch=64
"""
GPT = """
input 64 int<96>
embedding 128 normal(0.02); position
repeat 4 {
  residual { layernorm; attention 4 causal normal(0.02) }
  residual { layernorm; linear 512 normal(0.02); gelu; linear 128 normal(0.02) }
}
layernorm; linear 96 normal(0.02)
loss crossentropy
optimizer adamw lr=0.001 weight_decay=0.01
train batch=16
"""
PROGRAMS = {"cnn": CNN, "gpt": GPT}


def data(name: str) -> tuple[Tensor, Tensor]:
    """Random samples and targets; what they are does not change how long a step takes."""
    generator = torch.Generator().manual_seed(0)
    if name == "cnn":
        return torch.randn(64, 1, 28, 28, generator=generator), torch.randint(0, 10, (64,), generator=generator)
    return tuple(torch.randint(0, 96, (16, 64), generator=generator) for _ in range(2))  # type: ignore[return-value]


def ours(name: str) -> Step:
    """A step of lampc's op lists."""
    x, y = data(name)
    program = lampc.compile.text(PROGRAMS[name])
    executor = program.model(seed=0).executor(program.training, len(x))

    def step() -> float:
        executor.fill(x, y)
        for kernel in executor.step:
            kernel()
        return executor.outputs["loss"].item()

    return torch.no_grad()(step)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(128), nn.LayerNorm(128)
        self.qkv, self.out = nn.Linear(128, 384), nn.Linear(128, 128)
        self.wide, self.narrow = nn.Linear(128, 512), nn.Linear(512, 128)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(batch, length, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + self.out(mixed)
        found: Tensor = x + self.narrow(F.gelu(self.wide(self.second(x))))
        return found


class _Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.names, self.places = nn.Embedding(96, 128), nn.Parameter(0.02 * torch.randn(64, 128))
        self.body = nn.Sequential(*(_Block() for _ in range(4)), nn.LayerNorm(128), nn.Linear(128, 96))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(self.names(x) + self.places)
        return found.flatten(0, 1)


def _torch_step(name: str, wrap: Callable[[nn.Module], Any]) -> Step:
    torch.manual_seed(0)
    x, y = data(name)
    if name == "cnn":
        model: nn.Module = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))  # fmt: skip
    else:
        model = _Gpt()
    optimizer: torch.optim.Optimizer = (torch.optim.Adam if name == "cnn" else torch.optim.AdamW)(model.parameters(), lr=1e-3)
    run = wrap(model)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(run(x), y.flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    return step


def eager(name: str) -> Step:
    """PyTorch as it is."""
    return _torch_step(name, lambda model: model)


def compiled(name: str) -> Step:
    """torch.compile."""
    return _torch_step(name, torch.compile)


def jax(name: str) -> Step:
    """JAX, the step jitted, Adam written out."""
    import jax
    import jax.numpy as jnp

    from benchmarks import jax_networks

    x, y = (jnp.asarray(t.numpy()) for t in data(name))
    parameters, loss = jax_networks.cnn() if name == "cnn" else jax_networks.gpt()
    decay = 0.0 if name == "cnn" else 0.01
    zeros = jax.tree.map(jnp.zeros_like, parameters)

    def update(parameters: Any, m: Any, v: Any, t: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradients)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        parameters = jax.tree.map(lambda p, a, b: p * (1 - 1e-3 * decay) - rate * a / (jnp.sqrt(b) + 1e-8), parameters, m, v)
        return value, parameters, m, v

    compiled = jax.jit(update)
    state = [parameters, zeros, zeros, 0]

    def step() -> float:
        value, *rest = compiled(state[0], state[1], state[2], state[3] + 1)
        state[:] = [*rest, state[3] + 1]
        return float(value)

    return step


CONTENDERS: dict[str, tuple[str, Callable[[str], Step]]] = {
    "lampc": ("torch", ours),
    "PyTorch eager": ("torch", eager),
    "torch.compile": ("torch", compiled),
    "JAX, jitted": ("jax", jax),
}


def alone(name: str, contender: str) -> dict[str, float]:
    """In a process of its own: seconds from nothing to the end of the first step, and how much memory ten steps add."""
    code = f"from benchmarks import networks; networks.report({name!r}, {contender!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(name: str, contender: str) -> None:
    """What ``alone`` reads."""
    if contender.startswith("JAX"):
        import jax  # noqa: F401 (imports are no part of what is measured)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
    before = _kib("VmRSS")
    begin = time.perf_counter()
    step = CONTENDERS[contender][1](name)
    step()
    first = time.perf_counter() - begin
    for _ in range(10):
        step()
    print(json.dumps({"first": first, "mib": (_kib("VmHWM") - before) / 1024}))


def _kib(what: str) -> int:
    """A figure of this process's memory, as Linux tells it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1])


def measure(name: str, rounds: int, skip: tuple[str, ...]) -> Iterator[str]:
    """A table: milliseconds a step in turns, medians; first step and memory, each in a fresh process."""
    present = {n: make for n, (needs, make) in CONTENDERS.items() if find_spec(needs) and n not in skip}
    steps = {n: make(name) for n, make in present.items()}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {n: [] for n in steps}
    for _ in range(rounds):
        for n, step in steps.items():
            step()
            begin = time.perf_counter()
            for _ in range(10):
                step()
            times[n].append(1e2 * (time.perf_counter() - begin))
    found = {n: statistics.median(taken) for n, taken in times.items()}
    yield f"{name}: {rounds} rounds of ten steps in turns, {torch.get_num_threads()} threads"
    yield f"{'':16} {'ms a step':>9}  {'of eager':>8}  {'first step':>10}  {'memory':>9}"
    for n, taken in found.items():
        fresh = alone(name, n)
        ratio = taken / found.get("PyTorch eager", float("nan"))
        yield f"{n:16} {taken:9.1f}  {ratio:8.2f}  {fresh['first']:8.2f} s  {fresh['mib']:5.0f} MiB"
