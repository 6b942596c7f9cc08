"""What the nests of a recurrence have in common: the order of its places, and what a state brings to the next.

A place's nest makes each gate's product with the state before it, vectors along the state's features and a block of samples
in registers, and all that follows from it at once. Threads share the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lampc.ir.expression import Expression
from lampc.ir.graph import Node, Value
from lampc.loops.language import Affine, Axis, Extent, Fold, Nest, Put, Reduced, Reduction, Scan, View, affine
from lampc.native.making import Making, at, extent, put
from lampc.ops.recurrent import Scan as ScanOp

Step = Callable[[Affine, Affine | None, Affine | None], Nest]
"""The nest for a place, from the one gone over before it and the one after it, if there are such."""


@dataclass(frozen=True)
class Course:
    """The places of a sequence in the order in which they are gone over."""

    length: int
    last_first: bool

    def place(self, number: Affine | int) -> Affine:
        """The place of a number in that order, from 0."""
        return affine(number) * -1 + (self.length - 1) if self.last_first else affine(number)

    def each(self, step: Step) -> Iterator[Nest | Scan]:
        """The first, those between, the last."""
        place, length = self.place, self.length
        yield step(place(0), None, place(1) if length > 1 else None)
        if length > 2:
            n = Axis("n", Extent(length - 2))
            yield Scan(n, (step(place(n + 1), place(n + 0), place(n + 2)),))
        if length > 1:
            yield step(place(length - 1), place(length - 2), None)


@dataclass(frozen=True)
class Recurrence:
    """A scan's op, or its gradient's, as a node; ``w`` is its matrix."""

    making: Making
    node: Node
    op: ScanOp
    w: Value
    b: Axis
    """Samples."""
    j: Axis
    """Features of a state."""

    def course(self, backwards: bool = False) -> Course:
        """The places in the scan's order, or, as its gradient meets them, in the opposite one."""
        length = self.making.graph.type(self.node.operands[0]).shape[1]
        assert isinstance(length, int)
        return Course(length, self.op.reverse != backwards)

    def kernel(self, step: Step, end: Sequence[Nest] = (), backwards: bool = False) -> None:
        """Go over all places, then do what is left."""
        self.making.loops(self.op.name, *self.course(backwards).each(step), *end, shared=self.b)

    def nest(self, stores: Sequence[Put], reductions: tuple[Reduction, ...] = ()) -> Nest:
        """Over samples and features."""
        return Nest("place", (self.b, self.j), tuple(stores), reductions)

    # Sequences of states and of gates ---------------------------------------------------------------------------------

    def gate(self, n: int) -> Affine:
        """A gate's feature, among those of all gates."""
        return self.j + n * self.j.extent.count

    def gates(self, value: Value, place: Affine) -> list[Expression]:
        """What a sequence of gates holds at a place."""
        return [self.making.read(value, (self.b, place, self.gate(n))) for n in range(self.op.gates)]

    def put_gates(self, sequence: View, place: Affine, parts: Sequence[Expression]) -> list[Put]:
        """Into a sequence of gates."""
        return [put(sequence, (self.b, place, self.gate(n)), part) for n, part in enumerate(parts)]

    def state(self, value: Value, place: Affine) -> Expression:
        """What a sequence of states holds at a place."""
        return self.making.read(value, (self.b, place, self.j))

    def put_state(self, sequence: View, place: Affine, state: Expression) -> Put:
        """Into a sequence of states."""
        return put(sequence, (self.b, place, self.j), state)

    def before(self, states: View, place: Affine | None, begin: Value | None, feature: Axis | None = None) -> Expression | None:
        """The state of the place before, or the one to begin with; None if there is none."""
        feature = feature or self.j
        if place is not None:
            return at(states, (self.b, place, feature))
        return None if begin is None else self.making.read(begin, (self.b, feature))

    def room(self, name: str) -> View:
        """Memory for a number of each sample and feature, carried from place to place."""
        type = self.making.graph.type(self.node.operands[0])
        return self.making.room(name, type.of((type.shape[0], self.j.extent.count)))

    # Products ---------------------------------------------------------------------------------------------------------

    def brought(self, states: View, place: Affine | None, begin: Value | None) -> tuple[Reduction, ...]:
        """What the state before brings to each gate, ``h·wᵀ``; nothing where there is none."""
        k = Axis("k", self.j.extent)
        state = self.before(states, place, begin, k)
        if state is None:
            return ()
        turned = self.making.view(self.w, (1, 0))
        return tuple(Reduction(f"gate{n}", Fold.SUM, (k,), state * at(turned, (self.gate(n), k))) for n in range(self.op.gates))

    def returned(self, dgates: View, place: Affine | None) -> tuple[Reduction, ...]:
        """What the gates' gradients at the place after bring to the state's, ``dgates·w``; nothing where there is none."""
        if place is None:
            return ()
        k = Axis("k", dgates.dims[2])
        product = at(dgates, (self.b, place, k)) * at(self.making.view(self.w, ()), (k, self.j))
        return (Reduction("returned", Fold.SUM, (k,), product),)


def recurrence(making: Making, node: Node, w: Value) -> Recurrence:
    """What a node and its matrix make of one."""
    assert isinstance(node.op, ScanOp)
    samples, size = making.graph.type(node.operands[0]).shape[0], making.graph.type(w).shape[1]
    assert isinstance(size, int)
    return Recurrence(making, node, node.op, w, Axis("b", extent(samples)), Axis("j", Extent(size)))


def plus(expressions: Sequence[Expression], reductions: Sequence[Reduction]) -> list[Expression]:
    """Expressions, with what reductions have found, one each, if there are any."""
    if not reductions:
        return [*expressions]
    return [each + Reduced(reduction.name) for each, reduction in zip(expressions, reductions, strict=True)]
