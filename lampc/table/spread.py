"""Whether numbers differ at all."""

from __future__ import annotations

from typing import Any


def without_spread(mean: Any, deviation: Any) -> Any:
    """Whether numbers are all the same but for rounding, by their mean and deviation: a hundred 0.1 have one of 1.4e-17.

    Of arrays, feature by feature.
    """
    return deviation <= 1e-13 * abs(mean)
