"""Normalisation over channels; over features it is said by formulas."""

from __future__ import annotations

import math

import numpy as np

from lampc.advice.signal.patch import Array, Patch
from lampc.advice.signal.site import Site, rule
from lampc.ops.channels import BatchNorm, BatchNormGrad, GroupNorm, GroupNormGrad


def _statistics(x: Array, whole: bool, eps: float) -> tuple[Array, Array]:
    """The mean and one over the deviation of each column, or of all."""
    axes = (0, 1) if whole else (0,)
    mean = x.mean(axis=axes, keepdims=True)
    return mean, np.asarray(1 / np.sqrt(x.var(axis=axes, keepdims=True) + eps))


def _normal(site: Site, whole: bool, affine: bool) -> tuple[Patch, Patch, Patch]:
    axis = 1 - site.types[0].rank
    x = site.along(0, axis)
    mean, rstd = _statistics(x, whole, site.op.eps)
    made = (x - mean) * rstd
    if affine:
        made = made * site.along(1) + site.along(2)
    own = -1 if mean.size > 1 else None
    return Patch(made, axis), Patch(mean, own), Patch(rstd, own)


@rule(BatchNorm)
def _batchnorm(site: Site) -> tuple[Patch, ...]:
    made, mean, rstd = _normal(site, False, site.op.affine)
    return made, mean, rstd, mean, Patch(1 / np.square(rstd.numbers), rstd.axis)


@rule(GroupNorm)
def _groupnorm(site: Site) -> tuple[Patch, ...]:
    return _normal(site, _together(site), len(site.given) > 1)


def _together(site: Site) -> bool:
    """Whether several channels are one group, or a channel has one place."""
    return site.op.groups < site.result.sample[0] or len(site.result.sample) < 2


@rule(BatchNormGrad, GroupNormGrad)
def _grad(site: Site) -> tuple[Patch, ...]:
    axis = 1 - site.types[0].rank
    dy, x = site.along(0, axis), site.along(1, axis)
    mean, rstd = (patch.numbers for patch in site.given[2:4])
    weight = site.along(4) if len(site.given) > 4 else np.ones((1, 1))
    axes = (0, 1) if isinstance(site.op, GroupNormGrad) and _together(site) else (0,)
    normal, dnormal = (x - mean) * rstd, dy * weight
    shares = dnormal.mean(axis=axes, keepdims=True) + normal * (dnormal * normal).mean(axis=axes, keepdims=True)
    each = math.sqrt(math.prod(site.types[0].sample[1:]))
    return Patch(rstd * (dnormal - shares), axis), Patch(each * dy * normal, -1), Patch(each * dy, -1)
