"""Reshaping: as it lies where padding allows it, else each number to its place, over axes that both shapes are made of."""

from __future__ import annotations

import math

from lampc.ir.graph import Node
from lampc.ir.leaves import Input
from lampc.ir.types import Dim, Shape
from lampc.loops.language import Affine, Axis, Extent, Nest, View, affine
from lampc.native.kernel import Kind
from lampc.native.making import Making, at, dims, named, put
from lampc.native.spaces import NoNativeForm, space


def reshape(making: Making, node: Node) -> None:
    """Padding makes a reshape a copy, but an input can be laid out as it is wanted from the start."""
    (value,) = node.operands
    old, new = making.graph.type(value).shape, node.types[0].shape
    source = making.graph[value.node].op
    if value in making.constants:
        making.alias(node, value)
    elif isinstance(source, Input):
        making.same(node, making.room(source.label, node.types[0], kind=Kind.INPUT, label=source.label))
    elif space(old) == space(new) and _regular(old) and _regular(new) and not making.shared([value]):
        making.alias(node, value)
    else:
        _by_axes(making, node)


def _regular(shape: Shape) -> bool:
    """Whether its rows lie one after another whatever the batch."""
    return not shape or isinstance(shape[-1], int) or len(shape) == 1


def _by_axes(making: Making, node: Node) -> None:
    """Over axes that the dimensions of both shapes are products of; if there are none, by way of a single row."""
    (value,) = node.operands
    old, new = making.graph.type(value).shape, node.types[0].shape
    if _around_batch(old) != _around_batch(new):
        raise NoNativeForm(f"a reshape of {making.graph.type(value)} to {node.types[0]}, which mixes samples,")
    fine = _common(old, new)
    out = making.result(node)
    if fine is not None:
        axes = named(dims(fine))
        here, there = _over(axes, making.view(value).dims), _over(axes, out.dims)
        making.loops("reshape", Nest("move", axes, (put(out, there, making.read(value, here)),)))
        return
    before, samples, after = _around_batch(old)
    id = making.new(f"%{node.id}'", node.types[0].dtype, Extent(before * after, samples), 1)
    flat = View(id, (Extent(before), Extent(after, samples)))
    axes = named(dims(old))
    making.loops("flatten", Nest("move", axes, (put(flat, _flat(axes), making.read(value, axes)),)))
    axes = named(out.dims)
    making.loops("reshape", Nest("move", axes, (put(out, axes, at(flat, _flat(axes))),)))


def _around_batch(shape: Shape) -> tuple[int, bool, int]:
    """The numbers before the batch's axis, whether there is one, and the numbers behind it: all, if there is none."""
    place = next((n for n, dim in enumerate(shape) if not isinstance(dim, int)), None)
    before, after = ((), shape) if place is None else (shape[:place], shape[place + 1 :])
    return math.prod(map(int, before)), place is not None, math.prod(map(int, after))  # type: ignore[arg-type]


def _common(old: Shape, new: Shape) -> Shape | None:
    """The axes that the dimensions of two shapes are products of; None if one divides no other."""
    found: list[Dim] = []
    left, right = list(old), list(new)
    while left or right:
        a, b = (shape.pop() if shape else 1 for shape in (left, right))
        if a == 1 or b == 1:
            rest = [(left, a), (right, b)]
        elif a == b:
            found.append(a)
            continue
        elif not isinstance(a, int) or not isinstance(b, int) or max(a, b) % min(a, b):
            return None
        else:
            found.append(min(a, b))
            rest = [(left, a // min(a, b)), (right, b // min(a, b))]
        for shape, size in rest:
            shape += [size] if size != 1 else []
    return tuple(found[::-1])


def _over(axes: tuple[Axis, ...], extents: tuple[Extent, ...]) -> list[Affine]:
    """The index into dimensions that are products of axes."""
    left, found = list(axes), []
    for size in reversed(extents):
        index, step = affine(0), 1
        while step < size.count or (size.batched and not index.terms):
            axis = left.pop()
            index, step = index + axis * step, step * axis.extent.count
        found.append(index)
    return found[::-1]


def _flat(axes: tuple[Axis, ...]) -> list[Affine]:
    """How many numbers lie before a place: among those before the batch's axis, and from there on."""
    before, after, step = affine(0), affine(0), 1
    for axis in reversed(axes):
        if axis.extent.batched:
            before, after, step = affine(0), before + axis * step, 1
        else:
            before, step = before + axis * step, step * axis.extent.count
    batched = any(axis.extent.batched for axis in axes)
    return [before, after] if batched else [affine(0), before]
