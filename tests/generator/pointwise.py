"""Layers that go over each number or over the last axis: activations, linear layers, norms."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from generator.layers import Arguments, Shape, fitting, layer, maybe
from generator.network import Network
from generator.program import Init

PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": F.relu, "selu": F.selu, "silu": F.silu,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)), "softsign": F.softsign, "mish": F.mish,
    "softmax": lambda x: torch.softmax(x, -1), "logsoftmax": lambda x: torch.log_softmax(x, -1),
}  # fmt: skip

for _name, _function in PLAIN.items():
    layer(_name, weight=0.5)(lambda net, x, o, f=_function: f(x))


def number(name: str, *values: float) -> Callable[[random.Random, Shape], Arguments]:
    return lambda rng, shape: maybe(rng, 0.6, **{name: rng.choice(values)})


@layer("leakyrelu", draw=number("slope", 0.0, 0.01, 0.3, 1.5), bare=("slope",), weight=0.5)
def leakyrelu(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return torch.where(x > 0, x, o.get("slope", 0.01) * x)


@layer("elu", draw=number("alpha", 0.5, 1.0, 2.0), bare=("alpha",), weight=0.5)
def elu(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return F.elu(x, o.get("alpha", 1.0))


@layer("gelu", draw=lambda rng, shape: maybe(rng, 0.5, approximate=rng.choice(["none", "tanh"])), bare=("approximate",))
def gelu(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return F.gelu(x, approximate=o.get("approximate", "none"))


@layer("hardtanh", draw=lambda rng, shape: maybe(rng, 0.5, low=-0.5) | maybe(rng, 0.5, high=0.7), weight=0.5)
def hardtanh(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return F.hardtanh(x, o.get("low", -1.0), o.get("high", 1.0))


def init(rng: random.Random, chance: float = 0.6) -> Arguments:
    """How a weight begins, perhaps."""
    if rng.random() > chance:
        return {}
    name = rng.choice(["normal", "xavier", "xavier_uniform", "kaiming", "lecun", "orthogonal", "uniform", "zeros", "ones",
                       "constant"])  # fmt: skip
    numbers = {"normal": (("std", 0.5),), "uniform": (("low", -0.5), ("high", 0.25)), "constant": (("value", 0.3),)}
    gained = (("gain", 1.5),) if name in ("xavier", "xavier_uniform", "kaiming", "orthogonal") else ()
    return {"init": Init(name, numbers.get(name, gained) if rng.random() < 0.7 else ())}


def bias(rng: random.Random) -> Arguments:
    """How a bias begins, or that there is none."""
    return maybe(rng, 0.35, bias=rng.choice([Init("off"), Init("off"), Init("ones"), Init("uniform", (("low", -0.1),))]))


def biased(net: Network, o: Arguments, size: int) -> Tensor | None:
    given = o.get("bias", Init("zeros"))
    return None if given.name == "off" else net.parameter("bias", (size,), given)


@layer("linear", draw=lambda rng, shape: {
    "sizes": rng.choice(["{0}", "->{0}", "{1}->{0}"]).format(fitting(rng), shape[-1]), **init(rng), **bias(rng)},
    bare=("sizes", "init"), learns=True, weight=5)  # fmt: skip
def linear(net: Network, x: Tensor, o: Arguments) -> Tensor:
    into, _, out = str(o["sizes"]).rpartition("->")
    assert into in ("", str(x.shape[-1]))
    out = int(out)
    shape = (out, x.shape[-1])
    weight = (
        net.weights[id(net.labels[o["tie"]])] if "tie" in o else net.parameter("weight", shape, o.get("init", Init("normal")))
    )
    assert weight.shape == shape
    return F.linear(x, weight, biased(net, o, out))


def _prelu(rng: random.Random, shape: Shape) -> Arguments:
    return maybe(rng, 0.5, channels=True) | maybe(rng, 0.3, init=Init("constant", (("value", 0.1),)))


@layer("prelu", draw=_prelu, bare=("init",), learns=True)
def prelu(net: Network, x: Tensor, o: Arguments) -> Tensor:
    begins = o.get("init", Init("constant", (("value", 0.25),)))
    if not o.get("channels"):
        return torch.where(x > 0, x, net.parameter("slope", (), begins) * x)
    slope = net.parameter("slope", tuple(x.shape[1:2]), begins)
    return torch.where(x > 0, x, slope.reshape(-1, *[1] * (x.dim() - 2)) * x)


@layer("scale", draw=lambda rng, shape: init(rng, 0.0), bare=("init",), learns=True)
def scale(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x * net.parameter("weight", tuple(x.shape[-1:]), o.get("init", Init("ones")))


@layer("bias", bare=("init",), learns=True)
def add(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x + net.parameter("bias", tuple(x.shape[-1:]), o.get("init", Init("zeros")))


def affine(rng: random.Random, shape: Shape) -> Arguments:
    return maybe(rng, 0.3, eps=rng.choice([1e-3, 0.1])) | maybe(rng, 0.3, affine=False) | maybe(rng, 0.3, bias=False)


@layer("layernorm", draw=lambda rng, shape: affine(rng, shape) if shape[-1] > 1 else None, learns=True)
def layernorm(net: Network, x: Tensor, o: Arguments) -> Tensor:
    size = tuple(x.shape[-1:])
    weight, shift = moved(net, o, size)
    return F.layer_norm(x, size, weight, shift, o.get("eps", 1e-5))


def moved(net: Network, o: Arguments, size: Shape) -> tuple[Tensor | None, Tensor | None]:
    """A norm's weight and bias."""
    if not o.get("affine", True):
        return None, None
    weight = net.parameter("weight", size, Init("ones"))
    return weight, net.parameter("bias", size, Init("zeros")) if o.get("bias", True) else None


@layer("rmsnorm", draw=lambda rng, shape: maybe(rng, 0.3, eps=0.01) | maybe(rng, 0.3, affine=False), learns=True)
def rmsnorm(net: Network, x: Tensor, o: Arguments) -> Tensor:
    normed = x / (x.square().mean(-1, keepdim=True) + o.get("eps", 1e-6)).sqrt()
    return normed * net.parameter("weight", tuple(x.shape[-1:]), Init("ones")) if o.get("affine", True) else normed


@layer("dropout", draw=lambda rng, shape: maybe(rng, 0.8, rate=rng.choice([0.0, 0.0, 0.3])), bare=("rate",), weight=0.3)
def dropout(net: Network, x: Tensor, o: Arguments) -> Tensor:
    """Where it drops, what training comes to is not judged; ``Drawn`` says so."""
    return x


@layer("draw", draw=lambda rng, shape: {} if shape[-1] % 2 == 0 else None, weight=0.1)
def draw(net: Network, x: Tensor, o: Arguments) -> Tensor:
    assert x.shape[-1] % 2 == 0
    return x[..., : x.shape[-1] // 2]
