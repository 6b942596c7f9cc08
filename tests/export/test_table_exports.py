"""From a table to a run, and from there to files that answer raw rows as ``lampc predict`` does."""

from __future__ import annotations

import csv
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw_tables import HOSTILE

from lampc.cli import run
from lampc.export.files import write
from lampc.runs.load import Run, load

PROGRAMS = {
    "kind": "linear 8 xavier; relu; linear 3 xavier\nloss crossentropy",
    "price": "linear 8 xavier; relu; linear 1 xavier\nloss mse",
}
NAMES = ("when", "age", "stamp", "town", "smokes", "zip", "kind", "price")


def rows(count: int, seed: int, towns: tuple[str, ...]) -> list[list[str]]:
    """Cells of which one in ten is missing."""
    dice = random.Random(seed)
    found = []
    for i in range(count):
        age = dice.randint(18, 90)
        cells = [f"{dice.randint(1950, 2030)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02} {dice.randint(0, 23):02}:30",
                 f"{age},5", f"{1_700_000_000 + dice.randint(-100, 100)},0", dice.choice(towns), dice.choice(["yes", "No"]),
                 dice.choice(["a", "b\\n%s"])]  # fmt: skip
        found.append([*(dice.choice(["", "NA"]) if i > 8 and dice.random() < 0.1 else cell for cell in cells),
                      'the "old"' if age > 60 else dice.choice(["%d", "it's"]), f"{10**8 + age}"])  # fmt: skip
    return found


def save(path: Path, cells: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([NAMES, *cells])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two runs, and a table of towns of which training saw some."""
    found = tmp_path_factory.mktemp("tables")
    save(found / "train.csv", rows(200, 0, HOSTILE[:6]))
    save(found / "new.csv", rows(60, 1, HOSTILE))
    for target, network in PROGRAMS.items():
        (found / f"{target}.lamp").write_text(f'data csv "train.csv" target={target}\n{network}\ntrain epochs=1')
        assert run(["train", str(found / f"{target}.lamp"), "--run-dir", str(found / "runs")]) == 0
    return found


@pytest.mark.parametrize("target", PROGRAMS)
def test_onnx_answers_as_predict(target: str, folder: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    found, (path,) = exported(folder, target, "onnx")
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    with (folder / "new.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file, delimiter=";"))
    given = {each.name: np.array([[_cell(each, row[each.name])] for row in cells]) for each in session.get_inputs()}
    agree(found, folder, [*session.run(None, given)])


def _cell(given: Any, text: str) -> Any:
    """A cell as ONNX takes it."""
    if given.type == "tensor(string)":
        return text
    if text in ("", "NA"):
        return np.nan
    return float(text.replace(",", ".")) if given.name != "when" else np.datetime64(text).astype("datetime64[s]").astype(float)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
@pytest.mark.parametrize("target", PROGRAMS)
def test_c_answers_as_predict(target: str, folder: Path) -> None:
    found, (path,) = exported(folder, target, "c")
    program = path.with_suffix("")
    subprocess.run(["cc", "-std=c99", "-DLAMP_MAIN", str(path), "-o", str(program), "-lm"], check=True)
    with (folder / "new.csv").open("rb") as file:
        done = subprocess.run([str(program)], stdin=file, capture_output=True, check=True)
    _, *said = csv.reader(done.stdout.decode().splitlines())
    numbers = np.array([[float(cell) for cell in row[target == "kind" :]] for row in said])
    agree(found, folder, [np.array([row[0] for row in said]), numbers] if target == "kind" else [numbers])


@pytest.mark.parametrize("target", PROGRAMS)
def test_pytorch_answers_as_predict(target: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, (_, path) = exported(folder, target, "torch")
    space: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    with (folder / "new.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file, delimiter=";"))
    columns = {name: [row[name] for row in cells] for name in NAMES}
    monkeypatch.chdir(folder)  # where the weights are
    said = space["predict"](columns)
    shares = [np.array(said), space["probabilities"](columns).numpy()] if target == "kind" else [np.array(said)[:, None]]
    agree(found, folder, shares)


def exported(folder: Path, target: str, form: str) -> tuple[Run, list[Path]]:
    """A run, and what is written of it."""
    found = load(folder / "runs" / target / "1")
    return found, write(found, form, folder / f"{target}.{form}")


def agree(found: Run, folder: Path, answers: list[Any]) -> None:
    """Answers are those of ``predict``, which saw towns and gaps that training had not."""
    wanted = found.predict(folder / "new.csv")
    assert len(answers[-1]) == len(wanted) > 0
    count = answers[-1].shape[1]
    np.testing.assert_allclose(answers[-1], np.array(wanted.columns[-count:], dtype=np.float64).T, rtol=1e-5, atol=1e-6)
    if len(answers) > 1:
        assert list(answers[0]) == list(wanted.columns[-count - 1])
