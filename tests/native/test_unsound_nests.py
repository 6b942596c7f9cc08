"""Kernels over axes that do not keep to the language are refused: each drawn fault in drawn kernels is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from drawn_nests import Drawing, drawn

from lampc.loops.language import Affine, At, Axis, Extent, Index, Loops, Nest, Put, Reduced, Scan, View, affine
from lampc.loops.verify import Unsound, verify

Fault = Callable[[Nest, Loops], Iterator[Nest]]


def name(id: int) -> str:
    return f"b{id}"


def moved(index: tuple[Index, ...], dim: int, part: Affine) -> tuple[Index, ...]:
    return (*index[:dim], part, *index[dim + 1 :])


def stored(nest: Nest, store: Put) -> Nest:
    return replace(nest, stores=(store, *nest.stores[1:]))


def outside(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """A store before the beginning, or behind the end, of a dimension."""
    store = nest.stores[0]
    for dim, part in enumerate(store.index):
        if isinstance(part, Affine):
            yield stored(nest, replace(store, index=moved(store.index, dim, part + (-1 - part.least()))))
            yield stored(nest, replace(store, index=moved(store.index, dim, part + store.view.dims[dim].count)))


def unguarded(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """A read behind the end that nothing is said to stand for."""
    store, dims = nest.stores[0], (Extent(3), Extent(4))
    read = At(View(1000, dims), (affine(0), affine(4)))
    yield stored(nest, replace(store, expression=store.expression + read))


def crowded(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """All places of an axis write one number."""
    store = nest.stores[0]
    for axis in {*nest.axes, *loops.axes} - set(nest.ordered):
        if axis.extent != Extent(1):
            index = tuple(without(part, axis) if isinstance(part, Affine) else part for part in store.index)
            yield stored(nest, replace(store, index=index))


def without(part: Affine, axis: Axis) -> Affine:
    kept = Affine(tuple(term for term in part.terms if term[0] != axis))
    return kept + (part.least() - kept.least())


def unordered(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """What adds up along axes whose places do not follow one another."""
    if nest.stores[0].add and any(axis.extent != Extent(1) for axis in nest.ordered):
        yield replace(nest, ordered=())


def replaced(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """What would add up is stored over and over."""
    if any(axis.extent != Extent(1) for axis in nest.ordered) and nest.stores[0].add:
        yield stored(nest, replace(nest.stores[0], add=False))


def overlapping(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """Two axes as the digits of one number, of which one has too few values."""
    a, b = Axis("a", Extent(4)), Axis("b", Extent(3))
    view = View(1000, (Extent(11),))
    digits = Put(view, (affine(a) + b * 3,), nest.stores[0].expression)
    yield replace(nest, axes=(*nest.axes, a, b), stores=(digits,))


def neighbours(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """A place reads what the one beside it writes."""
    store = nest.stores[0]
    for axis in nest.axes:
        for dim, part in enumerate(store.index):
            if isinstance(part, Affine) and part.terms == ((axis, 1),) and axis.extent != Extent(1):
                dims = (
                    *store.view.dims[:dim],
                    replace(store.view.dims[dim], count=part.constant + 200),
                    *store.view.dims[dim + 1 :],
                )
                view = replace(store.view, dims=dims)
                first = moved(store.index, dim, affine(0)) if axis.extent.batched else moved(store.index, dim, part + 1)
                yield stored(nest, replace(store, view=view, add=False, expression=At(view, first)))


def early(nest: Nest, loops: Loops) -> Iterator[Nest]:
    """A result is asked for before it is there."""
    if nest.reductions:
        first = nest.reductions[0]
        asking = replace(first, expression=first.expression + Reduced(nest.reductions[-1].name))
        yield replace(nest, reductions=(asking, *nest.reductions[1:]))
        yield replace(nest, reductions=(*nest.reductions, first))
        yield replace(nest, reductions=nest.reductions[1:], stores=(replace(nest.stores[0], expression=Reduced(first.name)),))
        if nest.axes:
            yield replace(nest, reductions=(replace(first, axes=(*first.axes, nest.axes[0])),))


FAULTS: list[Fault] = [outside, unguarded, crowded, unordered, replaced, overlapping, neighbours, early]


def exchanged(loops: Loops, old: Nest, new: Nest) -> Loops:
    def part(each: Nest | Scan) -> Nest | Scan:
        if isinstance(each, Scan):
            return replace(each, body=tuple(map(part, each.body)))
        return new if each is old else each

    return replace(loops, body=tuple(map(part, loops.body)))


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_drawn_kernels_are_sound(first: int) -> None:
    for seed in range(first, first + 100):
        drawing, loops = drawn(seed)
        verify(loops, name, lambda id, drawing=drawing: space(drawing, id))  # type: ignore[misc]


def space(drawing: Drawing, id: int) -> tuple[Extent, int]:
    return drawing.buffers[id].rows, drawing.buffers[id].cols


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_faults_are_found(fault: Fault) -> None:
    tried = 0
    for seed in range(400):
        _, loops = drawn(seed)
        nest = random.Random(seed).choice(list(loops.nests()))
        for faulty in fault(nest, loops):
            tried += 1
            with pytest.raises(Unsound):
                verify(exchanged(loops, nest, faulty), name)
    assert tried > 30
