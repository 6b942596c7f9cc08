"""From arrays to a dataset: checked, split into training and test part, normalised on the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.data.source import DataError, Dataset, Description, Split
from lampc.layers.signature import Flag, Float, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLIT = Param("split", Float(0.0, 1.0, open_low=True), 0.8, "the share to train on; 1 holds nothing out", positional=False)
NORMALIZE = Param("normalize", Flag(), False, "features to mean 0 and deviation 1, fitted on the training part")


def numbers(array: Any, name: str) -> NDArray[np.float64]:
    """An array of finite numbers with at least one axis, as float64.

    Raises:
        DataError: if it holds anything else; the message names the place.
    """
    import numpy as np

    values = _array(array, name)
    if values.dtype.kind not in "fiub":
        raise DataError("E602", f"{name} holds {values.dtype}, not numbers")
    if values.ndim == 0:
        raise DataError("E605", f"{name} is one number, not an array with an axis of samples")
    result: NDArray[np.float64] = values.astype(np.float64)
    bad = ~np.isfinite(result)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        where = f"row {place[0]}" + (f", column {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")
        raise DataError("E602", f"{name} has {float(result[place])} in {where} (counted from 0)")
    return result


def targets(array: Any, name: str = "y") -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Targets: labels with their classes where whole numbers stand in one axis, else numbers and None.

    Raises:
        DataError: if they are neither.
    """
    import numpy as np

    values = _array(array, name)
    if values.dtype.kind in "iub" and values.ndim == 1:
        if not len(values):
            return values.astype(np.int64), ("0",)
        least, greatest = int(values.min()), int(values.max())
        if least < 0:
            row = int(np.argmin(values))
            raise DataError("E604", f"{name} has the label {least} in row {row} (counted from 0): labels begin at 0")
        if greatest >= 1_000_000:
            row = int(np.argmax(values))
            raise DataError("E604", f"{name} has the label {greatest} in row {row}: there are at most 1,000,000 classes")
        return values.astype(np.int64), tuple(map(str, range(greatest + 1)))
    checked = numbers(values, name)
    if checked.ndim == 1:
        raise DataError("E605", f"{name} has shape ({len(checked)},): a target of one number has shape (N, 1)",
                        ("write `y.reshape(-1, 1)`, or give whole numbers for class labels",))  # fmt: skip
    return checked, None


def make(
    x: NDArray[np.float64] | Rows, y: NDArray[Any], classes: tuple[str, ...] | None, share: float, normalize: bool, seed: int
) -> Dataset:
    """A dataset from all samples, permuted by ``seed`` and split.

    Raises:
        DataError: if there are too few samples, or unequally many targets.
    """
    import numpy as np

    _same_length(x, y, "x", "y")
    if not len(x):
        raise DataError("E603", "there are no samples")
    order = np.random.default_rng(seed).permutation(len(x))
    train = round(share * len(x)) if share < 1 else len(x)
    if train == 0 or (share < 1 and train == len(x)):
        part = "training" if train == 0 else "test"
        raise DataError("E603", f"split={share:g} of {len(x)} samples leaves no {part} data", option="split")
    first, second = order[:train], order[train:]
    parts = [Split(x.take(rows) if isinstance(x, Rows) else x[rows], y[rows]) for rows in (first, second)]
    return finish(parts[0], parts[1], classes, normalize)


def finish(train: Split, test: Split, classes: tuple[str, ...] | None, normalize: bool) -> Dataset:
    """A dataset from its two parts.

    Raises:
        DataError: if their shapes do not fit.
    """
    import numpy as np

    _same_length(train.x, train.y, "x_train", "y_train")
    _same_length(test.x, test.y, "x_test", "y_test")
    if not len(train):
        raise DataError("E603", "there are no training samples")
    for name, one, other in (("x", train.x, test.x), ("y", train.y, test.y)):
        if one.shape[1:] != other.shape[1:]:
            raise DataError("E605", f"training and test {name} differ: a sample is {one.shape[1:]} and {other.shape[1:]}")
    if train.x.ndim < 2:
        raise DataError("E605", f"x has shape {train.x.shape}: samples of one number have shape (N, 1)")
    if 0 in train.x.shape or 0 in train.y.shape:
        raise DataError("E603", f"samples are empty: x {train.x.shape}, y {train.y.shape}")
    normal = None
    if normalize:
        mean, deviation = train.x.mean(axis=0), train.x.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        normal = (mean, deviation)
        train, test = (Split(_scaled(part.x, mean, deviation), part.y) for part in (train, test))
    span = None
    if classes is None:
        both = [part.y for part in (train, test) if len(part)]
        span = (min(float(y.min()) for y in both), max(float(y.max()) for y in both))
    description = Description(train.x.shape[1:], train.y.shape[1:], classes, len(train), len(test), span)
    return Dataset(description, train, test, normal)


def _scaled(x: Any, mean: Any, deviation: Any) -> Any:
    return x.scaled(mean, deviation) if isinstance(x, Rows) else (x - mean) / deviation


def named(dataset: Dataset, columns: Sequence[str], target: str) -> Dataset:
    """A dataset that is a table's, with its columns' names."""
    return replace(dataset, description=replace(dataset.description, columns=tuple(columns), name=target))


def from_arrays(arrays: dict[str, Any], share: float, normalize: bool, seed: int) -> Dataset:
    """A dataset from ``x`` and ``y``, or from ``x_train, y_train, x_test, y_test``.

    Raises:
        DataError: if the arrays are none that can be trained on.
    """
    if {"x", "y"} <= arrays.keys():
        y, classes = targets(arrays["y"])
        return make(_samples(arrays["x"], "x"), y, classes, share, normalize, seed)
    wanted = ("x_train", "y_train", "x_test", "y_test")
    missing = [name for name in wanted if name not in arrays]
    if missing:
        found = ", ".join(sorted(arrays)) or "none"
        raise DataError("E601", f"there is no array `{missing[0]}`; found: {found}",
                        ("name them `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`",))  # fmt: skip
    y_train, classes = targets(arrays["y_train"], "y_train")
    y_test, test_classes = targets(arrays["y_test"], "y_test")
    if (classes is None) != (test_classes is None):
        raise DataError("E605", "one of y_train and y_test holds class labels, the other numbers")
    if classes is not None and test_classes is not None:
        classes = max(classes, test_classes, key=len)
    train = Split(_samples(arrays["x_train"], "x_train"), y_train)
    return finish(train, Split(_samples(arrays["x_test"], "x_test"), y_test), classes, normalize)


def _samples(array: Any, name: str) -> Any:
    return array if isinstance(array, Rows) else numbers(array, name)


def _array(array: Any, name: str) -> NDArray[Any]:
    import numpy as np

    try:
        return np.asarray(array)
    except Exception as error:  # an object of the user's may raise anything
        raise DataError("E605", f"{name} is no array: {error}") from None


def _same_length(x: Any, y: Any, x_name: str, y_name: str) -> None:
    if len(x) != len(y):
        raise DataError("E605", f"{x_name} has {len(x)} samples and {y_name} has {len(y)}")
