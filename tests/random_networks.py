"""Random networks of images and of sequences over the whole layer set, beside the same in torch."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Apply = Callable[[Tensor, Iterator[Tensor]], Tensor]
"""A layer in torch; takes its parameters in the order in which lampc declares them."""


@dataclass
class Part:
    """A layer as text and in torch, and the shape that it makes."""

    text: str
    apply: Apply
    shape: tuple[int, ...]


POINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh, "relu": F.relu, "gelu": F.gelu, "silu": F.silu, "elu": F.elu, "softplus": F.softplus,
    "sigmoid": torch.sigmoid, "mish": F.mish, "softsign": F.softsign, "leakyrelu 0.2": lambda x: F.leaky_relu(x, 0.2),
}  # fmt: skip


def pointwise(rng: random.Random, shape: tuple[int, ...]) -> Part:
    name, function = rng.choice(list(POINTWISE.items()))
    return Part(name, lambda x, p: function(x), shape)


def conv(rng: random.Random, shape: tuple[int, ...]) -> Part:
    channels, *sizes = shape
    axes, k = len(sizes), rng.randint(1, min(3, *sizes))
    stride, padding, groups = rng.randint(1, 2), rng.randint(0, 1), rng.choice([g for g in (1, 2, 3) if channels % g == 0])
    out, bias = groups * rng.randint(1, 3), rng.random() < 0.7
    text = f"conv{axes}d {out} {k} stride={stride} padding={padding} groups={groups}{'' if bias else ' bias=off'}"
    function = getattr(F, f"conv{axes}d")
    made = tuple((n + 2 * padding - k) // stride + 1 for n in sizes)
    return Part(text, lambda x, p: function(x, next(p), next(p) if bias else None, stride, padding, 1, groups), (out, *made))


def convtranspose(rng: random.Random, shape: tuple[int, ...]) -> Part:
    sizes = shape[1:]
    axes, k, stride, out = len(sizes), rng.randint(1, 3), rng.randint(1, 2), rng.randint(1, 3)
    function = getattr(F, f"conv_transpose{axes}d")
    made = tuple((n - 1) * stride + k for n in sizes)
    if max(made) > 12:
        return pointwise(rng, shape)
    return Part(
        f"convtranspose{axes}d {out} {k} stride={stride}", lambda x, p: function(x, next(p), next(p), stride), (out, *made)
    )


def pool(rng: random.Random, shape: tuple[int, ...]) -> Part:
    channels, *sizes = shape
    kind, k, stride = rng.choice(["max", "avg"]), rng.randint(1, min(3, *sizes)), rng.randint(1, 2)
    function = getattr(F, f"{kind}_pool{len(sizes)}d")
    made = tuple((n - k) // stride + 1 for n in sizes)
    return Part(f"{kind}pool {k} stride={stride}", lambda x, p: function(x, k, stride), (channels, *made))


def channel_norm(rng: random.Random, shape: tuple[int, ...]) -> Part:
    channels = shape[0]
    kind = rng.choice(["batch", "group", "instance"])
    if kind == "batch":
        return Part("batchnorm", lambda x, p: F.batch_norm(x, None, None, next(p), next(p), True), shape)
    groups = rng.choice([g for g in (1, 2, 3, 4) if channels % g == 0])
    if kind == "group" or torch.Size(shape[1:]).numel() == 1:
        return Part(f"groupnorm {groups}", lambda x, p: F.group_norm(x, groups, next(p), next(p)), shape)
    return Part("instancenorm", lambda x, p: F.group_norm(x, channels), shape)


def grow(rng: random.Random, shape: tuple[int, ...]) -> Part:
    channels, *sizes = shape
    if max(sizes) > 5 or len(sizes) == 3:
        return pool(rng, shape)
    if rng.random() < 0.5:
        mode = rng.choice(["nearest", "linear"])
        theirs = "nearest" if mode == "nearest" else {1: "linear", 2: "bilinear"}[len(sizes)]
        return Part(f"upsample 2 {mode}", lambda x, p: F.interpolate(x, scale_factor=2.0, mode=theirs),
                    (channels, *(2 * n for n in sizes)))  # fmt: skip
    mode = rng.choice(["zeros", "replicate"])
    theirs = "constant" if mode == "zeros" else mode
    return Part(
        f"pad 1 edges={mode}", lambda x, p: F.pad(x, [1] * (2 * len(sizes)), theirs), (channels, *(n + 2 for n in sizes))
    )


def last_norm(rng: random.Random, shape: tuple[int, ...]) -> Part:
    if rng.random() < 0.5:
        return Part("layernorm", lambda x, p: F.layer_norm(x, x.shape[-1:], next(p), next(p)), shape)
    return Part("rmsnorm", lambda x, p: F.rms_norm(x, x.shape[-1:], next(p), 1e-6), shape)


def linear(rng: random.Random, shape: tuple[int, ...]) -> Part:
    out = rng.randint(1, 6)
    return Part(f"linear {out} xavier", lambda x, p: F.linear(x, next(p), next(p)), (*shape[:-1], out))


def attention(rng: random.Random, shape: tuple[int, ...]) -> Part:
    heads = rng.choice([h for h in (1, 2, 3) if shape[1] % h == 0])
    causal = rng.random() < 0.5

    def apply(x: Tensor, p: Iterator[Tensor]) -> Tensor:
        w, b, v, c = (next(p) for _ in range(4))
        q, k, r = F.linear(x, w, b).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, r, is_causal=causal).transpose(1, 2).flatten(2)
        return F.linear(out, v, c)

    return Part(f"attention {heads}{' causal' if causal else ''}", apply, shape)


def recurrent(rng: random.Random, shape: tuple[int, ...]) -> Part:
    kind, size, both = rng.choice(["rnn", "gru", "lstm"]), rng.randint(1, 4), rng.random() < 0.4

    def apply(x: Tensor, p: Iterator[Tensor]) -> Tensor:
        cls = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind]
        module = cls(x.shape[-1], size, batch_first=True, bidirectional=both, dtype=x.dtype)
        return torch.func.functional_call(module, {name: next(p) for name, _ in module.named_parameters()}, (x,))[0]

    return Part(f"{kind} {size}{' direction=both' if both else ''}", apply, (shape[0], size * (2 if both else 1)))


def position(rng: random.Random, shape: tuple[int, ...]) -> Part:
    return Part("position", lambda x, p: x + next(p), shape)


def transpose(rng: random.Random, shape: tuple[int, ...]) -> Part:
    return Part("transpose", lambda x, p: x.transpose(-1, -2), (*shape[:-2], shape[-1], shape[-2]))


def reduce(rng: random.Random, shape: tuple[int, ...]) -> Part:
    start = rng.randrange(shape[0])
    return Part(f"slice {start}", lambda x, p: x[:, start:], (shape[0] - start, *shape[1:]))


IMAGE = [conv, conv, convtranspose, pool, channel_norm, channel_norm, grow, pointwise, pointwise, linear, last_norm, transpose]
SEQUENCE = [attention, attention, recurrent, recurrent, last_norm, linear, pointwise, position, transpose, reduce]


def chain(rng: random.Random, makers: list[Callable[..., Part]], shape: tuple[int, ...], depth: int) -> Part:
    texts, applies = [], []
    for _ in range(rng.randint(1, 4)):
        nested = depth and rng.random() < 0.25
        part = joined(rng, makers, shape, depth - 1) if nested else rng.choice(makers)(rng, shape)
        texts.append(part.text)
        applies.append(part.apply)
        shape = part.shape

    def run_all(x: Tensor, p: Iterator[Tensor]) -> Tensor:
        for apply in applies:
            x = apply(x, p)
        return x

    return Part("; ".join(texts), run_all, shape)


def joined(rng: random.Random, makers: list[Callable[..., Part]], shape: tuple[int, ...], depth: int) -> Part:
    """Two branches along the first axis, where they fit; else the branch alone."""
    part = chain(rng, makers, shape, depth)
    if part.shape == shape:
        return Part(f"residual {{ {part.text} }}", lambda x, p: x + part.apply(x, p), shape)
    if part.shape[1:] == shape[1:]:
        return Part(f"concat {{ {part.text} | pass }}", lambda x, p: torch.cat([part.apply(x, p), x], 1),
                    (part.shape[0] + shape[0], *shape[1:]))  # fmt: skip
    return part


@dataclass
class Network:
    """A program, the same in torch, and the shapes of its samples."""

    source: str
    apply: Apply
    input: tuple[int, ...]
    output: tuple[int, ...]


def network(seed: int) -> Network:
    """Of images for an even seed, of sequences for an odd one; in float64."""
    rng = random.Random(seed)
    if seed % 2 == 0:
        shape: tuple[int, ...] = (rng.randint(1, 6), *(rng.randint(3, 7) for _ in range(rng.choice([1, 2, 2, 3]))))
    else:
        shape = (rng.randint(1, 5), rng.randint(1, 6))
    whole = chain(rng, SEQUENCE if seed % 2 else IMAGE, shape, 2)
    source = f"input {'x'.join(map(str, shape))}\n{whole.text}\nloss fn(p, y) = sum(p * y)\ntrain precision=f64"
    return Network(source, whole.apply, shape, whole.shape)
