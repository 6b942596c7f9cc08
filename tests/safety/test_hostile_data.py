"""Files of data that are damaged, strange, or no files: every verb that reads them says so, and waits for none."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from lampc.cli import run

X = np.arange(24.0).reshape(12, 2)


def array(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(value), allow_pickle=False)
    return file.getvalue()


def headed(shape: str, dtype: str = "<f8", content: bytes = b"\0" * 80) -> bytes:
    """An array that says of itself what one likes."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def archive(x: bytes, kind: int = zipfile.ZIP_STORED, name: str = "x.npy") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as members:
        members.writestr(name, x)
        members.writestr("y.npy", array(X[:, :1]))
    return file.getvalue()


def table(names: list[str], columns: list[object]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays([pyarrow.array(column) for column in columns], names=names), file)
    return file.getvalue()


def picture() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(432, dtype=np.uint8).reshape(12, 12, 3)).save(file, "PNG")
    return file.getvalue()


ARRAYS = {
    "more than memory": headed("(1000000000000, 2)"),
    "fewer than none": headed("(-5, 2)"),
    "a size that is true": headed("(True, 2)"),
    "a size beyond all": headed(f"({2**32}, {2**32}, {2**32})"),
    "one number": array(1.0),
    "no samples": array(X[:0]),
    "no numbers": array(np.zeros((12, 0))),
    "words": array(np.full((12, 2), "a")),
    "longer than double": array(X.astype(np.longdouble)),
    "the other end first": array(X.astype(">f8")),
    "sizes that do not end": headed("((((("),
    "nothing": b"",
}
FLOATS = [1.0] * 12
TABLES = {
    "two of a name": table(["a", "a", "y"], [FLOATS] * 3),
    "no rows": table(["a", "b", "y"], [np.zeros(0)] * 3),
    "no columns": table([], []),
    "one column": table(["a"], [FLOATS]),
    "lists": table(["a", "b", "y"], [FLOATS, FLOATS, [[1.0]] * 12]),
    "records": table(["a", "b", "y"], [FLOATS, FLOATS, [{"z": 1}] * 12]),
    "words and nothing": table(["a", "b", "y"], [FLOATS, FLOATS, ["u", ""] * 6]),
    "nothing in a row": table(["a", "b", "y"], [FLOATS, FLOATS, [None] * 12]),
    "what drives a terminal": table(["a", "b\x1b[2J", "y"], [FLOATS, FLOATS, ["=1", "\u202e"] * 6]),
}


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """A file with its end cut off, some bytes another's, or a piece twice."""
    draw = random.Random(len(whole))
    for _ in range(count):
        at, other = draw.randrange(len(whole)), draw.randrange(len(whole))
        yield whole[:at]
        yield whole[:at] + draw.choice([b"\0", b"\xff", b"\x80", draw.randbytes(4)]) + whole[at + 1 :]
        yield whole[:at] + whole[other:]


class Judge:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *verb: str) -> None:
        status, said = run([*verb]), self.capsys.readouterr()
        assert status in (0, 1), (verb, said)
        assert (status == 1) == ("error[" in said.err), (verb, said)
        assert "\x1b" not in said.out + said.err


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").touch()
    Path("good.csv").write_text("a,b,y\n" + "1,2,3\n4,5,6\n" * 8, encoding="utf-8")
    Path("good.lamp").write_text(program('csv "good.csv"'), encoding="utf-8")
    assert run(["train", "good.lamp"]) == 0
    capsys.readouterr()
    return Judge(capsys)


def program(data: str) -> str:
    return f"data {data}\nflatten; linear 1\nloss mse\noptimizer sgd lr=1e-9\ntrain epochs=1 batch=4"


def classes(data: str) -> str:
    return program(data).replace("mse", "crossentropy").replace("linear 1", "linear 2")


def seen_by_all(judge: Judge, name: str, content: bytes, *data: str) -> None:
    """By what describes it, trains on it, predicts from it, measures on it and shows it."""
    Path(name).write_bytes(content)
    for statement in data:
        Path("p.lamp").write_text(program(statement), encoding="utf-8")
        judge("check", "p.lamp")
        judge("train", "p.lamp", "--no-save")
    judge("data", name)
    judge("predict", "good", name, "-o", "out.csv")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("what", ARRAYS)
def test_arrays(judge: Judge, what: str) -> None:
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        seen_by_all(judge, "a.npz", archive(ARRAYS[what], kind), 'npz "a.npz"', 'npz "a.npz" stream')
    seen_by_all(judge, "a.npz", archive(ARRAYS[what], name="x"), 'npz "a.npz"')
    seen_by_all(judge, "a.npy", ARRAYS[what])


@pytest.mark.parametrize("what", TABLES)
def test_tables(judge: Judge, what: str) -> None:
    ways = [f'parquet "a.parquet"{more}' for more in ("", " stream", " classes stream")]
    seen_by_all(judge, "a.parquet", TABLES[what], *ways)


def test_damaged_files(judge: Judge) -> None:
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for content in damaged(archive(array(X), kind), 6):
            seen_by_all(judge, "a.npz", content, 'npz "a.npz"', 'npz "a.npz" stream')
    for content in damaged(array(X), 6):
        seen_by_all(judge, "a.npy", content)
    for content in damaged(table(["a", "b", "y"], [FLOATS] * 3), 6):
        seen_by_all(judge, "a.parquet", content, 'parquet "a.parquet"', 'parquet "a.parquet" stream')


def test_damaged_pictures(judge: Judge) -> None:
    for label in "ab":
        Path("photos", label).mkdir(parents=True)
        Path("photos", label, "0.png").write_bytes(picture())
    Path("p.lamp").write_text(classes('images "photos" size=4x4'), encoding="utf-8")
    judge("train", "p.lamp", "--no-save")
    for content in damaged(picture(), 6):
        Path("photos/a/1.png").write_bytes(content)
        judge("train", "p.lamp", "--no-save")
        judge("data", "photos")


WAITING = """
import os, sys
from lampc.cli import run
for name in ("pipe.csv", "pipe.npz", "pipe.npy", "pipe.parquet", "pipe.jsonl", "pipe.txt", "pipe", "photos/a/pipe.png"):
    os.mkfifo(name)
sys.exit(sum([run(verb.split()) != 1 for verb in (
    "check weights.lamp", "train images.lamp", *(f"data pipe{end}" for end in (".csv", ".npz", ".npy", ".parquet", ".txt", "")),
    *(f"predict good pipe{end}" for end in (".csv", ".npz", ".npy", ".parquet", ".jsonl")), "predict good photos/a/pipe.png")]))
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_no_pipe_is_waited_for(judge: Judge) -> None:
    for label in "ab":
        Path("photos", label).mkdir(parents=True)
        Path("photos", label, "0.png").write_bytes(picture())
    Path("weights.lamp").write_text('linear 2->1\ntrain weights="pipe"', encoding="utf-8")
    Path("images.lamp").write_text(classes('images "photos"'), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_no_file_system_has(judge: Judge) -> None:
    name = "x" * 5000
    for kind in ("csv", "npz", "parquet", "images", "text"):
        Path("p.lamp").write_text(program(f'{kind} "{name}"'), encoding="utf-8")
        judge("check", "p.lamp")
    for verb in ("predict", "eval", "plot", "sample", "data", "check", "import"):
        judge(verb, name)
    judge("compare", name, name)
    judge("export", name, "--to", "c")
    judge("predict", "good", name)
    judge("eval", "good", "--data", name)
