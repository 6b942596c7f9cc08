"""A kept run in Python: what it answers is what `lampc predict` prints."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lampc
import lampc.cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(text: str) -> lampc.Run:
    Path("net.lamp").write_text(text, encoding="utf-8")
    assert lampc.cli.run(["train", "net.lamp"]) == 0
    return lampc.load_run("net")


IRIS = """linear 4->8 xavier; tanh; linear 3
data csv "iris.csv" target=species split=0.8 normalize
loss crossentropy
optimizer adam lr=0.05
train epochs=3 batch=16
"""


def test_samples_are_those_of_the_file(folder: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "iris.csv").write_bytes((models / "iris.csv").read_bytes())
    run = train(IRIS)
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.7, 2.8, 4.1, 1.3]]
    names = "sepal_length,sepal_width,petal_length,petal_width"
    Path("new.csv").write_text("\n".join([names, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert lampc.cli.run(["predict", "net", "new.csv"]) == 0
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for found in (run.predict(rows), run.predict("new.csv"), run.predict(Path("new.csv")), run.predict(np.array(rows))):
        assert found.names[:4] == tuple(names.split(",")), "columns are kept"
        assert found["species"] == [row["species"] for row in printed]
        assert found.names[-4:] == ("species", "p_setosa", "p_versicolor", "p_virginica")
        for name in found.names[-3:]:
            assert found[name] == pytest.approx([float(row[name]) for row in printed], abs=1e-6)
        assert (len(found), found.raw.shape) == (3, (3, 3))
    assert repr(found).startswith(f"<Predictions of 3 samples: {names.replace(',', ', ')}, species, p_")
    assert repr(run) == f"<Run {run.path}, last weights, seed 0>"
    with pytest.raises(KeyError, match="there is no column 'kind'; there are sepal_length"):
        found["kind"]


def test_files_of_many_samples_and_of_none(folder: Path) -> None:
    run = train("linear 2->4 xavier; tanh; linear 1; sigmoid\ndata disc train=100 test=20\nloss mse\ntrain epochs=1\n")
    x = np.random.default_rng(0).random((2500, 2))
    np.save("many.npy", x)
    found = run.predict("many.npy")
    assert len(found) == 2500
    assert found["prediction"] == pytest.approx(run.predict(x)["prediction"], abs=1e-6)
    np.save("none.npy", x[:0])
    for wrong, code in (("none.npy", "E60"), ("no.npy", "E601"), ([[1.0]], "E605"), ("a.txt", "E601")):
        with pytest.raises(lampc.LampError) as caught:
            run.predict(wrong)
        assert caught.value.diagnostics[0].code.startswith(code)


def test_a_folder_of_images(folder: Path) -> None:
    for kind, shade in (("dark", 20), ("light", 220)):
        (folder / "pictures" / kind).mkdir(parents=True)
        for i in range(6):
            Image.new("L", (4, 4), shade + i).save(folder / "pictures" / kind / f"{i}.png")
    run = train('conv 2 kernel=3; relu; flatten; linear 2\ndata images "pictures"\nloss crossentropy\ntrain epochs=2\n')
    found = run.predict("pictures/dark")
    assert [Path(name).name for name in found["file"]] == [f"{i}.png" for i in range(6)]
    assert found.names[0] == "file"


def test_what_is_no_run(folder: Path) -> None:
    with pytest.raises(lampc.LampError, match="there is no run `nothing`"):
        lampc.load_run("nothing")
    train("linear 2->1; sigmoid\ndata xor\nloss mse\ntrain epochs=1\n")
    with pytest.raises(lampc.LampError) as caught:
        lampc.load("net")
    assert "`lampc.load_run('net')` opens it" in caught.value.diagnostics[0].fixes[0]
