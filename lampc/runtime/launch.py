"""Which of the processes that ``torchrun`` has started this one is, as the environment says; without torch."""

from __future__ import annotations

import os


def workers() -> int:
    """How many processes ``torchrun`` has started; 1 where it has not."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def rank() -> int:
    """Which of them this one is."""
    return int(os.environ.get("RANK", "0"))


def here() -> int:
    """How many of them are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
