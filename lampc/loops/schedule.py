"""How a nest is gone over: which axis lies in vectors, which are kept in registers as a block, which threads share.

The order in which the numbers of a reduction meet is the nest's own, and so is the axis that lies in vectors, which decides
it where that is reduced: neither machine nor batch has a say. All else of a schedule changes how long it takes, never a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lampc.ir.expression import Call, Expression, walk
from lampc.loops.language import Affine, At, Axis, Extent, Fold, Index, Nest, Place, Reduced, Reduction, Through, View

MOST_VECTORS = 4
"""Vectors of a block."""
SMALL = 9
"""Places of reduced axes up to which they are written out one after the other."""


@dataclass(frozen=True)
class Schedule:
    """Of a nest on a machine."""

    loops: tuple[Axis, ...]
    """Parallel axes that are gone over one place at a time, the outermost first."""
    vector: Axis | None = None
    """What lies along vectors: a parallel axis, or one that is reduced."""
    vectors: int = 1
    """How many of them at once."""
    block: Axis | None = None
    """The parallel axis of which several places are kept in registers."""
    size: int = 1
    """How many."""
    split: Axis | None = None
    """The parallel axis that threads share."""


def strides(view: View, row: int) -> tuple[Extent, ...]:
    """Elements from one place to the next along each dimension; ``row``: from one row of the innermost to the next."""
    found = [Extent(1)] * len(view.dims)
    memory = list(view.memory)
    step = Extent(1)
    if memory and not view.dims[memory[-1]].batched:
        step = Extent(row)
        memory.pop()
    for dim in reversed(memory):
        found[dim] = step
        size = view.dims[dim]
        step = Extent(step.count * size.count, step.batched or size.batched)
    return tuple(found)


def columns(view: View) -> int:
    """The numbers of a row: places of the innermost dimension, 1 where that is the batch."""
    if not view.dims or view.dims[view.memory[-1]].batched:
        return 1
    return view.dims[view.memory[-1]].count


def steps(index: tuple[Index, ...], strides: tuple[Extent, ...]) -> dict[Axis, list[Extent]]:
    """Elements from one place of each axis to the next, as a sum; what a table adds is left out."""
    found: dict[Axis, list[Extent]] = {}
    for part, stride in zip(index, strides, strict=True):
        for axis, coefficient in part.terms if isinstance(part, Affine) else ():
            found.setdefault(axis, []).append(Extent(coefficient * stride.count, stride.batched))
    return {axis: merged(parts) for axis, parts in found.items()}


def merged(parts: list[Extent]) -> list[Extent]:
    """A sum of steps, those of the batch and the others apart."""
    sums = {flag: sum(part.count for part in parts if part.batched is flag) for flag in (False, True)}
    return [Extent(count, flag) for flag, count in sums.items() if count]


def axes_of(index: tuple[Index, ...]) -> frozenset[Axis]:
    """The axes that an index moves with."""
    axes: set[Axis] = set()
    for part in index:
        axes |= axes_of(part.index) if isinstance(part, Through) else {axis for axis, _ in part.terms}
    return frozenset(axes)


def step_along(axis: Axis, index: tuple[Index, ...], strides: tuple[Extent, ...]) -> Extent | None:
    """The step of an axis; None if it is no single one, or a number found elsewhere decides."""
    if any(isinstance(part, Through) and axis in axes_of(part.index) for part in index):
        return None
    found = steps(index, strides).get(axis, [])
    return found[0] if len(found) == 1 else None if found else Extent(0)


def chosen(nest: Nest, registers: int, batch: int) -> Schedule:
    """The schedule for a machine that holds so many vectors in registers, and a usual size of minibatches."""
    vector = _vector(nest)
    free = [axis for axis in nest.axes if axis != vector]
    vectors = 1
    if vector is not None and vector in nest.axes and not vector.extent.batched:
        vectors = min(MOST_VECTORS if registers >= 32 else 2, -(-vector.extent.count // 8))
    block = max(_blocks(nest, vector, free), key=_worth, default=None)
    size = 1
    if block is not None:
        most = max(1, min(12, registers * 3 // 4 // (vectors * max(1, _accumulators(nest)))))
        size = _block_size(block.extent, batch, most, vectors)
    loops = tuple(axis for axis in free if axis != block)
    shared = [axis for axis in free if axis not in nest.ordered and axis.extent.at(batch) > 1]
    split = max(shared, key=lambda axis: axis.extent.at(batch), default=None)
    if split is not None and split in loops and not set(loops) & set(nest.ordered):
        loops = (split, *(axis for axis in loops if axis != split))
    return Schedule(loops, vector, vectors, block, size, split)


def _worth(axis: Axis) -> int:
    """How good a block an axis makes: many places, but not samples, which may lie a power of two apart in the caches."""
    return 3 if axis.extent.batched else min(8, axis.extent.count)


def _block_size(extent: Extent, batch: int, most: int, vectors: int) -> int:
    """How many places at once, up to ``most``: what is left over is one smaller block, or of a batch single places."""
    places = extent.at(batch)

    def cost(size: int) -> float:
        whole, left = divmod(places, size)
        single = left * 3.0 * (vectors + 1) if extent.batched else (left > 0) * (left * vectors + 2.0 * (left + vectors))
        return whole * (size * vectors + 0.6 * (size + vectors)) + single

    return min(range(1, min(most, places) + 1), key=lambda size: (cost(size), -size))


def _vector(nest: Nest) -> Axis | None:
    """The axis along which results, or else what is reduced, lie side by side."""
    best: tuple[int, Axis] | None = None
    for axis in nest.axes:
        if axis in nest.ordered or axis.extent == Extent(1):
            continue
        score = 0
        for store in nest.stores:
            step = _step(axis, store.view, store.index)
            score += {1: 4, 0: -100}.get(step.count, -1) if step is not None else -100
        for view, index in _reads(nest):
            step = _step(axis, view, index)
            score += 0 if step is None or not step.count else 1 if step.count == 1 else -1
        score = score * min(8, axis.extent.count if not axis.extent.batched else 8)
        if best is None or score > best[0]:
            best = (score, axis)
    if best is not None and best[0] > 0:
        return best[1]
    reduced = {axis for reduction in nest.reductions for axis in reduction.axes if not axis.extent.batched}
    alike = [r for r in nest.reductions if r.fold is not Fold.ARGMAX]
    if reduced and len(alike) == len(nest.reductions):
        dense = [axis for axis in reduced if _contiguous(axis, nest)]
        if dense:
            return max(dense, key=lambda axis: axis.extent.count)
    return best[1] if best is not None and best[0] > -100 else None


def _step(axis: Axis, view: View, index: tuple[Index, ...]) -> Extent | None:
    """The same in rows of any length: whether it is 1 is what matters."""
    return step_along(axis, index, strides(view, 1 << 40))


def _contiguous(axis: Axis, nest: Nest) -> bool:
    steps = [_step(axis, view, index) for view, index in _reads(nest)]
    if any(axis in axes_of(store.index) for store in nest.stores):
        return False
    return axis.extent.count >= 4 and all(step is not None and step.count in (0, 1) for step in steps)


def _reads(nest: Nest) -> Iterator[tuple[View, tuple[Index, ...]]]:
    for part in nest.parts():
        if isinstance(part, At):
            yield part.view, part.index


def _blocks(nest: Nest, vector: Axis | None, free: list[Axis]) -> Iterator[Axis]:
    """The axes that let a vector be used several times once it is there, the innermost first."""
    if vector is None or vector not in nest.axes:
        return
    needed = dependencies(nest)
    for axis in reversed(free):
        if axis in nest.ordered or axis.extent == Extent(1):
            continue
        for reduction in nest.reductions:
            reads = [part for part in walk(reduction.expression, set()) if isinstance(part, At)]
            again = [r for r in reads if vector in needed[id(r)] and axis not in needed[id(r)]]
            if again and any(axis in needed[id(r)] for r in reads):
                yield axis
                break


def _accumulators(nest: Nest) -> int:
    """Sums that one place has at once."""
    groups = grouped(nest.reductions)
    return max((len(group) for group in groups), default=1)


def grouped(reductions: tuple[Reduction, ...]) -> list[list[Reduction]]:
    """Reductions that may share a loop: over the same axes, none of them asking for another's result."""
    found: list[list[Reduction]] = []
    for reduction in reductions:
        asked = {part.name for part in walk(reduction.expression, set()) if isinstance(part, Reduced)}
        if found and found[-1][0].axes == reduction.axes and not asked & {r.name for r in found[-1]}:
            found[-1].append(reduction)
        else:
            found.append([reduction])
    return found


def dependencies(nest: Nest) -> dict[int, frozenset[Axis]]:
    """The axes that each expression changes with."""
    results: dict[str, frozenset[Axis]] = {}
    found: dict[int, frozenset[Axis]] = {}

    def of_root(root: Expression) -> frozenset[Axis]:
        for part in walk(root, set()):
            if isinstance(part, At):
                found[id(part)] = axes_of(part.index)
            elif isinstance(part, Place):
                found[id(part)] = frozenset(axis for axis, _ in part.value.terms)
            elif isinstance(part, Reduced):
                found[id(part)] = results[part.name]
            else:
                inner = part.arguments if isinstance(part, Call) else ()
                found[id(part)] = frozenset().union(*(found[id(argument)] for argument in inner))
        return found[id(root)]

    for reduction in nest.reductions:
        results[reduction.name] = of_root(reduction.expression) - frozenset(reduction.axes)
    for store in nest.stores:
        of_root(store.expression)
    return found
