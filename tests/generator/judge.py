"""A program judged: lampc's numbers against those of the same network in PyTorch, in float64."""

from __future__ import annotations

import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

import lampc.compile
from generator import experiment
from generator.draw import samples
from generator.exported import EXPORTS, PRECISE
from generator.heads import target
from generator.network import Network, Own, begin
from generator.program import Program, statements
from generator.text import text
from lampc.runtime.model import Model

TOLERANCE = 1e-9
"""Of a number, as a share of the greatest one beside it, where the network is well conditioned."""
SLOW = 5.0
"""Seconds that a program may take, compiled and run."""
SIZES = (1, 2, 3, 4, 5, 8, 11)
"""Samples of a minibatch."""
EPOCHS = 2
"""Of training: six steps."""


class Wrong(AssertionError):
    """Numbers that are not those of PyTorch."""


@dataclass(frozen=True)
class Reference:
    """The network in PyTorch, from values of its parameters."""

    program: Program

    def network(self, values: Mapping[str, Tensor], training: bool, running: Mapping[str, Tensor] | None = None) -> Network:
        definitions = {each.name: each for each in self.program.definitions}
        return Network(lambda name, shape: values[name] if name in values else begin(name, shape), definitions, training,
                       dict(running or {}))  # fmt: skip

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

    def trained(self, values: Mapping[str, Tensor], pairs: list[tuple[Tensor, Tensor]], epochs: int) -> dict[str, Tensor]:
        """Parameters and running statistics after some epochs."""
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        own, running = self.own(), dict[str, Tensor]()
        training = self.program.training
        optimizers = experiment.Optimizers(training.optimizer, leaves, own)
        accumulate = training.get("accumulate", 1)
        groups = [pairs[at : at + accumulate] for at in range(0, len(pairs), accumulate)]
        for number, group in enumerate(groups * epochs):
            sums: list[Tensor | None] = [None] * len(optimizers.parameters)
            for x, y in group:
                net = self.network(leaves, True, running)
                loss, _ = self.loss(net, x, y)
                running = {name: each.detach() for name, each in net.running.items()}
                if not loss.requires_grad or not optimizers.parameters:
                    continue
                found = torch.autograd.grad(loss / len(group), optimizers.parameters, allow_unused=True)
                sums = [a if g is None else g if a is None else a + g for a, g in zip(sums, found, strict=True)]
            optimizers.step(sums, experiment.factor(training.schedule, number, len(groups) * epochs, len(groups)))
        return {**{name: leaf.detach() for name, leaf in leaves.items()}, **running}


def random_parts(program: Program) -> bool:
    """Whether training draws numbers, which only lampc knows."""
    bodies = [program.body, *(each.body for each in program.definitions)]
    return any(each.name == "draw" or (each.name == "dropout" and each.get("rate", 0.5) > 0)
               for body in bodies for each in statements(body))  # fmt: skip


def close(found: Mapping[str, Tensor], wanted: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
          values: Mapping[str, Tensor], what: str, tolerance: float = TOLERANCE) -> None:  # fmt: skip
    """Hold numbers to the reference's; where that is badly conditioned, as near as its own answers to nearly the same."""
    right = wanted(values)
    wrong = [name for name in found if not _near(found[name], right[name], tolerance)]
    if not wrong:
        return
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        moved = {name: value * (1 + 1e-3 * tolerance * torch.randn(value.shape, generator=generator, dtype=value.dtype))
                 for name, value in values.items()}  # fmt: skip
        other = wanted(moved)
        wrong = [
            name for name in wrong if not _near(found[name], right[name], tolerance, 1e3 * (other[name] - right[name]).abs())
        ]
    if wrong:
        name = wrong[0]
        error = (
            float((found[name].double() - right[name]).abs().max()) if found[name].shape == right[name].shape else float("nan")
        )
        raise Wrong(f"{what} {name}: {found[name].flatten()[:6].tolist()}, and {right[name].flatten()[:6].tolist()} is right"
                    f" (off by {error:.2g})")  # fmt: skip


def _near(found: Tensor, right: Tensor, tolerance: float, more: Tensor | None = None) -> bool:
    if found.shape != right.shape:
        return False
    scale = max(1.0, float(right.abs().max())) if right.numel() else 1.0
    spread = tolerance * scale + (0.0 if more is None or not more.numel() else float(more.max()))
    return bool(((found.double() - right).abs() <= spread).all())


@dataclass(frozen=True)
class Judge:
    """What a program is run by."""

    backends: tuple[str, ...] = ("torch",)
    exports: tuple[str, ...] = ()

    @staticmethod
    def of(number: int) -> Judge:
        """What program ``number`` is run by: what takes long, a share of them alone."""
        exports = [name for name, every in (("pytorch", 5), ("onnx", 12), ("c", 80)) if number % every == 0]
        return Judge(("torch", "native") if number % 4 == 0 else ("torch",), tuple(exports))


def judge(program: Program, by: Judge, counts: Counter[str]) -> None:
    """Hold everything that lampc makes of a program to the reference.

    Raises:
        Wrong: if a number is not right, or it took too long.
    """
    start = time.process_time()
    compiled = lampc.compile.text(text(program))
    reference = Reference(program)
    own = reference.own()
    x = samples(program.inputs, program.seed, 11)
    for backend in by.backends:
        try:
            model = compiled.model(seed=program.seed % 1000, backend=backend)
        except lampc.LampError as error:
            if backend == "native" and error.diagnostics[0].code == "E704":
                counts["no native form"] += 1
                continue
            raise
        counts[f"backend {backend}"] += 1
        _judge_model(reference, model, own, x)
    for name in by.exports:
        model = compiled.model(seed=program.seed % 1000, backend="torch")
        _begin(model, own)
        found = EXPORTS[name](model, x)
        close({"": found}, lambda v: {"": reference.prediction(v, x)}, _values(model), f"{name}: prediction", PRECISE[name])
        counts[f"export {name}"] += 1
    if time.process_time() - start > SLOW:
        raise Wrong(f"it took {time.process_time() - start:.1f} s")


def _begin(model: Model, own: Mapping[str, Own]) -> None:
    """Give a model parameters of a moderate size, and hold it to the names and shapes that the text says."""
    for name, tensor in model.parameters.items():
        if name not in own or tuple(tensor.shape) != own[name].shape:
            raise Wrong(f"a parameter {name} of {list(tensor.shape)}, and there are { ({n: o.shape for n, o in own.items()}) }")
        tensor.copy_(begin(name, tuple(tensor.shape)))


def _values(model: Model) -> dict[str, Tensor]:
    return {name: tensor.double().clone() for name, tensor in model.parameters.items()}


def _running(model: Model) -> dict[str, Tensor]:
    return {name: state.double().clone() for name, state in model.storage.states.items() if "running_" in name}


def _judge_model(reference: Reference, model: Model, own: Mapping[str, Own], x: Tensor) -> None:
    program, name = reference.program, model.backend.name
    _begin(model, own)
    values = _values(model)
    close({"": model(x)}, lambda v: {"": reference.prediction(v, x)}, values, f"{name}: prediction")
    y = target(program.training, reference.prediction(values, x), program.seed)
    if program.training.metrics or program.seed % 3 == 0:
        _judge_evaluation(reference, model, values, x, y)
    pairs = _minibatches(program, x, y)
    if random_parts(program):
        model.train(pairs, epochs=1, evaluate=False)
        return
    first = pairs[0]
    loss, gradients = model.gradients(*first)
    close({"": loss, **gradients, **_running(model)}, lambda v: reference.gradients(v, *first), values, f"{name}: gradient")
    model.reset(model.seed)
    _begin(model, own)
    model.train(pairs, epochs=EPOCHS, evaluate=False)
    close(
        {**model.parameters, **_running(model)},
        lambda v: reference.trained(v, pairs, EPOCHS),
        values,
        f"{name}: training",
        1e-8,
    )
    after, running = _values(model), _running(model)
    close({"": model(x)}, lambda v: {"": reference.prediction(v, x, running)}, after, f"{name}: prediction after training")


def _minibatches(program: Program, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Three of a size, the last of which may be of another."""
    rng = random.Random(program.seed)
    least = 2 if "batchnorm" in _names(program) else 1
    most, last = (rng.choice([size for size in SIZES if size >= least]) for _ in range(2))
    rows = [rng.sample(range(len(x)), size) for size in (most, most, last)]
    return [(x[each], y[each]) for each in rows]


def _names(program: Program) -> set[str]:
    return {each.name for body in (program.body, *(d.body for d in program.definitions)) for each in statements(body)}


def _judge_evaluation(reference: Reference, model: Model, values: Mapping[str, Tensor], x: Tensor, y: Tensor) -> None:
    program = reference.program
    found = model.evaluate(x, y)

    def wanted(other: Mapping[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad():
            loss, p = reference.loss(reference.network(other, False), x, y)
        if other is not values:  # what is equal need not be so to the last bit
            p = p * (1 + 1e-12 * torch.randn(p.shape, dtype=p.dtype))
        measured = {name: experiment.metric(name, p, y, program, reference.output) for name in found if name != "loss"}
        return {"loss": loss, **{name: torch.tensor(number, dtype=torch.float64) for name, number in measured.items()}}

    close(
        {name: torch.tensor(number, dtype=torch.float64) for name, number in found.items()},
        wanted,
        values,
        f"{model.backend.name}: evaluation",
    )


def failure(program: Program, by: Judge, counts: Counter[str] | None = None) -> str:
    """What is wrong with a program; empty if nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            judge(program, by, Counter() if counts is None else counts)
        except Wrong as error:
            return f"Wrong: {error}"
        except lampc.LampError as error:
            first = error.diagnostics[0]
            # A training that goes out of bounds says so; whether it should is seen before.
            return "" if first.code == "E701" else f"LampError {first.code}: {first.message}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""
