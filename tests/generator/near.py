"""When numbers are those of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

TOLERANCE = 1e-9
"""Of a number, as a share of the greatest one beside it, where the network is well conditioned."""


class Wrong(AssertionError):
    """Numbers that are not those of PyTorch."""


def hold(found: Mapping[str, Tensor], wanted: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
          values: Mapping[str, Tensor], what: str, tolerance: float = TOLERANCE) -> None:  # fmt: skip
    """Hold numbers to the reference's; where that is badly conditioned, as near as its own answers to nearly the same."""
    right = wanted(values)
    wrong = [name for name in found if not _near(found[name], right[name], tolerance)]
    if not wrong:
        return
    generator = torch.Generator().manual_seed(0)
    for _ in range(8):
        moved = {name: value * (1 + 1e-3 * tolerance * torch.randn(value.shape, generator=generator, dtype=value.dtype))
                 for name, value in values.items()}  # fmt: skip
        other = wanted(moved)
        wrong = [
            name for name in wrong if not _near(found[name], right[name], tolerance, 1e3 * (other[name] - right[name]).abs())
        ]
    if wrong:
        name = wrong[0]
        error = (
            float((found[name].double() - right[name]).abs().max()) if found[name].shape == right[name].shape else float("nan")
        )
        raise Wrong(f"{what} {name}: {found[name].flatten()[:6].tolist()}, and {right[name].flatten()[:6].tolist()} is right"
                    f" (off by {error:.2g})")  # fmt: skip


def _near(found: Tensor, right: Tensor, tolerance: float, more: Tensor | None = None) -> bool:
    if found.shape != right.shape:
        return False
    finite = right[right.isfinite()]
    scale = max(1.0, float(finite.abs().max())) if finite.numel() else 1.0
    apart = 0.0 if more is None or not more.numel() else float(more.nan_to_num(torch.inf).max())
    spread = tolerance * scale + apart
    return torch.allclose(found.double(), right.double(), 0.0, spread, equal_nan=True)
