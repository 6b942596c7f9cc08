"""How an arrangement of a layer's numbers is written as layers: a slice, another shape, another order of the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

from lampc.importing.text import Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cut(out: Writer, layer: int, sample: NDArray[Any]) -> int | None:
    """A part of a layer's value, or all of it, perhaps in another shape."""
    import numpy as np

    base = out.statements[layer].shape
    if not base:  # a number
        return _reshaped(out, layer, sample.shape) if sample.size == 1 else None
    low, high = (np.unravel_index(end, base) for end in (sample.min(), sample.max()))
    parts = tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    box = np.arange(math.prod(base)).reshape(base)[parts]
    if box.size != sample.size or (box.ravel() != sample.ravel()).any():
        return None
    for axis, (part, size) in enumerate(zip(parts, base, strict=True)):
        if part.stop - part.start < size:
            shape = list(out.statements[layer].shape)
            shape[axis] = part.stop - part.start
            layer = out.add([layer], f"slice {part.start} {part.stop} axis={axis + 1}", shape)
    return _reshaped(out, layer, sample.shape)


def turned(out: Writer, layer: int, sample: NDArray[Any]) -> int | None:
    """A layer's value with its axes in another order."""
    import numpy as np

    base = out.statements[layer].shape
    whole = np.arange(math.prod(base)).reshape(base)
    for order in permutations(range(len(base))) if len(base) == sample.ndim else ():
        if np.array_equal(whole.transpose(order), sample):
            return _transposed(out, layer, order)
    return None


def shuffled(out: Writer, layer: int, sample: NDArray[Any]) -> int | None:
    """A layer's value whose axes were split, brought into another order, and put together again."""
    found = _strides(sample.ravel())
    base = out.statements[layer].shape
    if found is None or sample.size != math.prod(base):
        return None
    sorted_axes = sorted(found, reverse=True)
    split = [count for _, count in sorted_axes]
    if any(stride != math.prod(split[place + 1 :]) for place, (stride, _) in enumerate(sorted_axes)):
        return None
    order = [sorted_axes.index(axis) for axis in found]
    layer = _transposed(out, _reshaped(out, layer, tuple(split)), order)
    return _reshaped(out, layer, sample.shape)


PIECES = 64
"""Slices that a value is put together from."""


def picked(out: Writer, layer: int, sample: NDArray[Any]) -> int | None:
    """Places along each axis, in any order and any number of times: steps, reversals, repetitions."""
    import numpy as np

    base = out.statements[layer].shape
    if sample.ndim != len(base):
        return None
    places = [
        np.moveaxis(coordinates, axis, -1).reshape(-1, sample.shape[axis])[0]
        for axis, coordinates in enumerate(np.unravel_index(sample, base))
    ]
    if not np.array_equal(np.ravel_multi_index(np.ix_(*places), base), sample):
        return None
    runs = {axis: _runs(chosen) for axis, chosen in enumerate(places) if not _repeats(chosen, base[axis], axis, base)}
    if sum(map(len, runs.values())) > PIECES:
        return None
    for axis, parts in runs.items():
        layer = _parts(out, layer, axis, parts)
    factors = [1 if axis in runs else len(chosen) // base[axis] for axis, chosen in enumerate(places)]
    if any(factor != 1 for factor in factors):
        shape = [count * factor for count, factor in zip(out.statements[layer].shape, factors, strict=True)]
        layer = out.add([layer], f"upsample {'x'.join(map(str, factors[1:] or factors))}", shape)
    return layer


def _repeats(chosen: NDArray[Any], count: int, axis: int, base: Sequence[int]) -> bool:
    """Whether each place is taken as often as the others, as ``upsample`` does but with channels."""
    import numpy as np

    times = len(chosen) // count
    if times > 1 and axis == 0 and len(base) > 1:
        return False
    return np.array_equal(chosen, np.arange(count).repeat(times))


def _runs(chosen: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Start, step and count of stretches in which places grow evenly."""
    found: list[tuple[int, int, int]] = []
    for place in chosen.tolist():
        if found:
            start, step, count = found[-1]
            last = start + step * (count - 1)
            if place > last and (count == 1 or place - last == step):
                found[-1] = (start, place - last, count + 1)
                continue
        found.append((place, 1, 1))
    return found


def _parts(out: Writer, layer: int, axis: int, runs: Sequence[tuple[int, int, int]]) -> int:
    """Stretches side by side."""
    pieces = [piece for run in runs for piece in _stepped(out, layer, axis, *run)]
    shape = list(out.statements[layer].shape)
    shape[axis] = sum(count for _, _, count in runs)
    return pieces[0] if len(pieces) == 1 else out.add(pieces, f"concat axis={axis + 1}", shape, join=True)


def _stepped(out: Writer, layer: int, axis: int, start: int, step: int, count: int) -> list[int]:
    """Every ``step``-th place: of rows of so many, one; the last apart where it is in no whole row."""
    shape = list(out.statements[layer].shape)
    if step == 1 or count == 1:
        return [_sliced(out, layer, axis, start, count)]
    begin = min(start, shape[axis] - count * step)
    if begin < 0 or begin <= start - step:
        return [*_stepped(out, layer, axis, start, step, count - 1), _sliced(out, layer, axis, start + step * (count - 1), 1)]
    rows = _sliced(out, layer, axis, begin, count * step)
    rows = _reshaped(out, rows, (*shape[:axis], count, step, *shape[axis + 1 :]))
    return [_reshaped(out, _sliced(out, rows, axis + 1, start - begin, 1), (*shape[:axis], count, *shape[axis + 1 :]))]


def _sliced(out: Writer, layer: int, axis: int, start: int, count: int) -> int:
    shape = list(out.statements[layer].shape)
    if count == shape[axis]:
        return layer
    shape[axis] = count
    return out.add([layer], f"slice {start} {start + count} axis={axis + 1}", shape)


def _reshaped(out: Writer, layer: int, shape: tuple[int, ...]) -> int:
    if out.statements[layer].shape == shape:
        return layer
    if not shape:  # the sum of one number is that number, and no axis
        return out.add([_reshaped(out, layer, (1,))], "sum 1", shape)
    return out.add([layer], "flatten" if len(shape) == 1 else f"reshape {'x'.join(map(str, shape))}", shape)


def _transposed(out: Writer, layer: int, order: Sequence[int]) -> int:
    shape = out.statements[layer].shape
    return out.add([layer], f"transpose {'x'.join(str(axis + 1) for axis in order)}", [shape[axis] for axis in order])


def _strides(numbers: NDArray[Any]) -> list[tuple[int, int]] | None:
    """The strides and counts of the axes, the first outermost, along which numbers from 0 grow; None if they do otherwise."""
    import numpy as np

    axes: list[tuple[int, int]] = []
    block = np.zeros(1, dtype=numbers.dtype)
    while block.size < numbers.size:
        starts = numbers[:: block.size]
        step = int(starts[1] - starts[0])
        even = starts == starts[0] + step * np.arange(starts.size)
        count = starts.size if even.all() else int(even.argmin())
        block = (step * np.arange(count)[:, None] + block).ravel()
        axes.insert(0, (step, count))
        if numbers.size % block.size:
            return None
    return axes if (block == numbers).all() else None
