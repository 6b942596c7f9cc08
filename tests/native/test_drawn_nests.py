"""Kernels over axes drawn at random: under whatever schedule, as machine code they come to what plain Python makes of them.

Numbers are small and whole, so that sums are exact and comparisons fall the same way. With other numbers, whose sums are
rounded, every schedule comes to the same bits, as many threads as there are; but a reduction along vectors has an order of
its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from drawn_nests import Drawing, drawn
from interpreted import interpret
from numpy.typing import NDArray
from rendered_nests import TYPES, Case, compiled, ran

from lampc.loops.language import Axis, Fold, Loops, Nest
from lampc.loops.schedule import Schedule, chosen
from lampc.native.engine import host
from lampc.native.nests import Chooser


def numbers_of(drawing: Drawing, seed: int, whole: bool) -> dict[int, NDArray[Any]]:
    """What the buffers hold at first."""
    chance, found = np.random.default_rng(seed), {}
    for id, buffer in drawing.buffers.items():
        size = buffer.rows.at(drawing.batch) * buffer.cols
        if id in drawing.tables:
            values: NDArray[Any] = chance.integers(0, drawing.tables[id], size)
        elif id in drawing.ties:
            values = chance.choice([0.0, 1.0, 2.0, 2.0, np.nan], size, p=[0.3, 0.3, 0.2, 0.18, 0.02])
        else:
            values = chance.integers(-3, 4, size) if whole else chance.normal(size=size)
        found[id] = values.astype(TYPES[buffer.dtype])
    return found


def schedules(nest: Nest, chance: random.Random) -> Schedule:
    """Any schedule that a nest may have."""
    parallel = [axis for axis in nest.axes if axis not in nest.ordered]
    reduced = [axis for r in nest.reductions for axis in r.axes if not axis.extent.batched]
    if any(r.fold is Fold.ARGMAX for r in nest.reductions):
        reduced = []
    vector = chance.choice([None, *parallel, *parallel, *reduced])
    free = [axis for axis in nest.axes if axis != vector]
    unordered = [axis for axis in free if axis not in nest.ordered]
    block = chance.choice([None, *unordered]) if unordered else None
    loops = [axis for axis in free if axis != block]
    chance.shuffle(loops)
    kept = iter([axis for axis in nest.axes if axis in nest.ordered])
    loops = [next(kept) if axis in nest.ordered else axis for axis in loops]
    split = chance.choice([None, *unordered]) if unordered else None
    return Schedule(tuple(loops), vector, chance.choice([1, 2, 3, 4]), block, chance.choice([1, 2, 3, 5, 8]), split)


def choosers(loops: Loops, seed: int, count: int) -> Iterator[Chooser]:
    yield chosen
    for number in range(count):
        chance = random.Random(1000 * seed + number)
        picked = {id(nest): schedules(nest, chance) for nest in loops.nests()}
        yield lambda nest, registers, batch, picked=picked: picked[id(nest)]  # type: ignore[misc]


def along_vectors(case: Case) -> tuple[Axis, ...]:
    """The reduced axes that lie along vectors: they decide in which order numbers meet."""
    vectors = [case.chooser(nest, 32, case.batch).vector for nest in case.loops.nests()]
    reduced = {axis for nest in case.loops.nests() for r in nest.reductions for axis in r.axes}
    return tuple(axis if axis in reduced else None for axis in vectors)  # type: ignore[misc]


@pytest.mark.parametrize("seed", [*range(60), 177, 285])
def test_drawn_nests(seed: int) -> None:
    drawing, loops = drawn(seed)
    double = drawing.dtype == "f64"
    cases = [Case(loops, drawing.buffers, double, drawing.batch, c, host().target) for c in choosers(loops, seed, 5)]
    code = compiled(cases)
    numbers = numbers_of(drawing, seed, whole=True)
    wanted = {id: list(map(float, values)) for id, values in numbers.items()}
    interpret(loops, wanted, drawing.batch)
    for number, case in enumerate(cases):
        for parts in (1, 3):
            found = ran(code, number, case, numbers, parts)
            for id, values in found.items():
                np.testing.assert_array_equal(values, np.array(wanted[id], values.dtype), f"{number} {drawing.buffers[id]}")
    numbers = numbers_of(drawing, seed, whole=False)
    seen: dict[object, dict[int, NDArray[Any]]] = {}
    for number, case in enumerate(cases):
        for parts in (1, 2, 3):
            found = ran(code, number, case, numbers, parts)
            for id, values in seen.setdefault(along_vectors(case), found).items():
                assert values.tobytes() == found[id].tobytes() or np.array_equal(values, found[id], equal_nan=True), number
