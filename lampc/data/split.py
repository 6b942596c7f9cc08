"""From arrays to a dataset: checked, split into its parts or folds, normalised on the training part alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.data.source import DataError, Dataset, Description, Request, Split
from lampc.data.unit import Unit
from lampc.data.weights import counts, of_parts, weights
from lampc.data.whole import in_array, whole_numbers
from lampc.layers.signature import Flag, Float, Param
from lampc.table.parts import Shares
from lampc.table.parts import cut as rows_of
from lampc.table.spread import without_spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPLIT = Param("split", Float(0.0, 1.0, open_low=True), 0.8, "the share to train on; 1 holds nothing out", positional=False)
VALIDATION = Param("validation", Float(0.0, 1.0, open_high=True), 0.0,
                   "the share of the training part that is held out from it, to choose by: `best=`, `patience=`, sweeps",
                   positional=False)  # fmt: skip
NORMALIZE = Param("normalize", Flag(), False, "features to mean 0 and deviation 1, fitted on the training part")
SCALE = Param("scale", Flag(), None, "number targets to mean 0 and deviation 1; left out: under `mse`, `mae`, `huber`, if the "
              "last layer's numbers are of any size")  # fmt: skip
_COUNTED = 1000
"""Below this whole numbers in several axes are counted, as the labels that they may be."""


@dataclass(frozen=True)
class Cut:
    """How samples come to be in one part or another."""

    train: float = 1.0
    """The share that is not held out for the test."""
    validation: float = 0.0
    """The share of that to choose by."""
    seed: int = 0
    normalize: bool = False
    below: int = 0
    """What samples' whole numbers stay below; 0 where they hold any numbers."""
    labels: bool = False
    """Whether whole numbers in several axes are labels."""
    scale: bool = False
    """Whether number targets are standardised, on the training part, but those that are all 0 or 1."""
    scalable: bool = False
    """Whether it is to be found out what standardised targets would be like."""
    fold: tuple[int, int] | None = None
    """Which of how many folds is the test, instead of a share."""

    @classmethod
    def of(cls, request: Request) -> Cut:
        """As a statement says."""
        given = request.arguments
        return cls(given["split"], given["validation"], request.seed, given.get("normalize", False),
                   request.below, request.labels, request.scale, "scale" in given, request.fold)  # fmt: skip

    def counts(self, samples: int) -> tuple[int, int, int]:
        """How many of some samples are to train on, to choose by, and to test on.

        Raises:
            DataError: if there are none for a part that is asked for.
        """
        if self.fold is not None:
            test = len(range(self.fold[0], samples, self.fold[1]))
            return samples - test - (validation := self.validated(samples - test)), validation, test
        train = round(self.train * samples) if self.train < 1 else samples
        if train == 0 or (self.train < 1 and train == samples):
            part = "training" if train == 0 else "test"
            raise DataError("E603", f"split={self.train:g} of {samples} samples leaves no {part} data", option="split")
        validation = self.validated(train)
        return train - validation, validation, samples - train

    def validated(self, train: int) -> int:
        """How many of the samples that are not for the test are to choose by.

        Raises:
            DataError: if some are asked for and there are none, or no others.
        """
        count = round(self.validation * train)
        if self.validation and count in (0, train):
            part = "training" if count else "validation"
            raise DataError("E603", f"validation={self.validation:g} of {train} samples leaves no {part} data",
                            option="validation")  # fmt: skip
        return count


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


def targets(array: Any, name: str = "y", labels: bool = False) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Targets: labels with their classes where whole numbers stand in one axis, or in several if they are to be ``labels``;
    else numbers and None.

    Raises:
        DataError: if they are neither.
    """
    import numpy as np

    values = _array(array, name)
    if values.dtype.kind in "iub" and (values.ndim == 1 or labels):
        if not values.size:
            return values.astype(np.int64), ("0",)
        least, greatest = int(values.min()), int(values.max())
        if least < 0 and values.ndim == 1:
            row = int(np.argmin(values))
            raise DataError("E604", f"{name} has the label {least} in row {row} (counted from 0): labels begin at 0")
        if greatest >= 1_000_000:
            row = int(np.argmax(values)) // max(1, values[0].size)
            raise DataError("E604", f"{name} has the label {greatest} in row {row}: there are at most 1,000,000 classes")
        return values.astype(np.int64), tuple(map(str, range(greatest + 1)))
    checked = numbers(values, name)
    if checked.ndim == 1:
        raise DataError("E605", f"{name} has shape ({len(checked)},): a target of one number has shape (N, 1)",
                        ("write `y.reshape(-1, 1)`, or give whole numbers for class labels",))  # fmt: skip
    return checked, None


def make(x: NDArray[Any] | Rows, y: NDArray[Any], classes: tuple[str, ...] | None, cut: Cut, weight: Any = None) -> Dataset:
    """A dataset from all samples, permuted by the cut's seed and split.

    ``weight`` [samples]: how much each counts in the loss, a number of 0 or more; None: all alike.

    Raises:
        DataError: if there are too few samples, or unequally many targets or weights; or a weight is none.
    """
    import numpy as np

    _same_length(x, y, "x", "y")
    if not len(x):
        raise DataError("E603", "there are no samples")
    if cut.below:
        x = whole_numbers(x, cut.below, in_array("x"))
    train, validation, _ = cut.counts(len(x))
    weight = None if weight is None else weights(weight, len(x), "weight")
    if cut.fold is None:
        order = np.random.default_rng(cut.seed).permutation(len(x))
        rows: Sequence[NDArray[np.int64]] = np.split(order, [train, train + validation])
    else:
        shares = Shares(1 - cut.validation, cut.validation, 0.0)
        rows = rows_of(len(x), shares, cut.seed, None if classes is None or y.ndim > 1 else y, fold=cut.fold)
    parts = [_taken(Split(x, y, weight), each) for each in rows]
    return finish(parts[0], parts[1], parts[2], classes, cut)


def _taken(samples: Split, rows: Any) -> Split:
    x = samples.x.take(rows) if isinstance(samples.x, Rows) else samples.x[rows]
    return Split(x, samples.y[rows], None if samples.weight is None else samples.weight[rows])


def _held_out(train: Split, cut: Cut) -> tuple[Split, Split]:
    """Training samples that are a part of their own already, and those of them that are drawn to choose by."""
    import numpy as np

    count = cut.validated(len(train)) if len(train) else 0
    drawn = np.random.default_rng(cut.seed).permutation(len(train))
    rest = drawn[: len(drawn) - count] if count else np.arange(len(train))
    return _taken(train, np.sort(rest)), _taken(train, drawn[len(drawn) - count :])


def finish(train: Split, validation: Split, test: Split, classes: tuple[str, ...] | None, cut: Cut) -> Dataset:
    """A dataset from its parts.

    Raises:
        DataError: if their shapes do not fit, weights are none, or names of things are to be normalised.
    """
    import numpy as np

    if cut.below and cut.normalize:
        raise DataError("E305", "whole numbers that name things have no mean, and are not normalised",
                        ("leave out `normalize`",), "normalize")  # fmt: skip

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
    for name, part in (("training", train), ("validation", validation), ("test", test)):
        if part.weight is not None:
            weights(part.weight, len(part), f"the {name} part's weight")
    normal = None
    if cut.normalize:
        mean, deviation = train.x.mean(axis=0), train.x.std(axis=0)
        deviation = np.where(without_spread(mean, deviation), 1.0, deviation)
        normal = (mean, deviation)
        train, validation, test = (replace(part, x=normalised(part.x, mean, deviation)) for part in (train, validation, test))
    every = [part.y for part in (train, validation, test) if len(part) and classes is None]
    bits = all(bool(((y == 0) | (y == 1)).all()) for y in every) if every else None
    unit = Unit.fitted(np.asarray(train.y, np.float64)) if bits is False and (cut.scale or cut.scalable) else None
    span, scaled = _reach(every), None if unit is None else _reach([unit.standardised(_ends(y)) for y in every])
    if not cut.scale:
        unit = None
    if unit is not None:
        span = scaled
        train, validation, test = (replace(part, y=unit.standardised(part.y)) for part in (train, validation, test))
    description = Description(train.x.shape[1:], train.y.shape[1:], classes, len(train), len(test), span,
                              validation=len(validation), bits=bits, below=cut.below, scaled_range=scaled,
                              stored=isinstance(train.x, Rows),
                              counts=counts(train.y, None if classes is None else len(classes), bits),
                              weighted=train.weight is not None)  # fmt: skip
    return Dataset(description, train, test, normal, validation, unit)


def _ends(y: NDArray[Any]) -> NDArray[Any]:
    """Each target's least and greatest number."""
    import numpy as np

    return np.stack([y.min(axis=0), y.max(axis=0)])


def _reach(targets: Sequence[NDArray[Any]]) -> tuple[float, float] | None:
    """The smallest and the greatest of all."""
    return (min(float(y.min()) for y in targets), max(float(y.max()) for y in targets)) if targets else None


def normalised(x: Any, mean: Any, deviation: Any) -> Any:
    """Samples, an array or on the disk, normalised; the latter as they are read."""
    import numpy as np

    return x.scaled(mean, deviation) if isinstance(x, Rows) else (np.asarray(x) - mean) / deviation


def named(dataset: Dataset, columns: Sequence[str], target: str) -> Dataset:
    """A dataset that is a table's, with its columns' names."""
    return replace(dataset, description=replace(dataset.description, columns=tuple(columns), name=target))


def from_arrays(arrays: dict[str, Any], cut: Cut) -> Dataset:
    """A dataset from ``x`` and ``y``, or from ``x_train, y_train, x_test, y_test``, and weights ``w`` where there are some.

    Raises:
        DataError: if the arrays are none that can be trained on.
    """
    if {"x", "y"} <= arrays.keys():
        y, classes = targets(arrays["y"], labels=cut.labels)
        return _placed(make(_samples(arrays["x"], "x", 0), y, classes, cut, arrays.get("w")), arrays["y"])
    wanted = ("x_train", "y_train", "x_test", "y_test")
    missing = [name for name in wanted if name not in arrays]
    if missing:
        found = ", ".join(sorted(arrays)) or "none"
        raise DataError("E601", f"there is no array `{missing[0]}`; found: {found}",
                        ("name them `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`",))  # fmt: skip
    y_train, classes = targets(arrays["y_train"], "y_train", cut.labels)
    y_test, test_classes = targets(arrays["y_test"], "y_test", cut.labels)
    if (classes is None) != (test_classes is None):
        raise DataError("E605", "one of y_train and y_test holds class labels, the other numbers")
    if classes is not None and test_classes is not None:
        classes = max(classes, test_classes, key=len)
    x_train = _samples(arrays["x_train"], "x_train", cut.below)
    test = Split(_samples(arrays["x_test"], "x_test", cut.below), y_test)
    _same_length(x_train, y_train, "x_train", "y_train")
    w_train, w_test = of_parts(arrays, len(x_train), len(test.x))
    if cut.fold is not None:  # what was set apart stays apart
        return _placed(make(x_train, y_train, classes, cut, w_train), arrays["y_train"], arrays["y_test"])
    train, validation = _held_out(Split(x_train, y_train, w_train), cut)
    test = replace(test, weight=w_test)
    return _placed(finish(train, validation, test, classes, cut), arrays["y_train"], arrays["y_test"])


def _samples(array: Any, name: str, below: int) -> Any:
    found = array if isinstance(array, Rows) else numbers(array, name)
    return whole_numbers(found, below, in_array(name)) if below else found


def _placed(dataset: Dataset, *targets: Any) -> Dataset:
    """A dataset that says whether its targets may be labels of places: whole numbers in several axes."""
    import numpy as np

    arrays = [np.asarray(array) for array in targets]
    if any(array.dtype.kind not in "iub" or array.ndim < 2 or not array.size for array in arrays):
        return dataset
    ends = {int(end) for array in arrays for end in (array.min(), array.max())}
    least, greatest = min(ends), max(ends)  # one of them may mark what does not count
    for array in arrays:
        between = array[(array != least) & (array != greatest)]
        ends |= {int(between.min()), int(between.max())} if between.size else set()
    found, description = sorted(ends), dataset.description
    counted = description.counts
    if counted is None and found[-1] < _COUNTED:
        counted = counts(dataset.train.y.astype(np.int64), max(0, found[-1]) + 1, None)
    return replace(dataset, description=replace(description, labels=(*found[:2], *found[2:][-2:]), counts=counted))


def _array(array: Any, name: str) -> NDArray[Any]:
    import numpy as np

    try:
        return np.asarray(array)
    except Exception as error:  # an object of the user's may raise anything
        raise DataError("E605", f"{name} is no array: {error}") from None


def _same_length(x: Any, y: Any, x_name: str, y_name: str) -> None:
    if len(x) != len(y):
        raise DataError("E605", f"{x_name} has {len(x)} samples and {y_name} has {len(y)}")
