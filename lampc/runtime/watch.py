"""What a training shows early on that will not mend itself: looked at once, after a fifth of the epochs.

Everything is read off the parameters and a few training samples by the op list, so that it does not depend on the backend.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lampc.diagnostics import Diagnostic, Problems
from lampc.ir.layout import LayerUse
from lampc.ir.leaves import Parameter
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.ops.activations import Relu, Sigmoid
from lampc.runtime.chunks import WATCHED
from lampc.runtime.executor import run
from lampc.runtime.loader import DataLoader
from lampc.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lampc.compile import Program
    from lampc.runtime.model import Model

SAMPLES = 512
"""How many training samples are looked at, spread over all."""
FEW = 2**18
"""Numbers that layers may make of the samples that are looked at together, whatever the minibatch: a megabyte or two."""
LARGE = 5000
"""Operations of a network from which its units are not looked at: to compile what computes them would take seconds."""
DEAD = 0.5
"""The share of a layer's units from which it is said that they are lost: one in four begins at 0 in a plane's corner."""
FLAT = 0.99
"""The share of its range from whose middle a tanh or sigmoid is flat: its slope is a fiftieth of the greatest."""
FALLEN = 0.98
"""The share of the first epoch's loss below which it is falling."""
STILL = 1e-5
"""How much of their size weights must have moved from where they began."""
FAR = 100.0
"""How many times their size weights may have moved, where the loss is none the better for it."""


class Watch:
    """Looks at a training once, when ``epoch`` has ended."""

    def __init__(self, model: Model, loader: object, epochs: int, fresh: bool) -> None:
        self.model = model
        self.loader = loader
        self.epochs = epochs
        self.epoch = max(WATCHED, math.ceil(epochs / 5)) if epochs >= WATCHED else 0
        self._began = {} if self.epoch == 0 or not fresh else _weights(model)

    @torch.no_grad()
    def look(self, losses: Sequence[float]) -> tuple[Diagnostic, ...]:
        """What is to be said, given the losses of all epochs so far. Before: the model is as training has made it."""
        problems = Problems()
        self._units(problems)
        for look in (self._steps, self._guessing):  # what is a consequence is not said beside its cause
            if not problems.warnings:
                look(losses[0], losses[-1], problems)
        return problems.warnings

    @property
    def _when(self) -> str:
        return f"after {self.epoch} of {self.epochs} epochs"

    def _guessing(self, first: float, loss: float, problems: Problems) -> None:
        known, statement = guess(self.model.program), self.model.program.experiment.loss
        if known is None or statement is None or loss < known[1]:
            return
        name, value = known
        if loss < 2 * value and loss < FALLEN * first:  # it is on its way
            return
        problems.report("W433", f"{self._when} the loss is {loss:.4g}, no better than guessing: {name} = {value:.3g}",
                        statement.span, fixes=["another learning rate: ten times less, or more",
                                               "see that samples and targets belong together: `lampc data`"])  # fmt: skip

    def _units(self, problems: Problems) -> None:
        program, loader = self.model.program, self.loader
        if len(program.elaborated.graph) > LARGE or not isinstance(loader, DataLoader) or not loader.in_memory:
            return
        stuck: dict[str, Tensor] = {}
        chosen = torch.linspace(0, len(loader.x) - 1, min(SAMPLES, len(loader.x))).long()
        for part in torch.split(chosen, min(self._at_once(loader.batch), len(chosen))):
            executor = self.model.executor(program.units, len(part))
            executor.fill(self.model.samples(loader.x[part], loader.y[part])[0])
            run(executor.forward)
            for use in self._watched:
                found = _stuck(self._op(use), executor.outputs[use.name]).all(dim=0)
                stuck[use.name] = found & stuck.get(use.name, found)
        for use in self._watched:
            self._layer(use, stuck[use.name], len(chosen), problems)

    def _at_once(self, batch: int) -> int:
        """Samples that are looked at together: as many as training has room for, more where a sample makes few numbers."""
        made = sum(math.prod(use.output_type.sample) for use in self.model.program.layers)
        return max(batch, FEW // max(1, made))

    @property
    def _watched(self) -> list[LayerUse]:
        """The layers whose units may be lost."""
        outputs = self.model.program.units.outputs
        return [use for use in self.model.program.layers if use.name in outputs and use.name != "prediction"]

    def _op(self, use: LayerUse) -> Op:
        return self.model.program.elaborated.graph[use.output.node].op

    def _layer(self, use: LayerUse, stuck: Tensor, samples: int, problems: Problems) -> None:
        lost, units = _lost(stuck)
        if lost <= DEAD * units:
            return
        seen = f"{self._when} {lost} of the {units} units of {use.name}"
        if isinstance(self._op(use), Relu):
            problems.report("W431", f"{seen} are 0 for each of {samples} training samples: no gradient reaches them", use.span,
                            fixes=["a smaller learning rate; `kaiming` before `relu`; or `leakyrelu`"])  # fmt: skip
        else:
            problems.report("W432", f"{seen} are at an end of their range for each of {samples} training samples, "
                            "where they are flat and learn nothing", use.span,
                            fixes=["`xavier` for the weights before it; scale the samples: `normalize`",
                                   "a smaller learning rate"])  # fmt: skip

    def _steps(self, first: float, last: float, problems: Problems) -> None:
        optimizer = self.model.program.experiment.optimizer
        span = optimizer.span or self.model.program.layers[0].span
        now = _weights(self.model)
        sizes = {name: float(began.norm()) for name, began in self._began.items()}
        moved = {name: float((now[name] - self._began[name]).norm()) / size for name, size in sizes.items() if size > 0}
        if not moved:
            return
        most = max(moved, key=lambda name: moved[name])
        experiment = self.model.program.experiment
        if moved[most] >= FAR and last >= min(first, self._constant()):
            than = "it was" if last >= first else "that of a constant answer"
            problems.report("W434", f"{self._when} `{most}` has moved {moved[most]:,.0f} times its size, "
                            f"and the loss is no less than {than}", span,
                            fixes=["a smaller learning rate: `lr=`", "bound the gradient: `clip=1`"])  # fmt: skip
        elif moved[most] < STILL and last > FALLEN * first and experiment.schedule is None and optimizer.arguments.get("lr"):
            problems.report("W435", f"{self._when} no weight has moved by a hundred thousandth of its size, "
                            "and the loss is what it was", span, fixes=["a larger learning rate: `lr=`"])  # fmt: skip

    def _constant(self) -> float:
        """The loss of whoever always says the same, where that is plain; else infinity."""
        program, loader = self.model.program, self.loader
        known, compared = guess(program), _compared(program)
        if known is not None:
            return known[1]
        if compared is None or compared[0] != "mse" or not isinstance(loader, DataLoader) or not loader.in_memory:
            return math.inf
        y, weight = loader.y.double().flatten(1), torch.ones(len(loader.y)) if loader.weight is None else loader.weight
        share = (weight.double() / weight.sum()).unsqueeze(1)
        return float((share * (y - (share * y).sum(dim=0)).square()).sum(dim=0).mean())


def guess(program: Program) -> tuple[str, float] | None:
    """What the loss is of whoever takes all classes for equally likely; None where that is not plain."""
    compared = _compared(program)
    if compared is None or any(compared[1].get(name) for name in ("weights", "soft", "smoothing")):
        return None
    name, arguments, type = compared
    if name == "bce":
        return "ln 2", math.log(2)
    classes = type.sample[-1] if type.sample else 1
    plain = name in ("crossentropy", "nll") and arguments.get("ignore") is None
    return (f"ln {classes}", math.log(classes)) if plain and classes > 1 else None


def _compared(program: Program) -> tuple[str, Mapping[str, Any], Type] | None:
    """The loss that a program has, its options, and the type of what it compares with the targets; None of other formulas.

    ``loss total = crossentropy(p, y)`` is ``loss crossentropy``.
    """
    loss, heads = program.experiment.loss, program.elaborated.heads
    if loss is None:
        return None
    if loss.type is not None:
        return loss.name, loss.arguments, program.evaluated_type
    call = None if loss.sum is None else loss.sum.value
    if not isinstance(call, tree.Call) or call.options or len(call.arguments) != 2 or len(heads) != 1:
        return None
    (head,) = heads
    if head.loss != call.name.name or not head.exact or head.part is not None:
        return None
    found = program.elaborated
    return head.loss, {}, found.graph.type(found.labels[head.label]) if head.label else program.evaluated_type


def _weights(model: Model) -> dict[str, Tensor]:
    """The weights that are trained, as they are now."""
    trained = [node.op for node in model.program.elaborated.graph if isinstance(node.op, Parameter) and node.op.trainable]
    names = [op.label for op in trained if len(op.type.shape) > 1 and op.label in model.parameters]
    return {name: model.parameters[name].detach().clone() for name in names}


def _stuck(op: Op, values: Tensor) -> Tensor:
    """Where an activation's slope is nearly 0."""
    if isinstance(op, Relu):
        return values == 0
    return ((2 * values - 1) if isinstance(op, Sigmoid) else values).abs() > FLAT


def _lost(stuck: Tensor) -> tuple[int, int]:
    """How many units are stuck, and how many there are: an image's channels, else features.

    Of sequences, whose places may come first or last, those are taken of which fewer are.
    """
    axes = {0} if stuck.dim() == 3 else {0, stuck.dim() - 1}
    found = []
    for axis in axes:
        units = stuck.movedim(axis, 0).flatten(1).all(dim=1) if stuck.dim() > 1 else stuck
        found.append((int(units.sum()), len(units)))
    return min(found, key=lambda pair: pair[0] / pair[1])
