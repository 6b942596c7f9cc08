"""Numbers that are moved, chosen or given."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lampc.advice.signal.patch import Patch, size_along
from lampc.advice.signal.site import Site, rule
from lampc.ops.cast import Cast
from lampc.ops.classes import ClassWeight, Pick, PickGrad
from lampc.ops.shape import Concat, Copy, Reshape, Slice, Transpose
from lampc.ops.waves import Table, Waves


@rule(Cast, Copy)
def _same(site: Site) -> tuple[Patch, ...]:
    return site.given


@rule(Reshape)
def _reshape(site: Site) -> tuple[Patch, ...]:
    (patch,), (type,), result = site.given, site.types, site.result
    if patch.axis is None or not result.rank or patch.numbers.size == 1:
        return (Patch(patch.numbers),)
    kept = patch.axis == -1 and type.shape[-1] == result.shape[-1]
    x = patch.numbers
    return (patch if kept else Patch(site.draw.gathered(x, site.wide()), -1),)


@rule(Transpose)
def _transpose(site: Site) -> tuple[Patch, ...]:
    (patch,), order = site.given, site.op.order
    if patch.axis is None:
        return (patch,)
    return (Patch(patch.numbers, order.index(len(order) + patch.axis) - len(order)),)


@rule(Concat)
def _concat(site: Site) -> tuple[Patch, ...]:
    along = site.op.axis - site.result.rank
    axis = next((patch.axis for patch in site.given if patch.axis is not None), -1)
    sizes = [size_along(type, along) for type in site.types]
    parts = [np.broadcast_to(x, (site.draw.rows, x.shape[1])) for x in (site.along(i, axis) for i in range(len(sizes)))]
    if along != axis:
        chosen = site.draw.random.choice(len(parts), size=(site.draw.rows, 1), p=np.array(sizes) / sum(sizes))
        return (Patch(np.select([chosen == i for i in range(len(parts))], parts), axis),)
    wide = site.wide(axis)
    ends = [round(wide * sum(sizes[: i + 1]) / sum(sizes)) for i in range(len(sizes))]
    shown = [max(1, end - start) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return (Patch(np.concatenate([x[:, :k] for x, k in zip(parts, shown, strict=True)], axis=1)[:, :wide], axis),)


@rule(Slice)
def _slice(site: Site) -> tuple[Patch, ...]:
    (patch,), op, along = site.given, site.op, site.op.axis - site.types[0].rank
    if patch.axis != along:
        return (patch,)
    size, shown = size_along(site.types[0], along), patch.numbers.shape[1]
    start = min(op.start * shown // size, shown - 1)
    part = patch.numbers[:, start : max(start + 1, math.ceil(op.stop * shown / size))]
    return (Patch(site.draw.gathered(part, site.wide(along)), along),)


@rule(Table)
def _table(site: Site) -> tuple[Patch, ...]:
    values = np.array(site.op.values)
    return (Patch(values[np.linspace(0, len(values) - 1, site.wide()).astype(np.intp)][None], -1),)


@rule(Waves)
def _waves(site: Site) -> tuple[Patch, ...]:
    return (Patch(np.sin(2 * np.pi * site.draw.random.random((site.draw.rows, site.wide()))), -1),)


# Labels: numbers from 0 to 1, whatever the classes ------------------------------------------------------------------------


def _labels(site: Site, operand: int, classes: int) -> NDArray[np.intp]:
    labels = np.broadcast_to(site.given[operand].numbers[:, :1], (site.draw.rows, 1))
    return np.minimum((labels * classes).astype(np.intp), classes - 1)


@rule(Pick)
def _pick(site: Site) -> tuple[Patch, ...]:
    x = np.broadcast_to(scores := site.along(0), (site.draw.rows, scores.shape[1]))
    return (Patch(np.take_along_axis(x, _labels(site, 1, x.shape[1]), 1)),)


@rule(PickGrad)
def _pick_grad(site: Site) -> tuple[Patch, ...]:
    label = _labels(site, 1, size_along(site.result, -1))
    return (Patch(np.where(label == np.arange(site.wide())[None], site.given[0].numbers[:, :1], 0.0), -1),)


@rule(ClassWeight)
def _class_weight(site: Site) -> tuple[Patch, ...]:
    weights = np.array(site.op.weights or (1.0,))
    return (Patch(weights[_labels(site, 0, len(weights))]),)
