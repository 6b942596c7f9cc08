"""Gradients written by hand, compared with differences of what they are the gradient of, before they are used.

Each is tried alone, in float64, on a few random samples of the shapes that it has in the network. A point counts only where
differences over two distances agree, so that a kink or a number out of a function's domain is passed over.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lampc.diagnostics import LampError
from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.keys import Grad
from lampc.ir.leaves import Constant, Input, Parameter, State
from lampc.ir.op import ShapeError
from lampc.ir.types import Type
from lampc.layers.own_gradient import WithGradient
from lampc.ops.cast import Cast
from lampc.ops.pullback import pull_back
from lampc.ops.term import Build, Term
from lampc.passes.dce import remove_dead
from lampc.passes.guard import drop_guards
from lampc.passes.lower import lower
from lampc.runtime.executor import Executor, run
from lampc.runtime.random import Random
from lampc.runtime.storage import Storage

if TYPE_CHECKING:
    from lampc.compile import Program

SAMPLES = 3
"""A minibatch of them."""
POINTS = 3
"""How many are looked at of those that count."""
TRIES = 12
"""How many points are tried."""
STEP = 2e-5
"""How far apart numbers of size 1 are moved; then half as far."""
SMOOTH = 1e-3
"""How much differences over two distances may differ, of their size, where a function is smooth."""
CLOSE = 1e-5
"""How much a gradient may differ from them, of their size."""


def check_own_gradients(program: Program) -> None:
    """Compare each gradient of the program's that was written by hand.

    One that cannot be compared, because its function has no finite or no smooth value at any point that was tried, is
    warned of.

    Raises:
        LampError: if one is not the derivative (E408).
    """
    graph = program.elaborated.graph
    live = graph.live(graph.outputs.values())
    for node in graph:
        if isinstance(node.op, WithGradient) and node.op.check and node.id in live and not _compared(graph, node, node.op):
            warnings.warn(f"{node.op.of(node)} was not compared with differences: at {TRIES} random points its value is not "
                          f"finite, or not smooth; `check=False` says that this is known; {node.op.defined}",
                          RuntimeWarning, stacklevel=5)  # fmt: skip


def _compared(graph: Graph, node: Node, op: WithGradient) -> bool:
    """Whether there was anything to compare the gradient with.

    Raises:
        LampError: if it is wrong.
    """
    try:
        trial = _trial(graph, node)
        forgotten = [leaf.label for leaf in trial.leaves if isinstance(leaf, Parameter) and leaf.trainable]
        wrong = None if forgotten else _Function(trial).first_wrong()
    except (LampError, ShapeError, NoSlope, RuntimeError, IndexError):  # what does not take float64, or the numbers drawn
        return False
    if forgotten:
        raise op.wrong(node, f"{op.of(node)} says nothing of `{forgotten[0]}`, which its value is made of too",
                       "give it among the inputs; or `check=False`, if it is not to be trained by this")  # fmt: skip
    if wrong is not None:
        raise op.wrong(node, f"{op.of(node)} for `{op.argument(wrong.position)}` is wrong: along a random direction it is "
                       f"{wrong.given:.6g}, and differences of the values give {wrong.wanted:.6g}",
                       "mend it; or `with_gradient(…, check=False)`, if it is not meant to be the derivative")  # fmt: skip
    return True


class NoSlope(Exception):
    """At no point that was tried has a function a slope."""


@dataclass(frozen=True)
class Wrong:
    """A slope by the gradient and by differences; ``position``: with respect to which input."""

    position: int
    given: float
    wanted: float


@dataclass(frozen=True)
class _Trial:
    """A value as a function of what its gradient is written for, in float64.

    Outputs: ``prediction``, its cotangent ``dy``, and ``grad N``, of the input that stands at N.
    """

    graph: Graph
    inputs: tuple[Input, ...]
    """Of numbers, and not made of one another."""
    positions: tuple[int, ...]
    """Where each stands among the gradient's inputs."""
    leaves: tuple[object, ...]
    """What else the value is made of."""


def _trial(graph: Graph, node: Node) -> _Trial:
    value, given = node.operands[0], node.operands[1:]
    apart = [index for index, one in enumerate(given)
             if one not in given[:index] and not _above(graph, one, {*given} - {one}) & ({*given} - {one})]  # fmt: skip
    cut = {given[index]: index for index in apart}
    needed = sorted({node.id}.union(above.node for one in (value, *given) for above in _above(graph, one, cut)))
    new = Graph()
    build = Build(new)
    moved: dict[Value, Term] = {}
    inputs: dict[int, Input] = {}
    leaves: list[object] = []
    for one in (graph[id] for id in needed):
        with build.at(spans=one.spans, layer=one.layer):
            for result, type in enumerate(one.types):
                if Value(one.id, result) in cut:
                    leaf = Input(_double(type), f"input {one.id}.{result}", _below(one))
                    inputs[cut[Value(one.id, result)]] = leaf
                    moved[Value(one.id, result)] = build(leaf)
            if all(Value(one.id, result) in moved for result in range(len(one.types))):
                continue
            made = one.op
            if isinstance(made, Parameter | Input):
                leaves.append(made)
                made = Input(_double(made.type), f"leaf {one.id}", _below(one))
            elif isinstance(made, State | Constant):
                made = replace(made, type=_double(made.type))
            elif isinstance(made, Cast):
                made = Cast("f64")
            for result, term in enumerate(build.results(made, *(moved[operand] for operand in one.operands))):
                moved.setdefault(Value(one.id, result), term)
    out = moved[Value(node.id)]
    numbers = [index for index in apart if inputs[index].type.dtype == "f64"]
    with build.at(stage=Stage.BACKWARD, layer=node.layer, spans=node.spans):
        dy = build(Input(out.type, "dy"))
        found = {out.value: dy}
        active = {term.value.node for term in moved.values()}
        pull_back(build, list(new), active, found)
        ends = {index: found.get(moved[given[index]].value) for index in numbers}
        new.outputs = {Grad(str(n)): (end or build.constant(inputs[n].type, 0.0)).value for n, end in ends.items()}
    new.outputs |= {"prediction": out.value, "dy": dy.value}
    return _Trial(remove_dead(drop_guards(new)), tuple(inputs[n] for n in numbers), tuple(numbers), tuple(leaves))


def _above(graph: Graph, value: Value, ends: Collection[Value]) -> set[Value]:
    """The values that a value is made of, itself included, up to some others."""
    seen: set[Value] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(() if one in ends else graph[one.node].operands)
    return seen


def _double(type: Type) -> Type:
    return type if type.dtype in ("i64", "bool") else Type("f64", type.shape)


def _below(node: Node) -> int:
    return node.op.below if isinstance(node.op, Input) else 0


class _Function:
    """A trial bound to a small minibatch: its values and gradients at points that are drawn."""

    def __init__(self, trial: _Trial) -> None:
        routine = lower(trial.graph)
        cpu = torch.device("cpu")
        storage = Storage({}, routine, "f64", cpu)
        self._executor = Executor(routine, SAMPLES, storage, Random(0, cpu), reuse=False)
        self._below = {slot.leaf.label: slot.leaf.below for slot in routine.leaves() if isinstance(slot.leaf, Input)}
        self._labels = [leaf.label for leaf in trial.inputs]
        self._positions = trial.positions
        self._generator = torch.Generator().manual_seed(0)

    def first_wrong(self) -> Wrong | None:
        """The first input for which the gradient is not the slope.

        Raises:
            NoSlope: if there is none to compare it with.
        """
        waiting = set(range(len(self._labels)))
        for tried in range(TRIES):
            self._move(tried)
            for index in range(len(self._labels)):
                compared = self._compare(index)
                if compared is None:
                    continue
                given, wanted = compared
                if given != wanted:
                    return Wrong(self._positions[index], given, wanted)
                waiting.discard(index)
            if tried + 1 >= POINTS and not waiting:
                return None
        raise NoSlope

    def _move(self, number: int) -> None:
        """To another point: normal numbers, numbers above 0, small ones, in turn."""
        for label, tensor in self._executor.inputs.items():
            if not tensor.is_floating_point():
                tensor.copy_(torch.randint(0, self._below[label] or 2, tensor.shape, generator=self._generator))
            elif label == "dy" or number % 3 == 0:
                tensor.normal_(generator=self._generator)
            elif number % 3 == 1:
                tensor.uniform_(0.1, 1.1, generator=self._generator)
            else:
                tensor.normal_(0.0, 0.1, generator=self._generator)

    def _compare(self, index: int) -> tuple[float, float] | None:
        """The slope along a random direction by gradient and by differences, equal if they agree; None where none counts."""
        x = self._executor.inputs.get(self._labels[index])
        if x is None:  # nothing is made of it
            return None if self._gradient(index).any() else (0.0, 0.0)
        direction = torch.randn(x.shape, generator=self._generator, dtype=x.dtype)
        run(self._executor.step)
        given = float((self._gradient(index) * direction).sum())
        size = self._size()
        wide, narrow = (self._slope(x, direction, step) for step in (STEP, STEP / 2))
        rounding = 1e-14 * size / STEP
        scale = abs(wide) + abs(narrow)
        apart = abs(wide - narrow)
        if not apart <= SMOOTH * scale + rounding:  # NaN too
            return None
        off = abs(given - narrow)
        return (narrow, narrow) if off <= CLOSE * (scale + abs(given)) + 10 * apart + rounding else (given, narrow)

    def _gradient(self, index: int) -> Tensor:
        return self._executor.outputs[Grad(str(self._positions[index]))]

    def _slope(self, x: Tensor, direction: Tensor, step: float) -> float:
        before = x.clone()
        values = [self._value(x.copy_(before + sign * step * direction)) for sign in (1, -1)]
        x.copy_(before)
        return (values[0] - values[1]) / (2 * step)

    def _value(self, moved: object = None) -> float:
        run(self._executor.forward)
        return float((self._executor.outputs["prediction"] * self._executor.inputs["dy"]).sum())

    def _size(self) -> float:
        return float((self._executor.outputs["prediction"] * self._executor.inputs["dy"]).abs().sum())
