"""Kernels drawn at random: fused, placed and run as machine code they come to what each does by itself, one after another.

The judge goes through the kernels in NumPy: each reads all that it needs, then stores.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lampc.ir.expression import Across, Call, Column, Expression, Load, Number, Pattern, Product
from lampc.ir.graph import Graph
from lampc.ir.types import Coefficient, DType
from lampc.native import module
from lampc.native.engine import Code, compile_text, host
from lampc.native.kernel import Buffer, Contract, Kernel, Kind, Rows, Store, Way
from lampc.native.select import Selection
from lampc.native.session import Session

Array = NDArray[np.float64]
FUNCTIONS: dict[str, Callable[..., Any]] = {"add": np.add, "sub": np.subtract, "max": np.maximum, "min": np.minimum}
ACROSS: dict[str, Any] = {"mean": np.mean, "max": np.max}
HALF = Number(Coefficient(0.5))


@dataclass
class Drawn:
    """A program of kernels: samples of ``cols`` numbers, leaves, products, sums, and at its end leaves written over."""

    chance: random.Random
    rows: Rows
    cols: int
    dtype: DType = "f64"
    buffers: dict[int, Buffer] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)

    def buffer(self, rows: Rows, cols: int, kind: Kind = Kind.WORK) -> int:
        id = len(self.buffers)
        self.buffers[id] = Buffer(id, f"b{id}", self.dtype, rows, cols, kind, f"b{id}" if kind is Kind.STATE else "")
        return id

    def read(self, id: int, rows: Rows, cols: int) -> Load | None:
        """A buffer at each place of a space, if it fits."""
        found = self.buffers[id].rows, self.buffers[id].cols
        fitting = {
            (rows, cols): Pattern.EACH,
            (Rows(1), 1): Pattern.ONE,
            (Rows(1), cols): Pattern.COLUMN,
            (rows, 1): Pattern.ROW,
        }
        if (rows, cols) == (Rows(1), 1):
            fitting = {(Rows(1), cols): Pattern.COLUMN, (rows, 1): Pattern.ROW, (Rows(1), 1): Pattern.ONE}
        fitting[rows, cols] = Pattern.EACH
        return Load(id, fitting[found]) if found in fitting else None

    def expression(self, rows: Rows, cols: int, depth: int, product: bool = False) -> Expression:
        draw = self.chance.random()
        if product and draw < 0.3:
            return Product()
        if depth == 0 or draw < 0.3:
            return self.chance.choice([load for id in self.buffers if (load := self.read(id, rows, cols))])
        if draw < 0.4 and cols > 1:
            return self.chance.choice(
                [Column(), Across(self.chance.choice(list(ACROSS)), self.expression(rows, cols, depth - 1))]
            )
        if draw < 0.6:
            return Call("mul", (self.expression(rows, cols, depth - 1, product), HALF))
        parts = (self.expression(rows, cols, depth - 1, product), self.expression(rows, cols, depth - 1))
        return Call(self.chance.choice(list(FUNCTIONS)), parts)

    def add(self, rows: Rows, cols: int, stores: list[Store], contract: Contract | None = None) -> int:
        self.kernels.append(Kernel(f"k_{len(self.kernels)}", rows, cols, tuple(stores), contract))
        return stores[0].buffer

    def elementwise(self, rows: Rows, cols: int) -> int:
        value, other = (self.expression(rows, cols, 2) for _ in range(2))
        stores = [Store(self.buffer(rows, cols), value)]
        if self.chance.random() < 0.3:  # an op of two results
            stores.append(Store(self.buffer(rows, cols), Call("add", (value, other))))
        return self.add(rows, cols, stores)

    def reduced(self) -> int:
        """Rows' or columns' sums, or the sum of all."""
        way = self.chance.choice([Way.ROW, Way.SUM_ROWS, Way.SUM_ALL])
        value = self.expression(self.rows, self.cols, 2)
        if way is Way.ROW:
            id = self.buffer(self.rows, 1)
            return self.add(self.rows, self.cols, [Store(id, Across("sum", value), Way.ROW if self.cols > 1 else Way.EACH)])
        id = self.buffer(Rows(1), 1 if way is Way.SUM_ALL else self.cols)
        return self.add(self.rows, self.cols, [Store(id, value, way if self.cols > 1 else Way.SUM_ALL)])

    def product(self, square: int) -> int:
        a = self.chance.choice([id for id, b in self.buffers.items() if (b.rows, b.cols) == (self.rows, self.cols)])
        value = self.expression(self.rows, self.cols, 2, product=True)
        contract = Contract(a, square, Rows(self.cols))
        return self.add(self.rows, self.cols, [Store(self.buffer(self.rows, self.cols), Call("mul", (value, HALF)))], contract)

    def outer(self) -> int:
        of = [id for id, b in self.buffers.items() if (b.rows, b.cols) == (self.rows, self.cols)]
        contract = Contract(self.chance.choice(of), self.chance.choice(of), self.rows, over_rows=True)
        return self.add(Rows(self.cols), self.cols, [Store(self.buffer(Rows(self.cols), self.cols), Product())], contract)

    def run(self, values: dict[int, Array], batch: int) -> None:
        """Each kernel by itself, in NumPy."""
        for kernel in self.kernels:
            made = [_stored(store, _value(store.expression, kernel, values, batch)) for store in kernel.stores]
            values.update(zip((store.buffer for store in kernel.stores), made, strict=True))


def _value(part: Expression, kernel: Kernel, values: dict[int, Array], batch: int) -> Array:
    space = kernel.rows.at(batch), kernel.cols
    if isinstance(part, Load):
        return np.broadcast_to(values[part.buffer], space)
    if isinstance(part, Number):
        return np.full(space, part.value.at(batch))
    if isinstance(part, Column):
        return np.broadcast_to(np.arange(float(kernel.cols)), space)
    if isinstance(part, Product):
        assert kernel.contract
        a, b = values[kernel.contract.a], values[kernel.contract.b]
        return (a.T if kernel.contract.over_rows else a) @ b
    if isinstance(part, Across):
        each = _value(part.argument, kernel, values, batch)
        reduce = np.sum if part.kind == "sum" else ACROSS[part.kind]
        return np.broadcast_to(reduce(each, axis=1, keepdims=True), space)
    assert isinstance(part, Call)
    parts = [_value(argument, kernel, values, batch) for argument in part.arguments]
    return np.multiply(*parts) if part.function == "mul" else np.asarray(FUNCTIONS[part.function](*parts))


def _stored(store: Store, value: Array) -> Array:
    if store.way is Way.ROW:
        return value[:, :1].copy()
    if store.way is Way.SUM_ROWS:
        return value.sum(0, keepdims=True)
    return value.sum(keepdims=True) if store.way is Way.SUM_ALL else value.copy()


def drawn(seed: int) -> tuple[Drawn, list[int], int]:
    """A program, the buffers that are read from outside, and its loss."""
    chance = random.Random(seed)
    this = Drawn(chance, Rows(1, batched=True), chance.choice([1, 2, 3, 8, 9, 17, 33, 70]), "f32" if seed % 3 == 0 else "f64")
    spaces = [(this.rows, this.cols), (Rows(1), this.cols), (Rows(1), 1), (Rows(this.cols), this.cols)]
    states = [this.buffer(*space, Kind.STATE) for space in [*spaces, *spaces[:2]]]
    for _ in range(chance.randint(2, 7)):
        kind = chance.random()
        if kind < 0.5:
            this.elementwise(*chance.choice([*spaces[:1], *spaces]))
        elif kind < 0.75:
            this.reduced()
        elif this.cols > 1:
            this.product(states[3]) if kind < 0.9 else this.outer()
    value = this.expression(this.rows, this.cols, 1)
    loss = this.add(this.rows, this.cols, [Store(this.buffer(Rows(1), 1), value, Way.SUM_ALL)])
    outside = [id for id, b in this.buffers.items() if b.kind is Kind.WORK and chance.random() < 0.3 and id != loss]
    news = {}
    for state in chance.sample(states, chance.randint(0, 4)):
        rows, cols = this.buffers[state].rows, this.buffers[state].cols
        news[state] = this.elementwise(rows, cols)
    for state, new in news.items():
        read = this.read(new, this.buffers[state].rows, this.buffers[state].cols)
        assert read
        this.add(this.buffers[state].rows, this.buffers[state].cols, [Store(state, read)])
    return this, outside, loss


@pytest.mark.parametrize("seed", [*range(100), 734, 1080, 1388])
def test_drawn_kernels(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    this, outside, loss = drawn(seed)
    batch = 1 + seed % 9
    outputs = {"loss": loss, **{f"o{id}": id for id in outside}}
    monkeypatch.setattr(module, "select", lambda graph, wanted: Selection(dict(this.buffers), list(this.kernels), [], outputs))
    made = module.build(Graph(), tuple(outputs), host().target, this.dtype == "f64", batch, poison=seed % 2 == 0)
    session = Session(made, Code(compile_text(made.text)), batch, poison=True)
    numbers = np.random.default_rng(seed)
    own, close = (np.float64, 1e-9) if this.dtype == "f64" else (np.float32, 1e-4)
    values = {id: numbers.normal(size=(b.rows.at(batch), b.cols)) for id, b in this.buffers.items() if b.kind is Kind.STATE}
    leaves = {f"b{id}": value.astype(own) for id, value in values.items()}
    session.bind(leaves)
    session.put()
    for _ in range(2):
        session.run(np.zeros((batch, 1), own), None, np.arange(batch)[None], batch)
        this.run(values, batch)
    session.take()
    found = leaves | {f"b{id}": session.read(name) for name, id in outputs.items()}
    scale = 1.0 if this.dtype == "f64" else max(1.0, *(float(abs(value).max()) for value in values.values()))
    for name, value in found.items():
        np.testing.assert_allclose(value, values[int(name[1:])], rtol=close, atol=close * scale, err_msg=name)
