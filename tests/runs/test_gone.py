"""A run that cannot be kept is said to be lost, never to be saved: its folder is gone, replaced, full, or read-only."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lampc import files
from lampc.cli import run
from lampc.native.stop import Abandoned
from lampc.runtime.train import _Loop

SOURCE = "linear 2->4 xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=40 batch=4\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    (tmp_path / "x.lamp").write_text(SOURCE)
    return tmp_path


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    """Another folder of the same name, which is not the run's: nothing is written there."""
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("mine", encoding="utf-8")


@pytest.mark.parametrize("lost", [removed, replaced, a_file])
@pytest.mark.parametrize("more", [(), ("--runs", "3"), ("--save-every", "0"), ("--json",)], ids=" ".join)
def test_a_folder_that_is_gone_is_said(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                       lost: object, more: tuple[str, ...]) -> None:  # fmt: skip
    """It goes between two spells, after some epochs."""
    spell, folder, left = _Loop._spell, project / "runs" / "x" / "1", []

    def once(self: _Loop, where: object) -> object:
        found = spell(self, where)  # type: ignore[arg-type]
        if not left:
            left.append(folder)
            lost(folder)  # type: ignore[operator]
        return found

    monkeypatch.setattr(_Loop, "_spell", once)
    assert run(["train", "x.lamp", *more]) == 1
    said = capsys.readouterr()
    assert left
    assert "error[E613]" in said.err
    assert "is gone" in said.err
    assert "saved" not in said.err + said.out
    assert "run   " not in said.out
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_folder_that_is_gone_is_said_by_what_is_left_in_its_midst(project: Path, monkeypatch: pytest.MonkeyPatch,
                                                                    capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def left(*_: object) -> None:
        removed(project / "runs" / "x" / "1")
        raise Abandoned

    monkeypatch.setattr(_Loop, "_spell", left)
    assert run(["train", "x.lamp"]) == 1
    said = capsys.readouterr().err
    assert "error[E613]" in said
    assert "--resume" not in said


@pytest.mark.filterwarnings("always::RuntimeWarning")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_nor_is_a_run_saved_that_cannot_be_written(project: Path, monkeypatch: pytest.MonkeyPatch, error: int,
                                                   capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A disk that is full, read-only or broken from the beginning of the training on: warned of, and at its end an error."""
    spell = _Loop._spell

    def refused(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    def broken(self: _Loop, where: object) -> object:
        monkeypatch.setattr(files, "write", refused)
        monkeypatch.setattr(files, "append", refused)
        return spell(self, where)  # type: ignore[arg-type]

    monkeypatch.setattr(_Loop, "_spell", broken)
    assert run(["train", "x.lamp", "--save-every", "0"]) == 1
    said = capsys.readouterr()
    assert "error[E613]" in said.err
    assert os.strerror(error) in said.err
    assert "saved" not in said.err + said.out
    assert "run   " not in said.out


def test_a_diverged_run_says_so_where_nothing_can_be_written(project: Path, monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "append", refused)
    assert run(["train", "x.lamp", "--set", "optimizer.lr=1e30"]) == 1
    assert "error[E701]" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("asked", [signal.SIGTERM, None], ids=["stopped", "left alone"])
def test_in_a_process_of_its_own(project: Path, asked: signal.Signals | None) -> None:
    (project / "x.lamp").write_text(SOURCE.replace("epochs=40", "epochs=100000000"))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "lampc", "train", "x.lamp", "--save-every", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            folder = project / "runs" / "x" / "1"
            while not (folder / "last.safetensors").exists():
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            folder.rename(project / "moved")
            if asked is not None:
                process.send_signal(asked)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert "error[E613]" in err
    assert "is gone" in err
    assert process.returncode == 1
    assert "saved" not in out + err
    assert "Traceback" not in err
