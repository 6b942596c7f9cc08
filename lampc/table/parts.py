"""Which rows of a table are trained on, which choose, and which are the test; and the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lampc.diagnostics.unplaced import DataError
from lampc.table.groups import grouped
from lampc.table.strata import stratified
from lampc.table.times import earlier

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.int64]

PARTS = ("train", "validation", "test")
WORDS: Mapping[str, int] = {
    "train": 0, "training": 0, "learn": 0,
    "validation": 1, "valid": 1, "val": 1, "dev": 1,
    "test": 2, "holdout": 2,
}  # fmt: skip
"""What a column that names the part may say, in any case, and which part that is."""


@dataclass(frozen=True)
class Shares:
    """How much of the rows each part is; together 1."""

    train: float
    validation: float
    test: float

    @property
    def chosen_by(self) -> float:
        """The share of the rows that are no test which choose."""
        rest = self.train + self.validation
        return self.validation / rest if rest else 0.0

    def counts(self, rows: int) -> tuple[int, int, int]:
        """How many of some rows are in each part.

        Raises:
            DataError: if there are none for a part that is asked for.
        """
        rest = round(round((1 - self.test) * rows, 9))  # 0.6 + 0.2 is 0.8 here, too
        validation = round(round(self.chosen_by * rest, 9))
        found = (rest - validation, validation, rows - rest)
        for part, share, count in zip(PARTS, (self.train, self.validation, self.test), found, strict=True):
            if share and not count:
                raise nothing_left(part, f"{rows:,} rows")
        return found


@dataclass(frozen=True)
class Manner:
    """How rows come to be in one part or another."""

    kind: Literal["random", "stratified", "group", "time", "column"]
    """Drawn; drawn class by class; whole groups; by time; as a column says."""
    column: str = ""
    """The column that holds groups, times or parts."""

    def __str__(self) -> str:
        return f"{self.kind} by {self.column}" if self.column else self.kind


def cut(n: int, shares: Shares, seed: int, labels: ArrayLike | None = None, groups: ArrayLike | None = None,
        times: ArrayLike | None = None, column: Sequence[str | None] | None = None,
        fold: tuple[int, int] | None = None) -> tuple[Rows, Rows, Rows]:  # fmt: skip
    """The rows of each part, int64, every row in one of them; by ``column``, else ``times``, else ``groups``, else ``labels``.

    Args:
        n: How many rows there are.
        shares: How much of them each part is. Of those of a column that names the part only how much of the rest chooses
            counts, where the column names no rows that choose.
        seed: For what is drawn. The same seed draws the same parts.
        labels: Class labels [n]: each class is in each part as often as its share says, within one row; a class of few rows
            is in as many parts as it has rows, first in the training part. With ``groups`` as nearly as whole groups allow.
        groups: What each row belongs to [n], numbers or words: no group is in two parts. Missing ones are one group.
        times: Numbers or dates [n]: the latest rows are the test, before them those that choose. Equal times stay together.
        column: A word a row that names the part, as in ``WORDS``.
        fold: The how manieth fold, from 0, of how many: it is the test, whatever share the test has otherwise, and the rest is
            cut into training and validation in these shares. Together the folds are all rows; by ``times`` those after the
            first of ``folds + 1`` stretches, and each fold is trained on what is before it; by ``column`` the training rows.

    Raises:
        DataError: if there are too few rows, groups or times for the parts, or a word names no part.
    """
    import numpy as np

    if column is not None:
        return _named(column, shares, seed, labels, fold)
    if times is not None:
        return earlier(np.asarray(times), shares, fold)
    order = np.random.default_rng(seed).permutation(n)
    drawn = [None if given is None else np.asarray(given)[order] for given in (labels, groups)]
    if fold is None:
        return _by(order, _drawn(n, shares, *drawn))
    part = _fold_of(n, fold[1], *drawn)
    rest, test = order[part != fold[0]], order[part == fold[0]]
    again = [None if given is None else given[part != fold[0]] for given in drawn]
    of_rest = Shares(1 - shares.chosen_by, shares.chosen_by, 0.0)
    train, validation, _ = _by(rest, _drawn(len(rest), of_rest, *again))
    return train, validation, test


def _by(order: Rows, part: NDArray[Any]) -> tuple[Rows, Rows, Rows]:
    return order[part == 0], order[part == 1], order[part == 2]


def _drawn(n: int, shares: Shares, labels: Any, groups: Any) -> NDArray[np.int64]:
    """The part of each row [n]; rows are in the order in which they are drawn."""
    import numpy as np

    if groups is not None:
        part = 2 * grouped(groups, (1 - shares.test, shares.test), labels)
        rest = part == 0
        of_rest = None if labels is None else labels[rest]
        part[rest] = grouped(groups[rest], (1 - shares.chosen_by, shares.chosen_by), of_rest)
        return part
    counts = shares.counts(n)
    if labels is None:
        return np.repeat(np.arange(3), counts)
    part = stratified(labels, counts)
    for name, wanted, found in zip(PARTS, counts, np.bincount(part, minlength=3), strict=True):
        if wanted and not found:
            raise nothing_left(
                name, f"{n:,} rows of {len(np.unique(labels)):,} classes", "`stratify=off` draws from all rows alike"
            )
    return part


def _fold_of(n: int, folds: int, labels: Any, groups: Any) -> NDArray[np.int64]:
    """The fold of each row [n]: as large as one another, within one row or as whole groups allow."""
    import numpy as np

    if groups is not None:
        return grouped(groups, (1 / folds,) * folds, labels, "folds")
    if folds > n:
        raise DataError("E603", f"{n:,} rows are too few for {folds} folds", (f"`train folds={max(2, n)}`",))
    if labels is None:
        return np.arange(n) % folds
    found = np.empty(n, dtype=np.int64)
    found[np.argsort(labels, kind="stable")] = np.arange(n) % folds  # a class is dealt out, row by row
    return found


def _named(column: Sequence[str | None], shares: Shares, seed: int, labels: ArrayLike | None,
           fold: tuple[int, int] | None) -> tuple[Rows, Rows, Rows]:  # fmt: skip
    """The parts that a column names. Where it names no rows that choose, these are drawn; of folds the test is, too."""
    import numpy as np

    part = _read(column)
    train, validation, test = _by(np.arange(len(part)), part)
    if not len(train):
        raise nothing_left("train", "the column of parts", "write `train` in the rows to train on")
    if shares.validation and len(validation):
        raise DataError("E305", f"the column of parts names {len(validation):,} validation row{'s' * (len(validation) > 1)}, "
                        "and `validation=` asks for others", ("leave `validation=` out",), "validation")  # fmt: skip
    given = None if labels is None else np.asarray(labels)[train]
    drawn = cut(len(train), Shares(1 - shares.chosen_by, shares.chosen_by, 0.0), seed, given, fold=fold)
    if fold is not None:
        test = train[drawn[2]]
    elif not shares.validation:
        return train, validation, test
    return train[drawn[0]], train[drawn[1]] if shares.validation else validation, test


def _read(column: Sequence[str | None]) -> NDArray[np.int64]:
    """The part, 0 to 2, that each word names."""
    import numpy as np

    words = [str(word or "").strip() for word in column]
    strange: dict[str, int] = {}
    for word in words:
        if word.lower() not in WORDS:
            strange[word] = strange.get(word, 0) + 1
    if strange:
        raise DataError("E602", f"the column of parts says {_listed(strange)}; what names a part is {', '.join(WORDS)}",
                        ("`split=[0.7, 0.15, 0.15]` draws the parts",), "split")  # fmt: skip
    return np.array([WORDS[word.lower()] for word in words], dtype=np.int64)


def _listed(strange: Mapping[str, int]) -> str:
    found = [f'"{word}" in {count:,} row{"s" * (count > 1)}' if word else f"nothing in {count:,} row{'s' * (count > 1)}"
             for word, count in list(strange.items())[:5]]  # fmt: skip
    more = f" and {len(strange) - 5:,} other words" if len(strange) > 5 else ""
    return f"{', '.join(found)}{more}"


def nothing_left(part: str, of: str, fix: str = "`split=1` holds nothing out") -> DataError:
    """That a part which is asked for has no rows."""
    word = "training" if part == "train" else part
    return DataError("E603", f"the parts that are asked for leave no {word} data of {of}", (fix,),
                     "validation" if part == "validation" else "split")  # fmt: skip
