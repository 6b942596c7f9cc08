"""From the leaves of a graph to every value, and back along its gradients."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lampc.advice.signal.formulas import Formula
from lampc.advice.signal.patch import Array, Draw, Patch, bounded, size_along
from lampc.advice.signal.recurrences import GATES
from lampc.advice.signal.site import RULES, Site
from lampc.ir.expression import Expression, Load, Pattern
from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.leaves import Constant, Initialiser, Input, Parameter, Setting, State
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.layers.initialisers import INITIALISERS
from lampc.ops.activations import Hardtanh, Relu, Sigmoid, Tanh
from lampc.ops.channels import BatchNorm, GroupNorm
from lampc.ops.normalise import LayerNorm, RmsNorm
from lampc.ops.pullback import pull_back
from lampc.ops.term import Build, Term

_NORMS = (BatchNorm, GroupNorm, LayerNorm, RmsNorm)
"""Ops after which a value is known, whatever it was."""
FLAT = 0.05
"""The slope below which a unit that saturates hardly learns."""


@dataclass(frozen=True)
class Begin:
    """What an input's numbers are like."""

    mean: float = 0.0
    rms: float = 1.0
    common: float = 0.0
    """The root mean square of each feature's mean over samples."""


@dataclass
class Signal:
    """What was found of a graph's values; those that are missing are not known."""

    graph: Graph
    """As it was followed, with its gradients."""
    rms: dict[Value, float] = field(default_factory=dict)
    mean: dict[Value, float] = field(default_factory=dict)
    flat: dict[int, float] = field(default_factory=dict)
    """By node, the share of its numbers where it is flat: at an end of its range, or 0."""
    cotangents: dict[Value, Value] = field(default_factory=dict)
    """The gradient of each value that has one."""

    @property
    def gradients(self) -> dict[Value, float]:
        """The root mean square of the gradients of one sample's loss."""
        return {value: self.rms[gradient] for value, gradient in self.cotangents.items() if gradient in self.rms}

    @property
    def loss(self) -> float | None:
        """The loss that training begins with."""
        return self.mean.get(self.graph.outputs["loss"]) if "loss" in self.graph.outputs else None


def follow(graph: Graph, given: Mapping[str, Begin], backward: bool = True,
           instead: Mapping[str, Initialiser] | None = None) -> Signal:  # fmt: skip
    """Follow the numbers of a forward graph, and with ``backward`` the gradients of its loss.

    ``given``: what the inputs are like, by label; ``instead``: how some parameters begin, by label, where that is not as they
    say. Before: initialisers have their gains.

    Raises:
        LampError: if the loss depends on a parameter through an op that has no gradient (E811).
    """
    whole, cotangents = _with_gradients(graph) if backward and "loss" in graph.outputs else (graph, {})
    leaves = _Leaves(Draw(), given, instead or {})
    signal = Signal(whole, cotangents={value: term.value for value, term in cotangents.items()})
    patches, last = dict[Value, Patch](), _last_uses(whole)
    with np.errstate(all="ignore"):
        for node in whole:
            for index, patch in enumerate(_checked(node, _attempted(node, whole, patches, leaves), leaves.draw)):
                value, patch = Value(node.id, index), Patch(bounded(patch.numbers), patch.axis)
                patches[value] = patch
                signal.rms[value], signal.mean[value] = patch.rms, float(patch.numbers.mean())
                if index == 0 and node.stage is Stage.FORWARD:
                    _note_flat(signal, node, patch.numbers)
            for value in last.get(node.id, ()):
                patches.pop(value, None)
    return signal


def _with_gradients(graph: Graph) -> tuple[Graph, dict[Value, Term]]:
    """The graph with the gradients of its loss, and which value's each is."""
    out, loss = graph.copy(), graph.outputs["loss"]
    build, active = Build(out), set[int]()
    for node in graph:
        if isinstance(node.op, Parameter) or any(operand.node in active for operand in node.operands):
            active.add(node.id)
    cotangents: dict[Value, Term] = {}
    with build.at(spans=graph[loss.node].spans, stage=Stage.BACKWARD, layer="loss"):
        cotangents[loss] = build.constant(graph.type(loss), 1.0)
    pull_back(build, graph, active & graph.live([loss]), cotangents)
    return out, cotangents


def _last_uses(graph: Graph) -> dict[int, list[Value]]:
    """The values that nothing needs after a node."""
    last = {operand: node.id for node in graph for operand in node.operands}
    found: dict[int, list[Value]] = {}
    for value, node in last.items():
        found.setdefault(node, []).append(value)
    return found


VERIFY = os.environ.get("LAMPC_VERIFY", "") not in ("", "0")
"""Whether a rule that fails is a fault; else what it should have made is not known, as nothing depends on that."""


def _attempted(node: Node, graph: Graph, patches: Mapping[Value, Patch], leaves: _Leaves) -> tuple[Patch, ...]:
    try:
        return _results(node, graph, patches, leaves)
    except (ValueError, IndexError, ArithmeticError):
        if VERIFY:
            raise
        return ()


def _checked(node: Node, made: tuple[Patch, ...], draw: Draw) -> tuple[Patch, ...]:
    """Patches as they should be: with the columns that a value shows along its axis."""
    if VERIFY:
        for patch, type in zip(made, node.types, strict=False):
            shown = {1} if patch.axis is None else {1, draw.wide(size_along(type, patch.axis))}
            assert patch.axis == GATES or patch.numbers.shape[1] in shown, (node.op, type, patch.axis, patch.numbers.shape)
    return made


def _results(node: Node, graph: Graph, patches: Mapping[Value, Patch], leaves: _Leaves) -> tuple[Patch, ...]:
    """Patches of a node's results; none where they are not known."""
    draw = leaves.draw
    types = tuple(graph.type(operand) for operand in node.operands)
    known = [patches.get(operand) for operand in node.operands]
    if not node.operands:
        leaf = leaves.patch(node.op)
        if leaf is not None:
            return (leaf,)
    if any(patch is None for patch in known):
        if not isinstance(node.op, _NORMS):
            return ()
        known = [Patch(draw.normal(draw.wide(size_along(type, -1))), -1) if patch is None else patch
                 for patch, type in zip(known, types, strict=True)]  # fmt: skip
    site = Site(node, types, tuple(patch for patch in known if patch is not None), draw)
    if type(node.op) in RULES:
        return RULES[type(node.op)](site)
    return _formula(site) if _says_all(node.op) else ()


def _says_all(op: Op) -> bool:
    return type(op).expression is not Op.expression or type(op).expressions is not Op.expressions


def _formula(site: Site) -> tuple[Patch, ...]:
    """What the op's expressions give; rows that they sum over are a sample's own."""
    full = max((*site.types, *site.node.types), key=lambda type: type.rank)
    widest = [patch for patch, type in zip(site.given, site.types, strict=True) if type.rank == full.rank]
    across = type(site.op).expressions is not Op.expressions and full.rank > 1
    axis = next((patch.axis for patch in (*widest, *site.given) if patch.axis is not None), None)
    axis = -1 if _by_rows(site.op) or (across and axis is None) else axis
    leaves: dict[Expression, Array] = {}
    for index, (patch, type_) in enumerate(zip(site.given, site.types, strict=True)):
        x = patch.numbers
        if axis is not None and patch.axis not in (None, axis) and x.size > 1:
            x = site.draw.shuffled(x, site.draw.wide(size_along(full, axis)))
        elif axis is not None and _by_rows(site.op) and type_ == full and x.shape[1] == 1:
            x = site.draw.along(patch, axis, size_along(full, axis))
        leaves[Load(index, Pattern.EACH)] = x
    formula = Formula(leaves, size_along(full, axis) if axis is not None else 1, site.draw)
    made = []
    for expression, result in zip(site.op.expressions(*leaves), site.node.types, strict=True):
        x = np.asarray(formula.value(expression), dtype=np.float64)
        if full.batched and not result.batched and result.rank:
            x = x * math.sqrt(max(1, full.elements(1) // result.elements(1)))
        narrow = 0 < result.rank == full.rank and result.shape[-1] == 1 and full.shape[-1] != 1
        made.append(Patch(x[:, :1]) if narrow else Patch(x, axis if x.shape[1] > 1 or axis is not None else None))
    return tuple(made)


def _by_rows(op: Op) -> bool:
    """Whether an op goes over the last axis."""
    from lampc.ops.normalise import LastAxis

    return isinstance(op, LastAxis | LayerNorm | RmsNorm) or op.name in ("layernorm_grad", "rmsnorm_grad")


@dataclass(frozen=True)
class _Leaves:
    """What a graph begins with."""

    draw: Draw
    given: Mapping[str, Begin]
    instead: Mapping[str, Initialiser]

    def patch(self, op: Op) -> Patch | None:
        """Numbers of a leaf; None for another op."""
        if isinstance(op, Parameter):
            return self._parameter(op)
        if isinstance(op, Input):
            return _input(op.type, self.given.get(op.label, Begin()), self.draw)
        if isinstance(op, State | Setting):
            return Patch(np.full((1, 1), op.value))
        return Patch(np.full((1, 1), op.value.at(1))) if isinstance(op, Constant) else None

    def _parameter(self, parameter: Parameter) -> Patch:
        shape, init = parameter.type.sample, self.instead.get(parameter.label, parameter.initialiser)
        kind = INITIALISERS[init.kind]
        if not shape:
            return Patch(np.full((1, 1), kind.mean((1,), init)))
        mean, deviation = kind.mean(shape, init), kind.deviation(shape, init)
        numbers = self.draw.normal(self.draw.wide(shape[-1]))
        if len(shape) == 1:
            numbers = numbers[:1] / math.sqrt(max(float(np.square(numbers[:1]).mean()), 1e-30))
        return Patch(mean + deviation * numbers, -1)


def _input(type: Type, begin: Begin, draw: Draw) -> Patch:
    """Numbers about the means of their features; labels and names are numbers from 0 to 1."""
    if type.dtype == "i64" or type.rank < 2:
        return Patch(draw.random.random((draw.rows, 1)))
    columns = draw.wide(size_along(type, -1))
    own = math.sqrt(max(0.0, begin.rms**2 - begin.common**2))
    spread = math.sqrt(max(0.0, begin.common**2 - begin.mean**2))
    features = draw.random.standard_normal((1, columns)) if spread else np.zeros((1, 1))
    numbers = begin.mean + spread * features + own * draw.normal(columns)
    rms = float(np.sqrt(np.square(numbers).mean()))
    return Patch(numbers * (begin.rms / rms) if rms else numbers, -1)


def _note_flat(signal: Signal, node: Node, y: Array) -> None:
    op = node.op
    if isinstance(op, Tanh | Sigmoid):
        slope = 1 - np.square(y) if isinstance(op, Tanh) else y * (1 - y)
        signal.flat[node.id] = float((slope < FLAT).mean())
    elif isinstance(op, Hardtanh):
        signal.flat[node.id] = float(((y <= op.low) | (y >= op.high)).mean())
    elif isinstance(op, Relu):
        signal.flat[node.id] = float((y == 0).mean())
