"""Parts of a table: every row once, in the shares asked for; classes, groups and times as each manner promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit

from lampc.diagnostics.unplaced import DataError
from lampc.table.parts import Shares, cut

SHARES = [Shares(1.0, 0.0, 0.0), Shares(0.8, 0.0, 0.2), Shares(0.7, 0.15, 0.15), Shares(0.5, 0.3, 0.2), Shares(0.75, 0.25, 0.0)]
SEEDS = st.integers(0, 2**53)
ASKED = st.sampled_from(SHARES)
ROWS = st.integers(30, 300)
FOLDS = st.integers(2, 6)

ordinary = settings(max_examples=30, deadline=None)


def every_row_once(parts: Sequence[NDArray[Any]], n: int) -> None:
    assert all(part.dtype == np.int64 for part in parts)
    assert sorted(np.concatenate(parts).tolist()) == [*range(n)]


def counted(labels: NDArray[np.int64], part: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(labels[part], minlength=int(labels.max()) + 1)


@ordinary
@given(ROWS, ASKED, SEEDS)
def test_drawn_parts_hold_every_row_once_and_have_their_shares(n: int, shares: Shares, seed: int) -> None:
    parts = cut(n, shares, seed)
    every_row_once(parts, n)
    for part, share in zip(parts, (shares.train, shares.validation, shares.test), strict=True):
        assert abs(len(part) - share * n) <= 1


@ordinary
@given(ROWS, ASKED, SEEDS, st.integers(1, 6), st.booleans())
def test_the_same_seed_draws_the_same_parts_and_another_others(
    n: int, shares: Shares, seed: int, kinds: int, grouped: bool
) -> None:
    drawn = np.random.default_rng(1).integers(0, max(kinds, 3 * grouped), n)
    kept = {"groups" if grouped else "labels": drawn}
    assume(not grouped or len(np.unique(drawn)) == 3 * grouped or kinds > 3)
    first, second, other = (cut(n, shares, each, **kept) for each in (seed, seed, seed + 1))  # type: ignore[arg-type]
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert any(a.shape != b.shape or (a != b).any() for a, b in zip(first, other, strict=True))


@ordinary
@given(st.lists(st.integers(8, 60), min_size=1, max_size=9), ASKED, SEEDS)
def test_each_class_has_its_share_in_each_part_within_one_row(sizes: list[int], shares: Shares, seed: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = cut(len(labels), shares, seed, labels)
    every_row_once(parts, len(labels))
    counts = shares.counts(len(labels))
    for part, count in zip(parts, counts, strict=True):
        wanted = np.array(sizes) * count / len(labels)
        assert (np.abs(counted(labels, part) - wanted) <= 1 + 1e-9).all()
        assert abs(len(part) - count) <= 1


@ordinary
@given(st.lists(st.integers(1, 7), min_size=1, max_size=5), ASKED, SEEDS)
def test_a_rare_class_is_trained_on_and_in_the_other_parts_as_far_as_its_rows_last(
    rare: list[int], shares: Shares, seed: int
) -> None:
    labels = np.repeat(np.arange(len(rare) + 1), [*rare, 200])
    train, validation, test = (counted(labels, part) for part in cut(len(labels), shares, seed, labels))
    assert (train > 0).all()
    for label, rows in enumerate(rare):
        assert not shares.test or rows < 2 or test[label]
        assert not shares.validation or rows < 2 + (shares.test > 0) or validation[label]


@ordinary
@given(ROWS, SEEDS, st.booleans())
def test_a_validation_part_changes_nothing_of_the_test(n: int, seed: int, grouped: bool) -> None:
    labels, groups = np.arange(n) % 3, np.arange(n) // 4 if grouped else None
    without, with_one = (cut(n, shares, seed, labels, groups) for shares in (Shares(0.8, 0, 0.2), Shares(0.5, 0.3, 0.2)))
    assert sorted(without[2].tolist()) == sorted(with_one[2].tolist())


@ordinary
@given(st.lists(st.integers(1, 12), min_size=8, max_size=60), ASKED, SEEDS, st.booleans())
def test_no_group_is_in_two_parts_and_shares_are_off_by_a_group_at_most(
    sizes: list[int], shares: Shares, seed: int, labelled: bool
) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    labels = np.arange(len(groups)) % 2 if labelled else None
    parts = cut(len(groups), shares, seed, labels, np.array([f"g{group}" for group in groups]))
    every_row_once(parts, len(groups))
    seen = [set(groups[part].tolist()) for part in parts]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    assert len(parts[0])
    for part, share in zip(parts, (shares.train, shares.validation, shares.test), strict=True):
        assert (len(part) > 0) == (share > 0)
        if not labelled:
            assert abs(len(part) - share * len(groups)) <= 2 * max(sizes)


def test_classes_are_shared_out_among_whole_groups_better_than_by_chance() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 900)
    labels = (groups % 5 == 0).astype(np.int64)  # a group is of one class
    off = [abs(labels[cut(900, SHARES[1], seed, labels, groups)[2]].mean() - labels.mean()) for seed in range(20)]
    chance = [abs(labels[cut(900, SHARES[1], seed, None, groups)[2]].mean() - labels.mean()) for seed in range(20)]
    assert np.mean(off) < 0.5 * np.mean(chance)


def test_many_groups_are_dealt_out_too() -> None:
    groups = np.arange(40_000) // 2
    parts = cut(len(groups), SHARES[2], 0, np.arange(len(groups)) % 2, groups)
    every_row_once(parts, len(groups))
    assert [round(len(part) / len(groups), 3) for part in parts] == [0.7, 0.15, 0.15]
    assert not set(groups[parts[0]].tolist()) & set(groups[parts[2]].tolist())


@ordinary
@given(st.lists(st.integers(0, 40), min_size=40, max_size=200), ASKED, st.booleans())
def test_the_latest_are_the_test_and_equal_times_stay_together(times: list[int], shares: Shares, dated: bool) -> None:
    found = np.array(times, dtype="datetime64[D]" if dated else float)
    try:
        train, validation, test = cut(len(times), shares, 0, times=found)
    except DataError as error:
        assert error.code == "E603"
        assert max(map(times.count, times)) > len(times) // 10 or len(set(times)) < 12
        return
    every_row_once((train, validation, test), len(times))
    for before, after in ((train, validation), (validation, test), (train, test)):
        assert not len(before) or not len(after) or found[before].max() < found[after].min()


@ordinary
@given(ROWS, FOLDS, SEEDS, st.sampled_from([0.0, 0.25]))
def test_folds_of_drawn_rows_are_all_rows_once_and_alike_in_size(n: int, folds: int, seed: int, chosen_by: float) -> None:
    shares = Shares(0.8 * (1 - chosen_by), 0.8 * chosen_by, 0.2)
    parts = [cut(n, shares, seed, fold=(fold, folds)) for fold in range(folds)]
    every_row_once([test for _, _, test in parts], n)
    for each in parts:
        every_row_once(each, n)
        assert len(each[2]) in (n // folds, -(-n // folds))
        assert abs(len(each[1]) - chosen_by * (n - len(each[2]))) <= 1


@ordinary
@given(st.lists(st.integers(6, 40), min_size=2, max_size=6), FOLDS, SEEDS)
def test_a_class_is_in_each_fold_as_often_as_scikit_learn_has_it(sizes: list[int], folds: int, seed: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    ours = [counted(labels, cut(len(labels), SHARES[0], seed, labels, fold=(fold, folds))[2]) for fold in range(folds)]
    theirs = [counted(labels, test) for _, test in StratifiedKFold(folds).split(labels, labels)]
    assert (np.sort(ours, axis=0) == np.sort(theirs, axis=0)).all()
    assert np.ptp([each.sum() for each in ours]) <= 1


@ordinary
@given(st.lists(st.integers(1, 5), min_size=20, max_size=60), FOLDS, SEEDS)
def test_a_group_is_in_one_fold_alone(sizes: list[int], folds: int, seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    parts = [cut(len(groups), SHARES[2], seed, groups=groups, fold=(fold, folds)) for fold in range(folds)]
    every_row_once([test for _, _, test in parts], len(groups))
    for each in parts:
        every_row_once(each, len(groups))
        assert len(np.unique(groups)) == sum(len(np.unique(groups[part])) for part in each)
        assert abs(len(each[2]) - len(groups) / folds) <= 2 * max(sizes)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_folds_by_time_are_scikit_learns_where_no_times_are_equal(folds: int) -> None:
    times = np.random.default_rng(0).permutation(83)
    in_order = np.argsort(times)
    for fold, (before, after) in enumerate(TimeSeriesSplit(folds).split(times)):
        train, _, test = cut(83, SHARES[0], 0, times=times, fold=(fold, folds))
        assert train.tolist() == in_order[before].tolist()
        assert test.tolist() == in_order[after].tolist()
        earlier, choose, same = cut(83, SHARES[4], 0, times=times, fold=(fold, folds))
        assert same.tolist() == test.tolist()
        assert earlier.tolist() + choose.tolist() == train.tolist()
        assert len(choose) == round(0.25 * len(train))


def test_a_column_names_the_parts() -> None:
    words = ["train", "Test", "VAL", " training", "holdout", "dev", "learn", "valid", "Validation"]
    train, validation, test = cut(9, SHARES[1], 0, column=words)
    assert (train.tolist(), validation.tolist(), test.tolist()) == ([0, 3, 6], [2, 5, 7, 8], [1, 4])


def test_of_a_column_that_names_no_validation_rows_these_are_drawn() -> None:
    words = ["train"] * 20 + ["test"] * 5
    train, validation, test = cut(25, Shares(0.75, 0.25, 0.0), 0, np.arange(25) % 2, column=words)
    assert sorted([*train, *validation]) == [*range(20)]
    assert sorted(np.bincount(validation % 2).tolist()) == [2, 3]
    assert test.tolist() == [*range(20, 25)]


def test_folds_are_drawn_from_the_training_rows_that_a_column_names() -> None:
    words = ["train"] * 10 + ["val"] * 4 + ["test"] * 3
    parts = [cut(17, SHARES[1], 0, column=words, fold=(fold, 5)) for fold in range(5)]
    assert sorted(np.concatenate([test for _, _, test in parts]).tolist()) == [*range(10)]
    assert all(validation.tolist() == [10, 11, 12, 13] for _, validation, _ in parts)
    assert all(sorted([*train, *test]) == [*range(10)] for train, _, test in parts)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"n": 3, "shares": Shares(0.9, 0.05, 0.05)}, "E603", "no validation data of 3 rows"),
        ({"n": 3, "shares": SHARES[1], "labels": [0, 1, 2]}, "E603", "3 rows of 3 classes"),
        ({"n": 4, "shares": SHARES[2], "groups": [1, 1, 2, 2]}, "E603", "too few for 2 parts"),
        ({"n": 4, "shares": SHARES[1], "groups": ["a"] * 4}, "E603", "1 group is too few"),
        (
            {"n": 4, "shares": SHARES[0], "groups": ["a", "b", "a", "c"], "fold": (0, 4)},
            "E603",
            "3 groups are too few for 4 folds",
        ),
        ({"n": 4, "shares": SHARES[1], "times": [1, 1, 1, 1]}, "E603", "1 different time is too few"),
        ({"n": 3, "shares": SHARES[1], "times": [1, np.nan, 2]}, "E602", "1 of 3 rows have no time, the first is row 2"),
        ({"n": 4, "shares": SHARES[0], "fold": (0, 5)}, "E603", "4 rows are too few for 5 folds"),
        ({"n": 3, "shares": SHARES[1], "column": ["train", "foo", None]}, "E602", '"foo" in 1 row, nothing in 1 row'),
        ({"n": 3, "shares": SHARES[4], "column": ["train", "val", "test"]}, "E305", "names 1 validation row"),
        ({"n": 2, "shares": SHARES[1], "column": ["test", "val"]}, "E603", "no training data"),
    ],
)
def test_what_cannot_be_cut_is_refused(arguments: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        cut(seed=0, **arguments)
    assert raised.value.code == code
    assert raised.value.fixes
