"""Numbers of one layer times constants, added up: what a rotary position (Su et al. 2021) is in other programs' graphs.

Queries times cosines, plus the same queries with the halves of each head swapped and one of them negated, times sines: no
layer does that by itself, but ``attention rope`` does so inside. So such sums are followed as they are, until an attention
takes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.importing.text import refused
from lampc.importing.values import Value, positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Mixed:
    """At each place a sum of numbers of a layer times constants."""

    layer: int
    terms: tuple[tuple[Array, Array], ...]
    """Which of the layer's numbers, and times what; all of the value's own shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples and all."""
        return self.terms[0][0].shape


def mixed(value: Value | Mixed) -> Mixed:
    """A value as such a sum."""
    import numpy as np

    if isinstance(value, Mixed):
        return value
    return Mixed(value.layer, ((positions(value), np.full(value.shape, value.factor)),))


def moved(value: Mixed, how: Callable[[Array], Array]) -> Mixed:
    """After all terms' numbers were moved alike."""
    return Mixed(value.layer, tuple((how(index), how(times)) for index, times in value.terms))


def scaled(value: Value | Mixed, given: Array) -> Mixed:
    """Times constants, which are broadcast."""
    import numpy as np

    value = mixed(value)
    if np.broadcast_shapes(value.shape, given.shape) != value.shape:
        raise refused(f"multiplying values of {list(value.shape)} by constants of {list(given.shape)} has no layer")
    return Mixed(value.layer, tuple((index, times * given) for index, times in value.terms))


def added(a: Value | Mixed, b: Value | Mixed) -> Mixed:
    """The sum.

    Raises:
        LampError: if the two are not of one layer, and alike in shape.
    """
    a, b = mixed(a), mixed(b)
    if a.layer != b.layer or a.shape != b.shape:
        raise refused("values are multiplied by constants place by place, and added to others: that has no layer")
    return Mixed(a.layer, (*a.terms, *b.terms))


def side_by_side(values: Sequence[Value | Mixed], axis: int) -> Mixed:
    """One after another along an axis.

    Raises:
        LampError: if they are not of one layer.
    """
    import numpy as np

    parts = [mixed(value) for value in values]
    if len({part.layer for part in parts}) > 1:
        raise refused("values are multiplied by constants place by place, and put beside others: that has no layer")
    most = max(len(part.terms) for part in parts)
    filled = [(*part.terms, *[(part.terms[0][0], np.zeros(part.shape))] * (most - len(part.terms))) for part in parts]
    terms = tuple(
        tuple(np.concatenate(arrays, axis) for arrays in zip(*term, strict=True)) for term in zip(*filled, strict=True)
    )
    return Mixed(parts[0].layer, terms)  # type: ignore[arg-type]


def is_half_negated(values: Sequence[Value | Mixed]) -> bool:
    """Whether they are the halves of heads as a rotation has them: the second one first, and negated."""
    import numpy as np

    if len(values) != 2:
        return False
    second, first = values
    if isinstance(second, Mixed) or isinstance(first, Mixed):
        return False
    alike = second.layer == first.layer and second.shape == first.shape and second.factor == -first.factor
    return alike and np.array_equal(positions(second), positions(first) + second.shape[-1])


def settled(value: Value | Mixed) -> Value | Mixed:
    """A value, where but one term counts, and it counts alike at all places."""
    import numpy as np

    if isinstance(value, Value):
        return value
    indices, times = (np.stack(arrays) for arrays in zip(*value.terms, strict=True))
    counts = (times != 0).sum(0)
    if (counts != 1).any():
        return value
    chosen = (times != 0).argmax(0)[None]
    factors = np.take_along_axis(times, chosen, 0)[0]
    if (factors != factors.flat[0]).any():
        return value
    return Value(value.layer, value.shape, np.take_along_axis(indices, chosen, 0)[0], float(factors.flat[0]))


def unturned(value: Mixed, step: int) -> tuple[Value, float]:
    """Queries or keys [..., places, width of a head] before their rotation, and the base of its waves.

    ``step`` is how far it is in the layer from a place to the next.

    Raises:
        LampError: if they are turned otherwise than ``attention rope`` turns them.
    """
    import numpy as np

    wrong = refused("queries or keys are turned by their places in another way than `attention rope` does")
    length, width = value.shape[-2:]
    half = width // 2
    if len(value.terms) != 2 or width % 2 or length < 2:
        raise wrong
    (first, c0), (second, c1) = value.terms
    counts = c0[..., :1, :] != 0  # place 0 is not turned: one of the two terms is nothing there
    main = np.where(counts, first[..., :1, :], second[..., :1, :]) + step * np.arange(length)[:, None]
    other = np.concatenate([main[..., half:], main[..., :half]], -1)
    as_is = first == main
    if (np.where(as_is, first, second) != main).any() or (np.where(as_is, second, first) != other).any():
        raise wrong
    cos, sin = np.where(as_is, c0, c1), np.where(as_is, c1, c0)
    factor = float(cos[..., 0, 0].flat[0])
    if factor == 0.0:
        raise wrong
    cos, sin = cos / factor, np.concatenate([-sin[..., :half], sin[..., half:]], -1) / factor
    base = _base(float(math.atan2(sin[..., 1, 1].flat[0], cos[..., 1, 1].flat[0])), half) if half > 1 else 10_000.0
    angles = np.arange(length)[:, None] * base ** -(np.arange(width) % half / half)
    near = 1e-5 * length
    if (abs(cos - np.cos(angles)) > near).any() or (abs(sin - np.sin(angles)) > near).any():
        raise wrong
    return Value(value.layer, value.shape, main, factor), base


def _base(angle: float, half: int) -> float:
    """The base of which pair 1 turns by an angle a place, rounded to what a float32's angle tells."""
    return float(f"{angle**-half:.4g}") if 0 < angle < 1 else 10_000.0
