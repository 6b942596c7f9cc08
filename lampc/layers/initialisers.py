"""How parameters begin. N_in and N_out are a weight's input and output sizes (its second and its first axis)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lampc.ir.leaves import Gain, Initialiser
from lampc.layers.signature import Choice, Kind, Refused, Signature, Written, shown

Shape = Sequence[int]
Drawn = Callable[[Shape, Initialiser], float]
"""A number for a tensor of a shape: the deviation of what is drawn, say."""


@dataclass(frozen=True)
class InitialiserType:
    """A named initialiser: what numbers it takes, with their defaults, and how it fills a tensor."""

    name: str
    doc: str
    numbers: tuple[tuple[str, float], ...]
    fill: Callable[[Any, Initialiser, Any], object]
    """Fills a torch tensor in place from a torch generator."""
    deviation: Drawn
    """Of the numbers in a tensor of a shape."""
    mean: Drawn = lambda shape, init: 0.0
    gained: bool = False
    """Whether a gain applies, which is found from the activation that follows unless given."""


def _fans(shape: Shape) -> tuple[int, int]:
    """(N_in, N_out) of a weight [out, in], of a kernel [out, in, …] counting its places, or of a vector [n]: (n, n)."""
    if len(shape) < 2:
        return shape[0], shape[0]
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places


def _normal(
    name: str, doc: str, numbers: tuple[tuple[str, float], ...], deviation: Drawn, gained: bool = False
) -> InitialiserType:
    def fill(tensor: Any, init: Initialiser, generator: Any) -> object:
        return tensor.normal_(0.0, deviation(tuple(tensor.shape), init), generator=generator)

    return InitialiserType(name, doc, numbers, fill, deviation, gained=gained)


def _xavier(shape: Shape, init: Initialiser) -> float:
    return init.factor * math.sqrt(2.0 / sum(_fans(shape)))


def _xavier_uniform(tensor: Any, init: Initialiser, generator: Any) -> object:
    bound = math.sqrt(3.0) * _xavier(tuple(tensor.shape), init)
    return tensor.uniform_(-bound, bound, generator=generator)


def _orthogonal(tensor: Any, init: Initialiser, generator: Any) -> object:
    """Rows or columns, whichever are fewer, orthonormal (Saxe et al. 2014)."""
    import torch

    flat = tensor.reshape(tensor.shape[0], -1)
    rows, columns = flat.shape
    random = torch.empty(max(rows, columns), min(rows, columns), dtype=torch.float64)
    random.normal_(generator=generator)
    q, r = torch.linalg.qr(random)
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)  # makes the distribution uniform
    return tensor.copy_((init.factor * (q if rows >= columns else q.t())).reshape(tensor.shape))


def _constant(
    name: str, doc: str, numbers: tuple[tuple[str, float], ...], value: Callable[[Initialiser], float]
) -> InitialiserType:
    return InitialiserType(name, doc, numbers, lambda tensor, init, generator: tensor.fill_(value(init)),
                           lambda shape, init: 0.0, lambda shape, init: value(init))  # fmt: skip


_TYPES = (
    _normal("normal", "N(0, σ²); the default, σ = 1", (("std", 1.0),), lambda shape, init: init.numbers[0]),
    _normal("xavier", "N(0, σ²), σ = gain·√(2/(N_in+N_out))", (), _xavier, gained=True),
    InitialiserType("xavier_uniform", "uniform with xavier's σ", (), _xavier_uniform, _xavier, gained=True),
    _normal("kaiming", "N(0, σ²), σ = gain/√N_in", (), lambda shape, init: init.factor / math.sqrt(_fans(shape)[0]), True),
    _normal("lecun", "N(0, σ²), σ = 1/√N_in", (), lambda shape, init: 1 / math.sqrt(_fans(shape)[0])),
    InitialiserType("orthogonal", "orthonormal rows or columns, times the gain", (), _orthogonal,
                    lambda shape, init: init.factor / math.sqrt(max(shape[0], math.prod(shape[1:]))), gained=True),
    InitialiserType("uniform", "uniform between two numbers", (("low", -1.0), ("high", 1.0)),
                    lambda tensor, init, generator: tensor.uniform_(*init.numbers, generator=generator),
                    lambda shape, init: (init.numbers[1] - init.numbers[0]) / math.sqrt(12),
                    lambda shape, init: sum(init.numbers) / 2),
    _constant("zeros", "0", (), lambda init: 0.0),
    _constant("ones", "1", (), lambda init: 1.0),
    _constant("constant", "one number", (("value", 0.0),), lambda init: init.numbers[0]),
)  # fmt: skip

INITIALISERS = {declared.name: declared for declared in _TYPES}
"""Every initialiser by its name."""


@dataclass(frozen=True)
class Init(Kind):
    """An initialiser: ``xavier``, ``normal(0.02)``, ``kaiming(gain=1)``; ``off`` where there may be no parameter."""

    optional: bool = False
    general: bool = False
    """Whether the statement `init` says it for all that state none: a layer's weights, not its biases and scales."""
    phrase = "an initialiser"

    def takes(self, value: Written) -> bool:
        return isinstance(value, Choice)

    def convert(self, value: Written) -> Initialiser | None:
        if isinstance(value, str) and value.isidentifier():
            value = Choice(value)
        known = [*INITIALISERS, *(["off"] if self.optional else [])]
        if not isinstance(value, Choice) or value.name not in known:
            raise Refused(f"an initialiser is wanted, not {shown(value)}", known=known)
        if value.name == "off":
            return None
        kind = INITIALISERS[value.name]
        names = [name for name, _ in kind.numbers]
        allowed = [*names, *(["gain"] if kind.gained else [])]
        if len(value.numbers) > len(names):
            if kind.gained:
                raise Refused(f"`{value.name}` takes its number by name: `{value.name}(gain={value.numbers[0]:g})`")
            raise Refused(f"`{value.name}` takes {len(names) or 'no'} numbers, not {len(value.numbers)}")
        given = dict(zip(names, value.numbers, strict=False))
        for name, number in value.options.items():
            if name not in allowed or name in given:
                raise Refused(f"`{value.name}` takes {_listed(allowed)}, not `{name}`", known=allowed)
            given[name] = number
        numbers = tuple(given.get(name, default) for name, default in kind.numbers)
        if kind.name == "normal" and numbers[0] < 0:
            raise Refused("a standard deviation is not negative", "E305")
        if kind.name == "uniform" and numbers[0] > numbers[1]:
            raise Refused(f"{numbers[0]:g} is above {numbers[1]:g}", "E305")
        gain = given.get("gain", Gain.AUTO) if kind.gained else 1.0
        return Initialiser(kind.name, numbers, gain)


def with_default(signature: Signature, initialiser: Initialiser | None) -> Signature:
    """A layer's signature with another default for its weights; as it is for None."""
    if initialiser is None:
        return signature
    params = (replace(param, default=initialiser) if isinstance(param.kind, Init) and param.kind.general else param
              for param in signature.params)  # fmt: skip
    return Signature(tuple(params))


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}=`" for name in names) if names else "no numbers"
