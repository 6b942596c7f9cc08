"""Attention, a group of heads of a sample at a time, in rooms of each thread's own.

Scores, and whatever is made of them, lie key by key, vectors along the queries: so softmax goes down columns, and no number
of a vector waits for another of the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lampc.ir.expression import Expression, call
from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.ir.types import DType
from lampc.loops.language import Affine, At, Axis, Extent, Fold, Nest, Place, Put, Reduced, Reduction, View
from lampc.native.making import Making, at, extent, put
from lampc.ops.attend import Attend, AttendGrad
from lampc.ops.attention import Attention, AttentionGrad

PIECES = 4
"""Where places do not see later ones, a sequence goes in at most so many pieces, each of which leaves out what lies behind."""
SHORTEST = 16
"""Places of a piece."""


@dataclass(frozen=True)
class Heads:
    """The axes of attention: samples, keys' heads, the queries' heads of each, and the numbers of a head."""

    b: Axis
    g: Axis
    h: Axis
    d: Axis
    queries: int
    keys: int
    causal: bool
    """Whether a place sees no later one."""

    @property
    def head(self) -> Affine:
        """The query's head."""
        return self.g * self.h.extent.count + self.h

    @property
    def scale(self) -> float:
        """What scores are multiplied by."""
        return 1.0 / math.sqrt(self.d.extent.count)

    def pieces(self) -> Iterator[tuple[Stretch, Stretch]]:
        """Places that ask, and the first keys, which they see."""
        for start, stop in self._cuts():
            yield Stretch("t", start, stop), Stretch("s", 0, stop if self.causal else self.keys)

    def seen(self) -> Iterator[tuple[Stretch, Stretch]]:
        """Keys, and the places that see them."""
        for start, stop in self._cuts():
            keys = Stretch("s", start, stop) if self.causal else Stretch("s", 0, self.keys)
            yield keys, Stretch("t", start, self.queries)

    def _cuts(self) -> Iterator[tuple[int, int]]:
        size = self.queries
        if self.causal and size >= 2 * SHORTEST:
            size = -(-size // (min(PIECES, size // SHORTEST) * SHORTEST)) * SHORTEST
        for start in range(0, self.queries, size):
            yield start, min(self.queries, start + size)


@dataclass(frozen=True)
class Stretch:
    """Places from one up to another."""

    name: str
    start: int
    stop: int

    @property
    def axis(self) -> Axis:
        """An axis that counts them from 0."""
        return Axis(self.name, Extent(self.stop - self.start))

    @property
    def place(self) -> Affine:
        """Where they lie."""
        return self.axis + self.start


@dataclass(frozen=True)
class Rows:
    """Heads side by side, ``[samples, places, heads·D]``."""

    view: View
    heads: Heads
    head: Affine
    """Which of them."""

    def index(self, place: Affine) -> tuple[Affine, ...]:
        """A number of the head."""
        d = self.heads.d
        return (self.heads.b + 0, place, self.head * d.extent.count + d)

    def at(self, place: Affine) -> At:
        """The same, read."""
        return at(self.view, self.index(place))

    def put(self, place: Affine, expression: Expression) -> Put:
        """The same, written."""
        return put(self.view, self.index(place), expression)


class _Kernel:
    """The nests of one attention, and the rooms in which they work."""

    def __init__(self, making: Making, heads: Heads, dtype: DType) -> None:
        self.making, self.heads, self.dtype = making, heads, dtype
        self.nests: list[Nest] = []

    def room(self, name: str, *axes: int) -> View:
        """A number for each head of a query, and for further axes."""
        return self.making.private(name, self.dtype, (self.heads.h.extent.count, *axes))

    def nest(self, name: str, axes: tuple[Axis, ...], *stores: Put, reductions: tuple[Reduction, ...] = ()) -> None:
        """One thing more to be done."""
        self.nests.append(Nest(name, axes, stores, reductions))

    def done(self, name: str) -> None:
        """Have it done for each sample and key's head."""
        self.making.loops(name, *self.nests, axes=(self.heads.b, self.heads.g))

    # Steps ----------------------------------------------------------------------------------------------------------

    def turned(self, name: str, rows: Rows) -> View:
        """Queries side by side for each number of a head."""
        h, d, t = self.heads.h, self.heads.d, Stretch("t", 0, self.heads.queries)
        view = self.room(name, d.extent.count, t.stop)
        self.nest("turn", (h, d, t.axis), put(view, (h, d, t.place), rows.at(t.place)))
        return view

    def products(self, keys: Rows, turned: View, room: View, t: Stretch, s: Stretch,
                 made: Callable[[Expression], Expression]) -> None:  # fmt: skip
        """What is made of the product of each key and each query."""
        h, d = self.heads.h, self.heads.d
        product = Reduction("product", Fold.SUM, (d,), keys.at(s.place) * at(turned, (h, d, t.place)))
        stored = put(room, (h, s.place, t.place), made(Reduced("product")))
        self.nest("products", (h, s.axis, t.axis), stored, reductions=(product,))

    def fold(self, fold: Reduction, t: Stretch, made: Expression) -> Expression:
        """For each query what is ``made`` of a fold."""
        view, h = self.room(fold.name, self.heads.queries), self.heads.h
        self.nest(fold.name, (h, t.axis), put(view, (h, t.place), made), reductions=(fold,))
        return at(view, (h, t.place))

    def each(self, name: str, room: View, t: Stretch, s: Stretch, expression: Expression) -> None:
        """A number for each key and each query."""
        h = self.heads.h
        self.nest(name, (h, s.axis, t.axis), put(room, (h, s.place, t.place), expression))

    def taken(self, rows: Rows, into: Rows, t: Stretch, s: Stretch, share: Expression, made: Expression) -> None:
        """For each query what is ``made`` of `Reduced("taken")`, keys' rows added up, of each its share."""
        h, d = self.heads.h, self.heads.d
        total = Reduction("taken", Fold.SUM, (s.axis,), share * rows.at(s.place))
        self.nest("taken", (h, t.axis, d), into.put(t.place, made), reductions=(total,))

    def given(self, rows: Rows, into: Rows, t: Stretch, s: Stretch, share: Expression) -> None:
        """For each key queries' rows added up, of each its share."""
        h, d = self.heads.h, self.heads.d
        total = Reduction("given", Fold.SUM, (h, t.axis), share * rows.at(t.place))
        self.nest("given", (s.axis, d), into.put(s.place, Reduced("given")), reductions=(total,))

    # The two ways ---------------------------------------------------------------------------------------------------

    def softmax(self, scores: View, t: Stretch, s: Stretch) -> tuple[Expression, Expression]:
        """Scores become exponentials of their distance to the greatest; that, and their sums."""
        h = self.heads.h
        score = at(scores, (h, s.place, t.place))
        least = call("max", Reduced("greatest"), -1e30)  # a place that sees nothing has none: its exponentials are 0
        greatest = self.fold(Reduction("greatest", Fold.MAX, (s.axis,), score), t, least)
        self.each("exponentials", scores, t, s, call("exp", score - greatest))
        return greatest, self.fold(Reduction("sum", Fold.SUM, (s.axis,), score), t, Reduced("sum"))

    def back(self, sides: tuple[Rows, Rows, Rows, Rows], into: tuple[Rows, Rows, Rows],
             weight: Callable[[Affine, Affine], Expression], out: Rows | None = None) -> None:  # fmt: skip
        """The gradients of queries, keys and values: from these, from the result's gradient, and the weights by s and t.

        ``out``: the result, if it is at hand.
        """
        (q, k, v, dy), (dq, dk, dv), h = sides, into, self.heads.h
        turned, slopes = self.turned("turned", dy), self.room("slopes", self.heads.keys, self.heads.queries)
        for t, s in self.heads.pieces():
            self.products(v, turned, slopes, t, s, lambda product: product)
            here, slope = weight(s.place, t.place), at(slopes, (h, s.place, t.place))
            mean = Reduction("mean", Fold.SUM, (s.axis,), here * slope)
            if out is not None:
                mean = Reduction("mean", Fold.SUM, (self.heads.d,), dy.at(t.place) * out.at(t.place))
            distance = slope - self.fold(mean, t, Reduced("mean"))
            self.each("slopes", slopes, t, s, here * distance * self.heads.scale)
            self.taken(k, dq, t, s, slope, Reduced("taken"))
        for s, t in self.heads.seen():
            self.given(q, dk, t, s, at(slopes, (h, s.place, t.place)))
            self.given(dy, dv, t, s, weight(s.place, t.place))


def _heads(making: Making, value: Value, heads: int, kv_heads: int, keys: int, size: int, causal: bool) -> Heads:
    batch, length, _ = making.graph.type(value).shape
    assert isinstance(length, int)
    b, g = Axis("b", extent(batch)), Axis("g", Extent(kv_heads))
    return Heads(b, g, Axis("h", Extent(heads // kv_heads)), Axis("d", Extent(size)), length, keys, causal)


def _later(s: Affine, t: Affine, score: Expression) -> Expression:
    return call("select", call("greater", Place(s), Place(t)), -math.inf, score)


# A sequence alone ---------------------------------------------------------------------------------------------------


def _parts(making: Making, op: Attention | AttentionGrad, qkv: Value, view: View) -> tuple[Heads, tuple[Rows, Rows, Rows]]:
    """Queries, keys and values in what one product made."""
    _, length, size = op.split(making.graph.type(qkv))
    heads = _heads(making, qkv, op.heads, op.kv_heads, length, size, op.causal)
    firsts = (heads.head, heads.g + op.heads, heads.g + (op.heads + op.kv_heads))
    q, k, v = (Rows(view, heads, first) for first in firsts)
    return heads, (q, k, v)


def _scores(kernel: _Kernel, q: Rows, k: Rows, made: Callable[[Expression, Affine, Affine], Expression]) -> View:
    """``made`` of the scores that count, by the places s and t."""
    heads = kernel.heads
    turned, room = kernel.turned("queries", q), kernel.room("scores", heads.keys, heads.queries)

    for t, s in heads.pieces():

        def score(product: Expression, t: Stretch = t, s: Stretch = s) -> Expression:
            scaled = product * heads.scale
            return made(_later(s.place, t.place, scaled) if heads.causal else scaled, s.place, t.place)

        kernel.products(k, turned, room, t, s, score)
    return room


def attention(making: Making, node: Node) -> None:
    """Scores, their softmax, and the values by it."""
    op, (qkv,) = node.op, node.operands
    assert isinstance(op, Attention)
    heads, (q, k, v) = _parts(making, op, qkv, making.view(qkv))
    out, logarithms = Rows(making.result(node), heads, heads.head), making.result(node, 1)
    kernel = _Kernel(making, heads, node.types[0].dtype)
    scores = _scores(kernel, q, k, lambda score, s, t: score)
    for t, s in heads.pieces():
        greatest, sums = kernel.softmax(scores, t, s)
        kernel.taken(v, out, t, s, at(scores, (heads.h, s.place, t.place)), Reduced("taken") / sums)
        known = put(logarithms, (heads.b, heads.head, t.place), greatest + call("log", sums))
        kernel.nest("logarithms", (heads.h, t.axis), known)
    kernel.done("attention")


def attention_grad(making: Making, node: Node) -> None:
    """Weights are computed anew, from the logarithms of their sums."""
    op, (dy, qkv, out, logarithms) = node.op, node.operands
    assert isinstance(op, AttentionGrad)
    heads, (q, k, v) = _parts(making, op, qkv, making.view(qkv))
    _, into = _parts(making, op, qkv, making.result(node))
    kernel = _Kernel(making, heads, node.types[0].dtype)

    def weight(score: Expression, s: Affine, t: Affine) -> Expression:
        return call("exp", score - making.read(logarithms, (heads.b, heads.head, t)))

    weights = _scores(kernel, q, k, weight)
    given, made = (Rows(making.view(value), heads, heads.head) for value in (dy, out))
    kernel.back((q, k, v, given), into, lambda s, t: at(weights, (heads.h, s, t)), made)
    kernel.done("attention_grad")


# From one sequence to another ---------------------------------------------------------------------------------------

BY_KEYS = (0, 1, 3, 2)
"""The order of weights, whose axes are samples, heads, queries and keys."""


def attend(making: Making, node: Node) -> None:
    """Scores, those that are hidden left out, their softmax, and the values by it."""
    op, (query, key, value, *masks) = node.op, node.operands
    assert isinstance(op, Attend)
    heads, (q, k, v) = _sides(making, op, query, key, value)
    h, out, weights = heads.h, Rows(making.result(node), heads, heads.head), making.result(node, 1, BY_KEYS)
    kernel = _Kernel(making, heads, node.types[0].dtype)
    turned, scores = kernel.turned("queries", q), kernel.room("scores", heads.keys, heads.queries)
    seen, t = heads.keys - op.sinks, Stretch("t", 0, heads.queries)
    for s in (Stretch("s", 0, seen), Stretch("s", seen, heads.keys)):

        def score(product: Expression, s: Stretch = s) -> Expression:
            scaled = product * heads.scale
            if s.start == seen:
                return scaled
            for mask in masks:
                scaled = call("select", call("greater", _mask(making, heads, mask, s, t), 0.0), scaled, -math.inf)
            return _later(s.place, t.place, scaled) if op.causal else scaled

        if s.start < s.stop:
            kernel.products(k, turned, scores, t, s, score)
    for t, s in heads.pieces():
        _, sums = kernel.softmax(scores, t, s)
        share, total = at(scores, (h, s.place, t.place)), call("select", call("equal", sums, 0.0), 1.0, sums)
        kernel.nest("weights", (h, s.axis, t.axis), put(weights, (heads.b, heads.head, t.place, s.place), share / total))
        kernel.taken(v, out, t, s, share, Reduced("taken") / total)
    kernel.done("attend")


def attend_grad(making: Making, node: Node) -> None:
    """The weights are at hand."""
    op, (given, query, key, value, made) = node.op, node.operands
    assert isinstance(op, AttendGrad)
    heads, sides = _sides(making, op, query, key, value)
    firsts = (heads.head, heads.g + 0, heads.g + 0)
    dq, dk, dv = (Rows(making.result(node, index), heads, first) for index, first in enumerate(firsts))
    weights, dy = making.view(made, BY_KEYS), Rows(making.view(given), heads, heads.head)
    kernel = _Kernel(making, heads, node.types[0].dtype)
    kernel.back((*sides, dy), (dq, dk, dv), lambda s, t: at(weights, (heads.b, heads.head, t, s)))
    kernel.done("attend_grad")


def _sides(making: Making, op: Attend | AttendGrad, query: Value, key: Value,
           value: Value) -> tuple[Heads, tuple[Rows, Rows, Rows]]:  # fmt: skip
    """Queries, keys and values of their own; what is hidden is no piece."""
    (_, _, width), (_, keys, _) = making.graph.type(query).shape, making.graph.type(key).shape
    assert isinstance(width, int)
    assert isinstance(keys, int)
    heads = _heads(making, query, op.heads, op.kv_heads, keys, width // op.heads, causal=False)
    firsts = (heads.head, heads.g + 0, heads.g + 0)
    q, k, v = (Rows(making.view(x), heads, first) for x, first in zip((query, key, value), firsts, strict=True))
    return heads, (q, k, v)


def _mask(making: Making, heads: Heads, mask: Value, s: Stretch, t: Stretch) -> Expression:
    """The mask's number for a key, a query and its head, as far as it tells them apart."""
    between = {2: (), 3: (t.place,), 4: (heads.head, t.place)}[making.graph.type(mask).rank]
    return making.read(mask, (heads.b, *between, s.place))


ATTENTION: dict[type[Op], Callable[[Making, Node], None]] = {
    Attention: attention, AttentionGrad: attention_grad, Attend: attend, AttendGrad: attend_grad,
}  # fmt: skip
