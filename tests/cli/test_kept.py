"""The verbs that look at runs, as a person uses them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import ROOT, Command, process
from numpy.typing import NDArray
from warm import python

import lampc.compile
from lampc.runs.load import Run, load

IRIS = ROOT / "models" / "iris.csv"
VALIDATED = ("--set", "data.validation=0.2")


@pytest.fixture
def iris(lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of the iris model, in a folder of its own."""
    monkeypatch.setenv("LAMPC_RUNS", str(tmp_path / "runs"))
    assert lampc("train", ROOT / "models" / "iris.lamp", *VALIDATED, "--set", "train.epochs=5").status == 0
    return tmp_path / "runs" / "iris" / "1"


def test_a_run_keeps_all_that_is_needed_to_run_it_again(iris: Path) -> None:
    config = json.loads((iris / "config.json").read_text())
    assert config["settings"] == ["data.validation=0.2", "train.epochs=5"]
    assert config["resolved"]["train"]["epochs"] == 5
    assert config["resolved"]["optimizer"]["name"] == "adam"
    assert config["data"]["description"]["classes"] == ["setosa", "versicolor", "virginica"]
    assert set(config["versions"]) == {"lampc", "python", "torch", "platform"}
    assert len(config["program"]) == len(config["data"]["hash"]) == 64
    assert (iris / "source" / config["source"]).read_text() == (ROOT / "models" / "iris.lamp").read_text()
    lines = [json.loads(line) for line in (iris / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5]
    rows = list(csv.DictReader(io.StringIO((iris / "metrics.csv").read_text())))
    assert [float(row["validation_accuracy"]) for row in rows] == [line["validation"]["accuracy"] for line in lines]
    best = json.loads((iris / "summary.json").read_text())["best"]
    assert best["value"] == max(line["validation"]["accuracy"] for line in lines)


def standardised(run: Run, x: NDArray[Any]) -> NDArray[np.float64]:
    """Samples of numbers alone as the network sees them, by the means and deviations that are kept with the run."""
    assert run.schema is not None
    mean, deviation = (np.array([getattr(column, of)[0] for column in run.schema.taken]) for of in ("mean", "deviation"))
    found: NDArray[np.float64] = (x - mean) / deviation
    return found


def test_predictions_are_the_models_and_need_no_data(lampc: Command, iris: Path, tmp_path: Path) -> None:
    done = lampc("predict", iris, IRIS, "-o", tmp_path / "out.csv")
    assert (done.status, done.out, done.err) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    right = [
        row["predicted_species"] == truth["species"]
        for row, truth in zip(rows, csv.DictReader(io.StringIO(IRIS.read_text())), strict=True)
    ]
    assert sum(right) > 120
    given = IRIS.read_text().splitlines()  # whose columns stand first, cell by cell
    assert [",".join(list(row.values())[:5]) for row in rows] == given[1:]
    assert list(rows[0]) == [*given[0].split(","), "predicted_species", "p_setosa", "p_versicolor", "p_virginica"]
    run = load(iris)
    x = np.loadtxt(IRIS, delimiter=",", skiprows=1, usecols=range(4))
    shares = run.model()(standardised(run, x))
    assert [float(row["p_setosa"]) for row in rows] == pytest.approx(shares[:, 0].tolist())


@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "npy", "parquet"])
def test_every_kind_of_file_is_read_and_written(kind: str, lampc: Command, iris: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    x = np.loadtxt(IRIS, delimiter=",", skiprows=1, usecols=range(4))[::30]
    names = IRIS.read_text().splitlines()[0].split(",")[:4]
    given, out = tmp_path / f"in.{kind}", tmp_path / f"out.{'csv' if kind == 'npy' else kind}"
    turned = dict(zip(reversed(names), reversed(x.T.tolist()), strict=True))  # columns are found by their names
    if kind == "csv":
        given.write_text(
            "\n".join([",".join(turned), *(",".join(map(repr, row)) for row in zip(*turned.values(), strict=True))])
        )
    elif kind == "jsonl":
        given.write_text(
            "".join(json.dumps(dict(zip(turned, row, strict=True))) + "\n" for row in zip(*turned.values(), strict=True))
        )
    elif kind == "npz":
        np.savez(given, x=x)
    elif kind == "npy":
        np.save(given, x)
    else:
        pq.write_table(pa.table(turned), given)
    assert lampc("predict", iris, given, "-o", out).err == ""
    wanted = list(
        csv.reader(io.StringIO(lampc("predict", iris, stdin="\n".join(" ".join(map(repr, row)) for row in x.tolist())).out))
    )
    if out.suffix == ".csv":
        found = [row["species"] for row in csv.DictReader(io.StringIO(out.read_text()))]
    elif kind == "jsonl":
        found = [json.loads(line)["species"] for line in out.read_text().splitlines()]
    elif kind == "npz":
        found = dict(np.load(out))["species"].tolist()
    else:
        found = pq.read_table(out)["species"].to_pylist()
    assert found == [row[0] for row in wanted]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,2,3", "E605"),
        ("1,2,3,x", "E602"),
        ("[1,2", "E602"),
        ('{"a": 1}', "E602"),
        ("1 2 3 1_0", "E602"),
    ],
)
def test_a_line_that_is_no_sample_is_named(text: str, code: str, lampc: Command, iris: Path) -> None:
    done = lampc("predict", iris, stdin=f"1 2 3 4\n{text}\n")
    assert done.status == 1
    assert f"error[{code}]: standard input, line 2" in done.err
    assert len(done.out.splitlines()) == 1  # what was right is answered


def test_a_missing_column_is_named(lampc: Command, iris: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("sepal_length,sepal_width,petal_length\n1,2,3\n")
    assert "has no column `petal_width`" in lampc("predict", iris, tmp_path / "in.csv").err


def test_measured_again_it_is_as_good_as_its_best_epoch(lampc: Command, iris: Path) -> None:
    found = json.loads(lampc("eval", iris, "--json").out)
    summary = json.loads((iris / "summary.json").read_text())
    assert found["validation"]["measures"]["accuracy"] == summary["best"]["value"]
    assert found["test"]["measures"]["accuracy"] == summary["test"]["accuracy"]["mean"]
    assert [found[part]["samples"] for part in ("train", "validation", "test")] == [96, 24, 30]
    other = json.loads(lampc("eval", iris, "--data", IRIS, "--json").out)
    total = sum(found[part]["samples"] * found[part]["measures"]["accuracy"] for part in ("train", "validation", "test"))
    assert other["data"]["measures"]["accuracy"] == pytest.approx(total / 150)


@pytest.mark.parametrize("source", [
    'linear 4->3 xavier\ndata csv "iris.csv" target=species split=1 normalize\nloss crossentropy\noptimizer adam lr=0.05\n'
    "train epochs=60 batch=30 shuffle",
    "linear 2->8 xavier; tanh; linear 1 xavier; sigmoid\ndata xor\nloss bce\noptimizer adam lr=0.05\ntrain epochs=200 batch=4",
])  # fmt: skip
def test_with_nothing_to_choose_by_the_last_epoch_is_used(
    source: str, lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the training loss nor a metric on the training part chooses: 98 % trained is 98 % used."""
    monkeypatch.chdir(tmp_path)
    Path("iris.csv").write_bytes(IRIS.read_bytes())
    Path("a.lamp").write_text(source, encoding="utf-8")
    assert lampc("train", "a.lamp", "--run-dir", "runs").status == 0
    summary = json.loads(Path("runs/a/1/summary.json").read_text(encoding="utf-8"))
    assert summary["best"] is None
    assert summary["train"]["accuracy"]["mean"] > 0.95
    found = json.loads(lampc("eval", "runs/a/1", "--json").out)
    assert found["train"]["measures"] == {name: value["mean"] for name, value in summary["train"].items()}


def test_runs_are_listed_and_compared(lampc: Command, iris: Path) -> None:
    settings = (*VALIDATED, "--set", "train.epochs=3", "--set", "optimizer.lr=0.5")
    assert lampc("train", ROOT / "models" / "iris.lamp", *settings).status == 0
    listed = lampc("runs").out
    assert re.search(r"iris/1 .* ended +5 +1 +accuracy [\d.]+ %", listed)
    found = json.loads(lampc("compare", "iris/1", "iris/2", "--json").out)
    assert found["settings"] == {"train.epochs": [5, 3], "optimizer.lr": [0.01, 0.5]}
    assert found["same data"]
    assert found["source"] == []
    assert "train.epochs" in lampc("compare", "iris/1", "iris/2").out


def test_a_run_that_has_ended_can_be_made_longer(lampc: Command, iris: Path, tmp_path: Path) -> None:
    assert lampc("train", "--resume", "iris", "--set", "train.epochs=8").status == 0
    whole = lampc("train", ROOT / "models" / "iris.lamp", *VALIDATED, "--set", "train.epochs=8", "--run-dir",
                  tmp_path / "other")  # fmt: skip
    assert whole.status == 0
    ends = [json.loads((path / "summary.json").read_text()) for path in (iris, tmp_path / "other" / "iris" / "1")]
    assert ends[0]["test"] == ends[1]["test"]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_and_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    source = tmp_path / "a.lamp"
    source.write_text(
        "linear 2->40; tanh; linear 1; sigmoid\ndata disc train=20000 test=10\nloss mse\ntrain epochs=2000 batch=20"
    )
    arguments = [sys.executable, "-m", "lampc", "train", str(source), "--run-dir", str(tmp_path)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while "epoch" not in running.stdout.readline():
            pass
        time.sleep(0.3)
        running.send_signal(number)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert f"go on with `lampc train --resume {tmp_path}/a/1`" in err
    done = process("train", "--resume", tmp_path / "a" / "1", "--run-dir", tmp_path, "--set", "train.epochs=1")
    assert done.status == 0  # what was asked for has been reached


def test_nothing_is_kept_if_asked(lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMPC_RUNS", str(tmp_path / "r"))
    assert lampc("train", ROOT / "models" / "disc.lamp", "--set", "epochs=2", "--no-save").status == 0
    assert not (tmp_path / "r").exists()


def test_a_run_keeps_the_files_that_it_uses(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.lamp").write_text("block mid { linear 4; tanh }")
    (tmp_path / "a.lamp").write_text('use "parts/b.lamp"\ninput 2; mid; linear 1; sigmoid\ndata xor\nloss mse\ntrain epochs=2')
    assert lampc("train", tmp_path / "a.lamp", "--run-dir", tmp_path / "runs").status == 0
    (tmp_path / "parts" / "b.lamp").unlink()
    (tmp_path / "a.lamp").unlink()
    assert lampc("predict", tmp_path / "runs" / "a", stdin="0 1").status == 0


def test_a_config_that_leads_out_of_the_run_is_refused(iris: Path, lampc: Command) -> None:
    config = json.loads((iris / "config.json").read_text())
    for name in ("../../../outside.lamp", "/etc/hostname"):
        (iris / "config.json").write_text(json.dumps({**config, "source": name}))
        assert "names a file outside of the run" in lampc("predict", iris, stdin="1 2 3 4").err
    (iris / "config.json").write_text("{")
    assert "is damaged" in lampc("predict", iris, stdin="1 2 3 4").err


def test_in_python(iris: Path) -> None:
    run = load(iris)
    assert isinstance(run.program, lampc.compile.Program)
    assert run.classes == ("setosa", "versicolor", "virginica")


def test_a_run_is_exported(lampc: Command, iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for form, files in (("torch", ["iris.safetensors", "iris.py"]), ("c", ["iris.c"]), ("safetensors", ["iris.safetensors"])):
        done = lampc("export", iris, "--to", form)
        assert done.out.splitlines() == [f"wrote {name}" for name in files]
    x = np.loadtxt(IRIS, delimiter=",", skiprows=1, usecols=range(4), dtype=np.float32)[::40]
    run = load(iris)
    wanted = run.model()(standardised(run, x)).numpy()  # exports take features as they are, and standardise them
    columns = dict(zip([column.name for column in run.schema.taken], x.T.tolist(), strict=True)) if run.schema else {}
    code = "import iris, sys; print(*iris.load()(iris.from_columns(eval(sys.argv[1]))).flatten().tolist())"
    done = subprocess.run([*python(), "-c", code, str(columns)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [float(part) for part in done.stdout.split()] == pytest.approx(wanted.flatten().tolist(), abs=1e-5)
    compiler = shutil.which("cc")
    if compiler is not None:
        subprocess.run(
            [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-DLAMP_MAIN", "iris.c", "-o", "iris", "-lm"], check=True
        )
        lines = ",".join(columns) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in x.tolist())
        done = subprocess.run(["./iris"], input=lines, capture_output=True, text=True, check=True)
        answers = list(csv.DictReader(io.StringIO(done.stdout)))
        shares = [float(row[name]) for row in answers for name in ("p_setosa", "p_versicolor", "p_virginica")]
        assert shares == pytest.approx(wanted.flatten().tolist(), abs=1e-5)
        assert [row["species"] for row in answers] == run.predict(columns)["species"]
    runtime = pytest.importorskip("onnxruntime")
    assert lampc("export", iris, "--to", "onnx").status == 0
    session = runtime.InferenceSession("iris.onnx", providers=["CPUExecutionProvider"])
    given = {each.name: np.array(columns[each.name], np.float64)[:, None] for each in session.get_inputs()}
    outputs = dict(zip([each.name for each in session.get_outputs()], session.run(None, given), strict=True))
    assert any(found.shape == wanted.shape and np.allclose(found, wanted, atol=1e-5) for found in outputs.values())


def test_standard_input_is_answered_line_by_line_at_once(iris: Path) -> None:
    command = [*python(), "-m", "lampc", "predict", str(iris)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for line in (
            "5.1 3.5 1.4 0.2",
            "[6, 3, 5, 2]",
            '{"sepal_width": 3, "sepal_length": 6, "petal_width": 2, "petal_length": 5}',
        ):
            running.stdin.write(line + "\n")
            running.stdin.flush()
            answer = running.stdout.readline()  # while the input is still open
            assert answer.count(",") == 3
        running.stdin.close()
        assert running.stdout.read() == ""
    assert running.returncode == 0


def test_a_table_on_standard_input_is_answered_by_one(lampc: Command, iris: Path) -> None:
    lines = IRIS.read_text().splitlines()[:4]
    answered = lampc("predict", iris, stdin="\n".join(lines)).out.splitlines()
    assert answered[0] == f"{lines[0]},predicted_species,p_setosa,p_versicolor,p_virginica"
    numbers = [line.rpartition(",")[0] for line in lines[1:]]
    bare = lampc("predict", iris, stdin="\n".join(numbers)).out.splitlines()
    assert answered[1:] == [f"{line},{answer}" for line, answer in zip(lines[1:], bare, strict=True)]


def test_a_line_with_a_gap_is_answered_and_the_gap_is_said(lampc: Command, iris: Path) -> None:
    done = lampc("predict", iris, stdin="1,2,3,4\n1,2,3,nan\n")
    assert (done.status, len(done.out.splitlines())) == (0, 2)
    assert "petal_width" in done.err
    assert "missing" in done.err


def test_images_are_predicted_by_their_files(
    lampc: Command, iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for place, name in enumerate(("dark", "light")):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for number in range(8):
            shade = np.full((6, 6, 3), 20 * number + (0 if place == 0 else 100), dtype=np.uint8)
            Image.fromarray(shade).save(tmp_path / "pics" / name / f"{number}.png")
    (tmp_path / "pics.lamp").write_text(
        'conv 2 3; relu; flatten; linear 2\ndata images "pics" size=6x6 normalize\nloss crossentropy\n'
        "optimizer adam lr=0.05\ntrain epochs=30 batch=4 shuffle\n"
    )
    trained = lampc("train", "pics.lamp")
    assert trained.out.splitlines()[-1].strip() == f"lampc predict {tmp_path / 'runs' / 'pics' / '1'} pics -o predictions.csv"
    assert lampc("predict", "pics", "pics", "-o", "out.csv").err == ""
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["file"] for row in rows] == [f"{name}/{number}.png" for name in ("dark", "light") for number in range(8)]
    one = lampc("predict", "pics", "pics/light/7.png").out.splitlines()
    assert one[0] == "file,class,p_dark,p_light"
    assert one[1].split(",")[1] == rows[-1]["class"] == "light"
    assert "the network takes samples of 4" in lampc("predict", iris, "pics").err
    assert "has no images" in lampc("predict", "pics", tmp_path / "runs").err
    (tmp_path / "pics" / "bad.png").write_bytes(b"no image")
    assert "error[E601]: cannot read" in lampc("predict", "pics", "pics/bad.png").err


@pytest.mark.skipif(os.name == "nt", reason="its shell is another")
@pytest.mark.parametrize("name", ["disc", "iris", "wine"])
def test_the_command_that_training_ends_with_can_be_pasted(name: str, lampc: Command, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("LAMPC_RUNS", str(tmp_path / "a folder"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "models", tmp_path / "models")
    line = lampc("train", f"models/{name}.lamp", "--set", "train.epochs=2").out.splitlines()[-1].strip()
    shell = line.replace("lampc ", f"{shlex.join(python())} -m lampc ", 1)
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    answers = (tmp_path / "predictions.csv").read_text() if name == "iris" else done.stdout
    assert len(answers.splitlines()) == (151 if name == "iris" else 1)
