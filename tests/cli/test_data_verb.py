"""`lampc data`: what a file holds, and where data may lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import ROOT, Command

import lampc.compile
from lampc.diagnostics import LampError


def columns(lampc: Command, path: object) -> dict[str, Any]:
    done = lampc("data", path, "--json")
    assert done.err == ""
    return {column["name"]: column for column in map(json.loads, done.out.splitlines())}


def test_a_table_with_holes(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n1,x,\n2.5,y,3\nNA,x,inf\n-4,,2\n")
    found = columns(lampc, tmp_path / "a.csv")
    assert (found["a"]["kind"], found["a"]["missing"], found["a"]["low"], found["a"]["high"]) == ("number", 1, -4.0, 2.5)
    assert found["a"]["mean"] == pytest.approx(-0.5 / 3)
    assert (found["b"]["kind"], found["b"]["missing"], found["b"]["classes"]) == ("category", 1, {"x": 2, "y": 1})
    assert found["b"]["slots"] == ["b=x", "b=y", "b missing"]
    assert (found["c"]["role"], found["c"]["kind"], found["c"]["missing"]) == ("target", "number", 2)


def test_of_a_table_a_program_is_shown_that_trains_on_it(
    lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},{i % 7 / 7},{'xyz'[i % 3]},{i % 2}\n" for i in range(60))
    Path("t.csv").write_text(f"id,size,sort,sold\n{rows}", encoding="utf-8")
    done = lampc("data", "t.csv", "--target", "sort")
    assert "left out: counts the rows" in done.out
    program = done.out[done.out.index("data csv") :]
    assert 'data csv "t.csv" target=sort' in program
    Path("t.lamp").write_text(program, encoding="utf-8")
    assert lampc("check", "t.lamp").status == 0
    found = columns(lampc, tmp_path / "t.csv")
    assert (found["sold"]["role"], found["sold"]["kind"], found["sort"]["kind"]) == ("target", "yesno", "category")


def test_a_targets_few_whole_numbers_are_classes(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,stars\n" + "".join(f"{i % 11 / 11},{i % 5}\n" for i in range(50)))
    assert columns(lampc, tmp_path / "a.csv")["stars"]["kind"] == "class"
    assert "target=stars classes" in lampc("data", tmp_path / "a.csv").out


def test_a_target_is_a_tables(lampc: Command) -> None:
    done = lampc("data", ROOT / "models" / "fables.txt", "--target", "a")
    assert (done.status, "it is for tables" in done.err) == (2, True)


def test_arrays(lampc: Command, tmp_path: Path) -> None:
    x = np.arange(24.0).reshape(4, 2, 3)
    x[1, 0, 0] = np.nan
    np.savez(tmp_path / "a.npz", x=x, y=np.array([0, 1, 1, 2]))
    found = columns(lampc, tmp_path / "a.npz")
    assert (found["x"]["shape"], found["x"]["count"], found["x"]["missing"], found["x"]["high"]) == ([2, 3], 4, 1, 23.0)
    assert found["y"]["classes"] == {"1": 2, "0": 1, "2": 1}


def test_numbers_whose_sum_is_beyond_all_have_a_mean(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1e308\n1.6e308\n1e308\n")
    np.save(tmp_path / "a.npy", np.array([1e308, 1.6e308, 1e308]))
    for file, name in (("a.csv", "a"), ("a.npy", "x")):
        assert columns(lampc, tmp_path / file)[name]["mean"] == pytest.approx(1.2e308)


def test_parquet_images_and_text(lampc: Command, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    pq.write_table(pa.table({"a": [1.5, None], "b": ["x", "y"]}), tmp_path / "a.parquet")
    assert columns(lampc, tmp_path / "a.parquet")["a"]["missing"] == 1
    for name, count in (("cat", 2), ("dog", 3)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "photos" / name / f"{i}.png").write_bytes(b"")
    found = columns(lampc, tmp_path / "photos")
    assert found["class"]["classes"] == {"cat": 2, "dog": 3}
    assert (found["image"]["count"], found["image"]["missing"]) == (5, 5)
    for number, file in enumerate(sorted((tmp_path / "photos").rglob("*.png"))):
        Image.new("RGB", (7, 4), (51 * number, 0, 0)).save(file)
    found = columns(lampc, tmp_path / "photos")
    assert (found["image"]["shape"], found["image"]["missing"]) == ([3, 4, 7], 0)
    assert (found["image"]["low"], found["image"]["high"], found["image"]["classes"]) == (0.0, 0.8, {"3x4x7": 5})
    assert columns(lampc, ROOT / "models" / "fables.txt")["characters"]["count"] == 100_432


def test_a_programs_data_as_it_is_trained_on(lampc: Command) -> None:
    found = columns(lampc, ROOT / "models" / "iris.lamp")
    assert list(found) == ["train x", "train y", "test x", "test y"]
    assert found["train x"]["mean"] == pytest.approx(0.0, abs=1e-12)  # normalised
    assert sum(found["train y"]["classes"].values()) == 120
    assert set(found["train y"]["classes"]) == {"setosa", "versicolor", "virginica"}
    assert "test y: " in lampc("data", ROOT / "models" / "iris.lamp").out


def test_a_table_on_standard_input(lampc: Command) -> None:
    done = lampc("data", "-", "--target", "x", stdin="x;y\n1,5;a\n2,5;b\n4,0;a\n")
    assert done.status == 0, done.err
    assert done.out.startswith("standard input: 3 rows, 2 columns")
    assert 'data csv "table.csv" target=x' in done.out
    assert lampc("data", "-", stdin="").status == 1


@pytest.mark.parametrize("name", ["nothing.csv", "a.xyz"])
def test_what_cannot_be_read_is_said(name: str, lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("")
    done = lampc("data", tmp_path / name)
    assert (done.status, done.err.startswith("error[E601]")) == (1, True)


def test_data_lies_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `..`, nor an absolute path, nor a link leads out of it, unless the user names the place."""
    project, outside = tmp_path / "project", tmp_path / "outside"
    for folder in (project / "models", outside):
        folder.mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    table = "a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(10))
    for place in (project, outside):
        (place / "a.csv").write_text(table)
    (project / "models" / "link.csv").symlink_to(outside / "a.csv")

    def compiled(path: object) -> object:
        return lampc.compile.text(f'linear 1; data csv "{path}"; loss mse', folder=project / "models")

    assert compiled("../a.csv")
    for path in ("../../outside/a.csv", outside / "a.csv", "link.csv"):
        with pytest.raises(LampError, match="lies outside of the project"):
            compiled(path)
    monkeypatch.setenv("LAMPC_DATA", str(outside))
    for path in ("../../outside/a.csv", outside / "a.csv", "link.csv"):
        assert compiled(path)
