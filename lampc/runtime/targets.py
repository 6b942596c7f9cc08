"""Whether targets are such as the losses take: labels of classes that are scored, probabilities, zeros and ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lampc.diagnostics import Problems, failure
from lampc.elaborate.comparison import Limit

_SLACK = 1e-5
"""By how much a share may be off by rounding."""


def check_targets(limits: Sequence[Limit], targets: Tensor) -> None:
    """Refuse targets of which one is beyond what a loss takes.

    Raises:
        LampError: with its row.
    """
    for limit in limits:
        part = targets if limit.part is None else targets[..., slice(*limit.part)]
        if limit.unlimited or not part.numel():
            continue
        if part.is_floating_point():
            _check_numbers(limit, part)
        else:
            _check_labels(limit, part)


def check_bits(metric: str, targets: Tensor) -> None:
    """Refuse targets that are neither 0 nor 1, of which a metric of classes says nothing.

    Raises:
        LampError: with the first of them.
    """
    if not torch.equal(targets, targets.bool().to(targets.dtype)):  # NaN is equal to nothing
        wrong = (targets != 0) & (targets != 1)
        raise failure("E506", f"`{metric}` takes targets of 0 and 1, and y holds {float(targets[wrong][0]):g}",
                      "measure something else: `metrics mae`")  # fmt: skip


def _check_labels(limit: Limit, labels: Tensor) -> None:
    ignore, classes = limit.bounds.ignore, int(limit.bounds.greatest) + 1
    known = labels if ignore is None else torch.where(labels == ignore, 0, labels)
    least, greatest = int(known.min()), int(known.max())
    if least < 0 or greatest >= classes:
        wrong = least if least < 0 else greatest
        _refuse(limit, "E604", f"label {wrong} in row {_row(labels == wrong)} is not one of 0 to {classes - 1}")


def _check_numbers(limit: Limit, values: Tensor) -> None:
    bounds = limit.bounds
    wrong = (values < bounds.least - _SLACK) | (values > bounds.greatest + _SLACK)
    if bounds.bits:
        wrong |= (values != 0) & (values != 1)
    if bool(wrong.any()):
        value = float(values[wrong][0])
        _refuse(limit, "E503", f"y holds {value:g} in row {_row(wrong)}, and loss `{limit.loss}` takes targets {bounds}")


def _refuse(limit: Limit, code: str, message: str) -> None:
    problems = Problems()
    problems.report(code, message, limit.span)
    problems.raise_errors()


def _row(wrong: Tensor) -> int:
    """The first row, from 0, in which something is wrong."""
    return int(wrong.reshape(len(wrong), -1).any(1).nonzero()[0])
