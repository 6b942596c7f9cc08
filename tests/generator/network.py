"""What a network's body means, in PyTorch: forms, labels, blocks, formulas and the names of parameters."""

from __future__ import annotations

import zlib
from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add, mul
from typing import Any

import torch
from torch import Tensor

from generator import formulas
from generator.layers import KINDS, Shape
from generator.program import Body, Definition, Init, Input, Statement

Values = Callable[[str, Shape], Tensor]


@dataclass
class Own:
    """What a layer says of its parameters."""

    shape: Shape
    init: Init | None
    frozen: bool = False
    lr: float | None = None


@dataclass
class Network:
    """One pass through a program; parameters come from ``values``, by name and shape."""

    values: Values
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    training: bool = True
    running: dict[str, Tensor] = field(default_factory=dict)
    """Statistics of batchnorm, which a training pass moves."""
    own: dict[str, Own] = field(default_factory=dict)
    labels: ChainMap[str, Tensor] = field(default_factory=ChainMap)
    weights: dict[int, Tensor] = field(default_factory=dict)
    """The weight of each layer that has a label, by its value, for ``tie``."""
    counts: Counter[str] = field(default_factory=Counter)
    statement: Statement = field(default_factory=lambda: Statement("pass"))
    prefix: str = ""
    numbers: Mapping[str, int | float] = field(default_factory=dict)
    """Constants, and the numbers of the block that is being put in."""
    weight: Tensor | None = None
    """That of the current layer."""

    def parameter(self, name: str, shape: Shape, init: Init | None = None) -> Tensor:
        """The current layer's parameter of a name."""
        whole = f"{self.prefix}.{name}"
        found = self.values(whole, tuple(shape))
        assert found.shape == torch.Size(shape), f"{whole} is {list(found.shape)}, not {list(shape)}"
        self.own[whole] = Own(tuple(shape), init, self.statement.get("freeze", False), self.statement.get("lr"))
        self.weight = found if name == "weight" else self.weight
        return found

    def read(self, inputs: Sequence[Input], x: Tensor) -> Tensor:
        """The first input; several lie one after another in a sample, and have names."""
        if len(inputs) == 1:
            return x
        start = 0
        for each in inputs:
            size = torch.Size(each.shape).numel()
            self.labels[each.label] = x[:, start : start + size].unflatten(1, each.shape)
            start += size
        return self.labels[inputs[0].label]

    def body(self, body: Body, x: Tensor) -> Tensor:
        for statement in body:
            x = self.run(statement, x)
        return x

    def scoped(self, body: Body, x: Tensor) -> Tensor:
        """A body whose labels hold inside."""
        self.labels = self.labels.new_child()
        try:
            return self.body(body, x)
        finally:
            self.labels = self.labels.parents

    def run(self, statement: Statement, x: Tensor) -> Tensor:
        made = self._made(statement, x)
        assert made.dim() > 1, "a sample has an axis"
        if statement.label:
            self.labels[statement.label] = made
            if self.weight is not None:
                self.weights[id(made)] = self.weight
        return made

    def _made(self, statement: Statement, x: Tensor) -> Tensor:
        name = statement.name
        if name == "pass":
            return x
        if name == "from":
            return self.labels[statement.get("label")]
        if name == "repeat":
            for _ in range(statement.get("count")):
                x = self.scoped(statement.branches[0], x)
            return x
        if statement.branches:
            return self._joined(name, statement, x, [self.scoped(branch, x) for branch in statement.branches])
        if name in self.definitions:
            definition = self.definitions[name]
            numbers = {**dict(definition.numbers), **dict(statement.arguments)}
            if definition.formula is not None:
                return formulas.evaluate(definition.formula, {"x": x, **numbers}) + torch.zeros_like(x)
            before, self.numbers = self.numbers, {**self.numbers, **numbers}
            try:
                return self.scoped(definition.body, x)
            finally:
                self.numbers = before
        self._name(statement)
        return KINDS[name].apply(self, x, {key: self._number(value) for key, value in statement.arguments})

    def _number(self, value: Any) -> Any:
        return self.numbers.get(value, value) if isinstance(value, str) else value

    def _joined(self, name: str, statement: Statement, x: Tensor, made: list[Tensor]) -> Tensor:
        if name == "residual":
            made = [x, *made]
        assert len({one.shape for one in made}) == 1 or name == "concat"
        if name in ("residual", "sum"):
            return reduce(add, made)
        if name == "product":
            return reduce(mul, made)
        axis = statement.get("axis", 1)
        return torch.stack(made, axis) if name == "stack" else torch.cat(made, axis)

    def _name(self, statement: Statement) -> None:
        """Layers are called by their labels, or by their kind and number."""
        self.statement, self.weight, key = statement, None, statement.label or statement.name
        number = self.counts[key]
        self.counts[key] += 1
        self.prefix = (f"{key}_{number}" if number else key) if statement.label else f"{key}{number + 1}"

    def snapshot(self) -> tuple[object, ...]:
        """What a draft changes, to be put back."""
        return dict(self.own), self.labels.copy(), self.counts.copy(), dict(self.running)

    def restore(self, kept: tuple[object, ...]) -> None:
        self.own, self.labels, self.counts, self.running = kept  # type: ignore[assignment]


def begin(name: str, shape: Shape, seed: int = 0) -> Tensor:
    """A moderate beginning for a parameter, which depends on its name alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(f"{name} {seed}".encode()))
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    if len(shape) > 1:
        return noise * (torch.Size(shape[1:]).numel() ** -0.5)
    return noise * 0.3 + (1.0 if name.endswith(("weight", "slope")) else 0.0)
