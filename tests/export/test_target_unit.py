"""A table of prices is trained on, and what is exported answers its raw rows in their unit, as `predict` does."""

from __future__ import annotations

import csv
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lampc
from lampc.cli import run as command

COMPILER = shutil.which("cc")
Array = NDArray[np.float64]
Columns = dict[str, list[str]]


def of_onnx(path: Path, columns: Columns) -> object:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    cells = {name: np.array(column, dtype=np.float64).reshape(-1, 1) for name, column in columns.items()}
    return session.run(None, cells)[0]


def of_torch(path: Path, columns: Columns) -> object:
    module = runpy.run_path(str(path))
    return module["predict"](columns, module["load"](path.with_suffix(".safetensors")))


def of_c(path: Path, columns: Columns) -> object:
    if COMPILER is None:
        pytest.skip("there is no C compiler")
    program = path.with_suffix("")
    subprocess.run([COMPILER, "-std=c99", "-O1", "-DLAMP_MAIN", str(path), "-o", str(program), "-lm"], check=True)
    lines = [",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]
    done = subprocess.run([str(program)], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return [float(line.split(",")[-1]) for line in done.stdout.splitlines()[1:]]


@pytest.fixture(scope="module", params=[(1e8, 3.0), (0.0, 1e25)], ids=["prices of 1e8", "numbers of 1e25"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Array, float, float]:
    """A table's folder, with a run; its rows; and the size of its target: mean and deviation."""
    (mean, deviation), folder = request.param, tmp_path_factory.mktemp("own_unit")
    x = np.random.default_rng(0).normal(5.0, 2.0, size=(80, 2))
    rows = np.column_stack([x, mean + deviation * (x[:, 0] - x[:, 1])])
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b", "price"], *rows.tolist()])
    (folder / "t.lamp").write_text(
        'data csv "t.csv"\nlinear 8 kaiming; relu; linear 1 xavier\nloss mse\noptimizer adam lr=0.02\ntrain epochs=30 batch=16'
    )
    assert command(["train", str(folder / "t.lamp"), "--run-dir", str(folder / "runs")]) == 0
    return folder, rows, mean, deviation


@pytest.mark.parametrize(
    ("form", "ending", "answers"), [("onnx", "onnx", of_onnx), ("torch", "py", of_torch), ("c", "c", of_c)]
)
def test_raw_rows_are_answered_in_the_targets_unit(
    trained: tuple[Path, Array, float, float],
    form: str,
    ending: str,
    answers: Callable[[Path, Columns], object],
    tmp_path: Path,
) -> None:
    folder, rows, mean, deviation = trained
    run, made = lampc.load_run(folder / "runs" / "t"), tmp_path / f"net.{ending}"
    assert command(["export", str(run.path), "--to", form, "-o", str(made)]) == 0
    cells = {name: list(map(repr, column)) for name, column in zip("ab", rows.T.tolist(), strict=False)}
    found = np.asarray(answers(made, cells), dtype=np.float64).ravel()
    wanted = run.predict(folder / "t.csv").raw.ravel()
    np.testing.assert_allclose((found - mean) / deviation, (wanted - mean) / deviation, rtol=0, atol=1e-5)
    assert np.corrcoef(found - mean, rows[:, 2] - mean)[0, 1] > 0.95
