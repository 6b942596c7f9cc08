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


def _reshaped(out: Writer, layer: int, shape: tuple[int, ...]) -> int:
    if out.statements[layer].shape == shape:
        return layer
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
