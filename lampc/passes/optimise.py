"""The optimiser's step, as ops in the same graph."""

from __future__ import annotations

from typing import Any

from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import SCALAR, Parameter, Parameters, Setting, State
from lampc.ir.types import Type
from lampc.layers.optimizers import OptimizerType, Step
from lampc.ops.arithmetic import Minimum, Sqrt, Square
from lampc.ops.reduction import Sum
from lampc.ops.shape import Pack
from lampc.ops.term import Build, Term
from lampc.source import Span


def optimise(graph: Graph, optimizer: OptimizerType, arguments: dict[str, Any], span: Span | None) -> Graph:
    """Append the update of every parameter that has a gradient, all in one: parameters and gradients lie end to end.

    Before: outputs ``grad NAME``. After: outputs ``next parameters`` and ``next STATE``, to be written over those.
    """
    gradients = {name.removeprefix("grad "): value for name, value in graph.outputs.items() if name.startswith("grad ")}
    if not gradients:
        return graph
    out = graph.copy()
    build = Build(out)
    spans = () if span is None else (span,)
    with build.at(spans=spans, stage=Stage.UPDATE, layer="optimizer"):
        g = build(Pack(), *map(build.term, gradients.values()))
        p = build(Parameters(g.type, tuple(gradients)))
        rule = _Rule(build, g.type)
        if arguments.get("clip"):
            g = _clip(g, rule.setting("clip", arguments["clip"]))
        settings = {name: rule.setting(name, value) for name, value in arguments.items() if isinstance(value, float)}
        following, states = optimizer.update(Step(p, g, rule.state, settings, rule.t, arguments))
        out.outputs["next parameters"] = following.value
        if rule.step is not None:
            states = {**states, "t": rule.step}
        out.outputs.update({f"next {name}": term.value for name, term in states.items()})
    return out


class _Rule:
    """The leaves that an update rule asks for."""

    def __init__(self, build: Build, type: Type) -> None:
        self.build = build
        self.type = type
        self.step: Term | None = None

    def setting(self, name: str, value: float) -> Term:
        return self.build(Setting(SCALAR, name, value))

    def state(self, name: str, value: float = 0.0) -> Term:
        return self.build(State(self.type, name, value))

    def t(self) -> Term:
        """The number of this step, from 1."""
        if self.step is None:
            self.step = self.build(State(SCALAR, "t")) + 1.0
        return self.step


def _clip(g: Term, limit: Term) -> Term:
    """G · min(1, limit/(‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_."""
    build = g.build
    norm = build(Sqrt(), build(Sum((0,)), build(Square(), g)))
    one = build.constant(g.type.of(()), 1.0)
    return g * build(Minimum(), one, limit / (norm + 1e-6))


def parameters_of(graph: Graph) -> dict[str, Parameter]:
    """The parameters by name, in the order in which they were declared."""
    return {node.op.label: node.op for node in graph if isinstance(node.op, Parameter)}
