"""Whole groups of rows given to parts, so that each part is nearly as large as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lampc.diagnostics.unplaced import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


MANY = 10_000
"""So many groups, in the order in which they are drawn, are alike in classes by themselves."""


def grouped(groups: NDArray[Any], shares: Sequence[float], labels: NDArray[Any] | None = None,
            what: str = "parts") -> NDArray[np.int64]:  # fmt: skip
    """The part of each row [n], from 0: rows of a group are in one part, and each share that is not 0 has a group at least.

    A part is off by about half a group; so is each class in it, where there are labels.

    Raises:
        DataError: if there are fewer groups than parts.
    """
    import numpy as np

    of_row, sizes = _numbered(groups)
    parts = [part for part, share in enumerate(shares) if share > 0]
    if len(sizes) < len(parts):
        raise DataError("E603", f"{len(sizes):,} group{'s are' if len(sizes) > 1 else ' is'} too few "
                        f"for {len(parts)} {what}: no group is in two of them",
                        (f"leave `group=` out, or ask for fewer {what}",), "group")  # fmt: skip
    wanted = np.array([shares[part] for part in parts])
    if len(sizes) > MANY:
        middle = (np.cumsum(sizes) - sizes / 2) / len(of_row)
        chosen = np.minimum(np.searchsorted(np.cumsum(wanted), middle, side="right"), len(parts) - 1)
    else:
        chosen = _placed(of_row, sizes, wanted, labels)
    _each_with_one(chosen, sizes, len(parts))
    found: NDArray[np.int64] = np.array(parts)[chosen][of_row]
    return found


def _placed(of_row: NDArray[np.int64], sizes: NDArray[np.int64], shares: NDArray[np.float64],
            labels: NDArray[Any] | None) -> NDArray[np.int64]:  # fmt: skip
    """The part of each group. Groups go, in the order in which they come, to where they are most wanted: where the squared
    distance of the rows that each part has from those it should have, over the latter, falls most, summed over classes.
    """
    import numpy as np

    label = np.zeros(len(of_row), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    wanted = shares[:, None] * np.bincount(label)
    missing = wanted.copy()
    by_group = np.argsort(of_row, kind="stable")
    ends = np.cumsum(sizes)
    chosen = np.empty(len(sizes), dtype=np.int64)
    for group, (begin, end) in enumerate(zip((ends - sizes).tolist(), ends.tolist(), strict=True)):
        classes, rows = np.unique(label[by_group[begin:end]], return_counts=True)
        change = (rows * (rows - 2 * missing[:, classes]) / wanted[:, classes]).sum(axis=1)
        chosen[group] = part = int(change.argmin())
        missing[part, classes] -= rows
    return chosen


def _numbered(groups: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number from 0 for each row's group, in the order of the groups' first rows, and how many rows each group has."""
    import numpy as np

    given = groups
    if given.dtype.kind == "O":
        given = np.array(["" if group is None or group != group else str(group) for group in groups.tolist()])
    _, first, number, sizes = np.unique(given, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty(len(first), dtype=np.int64)
    rank[order] = np.arange(len(first))
    return rank[number], sizes[order]


def _each_with_one(chosen: NDArray[np.int64], sizes: NDArray[np.int64], parts: int) -> None:
    """See that each part has a group: the smallest of those that have several; in place."""
    import numpy as np

    for part in range(parts):
        if not (chosen == part).any():
            spare = np.flatnonzero(np.bincount(chosen, minlength=parts)[chosen] > 1)
            chosen[spare[sizes[spare].argmin()]] = part
