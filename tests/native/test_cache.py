"""Compiled code on disk: found again, whole or not at all, made anew where it is damaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from warm import python

import lampc.compile
from lampc.native import cache, program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMPC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.o"))


def trained(source: str = "linear 2->3 xavier; tanh; linear 1; sigmoid\ndata disc train=50\nloss mse") -> float:
    return lampc.compile.text(source, epochs=1).model().train()[0].loss


def test_the_second_time_nothing_is_compiled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = trained()
    assert entries(folder)
    monkeypatch.setattr("lampc.native.engine.compile_text", lambda text: pytest.fail("compiled again"))
    assert trained() == loss


def test_what_it_depends_on_is_in_its_name(folder: Path) -> None:
    trained()
    before = set(entries(folder))
    trained("linear 2->4 xavier; tanh; linear 1; sigmoid\ndata disc train=50\nloss mse")
    assert set(entries(folder)) > before
    assert cache.key("ab", "c") != cache.key("a", "bc")


@pytest.mark.parametrize("damage", ["empty", "cut", "bit"])
def test_a_damaged_entry_is_rebuilt(damage: str, folder: Path) -> None:
    loss = trained()
    for entry in entries(folder):
        raw = bytearray(entry.read_bytes())
        if damage == "bit":
            raw[len(raw) // 2] ^= 1
        entry.write_bytes({"empty": b"", "cut": raw[: len(raw) // 2], "bit": raw}[damage])
        assert cache.load(entry.stem) is None
    assert trained() == loss
    assert all(cache.load(entry.stem) is not None for entry in entries(folder))


def test_a_folder_that_cannot_be_written_is_no_harm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAMPC_CACHE", str(tmp_path / "file" / "below"))
    assert trained() > 0


def test_it_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMPC_CACHE", "off")
    assert cache.folder() is None
    assert trained() > 0


def test_processes_may_race(folder: Path) -> None:
    script = (
        "import lampc.compile\n"
        "p = lampc.compile.text('linear 2->5 xavier; tanh; linear 1; data disc train=50; loss mse', epochs=1)\n"
        "print(p.model().train()[0].loss)"
    )
    env = {**os.environ, "LAMPC_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([*python(), "-c", script], env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({running.communicate()[0] for running in started}) == 1
    assert all(running.returncode == 0 for running in started)
    assert not list(folder.glob("*.tmp"))
    assert all(cache.load(entry.stem) for entry in entries(folder))


def test_old_entries_are_swept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST", 3)
    for number in range(6):
        cache.save(f"{number:064}", b"code")
        os.utime(folder / f"{number:064}.o", (number, number))
    assert len(entries(folder)) <= 3
    assert program.object_code


def test_a_cache_that_others_may_write_to_is_not_used(folder: Path) -> None:
    """Code from there would be run as this user: nothing is read, nothing kept, and it is said once."""
    cache.save("a" * 64, b"code")
    assert cache.load("a" * 64) == b"code"
    (folder / "below").mkdir()
    (folder / "below").chmod(0o777)
    for place in (folder / "below", folder / "below" / "deeper"):
        place.mkdir(exist_ok=True)
        os.environ["LAMPC_CACHE"] = str(place)  # put back with the fixture
        with pytest.warns(RuntimeWarning, match="others may write to .*below"):
            cache.save("a" * 64, b"code")
        cache.save("a" * 64, b"code")
        assert cache.load("a" * 64) is None
        assert not entries(place)


def test_a_cache_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.save("a" * 64, b"code")
    cache._ours.cache_clear()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    os.chown(folder, 54321, -1) if os.geteuid() == 0 else None
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert cache.load("a" * 64) is None
    cache._ours.cache_clear()


def test_a_link_for_an_entry_is_not_read(folder: Path, tmp_path: Path) -> None:
    cache.save("a" * 64, b"code")
    (folder / f"{'a' * 64}.o").rename(tmp_path / "elsewhere")
    (folder / f"{'a' * 64}.o").symlink_to(tmp_path / "elsewhere")
    assert cache.load("a" * 64) is None


def test_what_a_killed_process_left_is_swept(folder: Path) -> None:
    cache.save("a" * 64, b"code")
    (folder / ".writing-0.tmp").touch()
    os.utime(folder / ".writing-0.tmp", (1, 1))
    (folder / ".writing-1.tmp").touch()  # somebody may be writing it
    cache.save("b" * 64, b"code")
    assert [path.name for path in folder.glob(".writing-*")] == [".writing-1.tmp"]
