"""Tables as people have them, small: each trains at once, and what is odd about it is said."""

from __future__ import annotations

import csv
import itertools
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import lampc.compile
from lampc.cli import run as command
from lampc.runtime.train import load_data

CLASSES = "linear 8 kaiming; relu; linear 2 xavier; softmax\nloss crossentropy\noptimizer adam lr=0.03"
NUMBERS = "linear 16 kaiming; relu; linear 16 kaiming; relu; linear 1 xavier\nloss mse\nmetrics r2\noptimizer adam lr=0.01"

Trained = Callable[..., str]
"""Trains a program on a text and gives what was said."""


def points(count: int = 40, seed: int = 3) -> list[tuple[float, float, str]]:
    """Two numbers, and the class that the sign of their sum is."""
    dice = random.Random(seed)
    found = [(round(dice.gauss(0, 1), 3), round(dice.gauss(0, 1), 3)) for _ in range(count)]
    return [(x, z, "b" if x + z < 0 else "a") for x, z in found]


def text(header: str, *columns: list[object], between: str = ",") -> str:
    return "\n".join([header, *(between.join(map(str, row)) for row in zip(*columns, strict=True))]) + "\n"


X, Z, Y = map(list, zip(*points(), strict=True))
PLAIN = text("x,z,y", X, Z, Y)
WITHOUT = "classes a, b 8 the target; rows without it are left out"


@pytest.fixture
def trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Trained:
    def train(table: str | bytes, network: str = CLASSES, data: str = "", train: str = "epochs=2 batch=8", kept: bool = False,
              columns: str = "") -> str:  # fmt: skip
        (tmp_path / "t.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
        (tmp_path / "t.lamp").write_text(f'data csv "t.csv" {data}\n{columns}\n{network}\ntrain {train} shuffle')
        keep = ["--run-dir", str(tmp_path / "runs")] if kept else ["--no-save"]
        status = command(["train", str(tmp_path / "t.lamp"), *keep])
        said = capsys.readouterr()
        assert status == 0, said.err
        return said.out + said.err

    return train


def becomes(said: str, column: str) -> str:
    """What the table of columns says of one."""
    lines = said.splitlines()
    first = next(place for place, line in enumerate(lines) if line.split()[:1] == [column])
    more = itertools.takewhile(lambda line: line.strip() and not line[1:2].strip(), lines[first + 1 :])  # wrapped cells
    return " ".join([*lines[first].split()[1:], *(word for line in more for word in line.split())])


@pytest.mark.parametrize(("table", "column", "holds"), [
    pytest.param(text("x,z,y", [x > 0 for x in X], Z, Y), "x", "yes/no False, True 0 or 1", id="bool"),
    pytest.param(text("x,z,y", ["yes" if x > 0 else "no" for x in X], Z, Y), "x", "yes/no no, yes 0 or 1", id="yesno"),
    pytest.param(PLAIN.replace(",", ";"), "x", "numbers", id="semicolon"),
    pytest.param(text("x,z,y", [f'"{int(x * 10_000):,}"' for x in X], Z, Y), "x", "numbers (thousands)", id="thousands"),
    pytest.param(text("x,z,y", [f"${abs(x)}" for x in X], Z, Y), "x", "numbers ($)", id="money"),
    pytest.param(text("x,z,y", [f"{x}%" for x in X], Z, Y), "x", "numbers (%)", id="percent"),
    pytest.param(text("x,z,y", [f"2020-01-{i % 28 + 1:02}" for i in range(40)], Z, Y), "x", "dates 2020-01-01 to", id="date"),
    pytest.param(PLAIN.encode("utf-16"), "x", "numbers", id="utf16"),
    pytest.param(text(",x,z,y", list(range(40)), X, Z, Y), "column1", "id left out: counts the rows", id="index"),
    pytest.param(text("x,z,y", [10**17 + i for i in range(40)], Z, Y), "x", "id left out: counts the rows", id="bigid"),
    pytest.param(PLAIN.replace(f"{X[7]},", ",", 1), "x", "1 standardised; missing: the mean, and a slot", id="na_feature"),
    pytest.param(text("x,z,y", ["0.1"] * 40, Z, Y), "x", "left out: 0.1 everywhere", id="constant"),
    pytest.param(PLAIN.replace("a\n", "NA\n", 8), "y", WITHOUT, id="na_label"),
    pytest.param(PLAIN.replace("a\n", "?\n", 8), "y", WITHOUT, id="q_label"),
    pytest.param(PLAIN.replace(",", ", ").replace("a\n", "a \n", 5), "y", "classes a, b the target", id="spaces"),
    pytest.param(text("x,z,y", X, Z, [y > "a" for y in Y]), "y", "yes/no False, True the target", id="bool_target"),
])  # fmt: skip
def test_a_newcomers_file_trains_and_each_column_is_told_of(
    trained: Trained, table: str | bytes, column: str, holds: str
) -> None:
    said = trained(table, train="epochs=1 batch=8")
    assert holds in becomes(said, column)
    assert "warning" not in said


def test_numbers_written_in_two_ways_are_one_class(trained: Trained) -> None:
    said = trained(
        text("x,z,y", X, Z, [("0", "1", "0.0", "1.0")[(y == "a") + 2 * (i % 2)] for i, y in enumerate(Y)]), data="classes"
    )
    assert becomes(said, "y") == "classes 0, 1 the target"


def test_row_numbers_are_no_feature(trained: Trained) -> None:
    said = trained(text('"id",x,z,y', [f'"{i + 1}"' for i in range(40)], X, Z, Y))
    assert becomes(said, "id") == "id left out: counts the rows"


def test_a_file_without_a_header_is_said_to_have_none(trained: Trained) -> None:
    said = trained(PLAIN.partition("\n")[2])
    assert (
        "the first line is a row, not names: the columns are called column1, column2, …; header=on takes it for names" in said
    )
    assert becomes(said, "column3") == "classes a, b the target"


def test_one_class_alone_is_nothing_to_learn(trained: Trained) -> None:
    said = trained(text("x,z,y", X, Z, ["a"] * 40))
    assert "the data has one class alone, `a`: there is nothing to tell apart" in said
    assert "`target=NAME`" in said


@pytest.mark.parametrize("named", ["\t", "tab"])
def test_a_tab_is_found_and_may_be_insisted_on(trained: Trained, named: str) -> None:
    said = trained(text("x\ty", X, Z, between="\t"), NUMBERS, f'delimiter="{named}"')
    assert becomes(said, "y").endswith("the target, standardised")


def test_a_backslash_for_a_tab_is_refused_with_its_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.lamp").write_text('data csv "t.tsv" delimiter="\\t"\nlinear 1\nloss mse')
    assert command(["check", str(tmp_path / "t.lamp")]) == 1
    assert "a tab between cells: `delimiter=tab`" in capsys.readouterr().err


def r2(said: str) -> float:
    """Of the test part, at the end."""
    line = next(line for line in said.splitlines() if line.startswith("test "))
    return float(line.rpartition(" r2 ")[2])


def test_a_column_that_hardly_varies_is_no_lever(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its deviation is rounding alone, by which a later 0.11 would be 10¹⁴ deviations away."""
    x = [round(random.Random(i).gauss(0, 1), 4) for i in range(300)]
    assert (
        r2(trained(text("c,x,y", [0.1] * 300, x, [2 * v + 1 for v in x]), NUMBERS, train="epochs=15 batch=16", kept=True))
        > 0.99
    )
    (tmp_path / "new.csv").write_text("c,x\n0.1,1.0\n0.11,1.0\n0.2,1.0\n")
    assert command(["predict", str(tmp_path / "runs" / "t" / "1"), str(tmp_path / "new.csv")]) == 0
    answers = [float(row["y"]) for row in csv.DictReader(capsys.readouterr().out.splitlines())]
    assert answers == pytest.approx([3.0] * 3, abs=0.2)


@pytest.mark.parametrize(("offset", "scale"), [(1.7e9, 290.0), (0.0, 1.0)])
def test_seconds_since_1970_are_learnt_as_well_as_standard_numbers(trained: Trained, offset: float, scale: float) -> None:
    dice = random.Random(0)
    rows = [(dice.uniform(-1, 1), dice.gauss(0, 1)) for _ in range(500)]
    stamps, b = [int(offset + s * scale) if offset else s for s, _ in rows], [b for _, b in rows]
    said = trained(text("stamp,b,y", stamps, b, [b + 2 * s for s, b in rows]), NUMBERS, train="epochs=12 batch=32")
    assert r2(said) > 0.98


@pytest.mark.parametrize("unit", [1.0, 1e8, 1e24, 1e-20])
def test_a_target_of_any_unit_is_learnt_as_well(trained: Trained, unit: float) -> None:
    said = trained(text("x,z,y", X, Z, [(x + z) * unit for x, z, _ in points()]), NUMBERS, train="epochs=30 batch=8")
    assert r2(said) > 0.9


def test_weights_that_begin_too_large_are_warned_of_with_what_mends_it(trained: Trained) -> None:
    dice = random.Random(1)
    rows = [[dice.gauss(50, 15) for _ in range(10)] for _ in range(300)]
    table = text("a,b,c,d,e,f,g,h,i,j,y", *map(list, zip(*rows, strict=True)), [row[0] - row[3] + row[7] for row in rows])
    large = "linear 32; relu; linear 32; relu; linear 1\nloss mse\nmetrics r2\noptimizer adam lr=0.01"
    said = trained(table, large, train="epochs=20 batch=32")
    assert "W451" in said and "`init kaiming`" in said and r2(said) < 0
    mended = trained(table, f"init kaiming\n{large}", train="epochs=20 batch=32")
    assert "W451" not in mended
    assert r2(mended) > 0.6


@pytest.mark.parametrize("validation", [0, 0.2])
def test_a_rare_class_is_in_each_part_as_far_as_its_rows_last(tmp_path: Path, validation: float) -> None:
    numbers = points(60)
    names = ["rare"] * 3 + [dice for dice in ("u", "v") for _ in range(28)] + ["v"]
    (tmp_path / "t.csv").write_text(text("x,z,y", *map(list, zip(*[row[:2] for row in numbers], strict=True)), names))
    (tmp_path / "t.lamp").write_text(f'data csv "t.csv" validation={validation}\nlinear 3\nloss crossentropy')
    for seed in range(3):
        data = load_data(lampc.compile.file(tmp_path / "t.lamp"), seed)
        assert all(0 in part.y.tolist() for part in (data.train, data.test, *[data.validation] * bool(validation)))


def test_random_labels_are_told_as_chance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The epoch is chosen by the validation part, and the test part is measured once: over seeds it is chance."""
    dice = random.Random(5)
    columns = [[round(dice.gauss(0, 1), 3) for _ in range(200)] for _ in range(4)]
    (tmp_path / "t.csv").write_text(text("a,b,c,d,y", *columns, [dice.choice("pq") for _ in range(200)]))
    (tmp_path / "t.lamp").write_text(f'data csv "t.csv" validation=0.2\n{CLASSES}\ntrain epochs=10 batch=32 shuffle runs=20')
    assert command(["train", str(tmp_path / "t.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("test "))
    mean, deviation = (float(part.split()[0]) / 100 for part in line.partition("accuracy ")[2].split(" % ± "))
    error = math.sqrt(0.25 / 40 + 0.25 / 200)  # of a test part, and of the 200 labels, which all seeds share
    assert abs(mean - 0.5) < 2 * math.sqrt(0.25 / 40 / 20 + 0.25 / 200)
    assert deviation < 1.5 * error


def test_predicting_goes_past_gaps_and_counts_them(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(PLAIN, kept=True)
    out, path = tmp_path / "out.csv", tmp_path / "new.csv"
    rows = [f"{x},{z}" for x, z in zip(X, Z, strict=True)] * 30
    rows[1101] = ",0.5"
    path.write_text("\n".join(["x,z", *rows]) + "\n")
    predict = ["predict", str(tmp_path / "runs" / "t" / "1"), str(path), "-o", str(out)]
    assert command(predict) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "1 cell (x 1) missing"
    lines = out.read_text().splitlines()
    assert len(lines) == 1201 and lines[1102].startswith(",0.5,")
    before = out.read_bytes()
    path.write_text("\n".join(["x,z", *rows, "much,0.5"]) + "\n")
    assert command(predict) == 1
    assert "line 1202, column `x`: `much` is not a number" in capsys.readouterr().err
    assert out.read_bytes() == before
    out.unlink()
    assert command(predict) == 1
    assert not [*tmp_path.glob("*out*")]
