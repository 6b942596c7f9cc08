"""Whole numbers that name things, and labels of a sample's places: from arrays and tables as from text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lampc
import lampc.compile
from lampc.cli import run
from lampc.data import rows

NETWORK = "input 3 int<7>; embedding 4; flatten; linear 2; loss crossentropy; train epochs=2 batch=4; "
WORDS = np.array([[i % 7, (i + 2) % 7, (3 * i) % 7] for i in range(20)])
KINDS = WORDS[:, 0] % 2


def refused(folder: Path, program: str) -> lampc.Diagnostic:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(program, folder=folder).data()
    return caught.value.diagnostics[0]


def arrays(folder: Path, **given: Any) -> str:
    np.savez(folder / "a.npz", **given)
    return NETWORK + 'data npz "a.npz"'


def table(folder: Path, rows: list[str]) -> str:
    (folder / "t.csv").write_text("\n".join(["first,second,third,kind", *rows]) + "\n")
    return NETWORK + 'data csv "t.csv" target=kind classes'


@pytest.mark.parametrize("dtype", ["int64", "int8", "float64"])
@pytest.mark.parametrize("stream", ["", " stream"])
def test_whole_numbers_of_arrays_feed_an_embedding(dtype: str, stream: str, tmp_path: Path) -> None:
    program = lampc.compile.text(arrays(tmp_path, x=WORDS.astype(dtype), y=KINDS) + stream, folder=tmp_path)
    data = program.data()
    assert data.train.x[:2].dtype == np.int64
    assert isinstance(data.train.x, rows.Rows) == bool(stream)
    every = np.concatenate([data.train.x[:], data.test.x[:]])
    assert sorted(map(tuple, every.tolist())) == sorted(map(tuple, WORDS.tolist()))
    losses = [epoch.loss for epoch in program.model(seed=0).train(epochs=8, data=data)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_whole_numbers_of_a_table_feed_an_embedding(kind: str, tmp_path: Path) -> None:
    text = table(tmp_path, [f"{a},{b},{c},{k}" for (a, b, c), k in zip(WORDS, KINDS, strict=True)])
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = {"first": WORDS[:, 0], "second": WORDS[:, 1], "third": WORDS[:, 2], "kind": KINDS}
        parquet.write_table(arrow.table(columns), tmp_path / "t.parquet")
        text = NETWORK + 'data parquet "t.parquet" target=kind classes'
    program = lampc.compile.text(text, folder=tmp_path)
    data = program.data()
    assert data.train.x.dtype == np.int64
    assert data.description.columns == ("first", "second", "third")
    assert program.model(seed=0).train(data=data).test["loss"] > 0


@pytest.mark.parametrize(
    ("value", "said", "mend"),
    [
        (7.0, "holds 7, which is not one of 0 to 6", "write `int<8>`, if there are so many"),
        (-1.0, "holds -1, which is not one of 0 to 6", "number what they name from 0"),
        (2.5, "holds 2.5, and the input is written as whole numbers below 7", "leave `int<…>` out"),
    ],
)
def test_a_number_that_names_nothing_is_refused_with_its_place(value: float, said: str, mend: str, tmp_path: Path) -> None:
    wrong = WORDS.astype(np.float64)
    wrong[5, 1] = value
    for stream in ("", " stream"):
        found = refused(tmp_path, arrays(tmp_path, x=wrong, y=KINDS) + stream)
        assert found.code == "E604"
        assert f"x, row 5, column 1 (counted from 0), {said}" in found.message
        assert mend in found.fixes[0]
    found = refused(tmp_path, table(tmp_path, [f"1,2,3,{i % 2}" for i in range(8)] + [f"1,{value:g},3,0"]))
    assert found.code == "E604"
    assert found.message == f"line 10, column `second`, {said}"
    split = {"x_train": WORDS, "y_train": KINDS, "x_test": wrong, "y_test": KINDS}
    assert f"x_test, row 5, column 1 (counted from 0), {said}" in refused(tmp_path, arrays(tmp_path, **split)).message


@pytest.mark.parametrize("kind", ["npz", "csv"])
def test_names_of_things_are_not_normalised(kind: str, tmp_path: Path) -> None:
    lines = [f"{a},{b},{c},{k}" for (a, b, c), k in zip(WORDS, KINDS, strict=True)]
    text = arrays(tmp_path, x=WORDS, y=KINDS) if kind == "npz" else table(tmp_path, lines)
    found = refused(tmp_path, f"{text} normalize")
    assert (found.code, found.fixes) == ("E305", ("leave out `normalize`",))


def test_no_mean_stands_for_a_name_that_is_missing(tmp_path: Path) -> None:
    found = refused(tmp_path, table(tmp_path, [f"1,{i % 7},3,{i % 2}" for i in range(9)] + ["1,,3,0"]))
    assert found.code == "E602"
    assert found.message.startswith("line 11, column `second`: the cell is missing")


def test_an_embedding_of_numbers_says_what_to_write(tmp_path: Path) -> None:
    text = arrays(tmp_path, x=WORDS, y=KINDS).replace("input 3 int<7>; embedding 4", "embedding 7->4")
    assert refused(tmp_path, text).fixes == ("say so in the input: `input 3 int<7>`",)
    program = lampc.compile.text(text.replace("embedding", "input 3 int<7>; embedding"), folder=tmp_path)
    assert program.elaborated.input_below == 7


def test_a_run_takes_whole_numbers_again_and_checks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    cells = [f"{a},{b},{c},{k}" for (a, b, c), k in zip(WORDS, KINDS, strict=True)]
    Path("w.lamp").write_text(table(tmp_path, cells).replace("; ", "\n"), encoding="utf-8")
    assert run(["train", "w.lamp"]) == 0
    Path("new.csv").write_text("third,first,second,kind\n1,2,3,0\n6,0,0,1\n", encoding="utf-8")
    capsys.readouterr()
    assert run(["eval", "w", "--data", "new.csv"]) == 0
    assert run(["predict", "w", "new.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 3
    for value in ("7", "-1", "1.5"):
        Path("new.csv").write_text(f"first,second,third\n1,2,3\n1,{value},3\n", encoding="utf-8")
        assert run(["predict", "w", "new.csv"]) == 1
        said = f"line 3, column `second`, holds {value}, which is not one of the whole numbers 0 to 6 that the network takes"
        assert said in capsys.readouterr().err
        Path("new.csv").write_text(f"first,second,third,kind\n1,2,3,0\n1,{value},3,1\n", encoding="utf-8")
        assert run(["eval", "w", "--data", "new.csv"]) == 1
        assert said in capsys.readouterr().err
        np.save("new.npy", np.array([[1, 2, 3], [1, float(value), 3]]))
        assert run(["predict", "w", "new.npy"]) == 1
        assert "row 1 (from 0), column `second`, holds" in capsys.readouterr().err


TAGGER = "input 3 int<7>; embedding 8 as e; linear 3 as s; train epochs=60 batch=5; optimizer adam lr=0.05; "
TAGS = np.array([[word % 3 for word in row] for row in WORDS.tolist()])


@pytest.mark.parametrize("loss", ["loss crossentropy", "loss total = crossentropy(s, y)"])
@pytest.mark.parametrize("parts", [False, True])
def test_a_label_for_each_place(loss: str, parts: bool, tmp_path: Path) -> None:
    given = {"x_train": WORDS, "y_train": TAGS, "x_test": WORDS[:4], "y_test": TAGS[:4]} if parts else {"x": WORDS, "y": TAGS}
    np.savez(tmp_path / "a.npz", **given)
    program = lampc.compile.text(f'{TAGGER}{loss}; data npz "a.npz"', folder=tmp_path)
    assert str(program.elaborated.target_type) == "i64[B, 3]"
    data = program.data()
    assert data.train.y.dtype == np.int64
    assert data.description.classes == ("0", "1", "2")
    assert program.model(seed=0).train(data=data).test["loss"] < 0.1, "each word has one tag"


def test_a_place_without_a_label_is_ignored_where_the_loss_says_so(tmp_path: Path) -> None:
    padded = TAGS.copy()
    padded[:, 2] = -100
    np.savez(tmp_path / "a.npz", x=WORDS, y=padded)
    found = refused(tmp_path, f'{TAGGER}loss crossentropy; data npz "a.npz"')
    assert (found.code, found.message) == ("E503", "loss `crossentropy` takes labels from 0 on, but the data's begin at -100")
    assert found.fixes[0] == "`crossentropy ignore=-100`, if it marks places that do not count"
    program = lampc.compile.text(f'{TAGGER}loss crossentropy ignore=-100; data npz "a.npz"', folder=tmp_path)
    assert program.model(seed=0).train(data=program.data()).test["loss"] < 0.1


@pytest.mark.parametrize("mark", [-100, -1, 3, 255])
def test_the_label_that_is_ignored_is_no_class(mark: int, tmp_path: Path) -> None:
    padded = TAGS.copy()
    padded[1:3, 2] = mark
    np.savez(tmp_path / "a.npz", x=WORDS, y=padded)
    program = lampc.compile.text(f'{TAGGER}loss crossentropy ignore={mark}; data npz "a.npz"', folder=tmp_path)
    data = program.experiment.data
    assert data is not None and data.description is not None
    assert data.description.classes == ("0", "1", "2")
    assert program.model(seed=0).train(data=program.data()).test["loss"] < 0.1
    other = refused(tmp_path, f'{TAGGER}loss crossentropy ignore=7; data npz "a.npz"')
    assert (other.code, "labels from 0 on" in other.message) == ("E503", mark < 0)


@pytest.mark.parametrize("mark", [-1, 255])
def test_places_of_a_picture_whose_marks_are_ignored(mark: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Labels in two axes; the same file, and one with a class more, are measured by `eval --data`."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).integers(0, 7, (60, 4, 5))
    y = x % 3
    y[:, 0, 0] = mark
    np.savez("a.npz", x=x, y=y)
    np.savez("b.npz", x=x, y=np.where(x == 6, 3, y))
    Path("s.lamp").write_text(
        f'input 4x5 int<7>; embedding 8; linear 3; loss crossentropy ignore={mark}; data npz "a.npz"\n'
        "train epochs=40 batch=5; optimizer adam lr=0.05; metrics accuracy",
        encoding="utf-8",
    )
    assert run(["train", "s.lamp"]) == 0
    capsys.readouterr()
    assert run(["eval", "s", "--data", "a.npz"]) == 0
    assert "accuracy 100.0 %" in capsys.readouterr().out
    assert run(["eval", "s", "--data", "b.npz"]) == 1
    assert "E604" in capsys.readouterr().err


def test_another_number_of_places_than_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=WORDS, y=TAGS[:, :2])
    found = refused(tmp_path, f'{TAGGER}loss crossentropy; data npz "a.npz"')
    assert (found.code, found.message) == ("E503", "loss `crossentropy` takes a label for each of 3 places, but the data has 2")


def test_the_class_of_each_place_is_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "a.npz", x=WORDS, y=TAGS)
    (tmp_path / "a.lamp").write_text(f'{TAGGER}loss crossentropy; data npz "a.npz"')
    assert run(["train", str(tmp_path / "a.lamp"), "--seed", "0", "--run-dir", str(tmp_path / "runs")]) == 0
    capsys.readouterr()
    assert run(["predict", str(tmp_path / "runs/a/1"), str(tmp_path / "a.npz")]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "class0,class1,class2"
    assert [[int(tag) for tag in row.split(",")] for row in rows] == TAGS.tolist()


def test_too_few_scores_for_the_labels_of_places(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=WORDS, y=TAGS + 1)
    found = refused(tmp_path, f'{TAGGER}loss crossentropy; data npz "a.npz"')
    assert (found.code, found.message) == ("E503", "the data has 4 classes, but the network scores 3")


def test_whole_numbers_stay_numbers_for_a_loss_of_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=WORDS, y=TAGS)
    program = lampc.compile.text('linear 3->3; loss mse; data npz "a.npz"', folder=tmp_path)
    assert program.data().train.y.dtype == np.float64
    assert program.data().description.classes is None


def test_a_run_of_a_tagger_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=WORDS, y=TAGS)
    np.savez("b.npz", x=WORDS[:2], y=TAGS[:2] * 0)
    Path("t.lamp").write_text((TAGGER + 'loss crossentropy; data npz "a.npz"').replace("; ", "\n"), encoding="utf-8")
    assert run(["train", "t.lamp"]) == 0
    assert run(["eval", "t"]) == 0
    assert run(["eval", "t", "--data", "b.npz"]) == 0
    assert run(["train", "--resume", "t", "--set", "epochs=62"]) == 0, capsys.readouterr().err
