"""Numbers that come of several: sums, means, maxima, pools; and how they come back."""

from __future__ import annotations

import math

import numpy as np

from lampc.advice.signal.patch import Array, Draw, Patch, size_along
from lampc.advice.signal.site import Site, rule
from lampc.ir.types import Type
from lampc.ops.grid import Pad, PadGrad, Upsample, UpsampleGrad
from lampc.ops.pool import (
    AdaptiveAvgPool,
    AdaptiveAvgPoolGrad,
    AdaptiveMaxPool,
    AdaptiveMaxPoolGrad,
    AvgPool,
    AvgPoolGrad,
    MaxPool,
    MaxPoolGrad,
)
from lampc.ops.reduction import Expand, Max, MaxGrad, Mean, Sum


def _apart(x: Array, count: float) -> Array:
    """Means over so many rows: what rows share stays, what they do not share shrinks."""
    mean = x.mean(axis=0)
    return np.asarray(mean + (x - mean) / math.sqrt(count))


def _greatest(draw: Draw, x: Array, count: float) -> Array:
    """The greatest of so many numbers of a column."""
    if len(x) < 2:
        return x
    chosen = draw.random.random((draw.rows, x.shape[1])) ** (1 / count) * len(x)
    return np.take_along_axis(np.sort(x, axis=0), chosen.astype(np.intp), 0)


def _chosen(draw: Draw, x: Array, count: float, columns: bool) -> Array:
    """1 where a number is the greatest of so many others like it: the larger it is the likelier."""
    x = np.broadcast_to(x, (draw.rows, x.shape[1]))
    flat = x.reshape(-1, 1) if columns else x
    below = flat.argsort(axis=0).argsort(axis=0).reshape(x.shape) / len(flat)
    return (draw.random.random(x.shape) < below ** (count - 1)).astype(np.float64)


def _counts(site: Site) -> tuple[int, bool]:
    """How many rows of a sample become one, and whether columns do."""
    (type,), axes = site.types[:1], [axis - site.types[0].rank for axis in site.op.axes]
    own = site.given[0].axis
    return math.prod(size_along(type, axis) for axis in axes if axis != own), own in axes


def _kept(site: Site, x: Array, gone: bool) -> Patch:
    """Numbers that are left, with columns where they are in the result; other ones where theirs are gone."""
    own = site.given[0].axis
    if own is None or gone:
        shown = site.result.rank > 1
        return Patch(site.draw.shuffled(x, site.wide()), -1) if shown and x.size > 1 else Patch(x)
    return Patch(x, own + sum(axis - site.types[0].rank > own for axis in site.op.axes))


@rule(Sum, Mean)
def _sum(site: Site) -> tuple[Patch, ...]:
    x, total = site.given[0].numbers, isinstance(site.op, Sum)
    if site.result.rank == 0:
        return (Patch(np.array([[x.mean() * (site.types[0].elements(1) if total else 1)]])),)
    rows, gone = _counts(site)
    if rows > 1:
        x = _apart(x, rows) * (rows if total else 1)
    if gone:
        size, shown = size_along(site.types[0], site.given[0].axis or -1), x.shape[1]
        mean = x.mean(axis=1, keepdims=True)
        x = x.mean() + (mean - x.mean()) * math.sqrt(min(1.0, shown / size))
        x = x * size if total else x
    return (_kept(site, x, gone),)


@rule(Max)
def _max(site: Site) -> tuple[Patch, ...]:
    x = site.given[0].numbers
    _, gone = _counts(site)
    count = math.prod(size_along(site.types[0], axis - site.types[0].rank) for axis in site.op.axes)
    made = _greatest(site.draw, x.reshape(-1, 1) if gone else x, count)
    return (_kept(site, made, gone),)


@rule(MaxGrad)
def _max_grad(site: Site) -> tuple[Patch, ...]:
    count, patch = site.result.elements(1) / site.types[0].elements(1), site.given[1]
    chosen = _chosen(site.draw, patch.numbers, count, patch.axis is None or patch.axis + site.types[1].rank in site.op.axes)
    return (Patch(site.draw.shuffled(site.given[0].numbers, chosen.shape[1]) * chosen, patch.axis),)


@rule(Expand)
def _expand(site: Site) -> tuple[Patch, ...]:
    (patch,), rank = site.given, len(site.op.shape)
    if patch.axis is None:
        return (patch,)
    kept = [axis for axis in range(rank) if axis not in site.op.axes]
    return (Patch(patch.numbers, kept[site.types[0].rank + patch.axis] - rank),)


# Windows over channels ------------------------------------------------------------------------------------------------


def _share(made: Type, of: Type) -> float:
    return made.elements(1) / of.elements(1)


@rule(MaxPool, AdaptiveMaxPool)
def _maxpool(site: Site) -> tuple[Patch, ...]:
    axis = 1 - site.types[0].rank
    count = math.prod(site.op.kernel) if isinstance(site.op, MaxPool) else 1 / _share(site.result, site.types[0])
    x = site.along(0, axis)
    return Patch(_greatest(site.draw, x, count), axis), Patch(_chosen(site.draw, x, count, False), axis)


@rule(MaxPoolGrad, AdaptiveMaxPoolGrad)
def _maxpool_grad(site: Site) -> tuple[Patch, ...]:
    axis, share = 1 - site.types[0].rank, _share(site.types[0], site.result)
    count = math.prod(site.op.kernel) if isinstance(site.op, MaxPoolGrad) else 1 / share
    return (Patch(site.along(0, axis) * site.given[1].numbers * math.sqrt(count * share), axis),)


@rule(AvgPool, AdaptiveAvgPool)
def _avgpool(site: Site) -> tuple[Patch, ...]:
    axis = 1 - site.types[0].rank
    count = math.prod(site.op.kernel) if isinstance(site.op, AvgPool) else 1 / _share(site.result, site.types[0])
    return (Patch(_apart(site.along(0, axis), max(1.0, count)), axis),)


@rule(AvgPoolGrad, AdaptiveAvgPoolGrad)
def _avgpool_grad(site: Site) -> tuple[Patch, ...]:
    axis, share = 1 - site.types[0].rank, _share(site.types[0], site.result)
    count = math.prod(site.op.kernel) if isinstance(site.op, AvgPoolGrad) else 1 / share
    dy, meets = site.along(0, axis), count * share
    return (Patch(dy / count * (math.sqrt(meets) if meets >= 1 else site.draw.chance(meets, dy)), axis),)


@rule(Upsample, PadGrad)
def _resized(site: Site) -> tuple[Patch, ...]:
    """The same numbers, more or fewer along some axes."""
    patch = site.given[0]
    if patch.axis is None or patch.numbers.shape[1] in (1, site.wide(patch.axis)):
        return (patch,)
    return (Patch(site.draw.gathered(patch.numbers, site.wide(patch.axis)), patch.axis),)


@rule(UpsampleGrad)
def _upsample_grad(site: Site) -> tuple[Patch, ...]:
    (patch,) = _resized(site)
    return (Patch(patch.numbers * math.sqrt(_share(site.types[0], site.result)), patch.axis),)


@rule(Pad)
def _pad(site: Site) -> tuple[Patch, ...]:
    (patch,), share = _resized(site), _share(site.types[0], site.result)
    if share >= 1 or site.op.mode != "zeros":
        return (patch,)
    inside = site.draw.chance(share, patch.numbers)
    return (Patch(np.where(inside > 0, patch.numbers, site.op.value), patch.axis),)
