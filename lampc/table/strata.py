"""Rows of classes dealt out to parts, so that each part has its share of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]


def stratified(labels: NDArray[np.int64], counts: Sequence[int]) -> NDArray[np.int64]:
    """The part, 0 to 2, of each row [n] of these labels; of a class the first rows are the training part's.

    Each class is in each part as often as the part's share says, within one row, and parts are as large as ``counts`` says,
    except for the sake of rare classes: a class of one row is in the training part, one of a few rows is in as many parts as
    it has rows, as long as no part grows by more than a tenth for it. The test is the same with a validation part and without.
    """
    import numpy as np

    _, label, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    several = sizes > 1
    allotted = np.zeros((len(sizes), 3), dtype=np.int64)
    allotted[:, 0] = sizes
    if several.any():
        allotted[several] = _allotted(sizes[several], np.array(counts) / sum(counts))
    begins = np.cumsum(sizes) - sizes
    by_class = np.argsort(label, kind="stable")
    place = np.empty(len(label), dtype=np.int64)
    place[by_class] = np.arange(len(label)) - begins[label[by_class]]
    chosen_from, tested_from = allotted[:, 0][label], (sizes - allotted[:, 2])[label]
    return (place >= chosen_from).astype(np.int64) + (place >= tested_from)


def _allotted(sizes: Counts, shares: NDArray[np.float64]) -> Counts:
    """How many rows of each class are in each part [classes, 3]: the test is taken from all, then those that choose."""
    import numpy as np

    found = np.zeros((len(sizes), 3), dtype=np.int64)
    found[:, 0] = sizes
    for part, others in ((2, shares[0] + shares[1]), (1, shares[0])):
        if not shares[part]:
            continue
        wanted, left = sizes * shares[part], sizes * others
        there = found[:, 0].copy()
        # Within one row of what is wanted, and what is left, too.
        low = np.maximum(np.ceil(wanted - 1 - 1e-9), there - np.floor(left + 1 + 1e-9)).clip(0, there - 1).astype(np.int64)
        high = np.minimum(np.floor(wanted + 1 + 1e-9), there - np.ceil(left - 1 - 1e-9)).clip(low, there - 1).astype(np.int64)
        taken = _rounded(wanted, low, high, round(wanted.sum()))
        _in_every_part(taken, low, there)
        found[:, part] = taken
        found[:, 0] = there - taken
    return found


def _rounded(wanted: NDArray[np.float64], low: Counts, high: Counts, total: int) -> Counts:
    """Whole numbers near the wanted ones, between low and high, that come to a total as far as these allow.

    Those that would be 0 are rounded up first, then those of the greatest rest.
    """
    import numpy as np

    found: Counts = np.clip(np.floor(wanted + 1e-9), low, high).astype(np.int64)
    urge = wanted - found + (found == 0)
    lacking = total - int(found.sum())
    up = np.argsort(-urge, kind="stable")
    found[up[found[up] < high[up]][: max(0, lacking)]] += 1
    down = np.argsort(urge, kind="stable")
    found[down[found[down] > np.maximum(1, low[down])][: max(0, -lacking)]] -= 1
    return found


def _in_every_part(taken: Counts, low: Counts, there: Counts) -> None:
    """See that a class of several rows is in a part; in place."""
    room = max(1, int(taken.sum()) // 10)
    for index in ((taken == 0) & (there > 1)).nonzero()[0]:
        giving = (taken > 1) & (taken > low)
        if giving.any():  # the part stays as large as it was
            taken[int((taken * giving).argmax())] -= 1
        elif not room:
            return
        else:
            room -= 1
        taken[index] = 1
