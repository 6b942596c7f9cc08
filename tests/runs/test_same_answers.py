"""A table is the same in any form and order: CSV, JSON lines, Parquet, frames, lines; what is missing or renamed is named."""

from __future__ import annotations

import csv
import datetime
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import lampc
from lampc.cli import run as command
from lampc.runs.evaluate import evaluate
from lampc.runs.load import Run, load

NAMES = ("age", "tall", "town", "size", "when", "p", "y")
FORMS = ("csv", "jsonl", "parquet")
Row = dict[str, Any]


def made(count: int, seed: int = 1) -> list[Row]:
    """Rows with gaps, numbers, booleans, whole numbers as categories and dates."""
    dice = random.Random(seed)
    return [{"age": None if i % 9 == 4 else dice.randint(18, 90),
             "tall": dice.random() > 0.5 if i % 11 else None,
             "town": dice.choice(["Bern", "Köln", None]),
             "size": dice.choice([36, 38, 40]),
             "when": datetime.date(2020, 1, 1) + datetime.timedelta(dice.randint(0, 400)),
             "p": None if i == 20 else dice.gauss(0, 1),
             "y": dice.choice(["no", "maybe", "yes"])} for i in range(count)]  # fmt: skip


ROWS = made(60)


def save(path: Path, rows: Sequence[Row], names: Sequence[str] = NAMES, renamed: Mapping[str, str] = {}) -> Path:
    """A table of some columns, in an order, in the form of the file's ending."""
    columns = {renamed.get(name, name): [row.get(name) for row in rows] for name in names}
    if path.suffix == ".parquet":
        parquet.write_table(pa.table(columns), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True)), default=str) + "\n"
                                for row in zip(*columns.values(), strict=True)), encoding="utf-8")  # fmt: skip
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Of the same table, trained in each form."""
    folder = tmp_path_factory.mktemp("same")
    for form in FORMS:
        save(folder / f"t.{form}", ROWS)
        (folder / f"{form}.lamp").write_text(
            f'data {form} "t.{form}"\ncolumn size category embed=2\nlinear 3 xavier; softmax\nloss crossentropy\n'
            "optimizer adam lr=0.05\ntrain epochs=2 batch=16"
        )
        assert command(["train", str(folder / f"{form}.lamp"), "--run-dir", str(folder / "runs")]) == 0
    return {form: load(folder / "runs" / form / "1") for form in FORMS}


@pytest.fixture(scope="module")
def answers(runs: dict[str, Run]) -> np.ndarray:
    return np.asarray(runs["csv"].predict({name: [row[name] for row in ROWS] for name in NAMES[:-1]}).raw)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_each_form_in_any_order_is_answered_alike(
    runs: dict[str, Run], answers: np.ndarray, form: str, other: str, tmp_path: Path
) -> None:
    run = runs[form]
    path = save(tmp_path / f"t.{other}", ROWS, random.Random(form + other).sample(NAMES, len(NAMES)))
    assert np.array_equal(run.predict(path).raw, answers)
    with pytest.warns(UserWarning, match="missing"):
        wanted = evaluate(run, run.model(), save(tmp_path / f"u.{other}", ROWS))
    with pytest.warns(UserWarning, match="missing"):
        found = evaluate(run, run.model(), path)
    assert found == wanted


@pytest.mark.parametrize("form", FORMS)
def test_frames_and_lists_are_answered_as_files(runs: dict[str, Run], answers: np.ndarray, form: str) -> None:
    columns = {name: [row[name] for row in ROWS] for name in reversed(NAMES)}
    for given in (pa.table(columns), [[row[name] for name in NAMES[:-1]] for row in ROWS], ROWS, {**columns, "more": [0] * 60}):
        assert np.array_equal(runs[form].predict(given).raw, answers)


@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_is_missing_or_renamed_is_named(runs: dict[str, Run], form: str, tmp_path: Path) -> None:
    run = runs["parquet"]
    gone = save(tmp_path / f"gone.{form}", ROWS, [name for name in NAMES if name != "town"])
    renamed = save(tmp_path / f"renamed.{form}", ROWS, renamed={"town": "twon"})
    for take in (run.predict, lambda path: evaluate(run, run.model(), path)):
        with pytest.raises(lampc.LampError, match=r"gone.*has no column `town`, which the network was trained on"):
            take(gone)
        with pytest.raises(lampc.LampError, match="is it `twon`\\? Name it `town`"):
            take(renamed)
    with pytest.raises(lampc.LampError, match="has no column `town`"):
        run.predict({name: [0] for name in NAMES if name != "town"})


Said = Callable[[Run, str], tuple[int, str, str]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """`lampc predict` of standard input: its status and what it writes."""

    def predict(run: Run, text: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
        status = command(["predict", str(run.path)])
        out = capsys.readouterr()
        return status, out.out, out.err

    return predict


@pytest.mark.parametrize("form", FORMS)
def test_lines_are_answered_as_the_file_of_them(
    runs: dict[str, Run], answers: np.ndarray, said: Said, form: str, tmp_path: Path
) -> None:
    header = save(tmp_path / "t.csv", ROWS[:12], NAMES[::-1]).read_text()
    plain = save(tmp_path / "u.csv", ROWS[:12], NAMES[:-1]).read_text().partition("\n")[2]
    objects = save(tmp_path / "t.jsonl", ROWS[:12], NAMES[::-1]).read_text()
    lists = "".join(json.dumps(list(json.loads(line).values())[:0:-1]) + "\n" for line in objects.splitlines())
    for text in (header, plain, objects, lists):
        status, out, err = said(runs[form], text)
        rows = list(csv.reader(out.splitlines()))[-12:]
        assert status == 0
        assert np.array_equal([[float(cell) for cell in row[-3:]] for row in rows], answers[:12])
        assert err.startswith("7 cells (")


def test_a_line_that_is_no_row_is_named(runs: dict[str, Run], said: Said) -> None:
    run = runs["csv"]
    for text, wrong in (
        ("1,yes,Bern,36,2020-01-01\n", "standard input, line 1 has 5 cells, and 6 are wanted"),
        ('{"age": 1}\n', "standard input, line 1 has no `tall`"),
        (
            "1,yes,Bern,36,2020-01-01,0.5\nold,yes,Bern,36,2020-01-01,0.5\n",
            "standard input, line 2, column `age`: `old` is",
        ),
    ):
        status, _, err = said(run, text)
        assert status == 1
        assert wrong in err
        assert "E900" not in err


def test_lines_have_the_decimal_sign_of_their_table(said: Said, tmp_path: Path) -> None:
    dice = random.Random(0)
    rows = [(round(dice.gauss(0, 1), 3), round(dice.gauss(0, 1), 3)) for _ in range(40)]
    lines = [f"{x};{z};{'ab'[x > 0]}".replace(".", ",") for x, z in rows]
    (tmp_path / "t.csv").write_text("\n".join(["x;z;y", *lines]) + "\n")
    (tmp_path / "t.lamp").write_text('data csv "t.csv"\nlinear 2 xavier; softmax\nloss crossentropy\ntrain epochs=1')
    assert command(["train", str(tmp_path / "t.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    run = load(tmp_path / "runs" / "t" / "1")
    wanted = run.predict(tmp_path / "t.csv").raw[:5]
    texts = ["\n".join(line.rpartition(";")[0] for line in lines[:5]), "\n".join(map(json.dumps, rows[:5])),
             "\n".join(json.dumps({"z": str(z).replace(".", ","), "x": x}) for x, z in rows[:5])]  # fmt: skip
    for text in texts:
        status, out, _ = said(run, text)
        assert status == 0
        assert np.array_equal([[float(cell) for cell in row[-2:]] for row in csv.reader(out.splitlines()[-5:])], wanted)
