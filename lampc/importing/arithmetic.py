"""Sums, products and comparisons of what depends on the samples, with one another and with constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import LampError
from lampc.importing.attention import Scores, attend, masked, score
from lampc.importing.layers import along, biased, conv, filled, lacks_bias, layer, linear, softmax
from lampc.importing.rotary import Mixed, added, is_half_negated, moved, scaled, side_by_side
from lampc.importing.text import Writer, refused
from lampc.importing.values import Move, Value, by_elements, by_rows, joined, made, move, shortest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Tracked = Value | Scores | Mixed
"""What depends on the samples."""


def plus(out: Writer, a: Tracked | Array, b: Tracked | Array) -> Tracked:
    """The sum."""
    if not isinstance(a, Tracked):
        a, b = b, a
    if isinstance(a, Scores):
        if isinstance(b, Tracked):
            raise refused("numbers that depend on the samples are added to an attention's scores")
        return masked(a, b)
    if isinstance(b, Scores):
        return plus(out, b, a)
    if not isinstance(a, Value | Mixed):
        raise refused("constants are added, and nothing that depends on the samples")
    if isinstance(a, Mixed) or isinstance(b, Mixed):
        if isinstance(b, Value | Mixed):
            return added(a, b)
        raise refused("constants are added to values that were multiplied by constants place by place: that has no layer")
    return joined(out, "sum", (a, b)) if isinstance(b, Value) else _constant(out, a, b)


def _constant(out: Writer, value: Value, given: Array) -> Value:
    """A number, one for each feature, or one for each place and feature."""
    import numpy as np

    if given.ndim == len(value.shape) and (given == given[:1]).all():
        given = given[:1]
    if given.size == 1:
        added = float(given.reshape(-1)[0])
        return value if added == 0.0 else formula(out, value, f"x + {shortest(added)}")
    if given.shape[-1:] == value.shape[-1:] and given.size == given.shape[-1]:
        return biased(out, value, given.reshape(-1))
    if len(value.shape) == 3 and given.size == value.shape[1] * value.shape[2] and given.shape[-2:] == value.shape[1:]:
        table, statement = given.reshape(value.shape[1:]), out.statements[value.layer]
        if statement.text == "position" and value.index is None and value.factor == 1.0:
            weights = {"weight": statement.weights["weight"] + table}
            return made(out, out.add(statement.inputs, "position", statement.shape, weights))
        return by_rows(out, value, "position", None, {"weight": table})
    if _of_channels(value, given):
        bias = given.reshape(-1)
        if lacks_bias(out.statements[value.layer], "conv") and value.index is None and value.factor == 1.0:
            return filled(out, value, {"bias": bias})
        return by_channel(out, value, np.ones_like(bias), bias)
    raise refused(f"adding constants of shape {list(given.shape)} to values of {list(value.shape)} has no layer")


def times(out: Writer, a: Tracked | Array, b: Tracked | Array) -> Tracked:
    """The product, number by number."""
    if not isinstance(a, Tracked):
        a, b = b, a
    if isinstance(b, Tracked):
        if isinstance(a, Value) and isinstance(b, Value):
            return joined(out, "product", (a, b))
        raise refused("multiplying an attention's scores by values has no layer")
    if isinstance(a, Mixed):
        return scaled(a, b)
    if not isinstance(a, Value | Scores):
        raise refused("constants are multiplied, and nothing that depends on the samples")
    if b.size == 1:
        return replace(a, factor=a.factor * float(b.reshape(-1)[0]))
    if isinstance(a, Scores):
        raise refused(f"multiplying an attention's scores by constants of shape {list(b.shape)} has no layer")
    if b.shape[-1:] == a.shape[-1:] and b.size == b.shape[-1]:
        return by_rows(out, a, "scale", None, {"weight": b.reshape(-1)})
    return by_channel(out, a, b, None) if _of_channels(a, b) else scaled(a, b)


def _of_channels(value: Value, given: Array) -> bool:
    """Whether constants are one for each channel of images."""
    rank = len(value.shape)
    return (
        rank in (3, 4, 5) and given.shape[-rank + 1 :] == (value.shape[1], *[1] * (rank - 2)) and given.size == value.shape[1]
    )


def by_channel(out: Writer, value: Value, scale: Array, bias: Array | None) -> Value:
    """Each channel times a number, plus another: a convolution of one place."""
    weight = scale.reshape(-1, *[1] * (len(value.shape) - 1))
    return conv(out, value, value.shape[1:], weight, bias, 1, 0, 1, scale.size)


def minus(out: Writer, a: Tracked | Array, b: Tracked | Array) -> Tracked:
    """The difference."""
    import numpy as np

    if isinstance(b, Mixed):
        return plus(out, a, scaled(b, np.asarray(-1.0)))
    if isinstance(b, Value | Scores):
        return plus(out, a, replace(b, factor=-b.factor))
    return plus(out, a, -b)


def divided(out: Writer, a: Tracked | Array, b: Tracked | Array) -> Tracked:
    """The quotient."""
    if isinstance(a, Tracked) and not isinstance(b, Tracked):
        return times(out, a, 1.0 / b)
    if isinstance(b, Value):
        over = formula(out, b, "1 / x")
        return over if not isinstance(a, Tracked) and a.size == 1 and float(a.reshape(-1)[0]) == 1.0 else times(out, a, over)
    raise refused("dividing by an attention's scores has no layer")


def formula(out: Writer, value: Value, text: str) -> Value:
    """A formula of x, number by number."""
    return by_elements(out, value, out.function(text))


def bounded(out: Writer, value: Value, kind: str, end: float) -> Value:
    """The greater (``max``) or lesser (``min``) of a value and a number."""
    if kind == "max" and end == 0.0:
        return by_elements(out, value, "relu")
    return formula(out, value, f"{kind}({shortest(end)}, x)")


def product(out: Writer, a: Tracked | Array, b: Tracked | Array) -> Tracked:
    """The matrix product."""
    if isinstance(a, Value) and not isinstance(b, Tracked):
        weight = b.reshape(-1, *b.shape[-2:])[0]
        if b.ndim < 2 or (b != weight).any():
            raise refused(f"a product with constants of shape {list(b.shape)} has no layer")
        return linear(out, a, weight.T, None)
    if isinstance(b, Value) and not isinstance(a, Tracked) and a.ndim == 2:
        return along(out, b, len(b.shape) - 2, a)
    if isinstance(a, Value | Mixed) and isinstance(b, Value | Mixed):
        return score(a, b)
    if isinstance(a, Scores) and a.weighed and isinstance(b, Value | Mixed):
        return attend(out, a, b)
    raise refused("a product of constants with values, or of an attention's scores with anything but its values, has no layer")


def weighed(out: Writer, value: Tracked, axis: int) -> Tracked:
    """The softmax over the last axis."""
    if isinstance(value, Scores):
        if axis % len(value.shape) != len(value.shape) - 1:
            raise refused("an attention's softmax goes over another axis than the keys")
        return replace(value, weighed=True)
    if isinstance(value, Mixed):
        raise refused("a softmax of values that were multiplied by constants place by place has no layer")
    return softmax(out, value, axis)


def dot(out: Writer, q: Value | Mixed, k: Value | Mixed, v: Value | Mixed, mask: Array | None, causal: bool,
        scale: float) -> Value:  # fmt: skip
    """Attention as one node."""
    import numpy as np

    def back(numbers: Array) -> Array:
        return np.swapaxes(numbers, -1, -2)

    scores = replace(score(q, shifted(k, back)), factor=scale)
    return attend(out, scores if mask is None else masked(scores, mask), v, causal)


def shifted(value: Value | Mixed, how: Move) -> Value | Mixed:
    """After a node that moves numbers about."""
    return moved(value, how) if isinstance(value, Mixed) else move(value, how)


def concatenated(out: Writer, values: Sequence[Tracked | Array], axis: int) -> Tracked:
    """Side by side along an axis of the samples.

    Raises:
        LampError: if no layers put such together.
    """
    rank = len(values[0].shape)
    axis %= rank
    parts = [value for value in values if isinstance(value, Value | Mixed)]
    if len(parts) < len(values):
        return _begun(out, values, axis)
    if any(isinstance(part, Mixed) for part in parts) or is_half_negated(parts):
        return side_by_side(parts, axis)
    shape = list(parts[0].shape[1:])
    shape[axis - 1] = sum(part.shape[axis] for part in parts)
    try:
        if axis == 0:
            raise refused("values are put together along the axis of the samples")
        return joined(out, f"concat axis={axis}", tuple(part for part in parts if isinstance(part, Value)), tuple(shape))
    except LampError:
        if len({part.layer for part in parts}) == 1:
            return side_by_side(parts, axis)
        raise


def _begun(out: Writer, values: Sequence[Tracked | Array], axis: int) -> Value:
    """A sequence with constants before or after it, such as a token for the class: zeros there, and those added."""
    import numpy as np

    tracked = [value for value in values if isinstance(value, Value)]
    constants = [value for value in values if not isinstance(value, Tracked)]
    if len(tracked) != 1 or len(constants) + 1 < len(values) or axis != 1 or len(tracked[0].shape) != 3 \
            or any((array != array[:1]).any() for array in constants):  # fmt: skip
        raise refused("constants are put beside values in a way that no layers do")
    (value,) = tracked
    place = next(number for number, part in enumerate(values) if part is value)
    counts = [part.shape[1] for part in values]
    before, after = sum(counts[:place]), sum(counts[place + 1 :])
    turned = move(value, lambda index: np.swapaxes(index, 1, 2))
    width, length = value.shape[2], sum(counts)
    padded = layer(out, turned, f"pad [{before}, {after}]", (width, length))
    table = np.concatenate(
        [np.zeros(part.shape[1:], constants[0].dtype) if isinstance(part, Tracked) else part[0] for part in values]
    )
    return by_rows(out, move(padded, lambda index: np.swapaxes(index, 1, 2)), "position", None, {"weight": table})
