"""Random networks, each as a program and as the same in torch, written apart from the compiler."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import lampc.compile
from lampc.compile import Program

Apply = Callable[[Tensor, Iterator[Tensor]], Tensor]
"""A layer in torch: takes its input and, from the iterator, its parameters in the order in which lampc declares them."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
    "leakyrelu 0.2": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros((), dtype=x.dtype)),
    "softsign": F.softsign,
    "hardtanh": F.hardtanh,
    "mish": F.mish,
    "softmax": lambda x: x.softmax(-1),
    "logsoftmax": lambda x: x.log_softmax(-1),
    "swish": lambda x: x * torch.sigmoid(1.702 * x),
    "bump 2": lambda x: torch.where(x > 0, torch.exp(-((x * 2) ** 2)), torch.sin(x)) / (1 + x.abs()),
}
DEFINITIONS = """
fn swish(x) = x * sigmoid(1.702 * x)
fn bump(x, k) = where(x > 0, exp(-(x * k)^2), sin(x)) / (1 + abs(x))
"""

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "huber delta=0.7": lambda p, y: F.huber_loss(p, y, delta=0.7),
    "crossentropy": F.cross_entropy,
    "crossentropy smoothing=0.1": lambda p, y: F.cross_entropy(p, y, label_smoothing=0.1),
    "fn(p, y) = mean((p - y)^2 * exp(-y)) + 0.1 * sum(abs(p)) / 7": lambda p, y: (
        ((p - y) ** 2 * torch.exp(-y)).mean() + 0.1 * p.abs().sum() / 7
    ),
}


@dataclass
class Network:
    """A program and the same network in torch."""

    source: str
    apply: Apply
    width: int


def linear(rng: random.Random, before: int, after: int) -> tuple[str, Apply]:
    bias = rng.random() < 0.8
    written = rng.choice([f"{before}->{after}", f"->{after}", f"{after}"])
    text = f"linear {written} {rng.choice(['xavier', 'kaiming', 'normal(0.5)'])}{'' if bias else ' bias=off'}"
    return text, lambda x, p: F.linear(x, next(p), next(p) if bias else None)


def sequence(rng: random.Random, width: int, depth: int) -> tuple[str, Apply, int]:
    texts, applies = [], []
    for _ in range(rng.randint(1, 4)):
        text, apply, width = part(rng, width, depth)
        texts.append(text)
        applies.append(apply)

    def run_all(x: Tensor, p: Iterator[Tensor]) -> Tensor:
        for apply in applies:
            x = apply(x, p)
        return x

    return "; ".join(texts), run_all, width


def part(rng: random.Random, width: int, depth: int) -> tuple[str, Apply, int]:
    kinds = ["linear", "linear", "activation", "activation", "layernorm", "prelu"]
    kinds += ["residual", "sum", "product", "concat", "repeat", "skip"] if depth else []
    kind = rng.choice(kinds)
    if kind == "linear":
        after = rng.randint(1, 6)
        return *linear(rng, width, after), after
    if kind == "activation":
        name, function = rng.choice(list(ACTIVATIONS.items()))
        return name, lambda x, p: function(x), width
    if kind == "layernorm":
        return "layernorm", lambda x, p: F.layer_norm(x, x.shape[-1:], next(p), next(p)), width
    if kind == "prelu":
        return "prelu", lambda x, p: F.prelu(x, next(p)), width
    if kind == "repeat":
        inner, apply, after = sequence(rng, width, depth - 1)
        back, return_apply = linear(rng, after, width)
        times = rng.randint(1, 3)

        def repeated(x: Tensor, p: Iterator[Tensor]) -> Tensor:
            for _ in range(times):
                x = return_apply(apply(x, p), p)
            return x

        return f"repeat {times} {{ {inner}; {back} }}", repeated, width
    inner, apply, after = sequence(rng, width, depth - 1)
    back, return_apply = linear(rng, after, width)
    if kind == "residual":
        return f"residual {{ {inner}; {back} }}", lambda x, p: x + return_apply(apply(x, p), p), width
    if kind == "skip":
        name = f"h{rng.randrange(10**9)}"
        text = f"tanh as {name}; {inner}; {back}; sum {{ pass | from {name}; sigmoid }}"

        def skip(x: Tensor, p: Iterator[Tensor]) -> Tensor:
            h = torch.tanh(x)
            return return_apply(apply(h, p), p) + torch.sigmoid(h)

        return text, skip, width
    other, other_apply, other_after = sequence(rng, width, depth - 1)
    if kind == "concat":
        joined = f"concat {{ {inner} | pass | {other} }}"
        return joined, lambda x, p: torch.cat([apply(x, p), x, other_apply(x, p)], -1), after + width + other_after
    other_back, other_return = linear(rng, other_after, width)
    text = f"{kind} {{ {inner}; {back} | {other}; {other_back} | pass }}"

    def join(x: Tensor, p: Iterator[Tensor]) -> Tensor:
        a, b = return_apply(apply(x, p), p), other_return(other_apply(x, p), p)
        return a + b + x if kind == "sum" else a * b * x

    return text, join, width


def network(seed: int) -> Network:
    rng = random.Random(seed)
    width = rng.randint(1, 5)
    text, apply, after = sequence(rng, width, depth=2)
    return Network(f"{DEFINITIONS}input {width}\n{text}\n", apply, after)


@dataclass
class Case:
    """A compiled network with data, and what autograd makes of it."""

    program: Program
    x: Tensor
    y: Tensor
    apply: Apply
    loss: Callable[[Tensor, Tensor], Tensor]

    def judge(self, parameters: list[Tensor], dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        leaves = [p.detach().to(dtype).clone().requires_grad_() for p in parameters]
        y = self.y.to(dtype) if self.y.is_floating_point() else self.y
        loss = self.loss(self.apply(self.x.to(dtype), iter(leaves)), y)
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True) if leaves else ()
        return loss, [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, leaves, strict=True)]


def case(seed: int, precision: str = "f64") -> Case:
    net = network(seed)
    generator = torch.Generator().manual_seed(seed)
    name, loss = list(LOSSES.items())[seed % len(LOSSES)]
    program = lampc.compile.text(net.source + f"loss {name}\n", precision=precision)
    batch = 1 + seed % 6
    x = torch.randn(batch, program.elaborated.input_type.sample[0], generator=generator, dtype=torch.float64)
    if name.startswith("crossentropy"):
        y = torch.randint(0, net.width, (batch,), generator=generator)
        # After softmax and logsoftmax the loss takes the output as it is said to be, not as logits.
        if program.elaborated.graph[program.elaborated.graph.outputs["prediction"].node].op.name in ("softmax", "log_softmax"):
            return case(seed + 1000, precision)
    else:
        y = torch.randn(batch, net.width, generator=generator, dtype=torch.float64)
    return Case(program, x, y, net.apply, loss)
