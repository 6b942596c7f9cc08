"""The numbers of a sample's operands."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lampc.ir.op import Bits, Fixed, Labels, Normal, Sample, Uniform
from lampc.ir.types import Type


@dataclass(frozen=True)
class Edges(Normal):
    """Numbers at 0 and far from it."""

    choices: tuple[float, ...] = (-100.0, -1.0, 0.0, 100.0)


def make(operand: Normal, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    if isinstance(operand, Labels):
        return torch.randint(0, operand.classes, operand.shape, generator=generator)
    if isinstance(operand, Edges):
        return torch.tensor(operand.choices, dtype=dtype)[
            torch.randint(0, len(operand.choices), operand.shape, generator=generator)
        ]
    if isinstance(operand, Fixed):
        return torch.full(operand.shape, operand.value, dtype=dtype)
    if isinstance(operand, Bits):
        return torch.randint(0, 2, operand.shape, generator=generator).to(dtype)
    if isinstance(operand, Uniform):
        unit = torch.rand(operand.shape, generator=generator, dtype=torch.float64)
        return (unit * (operand.high - operand.low) + operand.low).to(dtype)
    return torch.randn(operand.shape, generator=generator, dtype=torch.float64).to(dtype)


def operands_of(sample: Sample, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [make(operand, generator, dtype) for operand in sample.operands]


def type_of(tensor: Tensor) -> Type:
    names = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}
    return Type(names[tensor.dtype], tuple(tensor.shape))  # type: ignore[arg-type]
