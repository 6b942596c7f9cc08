"""The network of a program in PyTorch: predictions, losses, gradients and training in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from generator import experiment
from generator.draw import samples
from generator.network import Network, Own, begin
from generator.program import Program, used

Pairs = list[tuple[Tensor, Tensor]]
"""Minibatches."""


@dataclass(frozen=True)
class Reference:
    """The network in PyTorch, from values of its parameters."""

    program: Program

    def network(self, values: Mapping[str, Tensor], training: bool, running: Mapping[str, Tensor] | None = None) -> Network:
        definitions = {each.name: each for each in self.program.definitions}
        return Network(lambda name, shape: values[name] if name in values else begin(name, shape), definitions, training,
                       dict(running or {}), numbers=dict(self.program.lets))  # fmt: skip

    def predict(self, net: Network, x: Tensor) -> Tensor:
        start = net.read(self.program.inputs, x)
        return net.body(self.program.body, start)

    def loss(self, net: Network, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the prediction."""
        before = net.body(self.program.body[:-1], net.read(self.program.inputs, x))
        p = net.run(self.program.body[-1], before)
        return experiment.loss(self.program.training, {**net.labels, "p": p, "y": y, "x": x, "scores": before}, self.output), p

    @property
    def output(self) -> str:
        return self.program.body[-1].name

    def own(self) -> dict[str, Own]:
        """The parameters, by what the text says of them."""
        net = self.network({}, True)
        self.predict(net, samples(self.program.inputs, 0, 2))
        return net.own

    def prediction(self, values: Mapping[str, Tensor], x: Tensor, running: Mapping[str, Tensor] | None = None) -> Tensor:
        return self.predict(self.network(values, False, running), x)

    def gradients(self, values: Mapping[str, Tensor], x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The loss, under no name, the gradients, and the statistics that follow."""
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        net = self.network(leaves, True)
        loss, _ = self.loss(net, x, y)
        known = loss.requires_grad
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True) if known else [None] * len(leaves)
        own = net.own
        gradients = {name: torch.zeros_like(leaves[name]) if g is None or own[name].frozen else g
                     for name, g in zip(leaves, found, strict=True)}  # fmt: skip
        return {"": loss.detach(), **gradients, **{name: each.detach() for name, each in net.running.items()}}

    def trained(self, values: Mapping[str, Tensor], pairs: Pairs, epochs: int, noise: float = 0.0) -> dict[str, Tensor]:
        """Parameters and running statistics after some epochs."""
        loop = Loop(self, values, len(pairs), epochs, noise)
        for _ in range(epochs):
            loop.epoch(pairs)
        return {**loop.values, **loop.running}


class Loop:
    """A training loop as one writes it by hand; ``noise`` is what gradients are off by, as rounding is."""

    def __init__(self, reference: Reference, values: Mapping[str, Tensor], minibatches: int, epochs: int,
                 noise: float = 0.0) -> None:  # fmt: skip
        training = reference.program.training
        self.reference = reference
        self.leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        self.running: dict[str, Tensor] = {}
        self.optimizers = experiment.Optimizers(training.optimizer, self.leaves, reference.own())
        self.schedule = training.schedule
        self.accumulate = training.get("accumulate", 1)
        self.updates = -(-minibatches // self.accumulate)
        self.epochs = epochs
        self.step = 0
        self.noise = noise

    @property
    def values(self) -> dict[str, Tensor]:
        return {name: leaf.detach() for name, leaf in self.leaves.items()}

    def epoch(self, pairs: Pairs) -> float:
        """Train on some minibatches; their mean loss."""
        losses = []
        for at in range(0, len(pairs), self.accumulate):
            group = pairs[at : at + self.accumulate]
            sums: list[Tensor | None] = [None] * len(self.optimizers.parameters)
            for x, y in group:
                net = self.reference.network(self.leaves, True, self.running)
                loss, _ = self.reference.loss(net, x, y)
                losses.append(float(loss.detach()) * len(x))
                self.running = {name: each.detach() for name, each in net.running.items()}
                if not loss.requires_grad or not self.optimizers.parameters:
                    continue
                found = torch.autograd.grad(loss / len(group), self.optimizers.parameters, allow_unused=True)
                sums = [a if g is None else g if a is None else a + g for a, g in zip(sums, found, strict=True)]
            share = experiment.factor(self.schedule, self.step, self.updates * self.epochs, self.updates)
            self.optimizers.step(self._rounded(sums) if self.noise else sums, share)
            self.step += 1
        return sum(losses) / sum(len(x) for x, _ in pairs)

    def _rounded(self, gradients: list[Tensor | None]) -> list[Tensor | None]:
        scale = self.noise * max((float(g.abs().max()) for g in gradients if g is not None), default=0.0)
        return [g if g is None else g + scale * torch.randn_like(g) for g in gradients]


def random_parts(program: Program) -> bool:
    """Whether training draws numbers, which only lampc knows."""
    return any(each.name == "draw" or (each.name == "dropout" and each.get("rate", 0.5) > 0) for each in used(program))
