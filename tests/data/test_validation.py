"""The validation part is taken from the training part, by the split's seed; the test part stays what it is without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lampc.compile
from lampc.data import Dataset
from lampc.diagnostics import LampError

CSV = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 3}.5\n" for i in range(50))


def loaded(text: str, folder: Path, seed: int = 0, **settings: object) -> Dataset:
    (folder / "t.csv").write_text(CSV)
    x = np.arange(80.0).reshape(40, 2)
    np.savez(folder / "one.npz", x=x, y=x[:, :1])
    np.savez(folder / "two.npz", x_train=x, y_train=x[:, :1], x_test=x + 100, y_test=x[:, :1])
    network = "embedding 2" if "data text" in text else "linear 1"
    return lampc.compile.text(f"{network}; {text}", folder=folder, **settings).data(seed)


STATEMENTS = {
    "data csv t.csv": "data csv \"t.csv\" split=0.8 normalize=off{}",
    "data csv t.csv target=a": "data csv \"t.csv\" target=a normalize=off scale=off{}",
    "data npz": "data npz \"one.npz\" split=0.5{}",
    "data npz stream": "data npz \"one.npz\" stream split=0.5{}",
    "data wine": "data wine{}",
    "data digits": "data digits split=0.7{}",
    "no test part": "data csv \"t.csv\" split=1 normalize=off{}",
}  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_training_samples_are_shared_out_and_the_test_part_is_the_same(statement: str, tmp_path: Path) -> None:
    whole = loaded(statement.format(""), tmp_path, seed=3)
    found = loaded(statement.format(" validation=0.25"), tmp_path, seed=3)
    assert found.validation is not None
    assert len(found.validation) == found.description.validation == round(0.25 * len(whole.train))
    assert found.description.train == len(found.train)
    for name in ("x", "y"):
        parts = [np.asarray(getattr(part, name)[:]) for part in (found.train, found.validation)]
        np.testing.assert_array_equal(np.concatenate(parts), np.asarray(getattr(whole.train, name)[:]))
        np.testing.assert_array_equal(getattr(found.test, name)[:], getattr(whole.test, name)[:])


def test_another_seed_draws_another_part(tmp_path: Path) -> None:
    first, second, again = (loaded('data npz "two.npz" validation=0.25', tmp_path, seed) for seed in (0, 1, 0))
    assert first.validation is not None
    assert second.validation is not None
    assert again.validation is not None
    np.testing.assert_array_equal(first.validation.x[:], again.validation.x[:])
    assert not np.array_equal(first.validation.x[:], second.validation.x[:])


def test_parts_that_are_given_keep_their_order(tmp_path: Path) -> None:
    found = loaded('data npz "two.npz" validation=0.25', tmp_path)
    assert found.validation is not None
    rows = found.train.x[:, 0]
    assert (np.diff(rows) > 0).all()
    assert sorted([*rows, *found.validation.x[:, 0]]) == list(range(0, 80, 2))
    assert len(found.test) == 40


def test_samples_are_normalised_by_the_training_part_alone(tmp_path: Path) -> None:
    found = loaded('data csv "t.csv" split=0.8 validation=0.5', tmp_path)
    np.testing.assert_allclose(np.asarray(found.train.x).mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.asarray(found.train.x).std(axis=0), 1)


def test_drawn_points_are_more_and_change_none(tmp_path: Path) -> None:
    plain, found = loaded("data disc train=30 test=20", tmp_path), loaded("data disc train=30 test=20 validation=10", tmp_path)
    assert found.validation is not None
    assert len(found.validation) == 10
    for mine, other in ((found.train, plain.train), (found.test, plain.test)):
        np.testing.assert_array_equal(mine.x[:], other.x[:])


def test_a_text_is_cut_in_order(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("".join(chr(97 + i % 26) for i in range(1000)))
    found = loaded('data text "t.txt" context=9 split=0.9 validation=0.2', tmp_path)
    assert found.validation is not None
    assert [len(part) for part in found.parts().values()] == [
        79,
        19,
        11,
    ]  # windows of 9 and the character after, of 720, 180 and 100
    assert found.validation.x[0, 0] == 720 % 26


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("data wine validation=0.001", "validation=0.001 of 142 samples leaves no validation data"),
        ("data wine validation=0.999", "validation=0.999 of 142 samples leaves no training data"),
        ('data npz "two.npz" validation=0.001', "leaves no validation data"),
        ("data wine validation=1", "1 is not between 0 and 1"),
        ('data text "t.txt" validation=0.001', "validation=0.001 of t.txt holds out 1 characters"),
    ],
)
def test_a_part_of_nothing_is_refused(statement: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("".join(chr(97 + i % 26) for i in range(1000)))
    with pytest.raises(LampError, match=message):
        loaded(statement, tmp_path)
