"""What a graph's tensors are: numbers of a layer, moved about by transposes, slices and views.

Programs of other frameworks move numbers as they please, samples and places of a sequence and heads alike, where a ``.lamp``
program has samples apart. So a tensor is followed as an array of whole numbers, of the tensor's own shape, that says for each
place which of a layer's numbers stands there; a node that moves is simply run on that array. Only where a layer takes the
tensor is it asked what it amounts to: the layer's value as it is, a slice, another shape, another order of its axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import LampError
from lampc.importing.arrange import cut, picked, shuffled, turned
from lampc.importing.text import Imported, Writer, refused
from lampc.importing.tidy import tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Move = Callable[[Any], Any]
"""What moves an array's numbers."""


@dataclass(frozen=True)
class Value:
    """Numbers that depend on the samples."""

    layer: int
    shape: tuple[int, ...]
    """Samples and all."""
    index: NDArray[Any] | None = None
    """Which of the layer's numbers each is; -1 for one that the layer does not make. None: all, as they are."""
    factor: float = 1.0
    before: tuple[Value, Move] | None = None
    """The value that it was moved from, and how."""


MOST = 100_000_000
"""Numbers of a constant that is worked out."""
SAMPLES = 2
"""How many the example has by which shapes are worked out, where a model takes any number."""


def begin(out: Writer, shape: list[int], axis: int, below: int | None) -> Value:
    """The input: a value whose samples stand on an axis; ``below`` what its whole numbers stay, where it has such.

    Raises:
        LampError: if nothing says what they stay below.
    """
    import numpy as np

    if below == 0:
        raise refused("the input holds whole numbers, and nothing says below what they stay")
    sample = [number for place, number in enumerate(shape) if place != axis]
    kind = "" if below is None else f" int<{below}>"
    value = made(out, out.add([], f"input {'x'.join(map(str, sample))}{kind}", sample))
    return value if axis == 0 else move(value, lambda index: np.moveaxis(index, 0, axis))


def finish(out: Writer, value: object, axis: int) -> Imported:
    """The program that ends with a value, whose samples may stand where the input's do."""
    import numpy as np

    if not isinstance(value, Value):
        raise refused("the model gives an attention's scores, or values times constants place by place: "
                      "neither is a value of a program")  # fmt: skip
    if axis and value.shape[0] != out.samples:
        value = move(value, lambda index: np.moveaxis(index, axis, 0))
    last = layer_of(out, value)
    tidy(out)
    return out.finish(last if last else out.add([0], "pass", out.statements[0].shape))


def made(out: Writer, layer: int) -> Value:
    """What a layer makes, as it is."""
    return Value(layer, (out.samples, *out.statements[layer].shape))


def positions(value: Value) -> NDArray[Any]:
    """A value's index."""
    import numpy as np

    return np.arange(math.prod(value.shape)).reshape(value.shape) if value.index is None else value.index


def move(value: Value, how: Move) -> Value:
    """A value after its numbers were moved."""
    index = how(positions(value))
    return Value(value.layer, index.shape, index, value.factor, (value, how))


def layer_of(out: Writer, value: Value) -> int:
    """A layer that makes a value, samples first; written where there is none.

    Raises:
        LampError: if no layers move numbers so.
    """
    if value.index is None and value.factor == 1.0:
        return value.layer
    key = (value.layer, value.shape, value.factor, None if value.index is None else value.index.tobytes())
    if key not in out.moved:
        layer = value.layer if value.index is None else _moved(out, value)
        if layer is None:
            raise refused(f"values of shape {list(value.shape)} are moved about in a way that no layers do")
        if value.factor != 1.0:
            formula = "-x" if value.factor == -1.0 else f"x * {shortest(value.factor)}"
            layer = out.add([layer], out.function(formula), value.shape[1:])
        out.moved[key] = layer
    return out.moved[key]


def samples_axis(out: Writer, value: Value) -> int | None:
    """The axis on which a value's samples stand; None where there is but one, which has none.

    Raises:
        LampError: if they share an axis with something else.
    """
    import numpy as np

    sample = positions(value) // math.prod(out.statements[value.layer].shape)
    for axis, count in enumerate(value.shape):
        along = np.arange(count).reshape(-1, *[1] * (len(value.shape) - axis - 1))
        if count == out.samples and (sample == along).all():
            return axis
    if out.samples > 1 or (sample != 0).any():
        raise refused(f"samples do not stand on an axis of their own in values of {list(value.shape)}")
    return None


def _moved(out: Writer, value: Value) -> int | None:
    """At one go from the layer, or step by step from what it was moved from."""
    import numpy as np

    base, index = out.statements[value.layer].shape, positions(value)
    if value.shape and value.shape[0] == out.samples:
        rows, size = index.reshape(out.samples, -1), math.prod(base)
        first = rows[0]
        apart = rows == first + size * np.arange(out.samples)[:, None]
        if apart.all() and first.min() >= 0 and first.max() < size:
            sample = first.reshape(value.shape[1:])
            layer = cut(out, value.layer, sample)
            layer = turned(out, value.layer, sample) if layer is None else layer
            layer = shuffled(out, value.layer, sample) if layer is None else layer
            layer = picked(out, value.layer, sample) if layer is None else layer
            if layer is not None:
                return layer
    if value.before is None:
        return None
    earlier, how = value.before
    try:
        below = layer_of(out, replace(earlier, factor=1.0))
    except LampError:
        return None
    return _moved(out, replace(move(made(out, below), how), before=None)) if below != value.layer else None


def rows(out: Writer, value: Value) -> NDArray[Any] | None:
    """Where the whole last axis of the layer stands at the end: which row stands at each place; None elsewhere."""
    import numpy as np

    base, index = out.statements[value.layer].shape, positions(value)
    if not base or value.shape[-1:] != base[-1:]:
        return None
    width = base[-1]
    starts = index[..., 0]
    whole = (index == starts[..., None] + np.arange(width)).all() and (starts % width == 0).all() and (starts >= 0).all()
    return starts // width if whole else None


def by_rows(out: Writer, value: Value, text: str, width: int | None = None, weights: dict[str, Any] | None = None,
            named: tuple[tuple[str, int], ...] = ()) -> Value:  # fmt: skip
    """A layer that goes over the last axis alone, wherever the other axes are.

    Raises:
        LampError: if the last axis is not where it was made.
    """
    import numpy as np

    if len(value.shape) < 2:
        raise refused(f"`{text}` goes over the last axis, and values of {list(value.shape)} have but the samples'")
    width = value.shape[-1] if width is None else width
    try:
        layer = layer_of(out, value)
    except LampError:
        found = rows(out, value)
        if found is None:
            raise
        below = layer_of(out, replace(made(out, value.layer), factor=value.factor))
        layer = out.add([below], text, (*out.statements[below].shape[:-1], width), weights, named=named)
        return Value(layer, (*value.shape[:-1], width), found[..., None] * width + np.arange(width))
    return made(out, out.add([layer], text, (*out.statements[layer].shape[:-1], width), weights, named=named))


def by_elements(out: Writer, value: Value, text: str) -> Value:
    """A layer that goes over number by number, wherever they are."""
    try:
        layer = layer_of(out, value)
    except LampError:
        below = layer_of(out, replace(made(out, value.layer), factor=value.factor))
        layer = out.add([below], text, out.statements[below].shape)
        return replace(value, layer=layer, factor=1.0, before=None)
    return made(out, out.add([layer], text, out.statements[layer].shape))


def joined(out: Writer, kind: str, values: tuple[Value, ...], shape: tuple[int, ...] | None = None) -> Value:
    """A sum, a product, or, where the shape is another, a concatenation.

    Raises:
        LampError: if the values are not moved alike, or not equally large.
    """
    import numpy as np

    try:
        layers = [layer_of(out, value) for value in values]
    except LampError:
        first = values[0]
        alike = all(value.factor == 1.0 and value.shape == first.shape and np.array_equal(positions(value), positions(first))
                    and out.statements[value.layer].shape == out.statements[first.layer].shape for value in values)  # fmt: skip
        if not alike or shape is not None:
            raise
        layer = out.add([value.layer for value in values], kind, out.statements[first.layer].shape, join=True)
        return replace(first, layer=layer, before=None)
    if shape is None:
        layers = _spread(out, layers)
        shape = out.statements[layers[0]].shape
    return made(out, out.add(layers, kind, shape, join=True))


def _spread(out: Writer, layers: list[int]) -> list[int]:
    """Values of one shape: where there is one place along an axis it is repeated."""
    shapes = [out.statements[layer].shape for layer in layers]
    if len(set(shapes)) == 1:
        return layers
    if len({len(shape) for shape in shapes}) == 1 and (len({shape[0] for shape in shapes}) == 1 or len(shapes[0]) <= 3):
        whole = tuple(max(counts) for counts in zip(*shapes, strict=True))
        if all(count in (1, most) for shape in shapes for count, most in zip(shape, whole, strict=True)):
            return [_repeated(out, layer, whole) for layer in layers]
    raise refused(
        f"values of {' and '.join('x'.join(map(str, shape)) for shape in shapes)} meet, and such are not broadcast here"
    )


def _repeated(out: Writer, layer: int, whole: tuple[int, ...]) -> int:
    shape = out.statements[layer].shape
    if shape == whole:
        return layer
    factors = [most // count for count, most in zip(shape, whole, strict=True)]
    if len(shape) > 1 and factors[0] == 1:
        return out.add([layer], f"upsample {size(factors[1:])}", whole)
    one = out.add([layer], f"reshape {'x'.join(map(str, (1, *shape)))}", (1, *shape))  # as the places of a channel
    places = out.add([one], f"upsample {size(factors)}", (1, *whole))
    return out.add([places], "flatten" if len(whole) == 1 else f"reshape {'x'.join(map(str, whole))}", whole)


def size(values: Any) -> str:
    """``3`` or ``3x2``."""
    values = [int(value) for value in values]
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def shortest(value: float) -> str:
    """A number as short as its precision allows: that of a float32, if it is one."""
    import numpy as np

    return repr(float(str(np.float32(value))) if float(np.float32(value)) == value else float(value))
