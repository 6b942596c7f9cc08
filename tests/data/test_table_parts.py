"""A table's parts, from the statement to the rows: classes, groups, times, a column that names them, and folds of each."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lampc.compile
from lampc.compile import Program
from lampc.diagnostics import LampError
from lampc.runtime.train import load_data

ROWS = 90
WHO = [f"p{row * 7 % 23}" for row in range(ROWS)]
DAY = [f"2024-{1 + row * 11 % ROWS // 8:02d}-{1 + row * 11 % ROWS % 8:02d}" for row in range(ROWS)]
PART = [["Train", "train", "training", "val", "TEST"][row % 5] for row in range(ROWS)]
KIND = ["rare" if row in (3, 40, 77) else "uv"[row % 2] for row in range(ROWS)]


def program(options: str, folder: Path, train: str = "") -> Program:
    rows = (f"{np.sin(row):.6f},{np.cos(3 * row):.6f},{who},{day},{part},{row % 13},{kind}"
            for row, (who, day, part, kind) in enumerate(zip(WHO, DAY, PART, KIND, strict=True)))  # fmt: skip
    (folder / "t.csv").write_text("\n".join(["a,b,who,day,part,shift,kind", *rows]) + "\n")
    text = f'linear 3 xavier\ndata csv "t.csv" target=kind drop=[who, day, part, shift] {options}\nloss crossentropy\n'
    return lampc.compile.text(f"{text}train epochs=1 {train}", folder=folder)


def rows(found: Program, seed: int = 0, fold: tuple[int, int] | None = None) -> dict[str, list[int]]:
    """The table's rows that each part has, from 0."""
    parts: dict[str, Any] = load_data(found, seed, fold).parts()
    return {name: part.rows.tolist() for name, part in parts.items()}


def test_a_class_of_three_rows_is_in_all_three_parts(tmp_path: Path) -> None:
    found = rows(program("split=[0.7, 0.15, 0.15]", tmp_path))
    assert sorted(row for part in found.values() for row in part) == [*range(ROWS)]
    for part, share in zip(found.values(), (0.7, 0.15, 0.15), strict=True):
        assert sum(KIND[row] == "rare" for row in part) == 1
        assert abs(sum(KIND[row] == "u" for row in part) - share * KIND.count("u")) <= 1


def test_stratify_off_draws_from_all_rows_alike(tmp_path: Path) -> None:
    off = program("stratify=off", tmp_path)
    counts = {sum(KIND[row] == "u" for row in rows(off, seed)["test"]) for seed in range(8)}
    assert len(counts) > 2


@pytest.mark.parametrize(("column", "of"), [("who", WHO), ("shift", [str(row % 13) for row in range(ROWS)])])
def test_no_group_is_in_two_parts(column: str, of: list[str], tmp_path: Path) -> None:
    found = rows(program(f"group={column} split=[0.6, 0.2, 0.2]", tmp_path))
    seen = [{of[row] for row in part} for part in found.values()]
    assert list(found) == ["train", "validation", "test"]
    assert sum(map(len, seen)) == len(set(of))
    folds = [rows(program(f"group={column}", tmp_path, "folds=4"), fold=(fold, 4)) for fold in range(4)]
    assert sorted(row for each in folds for row in each["test"]) == [*range(ROWS)]
    assert all(not {of[row] for row in each["train"]} & {of[row] for row in each["test"]} for each in folds)


def test_the_latest_are_tested(tmp_path: Path) -> None:
    found = rows(program("time=day split=[0.6, 0.2, 0.2]", tmp_path))
    days = [[DAY[row] for row in part] for part in found.values()]
    assert max(days[0]) < min(days[1])
    assert max(days[1]) < min(days[2])
    folds = [rows(program("time=day", tmp_path, "folds=4"), fold=(fold, 4)) for fold in range(4)]
    assert all(max(DAY[row] for row in each["train"]) < min(DAY[row] for row in each["test"]) for each in folds)
    assert all({*one["train"], *one["test"]} == {*other["train"]} for one, other in itertools.pairwise(folds))


def test_a_column_says_the_part(tmp_path: Path) -> None:
    found = rows(program("split=part", tmp_path))
    assert {name: sorted({PART[row] for row in part}) for name, part in found.items()} == {
        "train": ["Train", "train", "training"], "validation": ["val"], "test": ["TEST"],
    }  # fmt: skip
    folds = [rows(program("split=part", tmp_path, "folds=4"), fold=(fold, 4)) for fold in range(4)]
    assert sorted(row for each in folds for row in each["test"]) == sorted(found["train"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("split=kind", "E602", 'says "'),
        ("split=prat", "E601", "did you mean `part`"),
        ("group=whom", "E601", "did you mean `who`"),
        ("split=[0.8, 0.2] validation=0.2", "E305", "split=[0.64, 0.16, 0.2]"),
        ("split=part group=who", "E305", "leave `group=who` out"),
        ("split=[80, 20]", "E305", "[0.8, 0.2]"),
    ],
)
def test_what_says_no_parts_is_refused(options: str, code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LampError) as raised:
        program(options, tmp_path)
    found = raised.value.diagnostics[0]
    assert found.code == code
    assert said in " ".join([found.message, *found.fixes])
