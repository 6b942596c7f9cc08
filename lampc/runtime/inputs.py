"""What a Python program gives a model, samples and targets, as tensors of the program's types; what does not fit is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lampc.diagnostics import failure
from lampc.ir.types import Type
from lampc.runtime.loader import tensor
from lampc.runtime.storage import DTYPES
from lampc.runtime.targets import check_targets

if TYPE_CHECKING:
    from lampc.compile import Program


def checked_samples(program: Program, x: Any, device: torch.device) -> Tensor:
    """Samples [n, …sample]; of several inputs a tuple of arrays in order, or a dictionary by name.

    Raises:
        LampError: if they are none, or have another shape or type.
    """
    return _tensor(program, x, program.elaborated.input_type, "x", device)


def checked_targets(program: Program, y: Any, samples: int, device: torch.device) -> Tensor:
    """Targets [n, …target], or labels [n], as many as there are samples.

    Raises:
        LampError: if they are none, or have another shape or type, or values that the loss does not take.
    """
    target = program.elaborated.target_type
    assert target is not None
    targets = _tensor(program, y, target, "y", device)
    if len(targets) != samples:
        raise failure("E605", f"x has {samples} samples and y has {len(targets)}")
    check_targets(program.elaborated.limits, targets)
    return targets


def checked_weights(program: Program, w: Tensor, samples: int, device: torch.device) -> Tensor:
    """Weights [n] of samples, of the type that the program computes with; that they are such has been seen before.

    Raises:
        LampError: if they are not as many as the samples.
    """
    if w.shape != (samples,):
        raise failure("E605", f"x has {samples} samples, and w is {list(w.shape)}")
    converted: Tensor = w.to(device=device, dtype=DTYPES[program.elaborated.dtype])
    return converted


def _tensor(program: Program, data: Any, type: Type, name: str, device: torch.device) -> Tensor:
    try:
        values: Tensor = tensor(_joined(program, data) if name == "x" else data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise failure("E605", f"{name} is no tensor: {error}") from None
    if tuple(values.shape[1:]) != type.sample or values.dim() == 0:
        wanted = ", ".join(["n", *map(str, type.sample)])
        raise failure("E605", f"{name} has shape {list(values.shape)}, and [{wanted}] is wanted",
                     "nothing is broadcast: reshape it")  # fmt: skip
    if type.dtype == "i64" and (values.is_floating_point() or values.is_complex()):
        what = "whole numbers" if name == "x" else "class labels, whole numbers"
        raise failure("E604", f"{name} holds {what}, not {values.dtype}")
    if values.is_complex() or values.layout != torch.strided or values.is_meta:
        what = "complex" if values.is_complex() else "without numbers" if values.is_meta else "sparse"
        raise failure("E605", f"{name} is {what}, and plain numbers are wanted")
    below = program.elaborated.input_below
    if name == "x" and below and values.numel():
        least, greatest = int(values.min()), int(values.max())
        if least < 0 or greatest >= below:
            wrong = least if least < 0 else greatest
            raise failure("E604", f"x holds {wrong}, which is not one of 0 to {below - 1}")
    converted: Tensor = values.to(device=device, dtype=DTYPES[type.dtype])
    return converted


def _joined(program: Program, data: Any) -> Any:
    """Several inputs flat and one after another."""
    parts = program.experiment.parts
    if len(parts) < 2 or not isinstance(data, tuple | Mapping):
        return data
    names = [part.statement.label.name for part in parts if part.statement.label is not None]
    given = [data.get(name) for name in names] if isinstance(data, Mapping) else list(data)
    if len(given) != len(parts) or any(value is None for value in given):
        raise failure("E605", f"x has {len(data)} parts, and {', '.join(names)} are wanted")
    rows = []
    for part, value in zip(parts, map(tensor, given), strict=True):
        if tuple(value.shape[1:]) != part.shape or len(value) != len(tensor(given[0])):
            wanted = ", ".join(["n", *map(str, part.shape)])
            raise failure("E605", f"`{part.statement.head.text}` gets {list(value.shape)}, and [{wanted}] is wanted")
        rows.append(value.flatten(1))
    return torch.cat(rows, 1)
