"""Building graphs: terms are values that know their graph, so that rules read like the formulas they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lampc.ir.budget import Budget
from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.keys import Next
from lampc.ir.leaves import Constant, Parameters, State
from lampc.ir.op import Op, ShapeError
from lampc.ir.types import ONE, Coefficient, Type
from lampc.source import Span


@dataclass(frozen=True)
class Context:
    """What a new node inherits from where it is built."""

    spans: tuple[Span, ...] = ()
    stage: Stage = Stage.FORWARD
    layer: str = ""
    note: str = ""


class Build:
    """Appends typed nodes to a graph, within a budget if it is given one."""

    def __init__(self, graph: Graph, budget: Budget | None = None) -> None:
        self.graph = graph
        self.budget = budget
        self.context = Context()

    @contextmanager
    def at(
        self,
        *,
        spans: tuple[Span, ...] | None = None,
        stage: Stage | None = None,
        layer: str | None = None,
        note: str | None = None,
    ) -> Iterator[None]:
        """Give the nodes that are built inside these places, this stage, this layer."""
        before = self.context
        self.context = Context(
            before.spans if spans is None else spans,
            before.stage if stage is None else stage,
            before.layer if layer is None else layer,
            before.note if note is None else note,
        )
        try:
            yield
        finally:
            self.context = before

    def replace(self, old: Term, new: Term) -> None:
        """Let a leaf, parameters or a state, be replaced when a step ends."""
        leaf = old.node.op
        assert isinstance(leaf, State | Parameters)
        self.graph.outputs[Next(leaf)] = new.value

    def results(self, op: Op, *operands: Term) -> tuple[Term, ...]:
        """Apply an op; all its results.

        Raises:
            ShapeError: if the operands do not fit, or are of another graph.
            TooLarge: if the budget is spent.
        """
        for index, operand in enumerate(operands):
            if operand.build is not self:
                raise ShapeError("takes a tensor that was made elsewhere: one of a layer's, in a gradient", index,
                                 fix="give it among the inputs")  # fmt: skip
        types = op.infer(*(operand.type for operand in operands))
        context = self.context
        if self.budget is not None:
            self.budget.operation(context.spans[0] if context.spans else None)
        node = self.graph.add(
            op,
            [operand.value for operand in operands],
            types,
            context.spans,
            context.stage,
            context.layer,
            context.note,
        )
        return tuple(Term(self, Value(node.id, index)) for index in range(len(types)))

    def __call__(self, op: Op, *operands: Term) -> Term:
        """Apply an op; its first result."""
        return self.results(op, *operands)[0]

    def term(self, value: Value) -> Term:
        """A value of the graph as a term."""
        return Term(self, value)

    def constant(self, type: Type, value: float | Coefficient) -> Term:
        """A tensor of one number."""
        return self(Constant(type, value if isinstance(value, Coefficient) else Coefficient(value)))


@dataclass(frozen=True)
class Term:
    """A value in the graph that is being built. Arithmetic on it appends nodes; plain numbers stay numbers."""

    build: Build
    value: Value

    @property
    def type(self) -> Type:
        """Its type."""
        return self.build.graph.type(self.value)

    @property
    def node(self) -> Node:
        """The node that makes it."""
        return self.build.graph[self.value.node]

    def __add__(self, other: Term | float) -> Term:
        from lampc.ops.arithmetic import Add

        return self.build(Add(), self, self._lift(other))

    def __radd__(self, other: float) -> Term:
        return self + other

    def __sub__(self, other: Term | float) -> Term:
        from lampc.ops.arithmetic import Sub

        return self.build(Sub(), self, self._lift(other))

    def __rsub__(self, other: float) -> Term:
        from lampc.ops.arithmetic import Sub

        return self.build(Sub(), self._lift(other), self)

    def __mul__(self, other: Term | float | Coefficient) -> Term:
        from lampc.ops.arithmetic import Mul, Scale

        if isinstance(other, Term):
            return self.build(Mul(), self, other)
        coefficient = other if isinstance(other, Coefficient) else Coefficient(float(other))
        return self if coefficient == ONE else self.build(Scale(coefficient), self)

    def __rmul__(self, other: float) -> Term:
        return self * other

    def __truediv__(self, other: Term | float) -> Term:
        from lampc.ops.arithmetic import Div, Scale

        if isinstance(other, Term):
            return self.build(Div(), self, other)
        return self.build(Scale(Coefficient(1.0 / other)), self)

    def __rtruediv__(self, other: float) -> Term:
        from lampc.ops.arithmetic import Div

        return self.build(Div(), self._lift(other), self)

    def __neg__(self) -> Term:
        return self * -1.0

    def _lift(self, other: Term | float) -> Term:
        return other if isinstance(other, Term) else self.build.constant(self.type.of(()), float(other))


@dataclass(frozen=True)
class TermNode:
    """A node whose gradient is being built, its operands and results as terms of the new graph."""

    build: Build
    node: Node
    operands: tuple[Term, ...]
    results: tuple[Term, ...]

    @property
    def out(self) -> Term:
        """The first result."""
        return self.results[0]

    def with_op(self, op: Op) -> TermNode:
        """The same operands and results under another op."""
        return replace(self, node=replace(self.node, op=op))


Gradients = Sequence[Term | None]
"""One cotangent, or None, an operand."""
