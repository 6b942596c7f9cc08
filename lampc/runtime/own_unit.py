"""What a network that was trained on standardised targets predicts, and how wrong it is, in the targets' own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.data.unit import Unit


def in_own_unit(unit: Unit | None, values: Tensor, part: tuple[int, int] | None = None) -> Tensor:
    """Standardised values [n, t], or a part of them, in the targets' unit, float64; as they are where there is none."""
    if unit is None:
        return values
    unit = unit.of_part(part)
    mean, deviation = (torch.from_numpy(part).to(values.device) for part in (unit.mean, unit.deviation))
    return values.double() * deviation + mean


def loss_factor(program: Program, unit: Unit | None) -> float:
    """What a loss of standardised numbers is multiplied by to be told in the targets' unit.

    It is 1, and the loss is told as it is, where it has no such unit: of `huber`, of formulas, and of several targets that
    deviate differently. It is greater than 0, so that of two losses the same is the smaller.
    """
    loss = program.experiment.loss
    factor = None if unit is None else unit.factor
    if factor is None or loss is None or loss.type is None:
        return 1.0
    return float(factor**loss.type.power)
