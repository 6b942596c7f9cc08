"""Parts by time: what is trained on is earlier than what it is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lampc.diagnostics.unplaced import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.table.parts import Shares

    Rows = NDArray[np.int64]


def earlier(times: NDArray[Any], shares: Shares, fold: tuple[int, int] | None) -> tuple[Rows, Rows, Rows]:
    """The rows of the three parts, in order of time, as ``lampc.table.parts.cut`` says.

    Raises:
        DataError: if times are missing, or there are too few different ones.
    """
    import numpy as np

    unknown = np.isnat(times) if times.dtype.kind in "mM" else np.isnan(times) if times.dtype.kind == "f" else None
    if unknown is not None and unknown.any():
        row = int(unknown.argmax()) + 1
        raise DataError("E602", f"{int(unknown.sum()):,} of {len(times):,} rows have no time, the first is row {row:,}",
                        ("leave `time=` out",), "time")  # fmt: skip
    order = np.argsort(times, kind="stable")
    n, ordered = len(order), times[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if n else np.zeros(0, dtype=np.int64)
    if fold is None:
        begin, end = _nearest(starts, n if not shares.test else round((1 - shares.test) * n), n), n
    else:
        stretches = fold[1] + 1
        borders = [_nearest(starts, n - (stretches - stretch) * (n // stretches), n) for stretch in range(1, stretches)]
        begin, end = [*borders, n][fold[0] : fold[0] + 2]
    middle = begin if not shares.validation else _nearest(starts, begin - round(shares.chosen_by * begin), n)
    tested = bool(shares.test) or fold is not None
    if not middle or (shares.validation and middle == begin) or (tested and begin >= end):
        parts = "parts" if fold is None else f"{fold[1]} folds"
        found = f"{len(starts):,} different time{'s are' if len(starts) != 1 else ' is'}"
        raise DataError("E603", f"{found} too few for the {parts}",
                        ("leave `time=` out",), "time")  # fmt: skip
    return order[:middle], order[middle:begin], order[begin:end]


def _nearest(starts: Rows, wanted: int, n: int) -> int:
    """The place nearest to the wanted one where a new time begins, or the end."""
    import numpy as np

    places = np.append(starts, n)
    return int(places[np.abs(places - wanted).argmin()])
