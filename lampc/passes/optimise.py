"""The optimiser's step, as ops in the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lampc.elaborate.experiment import Optimizer, Schedule
from lampc.ir.graph import Graph, Stage
from lampc.ir.keys import gradients
from lampc.ir.leaves import SCALAR, Parameter, Parameters, Setting, State
from lampc.ir.types import Shape
from lampc.layers.optimizers import Step
from lampc.layers.schedules import CLOCK, PASS, Progress
from lampc.ops.arithmetic import Greater, Maximum, Minimum, Sqrt, Square, Where
from lampc.ops.reduction import Sum
from lampc.ops.shape import Pack
from lampc.ops.term import Build, Term

GRADIENT, GATHERED, PASSED = "gradient", "gathered", "passed"
"""The states of accumulation: a group's gradients so far, their number, and that of the epoch's minibatches."""


@dataclass(frozen=True)
class Group:
    """Parameters that are updated alike: with a learning rate of their own, or the optimiser's, and decayed or not."""

    lr: float | None
    decays: bool
    labels: tuple[str, ...]
    shape: Shape | None = None
    """Of the one matrix in it, where the optimiser goes by matrices."""

    @property
    def name(self) -> str:
        """What tells it from the others in a listing."""
        lr = () if self.lr is None else (f"lr={self.lr!r}",)
        matrix = () if self.shape is None else self.labels
        return " ".join((*matrix, *lr) if self.decays else (*matrix, *lr, "undecayed"))


def groups_of(parameters: Sequence[Parameter], arguments: Mapping[str, Any], by_matrix: bool = False) -> list[Group]:
    """Which parameters are updated together, in the order in which each group's first was declared.

    Weight decay is for weights, of two axes or more: a bias or a scale pulled towards 0 only fits worse.
    """
    found: dict[tuple[float | None, bool, str], list[str]] = {}
    shapes: dict[str, Shape] = {}
    for parameter in parameters:
        alone = parameter.label if by_matrix and parameter.type.rank == 2 else ""
        if alone:
            shapes[alone] = parameter.type.shape
        decays = not arguments.get("weight_decay") or arguments["decay_all"] or parameter.type.rank > 1
        found.setdefault((parameter.lr, decays, alone), []).append(parameter.label)
    return [Group(lr, decays, tuple(labels), shapes.get(alone)) for (lr, decays, alone), labels in found.items()]


def optimise(graph: Graph, optimizer: Optimizer, schedule: Schedule | None = None, accumulate: int = 1) -> Graph:
    """Append the update of every parameter that has a gradient, a group at once: they lie end to end.

    With ``accumulate`` the mean of so many minibatches' gradients makes one update, or of what is left of an epoch.

    Before: outputs ``Grad(label)``. After: outputs ``Next(leaf)``, to be written over the parameters and the states; where
    there are several groups, their labels end in ``:GROUP``, but the plain one's.
    """
    slopes = gradients(graph.outputs)
    if not slopes:
        return graph
    out = graph.copy()
    build = Build(out)
    arguments = dict(optimizer.arguments)
    spans = () if optimizer.span is None else (optimizer.span,)
    parameters = parameters_of(graph)
    groups = groups_of([parameters[label] for label in slopes], arguments, optimizer.type.by_matrix)
    with build.at(spans=spans, stage=Stage.UPDATE, layer="optimizer"):
        packed = [build(Pack(group.labels), *(build.term(slopes[label]) for label in group.labels)) for group in groups]
        clock = _Clock(build, accumulate)
        settings = {name: _setting(build, name, value) for name, value in arguments.items() if isinstance(value, float)}
        factor = _factor(clock, schedule)
        totals = packed
        if accumulate > 1:
            before = [build(State(g.type, f"{GRADIENT}{_end(group, groups)}", 0.0, group.labels))
                      for group, g in zip(groups, packed, strict=True)]  # fmt: skip
            totals = [old + g for old, g in zip(before, packed, strict=True)]
            share = 1.0 / clock.gathered()
            packed = [total * share for total in totals]
        if arguments.get("clip"):
            packed = _clip(packed, settings["clip"])
        for group, g in zip(groups, packed, strict=True):
            end = _end(group, groups)
            p = build(Parameters(g.type, group.labels, f"parameters{end}"))
            own, rates = settings, [name for name in ("lr", "lr_vectors") if name in settings]
            if group.lr is not None:
                own = {**own, **dict.fromkeys(rates, _setting(build, f"lr={group.lr!r}", group.lr))}
            if factor is not None:
                own = {**own, **{name: own[name] * factor for name in rates}}
            chosen = arguments if group.decays else {**arguments, "weight_decay": 0.0}

            def state(name: str, value: float = 0.0, p: Term = p, group: Group = group, end: str = end) -> Term:
                return build(State(p.type, f"{name}{end}", value, group.labels))

            following, states = optimizer.type.update(Step(p, g, state, own, clock.t, chosen, group.shape))
            build.replace(p, clock.kept(following, p))
            for name, term in states.items():
                build.replace(state(name), clock.kept(term, state(name)))
        if accumulate > 1:
            for old, total in zip(before, totals, strict=True):
                build.replace(old, clock.kept(build.constant(total.type, 0.0), total))
        for name, term in clock.counted.items():
            build.replace(build(State(SCALAR, name)), term)
    return out


def _end(group: Group, groups: Sequence[Group]) -> str:
    return f":{group.name}" if group.name and len(groups) > 1 else ""


def _setting(build: Build, name: str, value: float) -> Term:
    return build(Setting(SCALAR, name, value))


class _Clock:
    """Counts updates, if somebody asks, and minibatches where several make one."""

    def __init__(self, build: Build, accumulate: int) -> None:
        self.build = build
        self.accumulate = accumulate
        self.counted: dict[str, Term] = {}

    def t(self) -> Term:
        """The number of this update, from 1."""
        return self.past() + 1.0

    def past(self) -> Term:
        """The number of updates before this one."""
        old = self.build(State(SCALAR, "t"))
        if "t" not in self.counted:
            self.counted["t"] = self.kept(old + 1.0, old)
        return old

    def gathered(self) -> Term:
        """How many minibatches' gradients have come together, with this one's."""
        return self.build(State(SCALAR, GATHERED)) + 1.0

    def due(self) -> Term:
        """Whether this minibatch ends its group, or its epoch: the last group takes what is left."""
        gathered, passed = self.gathered(), self.build(State(SCALAR, PASSED)) + 1.0
        last = passed - _setting(self.build, PASS, 2.0**53)
        due = self.build(Greater(), self.build(Maximum(), gathered - float(self.accumulate), last), self._number(-0.5))
        if GATHERED not in self.counted:
            zero = self._number(0.0)
            self.counted[GATHERED] = self.build(Where(), due, zero, gathered)
            self.counted[PASSED] = self.build(Where(), self.build(Greater(), last, self._number(-0.5)), zero, passed)
        return due

    def kept(self, new: Term, old: Term) -> Term:
        """What follows a value: the new one where an update is due, else the old one."""
        return new if self.accumulate == 1 else self.build(Where(), self.due(), new, old)

    def _number(self, value: float) -> Term:
        return self.build.constant(SCALAR, value)


def _factor(clock: _Clock, schedule: Schedule | None) -> Term | None:
    """What the learning rate is multiplied by, if anything. Each training begins its schedule anew."""
    if schedule is None or schedule.type.factor is None:
        return None
    build = clock.build
    with build.at(spans=(schedule.span,), layer="schedule"):
        total, epoch, before = (_setting(build, name, value) for name, value in zip(CLOCK, (1.0, 1.0, 0.0), strict=True))
        return schedule.type.factor(Progress(clock.past() - before, total, epoch), schedule.arguments)


def _clip(packed: Sequence[Term], limit: Term) -> list[Term]:
    """Each g · min(1, limit/(‖all‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_."""
    build, type = limit.build, packed[0].type
    total, *others = (build(Sum((0,)), build(Square(), g)) for g in packed)
    for other in others:
        total = total + other
    one = build.constant(type.of(()), 1.0)
    factor = build(Minimum(), one, limit / (build(Sqrt(), total) + 1e-6))
    return [g * factor for g in packed]


def parameters_of(graph: Graph) -> dict[str, Parameter]:
    """The parameters by name, in the order in which they were declared."""
    return {node.op.label: node.op for node in graph if isinstance(node.op, Parameter)}
