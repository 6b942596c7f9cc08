"""A program judged: lampc's numbers against those of the same network in PyTorch, in float64."""

from __future__ import annotations

import os
import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import lampc.compile
from generator import experiment
from generator.draw import samples
from generator.exported import EXPORTS, PRECISE
from generator.heads import target
from generator.near import TOLERANCE, Wrong, hold
from generator.network import Own, begin
from generator.program import Program, used
from generator.reference import Reference, random_parts
from generator.text import text
from lampc.compile import Program as Compiled
from lampc.native import engine
from lampc.runtime.model import Model

SLOW = 5.0
"""Seconds that a program may take, compiled and run."""
SIZES = (1, 2, 3, 4, 5, 8, 11)
"""Samples of a minibatch."""
ROUNDING = {"f64": 1e-15, "f32": 1e-7}
"""What a number is off by, as a share of it."""
EPOCHS = 2
"""Of training: six steps."""

Numbers = dict[str, Tensor]


@dataclass(frozen=True)
class Judge:
    """What is judged of a program besides its prediction, its loss and each gradient on the op list."""

    native: tuple[str, ...] = ("f64", "f32")
    """In which precisions as machine code."""
    evaluated: bool = True
    trained: bool = True
    exports: tuple[str, ...] = tuple(EXPORTS)

    @staticmethod
    def of(number: int) -> Judge:
        """What is judged of program ``number`` where many are: what takes long, of a share of them alone."""
        exports = tuple(name for name, every in (("pytorch", 10), ("onnx", 12), ("c", 80)) if number % every == 0)
        native = () if number % 32 else ("f32",) if number % 64 else ("f64",)
        return Judge(native, number % 3 == 0, number % 3 == 1, exports)


@dataclass
class Trial:
    """One program, and what was looked at."""

    program: Program
    by: Judge = Judge()
    counts: Counter[str] = field(default_factory=Counter)
    rounding: float = ROUNDING["f64"]
    what: str = ""
    """Which backend is judged, and in which precision."""

    def judge(self) -> None:
        """Hold everything that lampc makes of the program to the reference.

        Raises:
            Wrong: if a number is not right, or it took too long.
        """
        start = time.process_time()
        compiled = lampc.compile.text(text(self.program))
        self.counts["compiled"] += 1
        self.reference = Reference(self.program)
        self.own = self.reference.own()
        self.x = samples(self.program.inputs, self.program.seed, 11)
        self.model(compiled, "torch", "f64")
        for precision in self.by.native:
            written = compiled if precision == "f64" else lampc.compile.text(text(self.program), **{"train.precision": "f32"})
            self.model(written, "native", precision)
        self.rounding = ROUNDING["f64"]
        for name in self.by.exports:
            model = begun(compiled, "torch", self.own)
            found = EXPORTS[name](model, self.x)
            self.hold({"": found}, self.prediction, values_of(model), f"{name}: prediction", PRECISE[name])
            self.counts[f"export {name}"] += 1
        took = time.process_time() - start
        self.counts["milliseconds"] = round(1e3 * took)
        if took > SLOW:
            raise Wrong(f"it took {took:.1f} s")

    def hold(self, found: Mapping[str, Tensor], wanted: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
             values: Mapping[str, Tensor], what: str, tolerance: float = TOLERANCE) -> None:  # fmt: skip
        """Hold numbers to the reference's, by values of the parameters."""
        self.counts["checks"] += len(found)
        hold(found, wanted, values, what, tolerance * self.rounding / ROUNDING["f64"])

    def prediction(self, values: Mapping[str, Tensor]) -> Numbers:
        return {"": self.reference.prediction(values, self.x)}

    def model(self, compiled: Compiled, backend: str, precision: str) -> None:
        """Judge what a backend predicts, measures, differentiates and trains."""
        self.rounding, self.what = ROUNDING[precision], f"{backend} {precision}"
        try:
            model = begun(compiled, backend, self.own)
        except lampc.LampError as error:
            if backend == "native" and error.diagnostics[0].code == "E704":
                self.counts["no native form"] += 1
                return
            raise
        self.counts[f"backend {self.what}"] += 1
        values = values_of(model)
        self.hold({"": model(self.x)}, self.prediction, values, f"{self.what}: prediction")
        y = target(self.program.training, self.reference.prediction(values, self.x), self.program.seed)
        if self.by.evaluated:
            self.evaluation(model, values, y)
            self.named(model, values)
        pairs = minibatches(self.program, self.x, y)
        if not random_parts(self.program):
            self.gradients(model, values, *pairs[0])
            if self.by.trained:
                self.training(model, pairs)
        elif self.by.trained:  # what is drawn only lampc knows
            model.train(pairs, epochs=1, evaluate=False)

    def evaluation(self, model: Model, values: Mapping[str, Tensor], y: Tensor) -> None:
        found = model.evaluate(self.x, y)

        def wanted(other: Mapping[str, Tensor]) -> Numbers:
            with torch.no_grad():
                loss, p = self.reference.loss(self.reference.network(other, False), self.x, y)
            if other is not values:  # what is equal need not be so to the last bit
                p = p * (1 + 1e3 * self.rounding * torch.randn(p.shape, dtype=p.dtype))
            output = self.reference.output
            measured = {name: experiment.metric(name, p, y, self.program, output) for name in found if name != "loss"}
            return {"loss": loss, **{name: torch.tensor(number, dtype=torch.float64) for name, number in measured.items()}}

        numbers = {name: torch.tensor(number, dtype=torch.float64) for name, number in found.items()}
        self.hold(numbers, wanted, values, f"{self.what}: evaluation")

    def named(self, model: Model, values: Mapping[str, Tensor]) -> None:
        """Judge a value that the file names."""
        labels = [each.label for each in self.program.body if each.label]
        if not labels:
            return

        def wanted(other: Mapping[str, Tensor]) -> Numbers:
            net = self.reference.network(other, False)
            self.reference.predict(net, self.x)
            return {"": net.labels[labels[-1]]}

        self.hold({"": model.value(labels[-1], self.x)}, wanted, values, f"{self.what}: value {labels[-1]}")

    def gradients(self, model: Model, values: Mapping[str, Tensor], x: Tensor, y: Tensor) -> None:
        loss, found = model.gradients(x, y)
        numbers = {"": loss, **found, **running_of(model)}
        self.hold(numbers, lambda v: self.reference.gradients(v, x, y), values, f"{self.what}: gradient")

    def training(self, model: Model, pairs: list[tuple[Tensor, Tensor]]) -> None:
        model.reset(model.seed)
        set_up(model, self.own)
        values = values_of(model)
        model.train(pairs, epochs=EPOCHS, evaluate=False)
        numbers = {**model.parameters, **running_of(model)}

        def wanted(other: Mapping[str, Tensor]) -> Numbers:
            return self.reference.trained(other, pairs, EPOCHS, 0.0 if other is values else self.rounding)

        self.hold(numbers, wanted, values, f"{self.what}: training", 1e-8)
        running = running_of(model)
        self.hold({"": model(self.x)}, lambda v: {"": self.reference.prediction(v, self.x, running)}, values_of(model),
                  f"{self.what}: prediction after training")  # fmt: skip


def begun(compiled: Compiled, backend: str, own: Mapping[str, Own]) -> Model:
    """A model with moderate parameters."""
    model = compiled.model(backend=backend)
    set_up(model, own)
    return model


def set_up(model: Model, own: Mapping[str, Own]) -> None:
    """Give a model moderate parameters, and hold it to the names and shapes that the text says."""
    for name, tensor in model.parameters.items():
        if name not in own or tuple(tensor.shape) != own[name].shape:
            raise Wrong(f"a parameter {name} of {list(tensor.shape)}, and there are { ({n: o.shape for n, o in own.items()}) }")
        tensor.copy_(begin(name, tuple(tensor.shape)))


def values_of(model: Model) -> Numbers:
    return {name: tensor.double().clone() for name, tensor in model.parameters.items()}


def running_of(model: Model) -> Numbers:
    return {name: state.double().clone() for name, state in model.storage.states.items() if "running_" in name}


def minibatches(program: Program, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Three, the last of which may be of another size."""
    rng = random.Random(program.seed)
    least = 2 if "batchnorm" in {each.name for each in used(program)} else 1
    most, last = (rng.choice([size for size in SIZES if size >= least]) for _ in range(2))
    rows = [rng.sample(range(len(x)), size) for size in (most, most, last)]
    return [(x[each], y[each]) for each in rows]


@contextmanager
def quick_code() -> Iterator[None]:
    """Machine code by LLVM's quickest way, a third of the time; what lampc writes for it stays the same."""

    def machine() -> Any:
        import llvmlite.binding as llvm

        found = engine.host()
        target = llvm.Target.from_triple(found.triple)
        return target.create_target_machine(cpu=found.cpu, features=found.features, opt=0, jit=True)

    with patch.object(engine, "machine", machine), patch.dict(os.environ, LAMPC_CACHE="off"):
        yield


def failure(program: Program, by: Judge, counts: Counter[str] | None = None) -> str:
    """What is wrong with a program; empty if nothing is."""
    with warnings.catch_warnings(), quick_code():
        warnings.simplefilter("ignore")
        try:
            Trial(program, by, Counter() if counts is None else counts).judge()
        except Wrong as error:
            return f"Wrong: {error}"
        except lampc.LampError as error:
            first = error.diagnostics[0]
            # A training that goes out of bounds says so; whether it should is seen before.
            return "" if first.code == "E701" else f"LampError {first.code}: {first.message}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return ""
