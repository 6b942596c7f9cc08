"""Attention as other programs write it: products of queries and keys, a softmax, and the sum of values by it.

What lampc has as one layer is in their graphs a projection, heads that are split off by any sequence of views and transposes,
scores, perhaps a mask, and a projection of the heads side by side. Which of the first projection's columns a head takes is read
from the values' positions, so that it does not matter how they came there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lampc.importing.rotary import Mixed, moved, settled, unturned
from lampc.importing.text import Writer, refused
from lampc.importing.values import Value, positions
from lampc.importing.values import rows as rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Scores:
    """Queries times keys, and what has been done to that."""

    q: Value | Mixed
    """[…, queries, width of a head]"""
    k: Value | Mixed
    """[…, keys, width of a head]"""
    shape: tuple[int, ...]
    factor: float = 1.0
    mask: Array | None = None
    """True where a key is seen."""
    weighed: bool = False
    """Whether the softmax is taken."""


@dataclass(frozen=True)
class Pending:
    """An attention that waits for the projection that follows it."""

    text: str
    sources: tuple[int, ...]
    """The layers that queries, keys and values are of."""
    weights: tuple[Array, ...]
    """Their projections, [width, in]."""
    biases: tuple[Array | None, ...]


def score(q: Value | Mixed, k: Value | Mixed) -> Scores:
    """The product of queries with keys, [..., width of a head, keys]."""
    import numpy as np

    def back(numbers: Array) -> Array:
        return np.swapaxes(numbers, -1, -2)

    turned = moved(k, back) if isinstance(k, Mixed) else replace(k, index=back(positions(k)), shape=back(positions(k)).shape)
    if q.shape[-1] != turned.shape[-1]:
        raise refused(f"a product of two values {list(q.shape)} and {list(k.shape)} that are no queries and keys has no layer")
    return Scores(q, turned, (*q.shape[:-1], k.shape[-1]))


def masked(scores: Scores, mask: Array) -> Scores:
    """With numbers added to the scores, or with truth values."""
    import numpy as np

    hidden = ~mask if mask.dtype == bool else mask <= -1e4
    if mask.dtype != bool and (mask[~hidden] != 0).any():
        raise refused("numbers that are added to an attention's scores have no counterpart, but for a mask")
    seen = np.broadcast_to(~hidden, scores.shape)
    return replace(scores, mask=seen if scores.mask is None else scores.mask & seen)


def attend(out: Writer, scores: Scores, v: Value | Mixed, causal: bool = False) -> Value:
    """The heads' values by the softmax of scores: [..., queries, width of a head].

    Raises:
        LampError: if it is none that lampc has.
    """
    import numpy as np

    q, k, values = (_heads(out, settled(part)) for part in (scores.q, scores.k, v))
    heads, length, n = len(q.columns), q.shape[-2], out.samples
    if q.base != k.base or values.base is not None:
        raise refused("queries and keys are turned by their places, and not alike, or values are: that has no counterpart")
    if not q.width == k.width == values.width or len(k.columns) != len(values.columns):
        raise refused(f"heads of {q.width} features whose values have {values.width} have no counterpart")
    kv = [len(k.columns), *_shared(k.columns, values.columns)][-1]
    scale = q.factor * k.factor * scores.factor * math.sqrt(q.width)
    scale = 1.0 if abs(scale - 1.0) < 1e-6 else scale
    parts = [_projection(out, q, heads, scale), _projection(out, k, kv, 1.0), _projection(out, values, kv, values.factor)]
    text = f"attention {heads}" + (f" kv_heads={kv}" if kv != heads else "")
    text += (" causal" if causal or _causal(scores) else "") + _waves(q.base)
    pending = Pending(text, tuple(p[0] for p in parts), tuple(p[1] for p in parts), tuple(p[2] for p in parts))
    layer = out.add(pending.sources, "", (length, heads * q.width), pending=pending)
    index = np.arange(n * length * heads * q.width).reshape(n, length, heads, q.width).swapaxes(1, 2)
    return Value(layer, q.shape, index.reshape(q.shape))


@dataclass(frozen=True)
class Heads:
    """Parts of a layer's features: of queries, keys or values."""

    layer: int
    shape: tuple[int, ...]
    columns: list[int]
    """At which feature each begins."""
    factor: float
    base: float | None
    """Of the waves by which they are turned by their places, if they are."""

    @property
    def width(self) -> int:
        """Of each."""
        return self.shape[-1]


def _heads(out: Writer, value: Value | Mixed) -> Heads:
    """What queries, keys or values are parts of.

    Raises:
        LampError: if it is not a layer's features of each place.
    """
    import numpy as np

    shape, places, base = out.statements[value.layer].shape, value.shape[-2], None
    if isinstance(value, Mixed):
        value, base = unturned(value, shape[-1])
    width, index = value.shape[-1], positions(value)
    if len(shape) == 2 and shape[0] == places and index.size % (out.samples * places * width) == 0:
        index = index.reshape(out.samples, -1, places, width)
        starts = index[0, :, 0, 0]
        sample, place, feature = (np.arange(count) for count in (out.samples, places, width))
        wanted = (sample[:, None, None, None] * places + place[:, None]) * shape[1] + starts[:, None, None] + feature
        if (index == wanted).all() and (starts + width <= shape[1]).all():
            return Heads(value.layer, value.shape, [int(start) for start in starts], value.factor, base)
    raise refused(f"queries, keys or values of shape {list(value.shape)} are no heads of each place's features")


def _waves(base: float | None) -> str:
    if base is None:
        return ""
    return " rope" if base == 10_000.0 else f" rope base={base:g}"


def _shared(*columns: list[int]) -> list[int]:
    """How many keys and values there are, if runs of heads take the same."""
    count = len(set(columns[0]))
    if 0 < count < len(columns[0]) and len(columns[0]) % count == 0:
        run = len(columns[0]) // count
        if all(c[i] == c[i - i % run] for c in columns for i in range(len(c))):
            return [count]
    return []


def _projection(out: Writer, heads: Heads, count: int, factor: float) -> tuple[int, Array, Array | None]:
    """Whose features ``count`` heads are of, by which weights and biases."""
    import numpy as np

    statement, layer = out.statements[heads.layer], heads.layer
    starts = heads.columns[:: len(heads.columns) // count]
    picked = np.concatenate([np.arange(start, start + heads.width) for start in starts])
    if statement.text.startswith("linear ") and "weight" in statement.weights:
        weight, bias, layer = statement.weights["weight"], statement.weights.get("bias"), statement.inputs[0]
    else:
        weight, bias = np.eye(statement.shape[-1]), None
    kept = weight.dtype
    return layer, (weight[picked] * factor).astype(kept), None if bias is None else (bias[picked] * factor).astype(kept)


def _causal(scores: Scores) -> bool:
    import numpy as np

    if scores.mask is None or scores.mask.all():
        return False
    if (scores.mask == np.tri(scores.shape[-2], scores.shape[-1]).astype(bool)).all():
        return True
    raise refused("an attention's mask is neither causal nor does it let all be seen")


def projected(out: Writer, value: Value, weight: Array, bias: Array | None) -> Value:
    """The layer, once the linear layer after its heads is known."""
    import numpy as np

    statement = out.statements[value.layer]
    heads: Pending = statement.pending
    found, width = rows_of(out, value), statement.shape[-1]
    source = out.statements[heads.sources[0]].shape[-1]
    if found is None or value.factor != 1.0 or not weight.shape[0] == weight.shape[1] == width == source:
        raise refused(
            f"an attention of {source} features has no counterpart if its heads have {width} in all, and what follows makes "
            f"{weight.shape[0]}"
        )
    weights: dict[str, Any] = {}
    if len({part.shape[1] for part in heads.weights}) == 1:
        weights["in_proj_weight"] = np.concatenate(heads.weights)
    else:
        weights |= {f"{name}_proj_weight": part for name, part in zip("qkv", heads.weights, strict=True)}
    text = heads.text
    if bias is None and all(part is None for part in heads.biases):
        text += " bias=off"
    else:
        filled = [
            np.zeros(part.shape[0], weight.dtype) if bias is None else bias
            for part, bias in zip(heads.weights, heads.biases, strict=True)
        ]
        weights["in_proj_bias"] = np.concatenate(filled)
        weights["out_proj.bias"] = np.zeros(width, weight.dtype) if bias is None else bias
    weights["out_proj.weight"] = weight
    x, keys, values = heads.sources
    named = ((("keys", keys),) if keys != x else ()) + ((("values", values),) if values != keys else ())
    layer = out.add([x], text, statement.shape, weights, named=named)
    return Value(layer, (*value.shape[:-1], width), found[..., None] * width + np.arange(width))


def reshaped(scores: Scores, shape: tuple[int, ...]) -> Scores:
    """Scores whose heads and samples are together, or apart."""
    if shape[-2:] != scores.shape[-2:]:
        raise refused(f"an attention's scores {list(scores.shape)} are brought into the shape {list(shape)}")
    mask = None if scores.mask is None else scores.mask.reshape(shape)
    return replace(scores, shape=shape, mask=mask)
