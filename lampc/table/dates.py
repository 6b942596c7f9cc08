"""What dates come to as numbers: their parts, by the proleptic Gregorian calendar, in no zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS = ("year", "month", "day", "weekday", "hour", "minute", "days")
"""A weekday is 0 for Monday; days are since the first date, with their fraction."""


def measured(seconds: NDArray[np.float64], part: str, first: float) -> NDArray[np.float64]:
    """A part of each of some moments, seconds since 1970 [n]; a moment that is missing (NaN) gives NaN."""
    import numpy as np

    if part == "days":
        return (seconds - first) / 86400.0
    known = np.isfinite(seconds)
    moments = np.where(known, seconds, 0.0).astype("int64").astype("datetime64[s]")
    days = moments.astype("datetime64[D]")
    match part:
        case "year":
            found = days.astype("datetime64[Y]").astype(np.int64) + 1970
        case "month":
            found = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
        case "day":
            found = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
        case "weekday":
            found = (days.astype(np.int64) + 3) % 7
        case "hour":
            found = (moments - days).astype(np.int64) // 3600
        case _:
            found = (moments - days).astype(np.int64) // 60 % 60
    return np.where(known, found.astype(np.float64), np.nan)
