"""The optimiser's step, as ops in the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lampc.elaborate.experiment import Optimizer, Schedule
from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import SCALAR, Parameter, Parameters, Setting, State
from lampc.layers.optimizers import Step
from lampc.layers.schedules import CLOCK, Progress
from lampc.ops.arithmetic import Minimum, Sqrt, Square
from lampc.ops.reduction import Sum
from lampc.ops.shape import Pack
from lampc.ops.term import Build, Term


@dataclass(frozen=True)
class Group:
    """Parameters that are updated alike: with a learning rate of their own, or the optimiser's, and decayed or not."""

    lr: float | None
    decays: bool
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tells it from the others in a listing."""
        lr = () if self.lr is None else (f"lr={self.lr!r}",)
        return " ".join(lr if self.decays else (*lr, "undecayed"))


def groups_of(parameters: Sequence[Parameter], arguments: Mapping[str, Any]) -> list[Group]:
    """Which parameters are updated together, in the order in which each group's first was declared.

    Weight decay is for weights, of two axes or more: a bias or a scale pulled towards 0 only fits worse.
    """
    found: dict[tuple[float | None, bool], list[str]] = {}
    for parameter in parameters:
        decays = not arguments.get("weight_decay") or arguments["decay_all"] or parameter.type.rank > 1
        found.setdefault((parameter.lr, decays), []).append(parameter.label)
    return [Group(*key, tuple(labels)) for key, labels in found.items()]


def optimise(graph: Graph, optimizer: Optimizer, schedule: Schedule | None = None) -> Graph:
    """Append the update of every parameter that has a gradient, a group at once: they lie end to end.

    Before: outputs ``grad NAME``. After: outputs ``next parameters`` and ``next STATE``, to be written over those; where
    there are several groups, ``next parameters:GROUP`` and ``next STATE:GROUP`` for each but the plain one.
    """
    gradients = {name.removeprefix("grad "): value for name, value in graph.outputs.items() if name.startswith("grad ")}
    if not gradients:
        return graph
    out = graph.copy()
    build = Build(out)
    arguments = dict(optimizer.arguments)
    spans = () if optimizer.span is None else (optimizer.span,)
    parameters = parameters_of(graph)
    groups = groups_of([parameters[label] for label in gradients], arguments)
    with build.at(spans=spans, stage=Stage.UPDATE, layer="optimizer"):
        packed = [build(Pack(group.labels), *(build.term(gradients[label]) for label in group.labels)) for group in groups]
        clock = _Clock(build)
        settings = {name: _setting(build, name, value) for name, value in arguments.items() if isinstance(value, float)}
        factor = _factor(clock, schedule)
        if arguments.get("clip"):
            packed = _clip(packed, settings["clip"])
        for group, g in zip(groups, packed, strict=True):
            end = f":{group.name}" if group.name and len(groups) > 1 else ""
            p = build(Parameters(g.type, group.labels, f"parameters{end}"))
            own = settings if group.lr is None else {**settings, "lr": _setting(build, f"lr={group.lr!r}", group.lr)}
            if factor is not None:
                own = {**own, "lr": own["lr"] * factor}
            chosen = arguments if group.decays else {**arguments, "weight_decay": 0.0}

            def state(name: str, value: float = 0.0, p: Term = p, group: Group = group, end: str = end) -> Term:
                return build(State(p.type, f"{name}{end}", value, group.labels))

            following, states = optimizer.type.update(Step(p, g, state, own, clock.t, chosen))
            out.outputs[f"next parameters{end}"] = following.value
            out.outputs.update({f"next {name}{end}": term.value for name, term in states.items()})
        if clock.step is not None:
            out.outputs["next t"] = clock.step.value
    return out


def _setting(build: Build, name: str, value: float) -> Term:
    return build(Setting(SCALAR, name, value))


class _Clock:
    """Counts steps, if somebody asks."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.step: Term | None = None

    def t(self) -> Term:
        """The number of this step, from 1."""
        if self.step is None:
            self.step = self.past() + 1.0
        return self.step

    def past(self) -> Term:
        """The number of steps before this one."""
        return self.build(State(SCALAR, "t"))


def _factor(clock: _Clock, schedule: Schedule | None) -> Term | None:
    """What the learning rate is multiplied by, if anything.

    Each training begins its schedule anew: earlier steps do not count.
    """
    if schedule is None or schedule.type.factor is None:
        return None
    build = clock.build
    with build.at(spans=(schedule.span,), layer="schedule"):
        total, epoch, before = (_setting(build, name, value) for name, value in zip(CLOCK, (1.0, 1.0, 0.0), strict=True))
        clock.t()  # so that it is counted
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
