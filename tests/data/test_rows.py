"""Samples that stay on the disk give what samples in memory do."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.cli import run
from lampc.data.rows import LARGE, Rows, stored
from lampc.data.source import DataError
from lampc.diagnostics import LampError
from lampc.runs.evaluate import evaluate
from lampc.runs.load import load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    drawn = np.random.default_rng(0)
    x = drawn.normal(3.0, 2.0, size=(300, 4)).astype(np.float32)
    np.savez(tmp_path / "a.npz", y=(x[:, :1] > 3).astype(np.int64)[:, 0], x=x)
    return tmp_path / "a.npz"


def test_rows_are_the_arrays(archive: Path) -> None:
    x, rows = np.load(archive)["x"], stored(archive, "x")
    index = np.random.default_rng(1).permutation(300)
    assert (rows.shape, rows.ndim, len(rows), rows.dtype) == (x.shape, 2, 300, x.dtype)
    for key in (slice(None), slice(5, 9), slice(3, 3), index, index[:7], np.array([2, 3, 4]), np.array([], dtype=np.int64)):
        np.testing.assert_array_equal(rows[key], x[key])
        np.testing.assert_array_equal(rows.take(index)[key], x[index][key])
    np.testing.assert_array_equal(rows.take(index).take(index)[:], x[index][index])
    np.testing.assert_allclose(rows.mean(), x.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(rows.take(index[:50]).std(), x[index[:50]].astype(np.float64).std(axis=0))
    scaled = rows.scaled(rows.mean(), rows.std())
    np.testing.assert_allclose(scaled[index], (x[index] - rows.mean()) / rows.std())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows))[:], x)


def test_images_have_their_axes(tmp_path: Path) -> None:
    x = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    np.savez(tmp_path / "a.npz", x=x)
    np.testing.assert_array_equal(stored(tmp_path / "a.npz", "x")[np.array([1, 0])], x[[1, 0]])


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("more", ["", " normalize"])
def test_training_comes_to_the_same(archive: Path, more: str, backend: str) -> None:
    ends = []
    for stream in ("", " stream"):
        source = (f'linear 4->8 xavier; tanh; linear 2\ndata npz "a.npz"{more}{stream}\nloss crossentropy\n'
                  "metrics accuracy auc confusion\noptimizer adam lr=0.01\n"
                  f"train epochs=3 batch=7 shuffle precision=f64 backend={backend}")  # fmt: skip
        program = lampc.compile.text(source, folder=archive.parent)
        model = program.model()
        history = model.train()
        assert isinstance(program.data().train.x, Rows) == bool(stream)
        ends.append((model, history))
    (one, first), (other, second) = ends
    for name, tensor in one.parameters.items():
        torch.testing.assert_close(tensor, other.parameters[name], rtol=1e-9, atol=1e-9)
    assert first.test == pytest.approx(second.test, rel=1e-6)
    assert first.train == pytest.approx(second.train, rel=1e-6)
    assert first.tables == second.tables


def test_a_number_that_is_none_is_found_before_training(tmp_path: Path) -> None:
    x = np.ones((50, 3))
    x[41, 2] = np.inf
    np.savez(tmp_path / "a.npz", x=x, y=np.zeros((50, 1)))
    program = lampc.compile.text('linear 3->1\ndata npz "a.npz" stream\nloss mse', folder=tmp_path)
    with pytest.raises(LampError, match="x has inf in row 41, column 2"):
        program.model().train()


def test_what_cannot_be_read_row_by_row_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.ones((5, 2)))
    np.savez(tmp_path / "b.npz", x=np.asfortranarray(np.ones((5, 2))), z=np.array(["a"]))
    for name, array, wrong in (
        ("a", "x", "compressed"),
        ("b", "x", "columns first"),
        ("b", "z", "not numbers"),
        ("b", "q", "no array"),
    ):
        with pytest.raises(DataError, match=wrong):
            stored(tmp_path / f"{name}.npz", array)
    raw = (tmp_path / "b.npz").read_bytes()
    np.savez(tmp_path / "c.npz", x=np.ones((500, 2)))
    rows = stored(tmp_path / "c.npz", "x")
    (tmp_path / "c.npz").write_bytes(raw[:600])
    with pytest.raises(DataError, match="ended while it was read"):
        rows[400:]


def test_a_run_of_what_stays_on_the_disk(archive: Path) -> None:
    (archive.parent / "a.lamp").write_text(
        'linear 4->8; tanh; linear 2\ndata npz "a.npz" stream normalize\nloss crossentropy\ntrain epochs=2'
    )
    arguments = [str(archive.parent / "a.lamp"), "--run-dir", str(archive.parent / "runs")]
    assert run(["train", *arguments]) == 0
    assert run(["eval", str(archive.parent / "runs" / "a")]) == 0
    assert run(["data", str(archive.parent / "a.lamp")]) == 0


@pytest.mark.parametrize("normalize", ["normalize", "normalize=off"])
@pytest.mark.parametrize("target", ["kind", "size"])
def test_another_table_is_measured_by_a_run_of_what_stays_on_the_disk(
    target: str, normalize: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for seed, name in enumerate(("a", "b")):
        first, second = np.random.default_rng(seed).normal(3.0, 2.0, size=(2, 80))
        last = np.where(first > second, "big", "small") if target == "kind" else first - second
        columns = {"first": first, "second": second, target: last}
        order = list(columns)[:: 1 if name == "a" else -1]  # columns are found by their names
        pq.write_table(pa.table({column: columns[column] for column in order}), tmp_path / f"{name}.parquet")
    network, loss = ("linear 2 xavier", "crossentropy; metrics accuracy") if target == "kind" else ("linear 1 xavier", "mse")
    found = []
    for name in ("memory", "disk", "large"):
        stream = " stream" if name == "disk" else ""
        (tmp_path / f"{name}.lamp").write_text(
            f'{network}\ndata parquet "a.parquet" target={target} {normalize}{stream}\nloss {loss}\n'
            "train epochs=2 batch=20 precision=f64"
        )
        with monkeypatch.context() as patch:
            patch.setattr("lampc.data.rows.LARGE", 1 if name == "large" else LARGE)
            assert run(["train", str(tmp_path / f"{name}.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
        capsys.readouterr()
        measure = ["eval", str(tmp_path / "runs" / name), "--data", str(tmp_path / "b.parquet"), "--json"]
        assert run(measure) == 0
        found.append(json.loads(capsys.readouterr().out)["data"])
    in_memory, *on_disk = found
    for each in on_disk:
        assert each["samples"] == in_memory["samples"] == 80
        assert each["measures"] == pytest.approx(in_memory["measures"], rel=1e-9)


def test_another_archive_of_two_parts_is_measured_whole(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    x, y = drawn.normal(3.0, 2.0, size=(60, 2)), drawn.normal(size=(60, 1))
    np.savez(tmp_path / "a.npz", x=x, y=y)
    np.savez(tmp_path / "b.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    (tmp_path / "a.lamp").write_text('linear 1 xavier\ndata npz "a.npz" normalize stream\nloss mse\ntrain epochs=2')
    assert run(["train", str(tmp_path / "a.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    opened = load(tmp_path / "runs" / "a")
    one, two = (evaluate(opened, opened.model(), tmp_path / name)["data"] for name in ("a.npz", "b.npz"))
    assert one["samples"] == two["samples"] == 60
    assert one["measures"] == pytest.approx(two["measures"])


@pytest.mark.parametrize("target", ["kind", "size"])
def test_a_large_table_is_unpacked_to_the_disk(target: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    drawn = np.random.default_rng(0)
    a, b = drawn.normal(size=200), drawn.normal(size=200)
    columns = {"a": a, "b": b, target: np.where(a > b, "big", "small") if target == "kind" else a - b}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=32)
    ends = []
    for stream in ("", " stream"):
        last, loss = ("linear 2", "crossentropy") if target == "kind" else ("linear 1", "mse")
        source = f'{last}\ndata parquet "t.parquet" target={target} normalize{stream}\nloss {loss}'
        program = lampc.compile.text(f"{source}\ntrain epochs=2 batch=20 shuffle precision=f64", folder=tmp_path)
        assert isinstance(program.data().train.x, Rows) == bool(stream)
        assert program.experiment.data is not None
        ends.append((program.experiment.data.description, program.model().train().test))
    assert ends[1][0].schema is None, "what stays on the disk is not understood column by column"
    assert replace(ends[0][0], schema=None) == ends[1][0]
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-9)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("drop=[a]", "takes no `drop`"),
        ("missing=mean", "takes no `missing`"),
        ("weight=a", "takes no `weight`"),
        ("group=a", "takes no `group`"),
        ("split=a", "no column that names the part"),
    ],
)
def test_what_a_table_on_the_disk_does_not_do_is_said(option: str, said: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 1.0, 2.0, 5.0], "y": [0.5, 1.5, 2.5, 2.0]}), tmp_path / "t.parquet"
    )
    text = f'linear 1; loss mse; data parquet "t.parquet" stream {option}'
    with pytest.raises(LampError, match=said) as caught:
        lampc.compile.text(text, folder=tmp_path)
    assert caught.value.diagnostics[0].fixes
    shares = lampc.compile.text(text.replace(option, "split=[0.5, 0.25, 0.25]"), folder=tmp_path).data()
    assert [len(part) for part in shares.parts().values()] == [2, 1, 1]


PROGRAM = """
import resource, sys, lampc.compile
program = lampc.compile.file(sys.argv[1])
history = program.model().train()
assert len(history) == 1 and history.steps > 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def resident(tmp_path: Path, rows: int) -> int:
    """MB that training on so many rows of 4 kB takes at most."""
    width = 1024
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, width)})
        drawn = np.random.default_rng(0)
        for start in range(0, rows, 4096):
            file.write(drawn.random((min(4096, rows - start), width), dtype=np.float32).tobytes())
    import zipfile

    np.save(tmp_path / "y.npy", np.arange(rows) % 2)
    with zipfile.ZipFile(tmp_path / "big.npz", "w", zipfile.ZIP_STORED) as archive:
        for name in ("x", "y"):
            archive.write(tmp_path / f"{name}.npy", f"{name}.npy")
            (tmp_path / f"{name}.npy").unlink()
    (tmp_path / "a.lamp").write_text(
        f'linear {width}->16 xavier; relu; linear 2 xavier\ndata npz "big.npz" split=0.95 stream\nloss crossentropy\n'
        "train epochs=1 batch=256 shuffle"
    )
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / "a.lamp")], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (tmp_path / "big.npz").unlink()
    return int(done.stdout)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = resident(tmp_path, 2_000), resident(tmp_path, 80_000)  # 8 and 320 MB
    assert large - small < 250


@pytest.mark.long
def test_four_gigabytes_in_less_than_one_and_a_half(tmp_path: Path) -> None:
    assert resident(tmp_path, 1_000_000) < 1500
