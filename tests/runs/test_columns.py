"""Columns are taken by their names wherever there are names: another order of them is the same table."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import lampc
from lampc.cli import run as command
from lampc.runs import rows
from lampc.runs.evaluate import evaluate
from lampc.runs.load import Run, load
from lampc.runs.predict import of_rows

IRIS = Path(__file__).parents[2] / "models" / "iris.csv"
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a table whose last column is the target, which the program does not say."""
    folder = tmp_path_factory.mktemp("iris")
    rewritten(NAMES, folder / "iris.csv", ";")
    (folder / "iris.lamp").write_text(
        'linear 4->3 xavier; data csv "iris.csv" normalize delimiter=";"; loss crossentropy\n'
        "optimizer adam lr=0.05; train epochs=30 batch=30"
    )
    assert command(["train", str(folder / "iris.lamp"), "--run-dir", str(folder / "runs")]) == 0
    return load(folder / "runs" / "iris" / "1")


def rewritten(names: Sequence[str], path: Path, delimiter: str = ";", renamed: str = "") -> Path:
    """The iris table with these columns; `id` numbers the rows."""
    with IRIS.open() as file:
        rows = [dict(row, id=str(number)) for number, row in enumerate(csv.DictReader(file))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([renamed if renamed and name == "petal_width" else name for name in names])
        writer.writerows([row[name] for name in names] for row in rows)
    return path


def unprepared(run: Run, *paths: Path) -> str:
    """What is said of files' rows that a run's training had not prepared for."""
    found = rows.Unprepared(run)
    for path in paths:
        found.add(rows.of_file(run, path))
    return str(found)


@pytest.mark.parametrize("names", [NAMES[::-1], ("petal_width", *NAMES[:3], "species"), ("species", *NAMES[:4])])
def test_another_order_is_the_same_table(iris: Run, names: Sequence[str], tmp_path: Path) -> None:
    model = iris.model()
    same, other = (rewritten(order, tmp_path / name) for order, name in ((NAMES, "a.csv"), (names, "b.csv")))
    found = evaluate(iris, model, same)
    assert found["data"]["measures"]["accuracy"] > 0.9
    assert evaluate(iris, model, other) == found
    made = [next(of_rows(iris, model, rows.of_file(iris, path), beside=False)) for path in (same, other)]
    assert made[0].names[0] == "species"
    assert [*made[0].rows()] == [*made[1].rows()]


def test_a_column_more_is_not_looked_at_and_said(iris: Run, tmp_path: Path) -> None:
    path = rewritten(("id", *NAMES), tmp_path / "more.csv")
    plain = evaluate(iris, iris.model(), rewritten(NAMES, tmp_path / "plain.csv"))
    with pytest.warns(UserWarning, match="more.csv: new columns, which are not looked at: id"):
        assert evaluate(iris, iris.model(), path) == plain
    for paths in ((path,), (path, tmp_path / "plain.csv")):
        assert unprepared(iris, *paths) == "new columns, which are not looked at: id"


def test_a_run_s_schema_is_read_once(iris: Run) -> None:
    assert iris.schema is iris.schema is not None
    assert replace(iris, threshold=0.5).schema == iris.schema


def test_what_predicts_without_the_target_is_silent(iris: Run, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for names in (NAMES, NAMES[:4]):
            path = rewritten(names, tmp_path / "in.csv")
            assert rows.of_file(iris, path).encoded.x.shape == (150, 4)
            assert not unprepared(iris, path)


def test_a_row_of_other_cells_than_the_header_is_no_sample(iris: Run, tmp_path: Path) -> None:
    """A comma in a number moves all that comes after it."""
    path = tmp_path / "cells.csv"
    for row in ("5;1;3.5;1.4;0.2", "5.1;3.5;1.4"):
        path.write_text(f"{';'.join(NAMES[:4])}\n{row}\n")
        wanted = f"another number of cells than the header, 4: line 2 has {row.count(';') + 1}"
        with pytest.raises(lampc.LampError, match=wanted):
            rows.of_file(iris, path)


def test_rows_may_end_in_a_delimiter(iris: Run, tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text(f"{';'.join(NAMES[:4])}\n5.1;3.5;1.4;0.2;\n")
    (tmp_path / "plain.csv").write_text(f"{';'.join(NAMES[:4])}\n5.1;3.5;1.4;0.2\n")
    one, other = (rows.of_file(iris, tmp_path / f"{name}.csv").encoded.x.tolist() for name in ("cells", "plain"))
    assert one == other


@pytest.mark.parametrize("text", ["", "\n", f"{';'.join(NAMES)}\n"])
def test_a_file_without_samples_is_said(iris: Run, text: str, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text(text)
    with pytest.raises(lampc.LampError, match="has a header and no rows" if text.strip() else "is empty") as caught:
        rows.of_file(iris, tmp_path / "none.csv")
    assert caught.value.diagnostics[0].code == "E603"


def test_a_missing_column_is_named_with_the_nearest(iris: Run, tmp_path: Path) -> None:
    path = rewritten(NAMES, tmp_path / "odd.csv", renamed="petal_widht")
    for take in (lambda: evaluate(iris, iris.model(), path), lambda: rows.of_file(iris, path)):
        with pytest.raises(lampc.LampError, match="no column `petal_width`") as caught:
            take()
        assert "is it `petal_widht`?" in str(caught.value)
    with pytest.raises(lampc.LampError, match="no column `species`"):
        evaluate(iris, iris.model(), rewritten(NAMES[:4], tmp_path / "none.csv"))
