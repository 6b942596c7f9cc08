"""How much samples count, and how many there are of each class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lampc.data.source import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def weights(array: Any, samples: int, name: str = "w", some: bool = True) -> NDArray[np.float64]:
    """How much each of some samples counts, as float64 [samples]: numbers of 0 and more, not all 0 unless ``some`` is off.

    Raises:
        DataError: if they are none, or not as many; the message names the place.
    """
    import numpy as np

    try:
        given = np.asarray(array)
    except Exception as error:  # an object of the user's may raise anything
        raise DataError("E605", f"{name} is no array: {error}") from None
    if given.dtype.kind not in "fiub":
        raise DataError("E602", f"{name} holds {given.dtype}, not weights")
    if given.shape != (samples,):
        raise DataError("E605", f"{name} has shape {given.shape}, and a weight for each sample is ({samples},)",
                        ("give one number a sample, in one axis",))  # fmt: skip
    found: NDArray[np.float64] = given.astype(np.float64)
    bad = ~(np.isfinite(found) & (found >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise DataError("E602", f"{name} has {found[row]:g} in row {row} (counted from 0): a weight is 0 or more")
    if some and samples and not found.any():
        raise DataError("E603", f"{name} is 0 throughout: no sample counts", ("give some sample a weight above 0",))
    return found


def of_parts(arrays: dict[str, Any], train: int, test: int) -> tuple[Any, Any]:
    """The weights of training and of test samples; of the latter there may be none, which then count alike.

    Raises:
        DataError: if some are none, or those of training samples are missing.
    """
    if "w_train" not in arrays and ("w" in arrays or "w_test" in arrays):
        raise DataError("E601", f"there is `{'w' if 'w' in arrays else 'w_test'}`, and no array `w_train`",
                        ("name the weights of training samples `w_train`, those of test samples `w_test`",))  # fmt: skip
    sizes = {"w_train": train, "w_test": test}
    found = [weights(arrays[name], size, name) if name in arrays else None for name, size in sizes.items()]
    return found[0], found[1]


def scale(weights: Any) -> float:
    """A power of two that brings the greatest of some weights to ½…1, so that none is too large for float32.

    A loss is the same for weights and for a multiple of them, to the bit where that is a power of two.
    """
    greatest = float(weights.max()) if len(weights) else 0.0
    return math.ldexp(1.0, -math.frexp(greatest)[1]) if greatest else 1.0


def counts(y: NDArray[Any], classes: int | None, bits: bool | None) -> tuple[int, ...] | None:
    """How many training samples, or places of them, there are of each class; of targets of one number, of 0 and of 1.

    ``y``: labels, or numbers, of which ``bits`` says whether they are 0 and 1. None: they are of no classes.
    """
    import numpy as np

    if classes is not None:
        return tuple(np.bincount(y[y >= 0].reshape(-1), minlength=classes).tolist())
    if not bits or y.shape[1:] != (1,):
        return None
    ones = int(np.count_nonzero(y))
    return len(y) - ones, ones
