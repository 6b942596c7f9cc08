"""Layers of sequences, length x features: embedding, positions, attention, recurrences."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from generator.layers import Arguments, Draw, Shape, divisor, fitting, layer, maybe
from generator.network import Network
from generator.pointwise import bias, init
from generator.program import Init


@layer("embedding", draw=lambda rng, shape: None, bare=("sizes", "init"), learns=True)
def embedding(net: Network, x: Tensor, o: Arguments) -> Tensor:
    rows, _, out = str(o["sizes"]).partition("->")
    return F.embedding(x, net.parameter("weight", (int(rows), int(out)), o.get("init", Init("normal"))))


def _position(rng: random.Random, shape: Shape) -> Arguments | None:
    if len(shape) != 2:
        return None
    if rng.random() < 0.5:
        return {"kind": "sinusoidal", **maybe(rng, 0.4, base=100.0)}
    return maybe(rng, 0.3, length=shape[0] + 2) | init(rng, 0.2)


@layer("position", draw=_position, bare=("kind",), learns=True)
def position(net: Network, x: Tensor, o: Arguments) -> Tensor:
    _, length, width = x.shape
    if o.get("kind", "learned") == "learned":
        return x + net.parameter("weight", (o.get("length", 0) or length, width), o.get("init", Init("normal")))[:length]
    features = torch.arange(width)
    angles = torch.arange(length)[:, None] * o.get("base", 10_000.0) ** -((features - features % 2).double() / width)
    return x + torch.where(features % 2 == 0, angles.sin(), angles.cos())


def _attention(rng: random.Random, shape: Shape) -> Arguments | None:
    if len(shape) != 2:
        return None
    heads = divisor(rng, shape[1])
    size = shape[1] // heads
    return {"heads": heads, **maybe(rng, 0.3, kv_heads=divisor(rng, heads)), **maybe(rng, 0.4, causal=True),
            **(maybe(rng, 0.5, rope=True, **maybe(rng, 0.3, base=50.0)) if size % 2 == 0 else {}),
            **maybe(rng, 0.2, sink=rng.choice(["learned", "zero", "both"])), **init(rng, 0.2), **bias(rng)}  # fmt: skip


@layer("attention", draw=_attention, bare=("heads", "init"), learns=True, weight=3)
def attention(net: Network, x: Tensor, o: Arguments) -> Tensor:
    heads, width = o["heads"], x.shape[2]
    kv_heads, size = o.get("kv_heads", 0) or heads, width // heads
    kv, begins, shifted = kv_heads * size, o.get("init", Init("xavier")), o.get("bias", Init("zeros"))
    keys = net.labels[o["keys"]] if "keys" in o else x
    values = net.labels[o["values"]] if "values" in o else keys
    sources, ends = (x, keys, values), (width, kv, kv)
    if len({source.shape[2] for source in sources}) == 1:
        weights = net.parameter("in_proj_weight", (sum(ends), width), begins).split(ends)
    else:
        weights = tuple(net.parameter(f"{name}_proj_weight", (end, source.shape[2]), begins)
                        for name, end, source in zip("qkv", ends, sources, strict=True))  # fmt: skip
    shifts = (None,) * 3 if shifted.name == "off" else net.parameter("in_proj_bias", (sum(ends),), shifted).split(ends)
    q, k, v = (F.linear(source, weight, shift) for source, weight, shift in zip(sources, weights, shifts, strict=True))
    q, k, v = (t.unflatten(2, (-1, size)).transpose(1, 2) for t in (q, k, v))
    if o.get("rope"):
        q, k = (turned(t, o.get("base", 10_000.0)) for t in (q, k))
    seen = torch.ones(len(x), heads, q.shape[2], k.shape[2], dtype=torch.bool)
    if o.get("causal"):
        seen = seen & torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    if "padding" in o:
        seen = seen & (net.labels[o["padding"]] > 0)[:, None, None]
    if "mask" in o:
        mask = net.labels[o["mask"]] > 0
        seen = seen & (mask if mask.dim() == 4 else mask[:, None])
    k, v, seen = with_sinks(net, o, k, v, seen)
    k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
    scores = (q @ k.transpose(2, 3) * size**-0.5).masked_fill(~seen, -torch.inf)
    blind = ~seen.any(3, keepdim=True)
    found = (torch.softmax(scores.masked_fill(blind, 0.0), 3).masked_fill(blind, 0.0) @ v).transpose(1, 2).flatten(2)
    weight = net.parameter("out_proj.weight", (width, width), begins)
    return F.linear(found, weight, None if shifted.name == "off" else net.parameter("out_proj.bias", (width,), shifted))


def turned(x: Tensor, base: float) -> Tensor:
    """Pairs of a head's first and second half, turned by angles that grow with the place."""
    half = x.shape[3] // 2
    angles = torch.arange(x.shape[2])[:, None] * base ** -(torch.arange(half).double() / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], 3)


def with_sinks(net: Network, o: Arguments, k: Tensor, v: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Keys that all places see, after the others."""
    kinds = {"learned": ["learned"], "zero": ["zero"], "both": ["learned", "zero"]}.get(o.get("sink", ""), [])
    batch, heads, _, size = k.shape
    for kind in kinds:
        more = []
        for name, t in (("bias_k", k), ("bias_v", v)):
            end = (
                net.parameter(name, (1, 1, heads * size), Init("xavier"))
                if kind == "learned"
                else torch.zeros(heads * size).double()
            )
            more.append(torch.cat([t, end.reshape(1, heads, 1, size).expand(batch, -1, -1, -1)], 2))
        k, v = more
        seen = torch.cat([seen, torch.ones_like(seen[..., :1])], 3)
    return k, v, seen


def recurrent(kind: str) -> Draw:
    def drawn(rng: random.Random, shape: Shape) -> Arguments | None:
        if len(shape) != 2:
            return None
        return {"sizes": fitting(rng, 8), **maybe(rng, 0.3, layers=2),
                **maybe(rng, 0.4, direction=rng.choice(["forward", "backward", "both"])), **maybe(rng, 0.3, last=True),
                **(maybe(rng, 0.4, activation="relu") if kind == "rnn" else {}),
                **init(rng, 0.2), **maybe(rng, 0.3, bias=False)}  # fmt: skip

    return drawn


def recur(kind: str) -> None:
    @layer(
        kind,
        draw=recurrent(kind),
        bare=("sizes", "direction") if kind != "rnn" else ("sizes", "activation"),
        learns=True,
        weight=1.5,
    )
    def _(net: Network, x: Tensor, o: Arguments) -> Tensor:
        return recurrence(net, kind, x, o)


def recurrence(net: Network, kind: str, x: Tensor, o: Arguments) -> Tensor:
    size, layers, direction = int(o["sizes"]), o.get("layers", 1), o.get("direction", "forward")
    ends = {"forward": [""], "backward": ["_reverse"], "both": ["", "_reverse"]}[direction]
    gates, biases = {"rnn": 1, "gru": 3, "lstm": 4}[kind], o.get("bias", True)
    begins = o.get("init", Init("uniform", (("low", -(size**-0.5)), ("high", size**-0.5))))
    weights, width = [], x.shape[2]
    for number in range(layers):
        for end in ends:
            for name, shape in (("weight_ih", (gates * size, width)), ("weight_hh", (gates * size, size)),
                                *((f"bias_{part}", (gates * size,)) for part in ("ih", "hh") if biases)):  # fmt: skip
                weights.append(net.parameter(f"{name}_l{number}{end}", shape, begins))
        width = size * len(ends)
    rows = layers * len(ends)

    def given(name: str) -> Tensor:
        if name not in o:
            return torch.zeros(rows, len(x), size, dtype=x.dtype)
        return net.labels[o[name]].reshape(len(x), rows, size).transpose(0, 1)

    backward = direction == "backward"
    x = x.flip(1) if backward else x
    more = (biases, layers, 0.0, False, direction == "both", True)
    if kind == "lstm":
        found, *_ = torch.lstm(x, (given("state"), given("cell")), weights, *more)
    else:
        name = "gru" if kind == "gru" else f"rnn_{o.get('activation', 'tanh')}"
        found, _ = getattr(torch, name)(x, given("state"), weights, *more)
    if not o.get("last"):
        return found.flip(1) if backward else found
    return torch.cat([found[:, -1, :size], found[:, 0, size:]], 1) if direction == "both" else found[:, -1]


for _kind in ("rnn", "gru", "lstm"):
    recur(_kind)
