"""Devices by their names."""

from __future__ import annotations

import torch

from lampc.diagnostics import failure


def device_of(name: str) -> torch.device:
    """A device by its name.

    Raises:
        LampError: if there is none such.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError, ValueError):
        raise failure("E702", f"there is no device `{name}`", "`cpu` and `cuda` are devices") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise failure("E702", "device `cuda` is not available: torch sees no such GPU", "use device=cpu")
    if device.type not in ("cpu", "cuda"):
        raise failure("E702", f"device `{name}` is not supported", "`cpu` and `cuda` are")
    return device
