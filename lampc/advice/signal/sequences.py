"""Attention, as the mean over places that a softmax of normal scores weighs."""

from __future__ import annotations

import math

import numpy as np

from lampc.advice.signal.patch import Array, Draw, Patch
from lampc.advice.signal.site import Site, rule
from lampc.ops.attend import Attend, AttendGrad
from lampc.ops.attention import Attention, AttentionGrad, Rope

_MOST = 256
"""Keys that are drawn; of more the weights are taken to be as uneven."""


def _unevenness(draw: Draw, deviation: float, keys: int, causal: bool) -> Array:
    """The sum of the squares of a place's weights, for each row: 1/keys where all are alike, 1 where one has all."""
    shown = min(keys, _MOST)
    scores = deviation * draw.random.standard_normal((draw.rows, shown))
    seen = draw.random.integers(1, shown + 1, (draw.rows, 1)) if causal else np.full((draw.rows, 1), shown)
    weights = np.where(np.arange(shown)[None] < seen, np.exp(scores - scores.max(axis=1, keepdims=True)), 0.0) + 1e-300
    weights /= weights.sum(axis=1, keepdims=True)
    found = np.square(weights).sum(axis=1, keepdims=True)
    even = 1 / seen
    share = np.clip((found - even) / np.maximum(1 - even, 1e-9), 0.0, 1.0)  # from even to one alone
    even = even * shown / keys
    return np.asarray(even + share * (1 - even))


def _mixed(v: Array, uneven: Array, columns: int, draw: Draw) -> Array:
    """Means of values: what places share stays."""
    mean = v.mean(axis=0, keepdims=True)
    made = mean + (v - mean) * np.sqrt(uneven)
    return draw.gathered(np.broadcast_to(made, (draw.rows, v.shape[1])), columns)


def _rms(x: Array) -> float:
    return float(np.sqrt(np.square(x).mean()))


def _gradients(site: Site, dy: Array, q: Array, k: Array, v: Array, keys: int, causal: bool) -> tuple[float, float, float]:
    """The deviations of the gradients of queries, keys and values."""
    uneven = _unevenness(site.draw, _rms(q) * _rms(k), keys, causal)
    apart = _rms(v - v.mean(axis=0, keepdims=True))
    slope = math.sqrt(float((uneven * (1 - uneven)).mean()))
    shared = math.sqrt(site.op.heads / site.op.kv_heads)
    into_v = _rms(dy) * math.sqrt(float(uneven.mean()))
    return _rms(dy) * apart * _rms(k) * slope, shared * _rms(dy) * apart * _rms(q) * slope, shared * into_v


@rule(Attention)
def _attention(site: Site) -> tuple[Patch, ...]:
    x, keys, op = site.along(0), site.types[0].shape[1], site.op
    assert isinstance(keys, int)
    q, k, v = _parts(x, op.heads, op.kv_heads)
    uneven = _unevenness(site.draw, _rms(q) * _rms(k), keys, op.causal)
    return Patch(_mixed(v, uneven, site.wide(), site.draw), -1), Patch(np.zeros((1, 1)))


def _parts(x: Array, heads: int, kv_heads: int) -> tuple[Array, Array, Array]:
    """The columns of queries, keys and values."""
    total, shown = heads + 2 * kv_heads, x.shape[1]
    ends = [max(1, round(shown * heads / total)), max(2, round(shown * (heads + kv_heads) / total))]
    q, k, v = x[:, : ends[0]], x[:, ends[0] : ends[1]], x[:, ends[1] :]
    return (q, k, v) if k.size and v.size else (x, x, x)


@rule(AttentionGrad)
def _attention_grad(site: Site) -> tuple[Patch, ...]:
    dy, x, keys, op = site.along(0), site.along(1), site.types[1].shape[1], site.op
    assert isinstance(keys, int)
    q, k, v = _parts(x, op.heads, op.kv_heads)
    sizes = _gradients(site, dy, q, k, v, keys, op.causal)
    made = site.draw.normal(site.wide())
    if q is not x:
        widths = (q.shape[1], k.shape[1], v.shape[1])
        made = made * np.repeat(sizes, widths)[None]
    else:
        made = made * math.sqrt(sum(size**2 for size in sizes) / 3)
    return (Patch(made, -1),)


@rule(Attend)
def _attend(site: Site) -> tuple[Patch, ...]:
    keys, op = site.types[1].shape[1], site.op
    assert isinstance(keys, int)
    uneven = _unevenness(site.draw, site.given[0].rms * site.given[1].rms, keys, op.causal)
    made = _mixed(site.along(2), uneven, site.wide(), site.draw)
    return Patch(made, -1), Patch(np.full((1, 1), 1 / keys))


@rule(AttendGrad)
def _attend_grad(site: Site) -> tuple[Patch, ...]:
    keys = site.types[2].shape[1]
    assert isinstance(keys, int)
    dy, q, k, v = (site.along(index) for index in range(4))
    sizes = _gradients(site, dy, q, k, v, keys, False)
    return tuple(Patch(size * site.draw.normal(x.shape[1]), -1) for size, x in zip(sizes, (q, k, v), strict=True))


@rule(Rope)
def _rope(site: Site) -> tuple[Patch, ...]:
    return site.given
