"""What selection has made so far: buffers, the values that lie in them and how, and kernels in order.

A value lies in its buffer in the order of its axes, or in another that its maker chose; whoever cannot read that asks for
the order that it can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from lampc.ir.expression import Expression, Load, Pattern
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.keys import gradients
from lampc.ir.leaves import Parameter
from lampc.ir.types import Dim, DType, Shape, Type
from lampc.loops.language import Affine, At, Axis, Extent, Index, Loops, Nest, Put, Scan, View, affine
from lampc.native.kernel import AnyKernel, Buffer, Contract, Kernel, Kind, Rows, Store
from lampc.native.rows import in_loops, is_long
from lampc.native.spaces import space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Order = tuple[int, ...]
"""Axes as they follow one another in memory; empty: as they are."""


@dataclass
class Selection:
    """Kernels in order, on buffers. ``first`` runs once before the steps."""

    buffers: dict[int, Buffer] = field(default_factory=dict)
    kernels: list[AnyKernel] = field(default_factory=list)
    first: list[AnyKernel] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)


class Making:
    """Buffers and kernels for a graph's nodes, as they come."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found = Selection()
        self.of: dict[Value, int] = {}
        """The buffer of each value."""
        self.lay: dict[Value, Order] = {}
        """The order of those that have another than their own."""
        self.constants: dict[Value, Expression] = {}
        self.parameters: dict[str, int] = {}
        self._once: dict[tuple[Value, tuple[object, ...]], View] = {}
        self._twins: dict[tuple[str, Order], View] = {}
        """Parameters in a second order: copied once at the beginning, and after each update."""

    # Buffers --------------------------------------------------------------------------------------------------------

    def new(self, name: str, dtype: DType, rows: Rows, cols: int, kind: Kind = Kind.WORK, label: str = "",
            turned: bool = False, order: Order = ()) -> int:  # fmt: skip
        """A buffer."""
        id = len(self.found.buffers)
        self.found.buffers[id] = Buffer(id, name, dtype, rows, cols, kind, label, turned, order)
        return id

    def room(self, name: str, type: Type, order: Order = (), kind: Kind = Kind.WORK, label: str = "") -> View:
        """A buffer for a value of a type, its axes in some order."""
        rows, cols = spread(type.shape, order)
        kept = order if kind not in (Kind.WORK, Kind.PRIVATE) else ()
        return View(self.new(name, type.dtype, rows, cols, kind, label, order=kept), dims(type.shape), order)

    def private(self, name: str, dtype: DType, shape: Shape) -> View:
        """A buffer for one kernel, of which each thread has its own."""
        return self.room(name, Type(dtype, shape), kind=Kind.PRIVATE)

    def table(self, name: str, type: Type, numbers: Callable[[], Sequence[float] | NDArray[np.float64]]) -> View:
        """Numbers that are known before anything runs, in the order of their axes."""
        view = self.room(name, type, kind=Kind.TABLE)
        self.found.buffers[view.buffer] = replace(self.found.buffers[view.buffer], numbers=numbers)
        return view

    def result(self, node: Node, index: int = 0, order: Order = (), dtype: DType | None = None) -> View:
        """Where a node's result goes."""
        value, type = Value(node.id, index), node.types[index]
        name = f"%{node.id}" + (f".{index}" if index else "")
        view = self.room(name, Type(dtype or type.dtype, type.shape), order)
        self.of[value] = view.buffer
        if order:
            self.lay[value] = order
        return view

    def same(self, node: Node, view: View, index: int = 0) -> None:
        """A node's result is what a view holds already, in its own order."""
        self.of[Value(node.id, index)] = view.buffer

    def alias(self, node: Node, value: Value) -> None:
        """A node's result is another value's buffer, a number for all, or rows that are the same."""
        if value in self.constants:
            self.constants[Value(node.id)] = self.constants[value]
        else:
            self.of[Value(node.id)] = self.view(value, ()).buffer

    # Values ---------------------------------------------------------------------------------------------------------

    def view(self, value: Value, order: Order | None = None) -> View:
        """A value where it lies, or, if an order is asked for, in that one: copied if need be."""
        if value in self.constants and value not in self.of:
            self._fill(value)
        here = self._where(value)
        if order is None or (order or tuple(range(len(here.dims)))) == here.memory:
            return here
        if isinstance(self.graph[value.node].op, Parameter):
            return self.twin(value, order)
        return self.once(value, ("order", order), lambda: self._reordered(value, here, order))

    def _reordered(self, value: Value, here: View, order: Order) -> View:
        there = self.room(f"{self.found.buffers[here.buffer].name}'", self.graph.type(value), order)
        self.copy(there, here)
        return there

    def once(self, value: Value, kind: tuple[object, ...], make: Callable[[], View]) -> View:
        """What is made of a value, and of a kind, only once."""
        if (value, kind) not in self._once:
            self._once[value, kind] = make()
        return self._once[value, kind]

    def _where(self, value: Value) -> View:
        buffer = self.found.buffers[self.of[value]]
        order = self.lay.get(value) or buffer.order or ((1, 0) if buffer.turned else ())
        return View(buffer.id, dims(self.graph.type(value).shape), order)

    def _fill(self, value: Value) -> None:
        type = self.graph.type(value)
        view = self.room(f"%{value.node}", type)
        rows, cols = space(type.shape)
        self.add("fill", rows, cols, [Store(view.buffer, self.constants[value])])
        self.of[value] = view.buffer

    def read(self, value: Value, index: Sequence[Axis | Index | int], otherwise: float | None = None) -> Expression:
        """A number of a value, wherever it lies."""
        if value in self.constants:
            assert otherwise is None
            return self.constants[value]
        return at(self.view(value), index, otherwise)

    def load(self, value: Value, pattern: Pattern, order: Order = ()) -> Expression:
        """A value for a loop over rows and columns, which it is laid out in by an order of its axes."""
        return self.constants[value] if value in self.constants else Load(self.view(value, order).buffer, pattern)

    def shared(self, values: Sequence[Value]) -> Order:
        """The order in which all values lie, constants apart; their own if they differ."""
        orders = {self.view(value).memory for value in values if value not in self.constants}
        order = next(iter(orders), ())
        return order if len(orders) == 1 and order != tuple(range(len(order))) else ()

    def twin(self, value: Value, order: Order) -> View:
        """A parameter's copy in another order, which follows its updates."""
        op = self.graph[value.node].op
        assert isinstance(op, Parameter)
        if (op.label, order) not in self._twins:
            self._twins[op.label, order] = self.room(f"{op.label}'", op.type, order)
        return self._twins[op.label, order]

    def copy_twins(self) -> None:
        """Before the first step, and after each update."""
        for (label, _), there in self._twins.items():
            buffer = self.found.buffers[self.parameters[label]]
            here = View(buffer.id, there.dims, buffer.order or ((1, 0) if buffer.turned else ()))
            for kernels in (self.found.first, self.found.kernels):
                kernels.append(_copied(f"turn_{len(kernels)}", there, here))

    def order_of(self, label: str) -> Order | None:
        """The order in which a parameter is kept, empty if its own; None if there is no such."""
        return self.found.buffers[self.parameters[label]].order if label in self.parameters else None

    def label_of_gradient(self, node: Node, index: int = 0) -> str:
        """The parameter whose gradient a result is; empty if it is none's."""
        return self._labels.get(Value(node.id, index), "")

    @cached_property
    def _labels(self) -> dict[Value, str]:
        return {value: label for label, value in gradients(self.graph.outputs).items()}

    # Kernels --------------------------------------------------------------------------------------------------------

    def add(self, name: str, rows: Rows, cols: int, stores: list[Store], contract: Contract | None = None) -> None:
        """A loop over rows and columns, whatever its length."""
        kernel = Kernel(f"{name}_{len(self.found.kernels)}", rows, cols, tuple(stores), contract)
        if is_long(kernel, self.found.buffers):
            dtype = self.found.buffers[stores[0].buffer].dtype
            self.found.kernels += in_loops(kernel, self.found.buffers, lambda what: self.new(f"{name} {what}", dtype, rows, 1))
        else:
            self.found.kernels.append(kernel)

    def loops(self, name: str, *body: Nest | Scan, axes: tuple[Axis, ...] = (), shared: Axis | None = None) -> None:
        """Nests, one after the other; see ``Loops``."""
        self.found.kernels.append(Loops(f"{name}_{len(self.found.kernels)}", body, axes, shared))

    def copy(self, there: View, here: View) -> None:
        """The numbers of one view, moved into another of the same dimensions."""
        self.found.kernels.append(_copied(f"copy_{len(self.found.kernels)}", there, here))


def _copied(name: str, there: View, here: View) -> Loops:
    axes = named(here.dims)
    order = tuple(axes[dim] for dim in there.memory)
    return Loops(name, (Nest("copy", order, (Put(there, tuple(map(affine, axes)), at(here, axes)),)),))


def at(view: View, index: Sequence[Axis | Index | int], otherwise: float | None = None) -> At:
    """A number of a view, at axes and sums of them."""
    return At(view, places(index), otherwise)


def put(view: View, index: Sequence[Axis | Index | int], expression: Expression, add: bool = False) -> Put:
    """An expression's way into a view."""
    return Put(view, places(index), expression, add)


def places(index: Sequence[Axis | Index | int]) -> tuple[Index, ...]:
    """Axes, sums of them, and numbers as an index."""
    return tuple(affine(part) if isinstance(part, Axis | int | Affine) else part for part in index)


def extent(dim: Dim) -> Extent:
    """How long an axis is."""
    return Extent(dim) if isinstance(dim, int) else Extent(1, batched=True)


def dims(shape: Shape) -> tuple[Extent, ...]:
    """How long the axes of a shape are."""
    return tuple(map(extent, shape))


def spread(shape: Shape, order: Order) -> tuple[Rows, int]:
    """The rows and columns of a shape whose axes lie in an order."""
    return space(tuple(shape[axis] for axis in order) if order else shape)


def channels_last(rank: int) -> Order:
    """The order of images, and of sequences, in which a place's channels lie side by side."""
    return (0, *range(2, rank), 1) if rank > 2 else ()


def named(extents: Sequence[Extent], prefix: str = "i") -> tuple[Axis, ...]:
    """An axis for each extent: ``b`` for the batch, ``i0``, ``i1``, … ."""
    return tuple(Axis("b" if size == Extent(1, batched=True) else f"{prefix}{n}", size) for n, size in enumerate(extents))
