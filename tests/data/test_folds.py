"""Folds of a cross-validation: each sample is tested once, by a network that has not seen it, whatever the data comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

import lampc.compile
from lampc.compile import Program
from lampc.data import Dataset
from lampc.diagnostics import LampError
from lampc.runtime.train import load_data

ROWS = 41
NUMBERS = np.stack([np.arange(ROWS), np.arange(ROWS) * 7 % 11], axis=1).astype(float)
LABELS = np.arange(ROWS) % 3
FILES = {"csv": 'data csv "t.csv"', "npz": 'data npz "one.npz"', "npz stream": 'data npz "one.npz" stream',
         "npz of two parts": 'data npz "two.npz"'}  # fmt: skip


def program(data: str, folder: Path, train: str = "folds=4", network: str = "linear 3 xavier") -> Program:
    np.savez(folder / "one.npz", x=NUMBERS, y=LABELS)
    np.savez(folder / "two.npz", x_train=NUMBERS, y_train=LABELS, x_test=NUMBERS + 100, y_test=LABELS)
    rows = zip(NUMBERS[::-1], LABELS[::-1], strict=True)  # a column that counts upwards would name rows
    lines = [f"{a},{b},{'uvw'[label]}" for (a, b), label in rows]
    (folder / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    return lampc.compile.text(f"{network}\n{data}\nloss crossentropy\ntrain epochs=2 {train}", folder=folder)


def folds(found: Program, seed: int = 0, count: int = 4) -> list[Dataset]:
    return [load_data(found, seed, (fold, count)) for fold in range(count)]


def first(part: Any) -> list[float]:
    """The first feature, which tells samples apart."""
    found: list[float] = part[:][:, 0].round(6).tolist()
    return found


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
@pytest.mark.parametrize("validation", ["", " validation=0.25"])
def test_each_sample_is_tested_once_and_in_one_part_of_each_fold(data: str, validation: str, tmp_path: Path) -> None:
    off = " normalize=off" if "csv" in data else ""
    found = folds(program(f"{data}{off}{validation}", tmp_path))
    assert sorted(sample for each in found for sample in first(each.test.x)) == NUMBERS[:, 0].tolist()
    for each in found:
        parts = [first(part.x) for part in each.parts().values()]
        assert sorted(sample for part in parts for sample in part) == NUMBERS[:, 0].tolist()
        assert list(each.parts()) == (["train", "validation", "test"] if validation else ["train", "test"])
        if validation:
            assert abs(len(parts[1]) - 0.25 * (ROWS - len(parts[2]))) <= 1


@pytest.mark.parametrize("data", [FILES["csv"], FILES["npz"]])
def test_classes_are_in_folds_as_scikit_learn_has_them(data: str, tmp_path: Path) -> None:
    ours = [np.bincount(each.test.y, minlength=3).tolist() for each in folds(program(data, tmp_path))]
    theirs = [np.bincount(LABELS[test], minlength=3).tolist() for _, test in StratifiedKFold(4).split(NUMBERS, LABELS)]
    assert np.sort(ours, axis=0).tolist() == np.sort(theirs, axis=0).tolist()


def test_a_seed_draws_folds_of_its_own(tmp_path: Path) -> None:
    found = program(FILES["npz"], tmp_path)
    one, same, other = (first(folds(found, seed)[0].test.x) for seed in (0, 0, 1))
    assert one == same
    assert sorted(one) != sorted(other)


def test_features_are_standardised_by_each_fold_s_own_training_part(tmp_path: Path) -> None:
    for each in folds(program(f"{FILES['npz']} normalize", tmp_path)):
        assert np.asarray(each.train.x).mean(axis=0) == pytest.approx([0, 0], abs=1e-12)
        assert np.abs(np.asarray(each.test.x).mean(axis=0)).max() > 1e-3


@pytest.mark.parametrize("data", ["wine normalize", "diabetes", "digits", "digits denoise=0.1"])
def test_what_is_said_before_the_run_is_what_is_loaded(data: str, tmp_path: Path) -> None:
    network = {"wine normalize": "linear 3", "diabetes": "linear 1", "digits": "linear 10"}.get(data, "linear 64")
    loss = "mse" if network in ("linear 1", "linear 64") else "crossentropy"
    found = lampc.compile.text(f"{network} xavier\ndata {data} validation=0.2\nloss {loss}\ntrain folds=5", folder=tmp_path)
    assert found.experiment.data is not None
    said, loaded = found.experiment.data.description, load_data(found, 0, (0, 5)).description
    assert said is not None
    assert (said.train, said.validation, said.test) == (loaded.train, loaded.validation, loaded.test)


@pytest.mark.parametrize(
    ("data", "train", "said"),
    [
        ("data disc", "folds=4", "`data disc` has no samples to cut into folds"),
        ("data xor", "folds=4", "`data xor` has no samples to cut into folds"),
        (FILES["npz"], "folds=1", "there are at least 2"),
        (FILES["npz"], "folds=42", "41 rows are too few for 42 folds"),
        (FILES["npz"], "folds=-1", "-1 is not between 0 and 1,000"),
    ],
)
def test_what_makes_no_folds_is_refused(data: str, train: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LampError, match=said) as raised:
        program(data, tmp_path, train)
    assert raised.value.diagnostics[0].fixes


def test_without_folds_the_split_is_what_it_was(tmp_path: Path) -> None:
    with_folds, without = (program(FILES["npz"], tmp_path, train).data(3) for train in ("folds=4", ""))
    assert first(with_folds.test.x) == first(without.test.x)
