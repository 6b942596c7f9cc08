"""What ends `lampc predict -o` in the middle leaves no file, and one that was there before as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lampc.cli import run
from lampc.runs.predict import FORMATS

ROWS = "linear 2->1\ndata xor\nloss mse\ntrain epochs=1 batch=4\n"
PICTURES = 'flatten; linear 2\ndata images "photos" size=4x4 gray\nloss crossentropy\ntrain epochs=1\n'


@contextmanager
def untouched(folder: Path, ending: str) -> Iterator[str]:
    """A name to write to, for a file that is not there yet, or one that has been put there."""
    out = folder / f"out{ending}"
    yield out.name
    try:
        assert not list(folder.glob(".writing-*"))
        assert not out.exists() or out.read_bytes() == b"before"
    finally:
        for path in (out, *folder.glob(".writing-*")):
            path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run `x` of rows, and one `p` of pictures."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "x.lamp").write_text(ROWS)
    (folder / "p.lamp").write_text(PICTURES)
    image = pytest.importorskip("PIL.Image")
    for number in range(6):
        for name in ("photos/dark", "photos/light"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            image.new("L", (64, 64), 40 * number).save(folder / name / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LAMPC_RUNS", "runs")
        assert run(["train", "x.lamp"]) == run(["train", "p.lamp"]) == 0
    return folder


@pytest.fixture
def folder(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    return trained


def ends_badly(folder: Path, name: str, given: str, ending: str) -> None:
    with untouched(folder, ending) as out:
        assert run(["predict", name, given, "-o", out]) == 1
        assert not Path(out).exists()
        Path(out).write_bytes(b"before")
        assert run(["predict", name, given, "-o", out]) == 1
        assert Path(out).read_bytes() == b"before"


@pytest.mark.parametrize("ending", FORMATS)
def test_a_bad_row_after_many_good_ones(ending: str, folder: Path) -> None:
    for bad in ("0.5", "0.5,x", "0.5,nan"):
        (folder / "in.csv").write_text("a,b\n" + "0.5,0.25\n" * 1500 + f"{bad}\n" + "0.5,0.25\n" * 500)
        ends_badly(folder, "x", "in.csv", ending)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_truncated_picture_after_others(ending: str, folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (folder / "new").mkdir(exist_ok=True)
    for number in range(140):  # more than are read at once
        image.effect_noise((64, 64), 50).save(folder / "new" / f"{number:03}.png")
    last = folder / "new" / "139.png"
    last.write_bytes(last.read_bytes()[:-2000])
    ends_badly(folder, "p", "new", ending)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("ending", [".csv", ".npz"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_writes(ending: str, sent: signal.Signals, folder: Path) -> None:
    with untouched(folder, ending) as out:
        if ending == ".csv":
            Path(out).write_bytes(b"before")
        command = [sys.executable, "-m", "lampc", "predict", "x", "-", "-o", out]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None and process.stderr is not None
            process.stdin.write("0.5 0.25\n" * 10)
            process.stdin.flush()
            while not list(folder.glob(".writing-*")):  # until it has begun
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.01)
            process.send_signal(sent)
            assert process.wait(60) == 128 + sent
            assert process.stderr.read() == "interrupted: nothing is written\n"
        assert Path(out).exists() == (ending == ".csv")
