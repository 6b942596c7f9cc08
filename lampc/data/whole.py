"""Samples of whole numbers that name things, as an embedding takes them: whether each is one of those that there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.data.source import DataError, DataSource, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Place = Callable[[tuple[int, ...]], str]
"""From a number's index to what a reader finds it by."""


def whole_numbers(x: NDArray[Any] | Rows, below: int, place: Place) -> NDArray[np.int64] | Rows:
    """Samples as whole numbers from 0 and below some number; those on the disk are looked at when they are checked.

    Raises:
        DataError: if one is none; the message has its place.
    """
    import numpy as np

    if isinstance(x, Rows):
        return replace(x, below=below)
    refuse_strange(x, below, place)
    return x.astype(np.int64)


def names_in(source: DataSource, request: Request) -> int:
    """What the whole numbers of all samples stay below; 0 where they are others, or not at hand."""
    import numpy as np

    own = {"normalize": False} if "normalize" in request.arguments else {}  # their own numbers, not standardised ones
    try:
        plain = replace(request, arguments={**request.arguments, **own})
        parts = [part.x for part in source.load(plain).parts().values()]
    except (DataError, OSError):
        return 0
    at_hand = [x for x in parts if isinstance(x, np.ndarray) and x.size and (x >= 0).all() and (x == np.floor(x)).all()]
    return int(max(x.max() for x in at_hand)) + 1 if at_hand and len(at_hand) == len(parts) else 0


def refuse_strange(x: NDArray[Any], below: int, place: Place, trained: bool = False) -> None:
    """See that numbers are whole, from 0, and below some number; ``trained``: such as a network takes that is there already.

    Raises:
        DataError: if one is not (E604).
    """
    import numpy as np

    strange = ~((x >= 0) & (x < below)) | (x != np.floor(x))
    if not strange.any():
        return
    index = tuple(int(i) for i in np.argwhere(strange)[0])
    value = float(x[index])
    where = place(index)
    if trained:
        raise DataError("E604", f"{where} holds {value:g}, which is not one of the whole numbers 0 to {below - 1} that the "
                        "network takes", ("give it one of those, or train with more: `int<…>` in `input`",))  # fmt: skip
    if value != int(value):
        raise DataError("E604", f"{where} holds {value:g}, and the input is written as whole numbers below {below}",
                        ("leave `int<…>` out of `input` if they are measurements",))  # fmt: skip
    fix = f"write `int<{int(x.max()) + 1}>`, if there are so many" if value > 0 else "number what they name from 0"
    raise DataError("E604", f"{where} holds {value:.0f}, which is not one of 0 to {below - 1}", (fix,))


def in_array(name: str, first: int = 0) -> Place:
    """``x, row 3, column 1 (counted from 0)``; rows are counted from ``first``."""

    def place(index: tuple[int, ...]) -> str:
        column = f", column {', '.join(map(str, index[1:]))}" if len(index) > 1 else ""
        return f"{name}, row {first + index[0]}{column} (counted from 0),"

    return place


def in_table(where: Callable[[int], str], columns: Sequence[str]) -> Place:
    """``line 5, column `word```; ``where``: from a row to where it is found."""

    def place(index: tuple[int, ...]) -> str:
        row, column = index
        return f"{where(row)}, column `{columns[column]}`,"

    return place
