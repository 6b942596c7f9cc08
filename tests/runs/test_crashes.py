"""Whatever kills a training, its checkpoint is whole; whatever damages one, it is refused."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import lampc.compile
from lampc import files
from lampc.diagnostics import LampError
from lampc.runs import checkpoint, directory, keep, train
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.stop import Stop
from lampc.runtime.turns import Turn

SOURCE = "linear 2->60 xavier; tanh; linear 60 xavier; tanh; linear 1; sigmoid\ndata disc train=2000 test=40 validation=40\n" \
    "loss mse\noptimizer adam lr=0.01\ntrain epochs=100000 batch=20 shuffle patience=0 best=loss"  # fmt: skip


def train_until_killed(folder: Path, interval: float) -> None:
    """In a child process: go on from the last checkpoint, for ever."""
    torch.set_num_threads(1)
    program = lampc.compile.text(SOURCE)
    model = program.model()
    if folder.exists():
        kept = train.reopened(directory.take(folder), program, Stop(), interval)
    else:
        kept = train.begin(program, model, directory.create(folder.parent.parent, folder.parent.name), "a.lamp", [], [], 1,
                           Stop(), interval)  # fmt: skip
    train.train_one(kept, model, go_on=kept.directory.path == folder and (folder / directory.LAST).exists())


def killed(folder: Path, interval: float, seconds: float) -> None:
    """A training of so many seconds and its violent end."""
    child = os.fork()
    if not child:
        try:
            train_until_killed(folder, interval)
        finally:
            os._exit(1)
    time.sleep(seconds)
    assert os.waitpid(child, os.WNOHANG) == (0, 0), "it was to train until it is killed"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def kill_often(folder: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many kills left a file half written; after each the checkpoint is read, and later than the one before."""
    monkeypatch.setattr("lampc.runtime.train._SPELL", 0.004)
    lampc.compile.text(SOURCE).model().native("loss")  # compiled once, for all children
    drawn, orphans, reached = random.Random(1), 0, (-1, -1)
    for _ in range(20):  # until there is a best epoch, however busy the machine
        killed(folder, 0.0, 1.0)
        if (folder / directory.BEST).exists():
            break
    for trial in range(times):
        interval = 0.0 if trial % 2 else 0.05  # half are killed while they save
        killed(folder, interval, drawn.uniform(0.08, 0.2))
        kept = checkpoint.read(folder / directory.LAST)
        checkpoint.read(folder / directory.BEST)
        position = kept.about["progress"]["epoch"], kept.about["progress"]["done"]
        assert position >= reached
        reached = position
        orphans += bool([*folder.glob(".writing-*")])
        directory.take(folder).close()
        assert not [*folder.glob(".writing-*")]
    assert reached[0] > 1
    return orphans


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_ten_kills_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_often(tmp_path / "a" / "1", 10, monkeypatch)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_hundred_kills_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kill_often(tmp_path / "a" / "1", 200, monkeypatch) > 5


def a_checkpoint() -> bytes:
    generator = torch.Generator().manual_seed(0)
    tensors = {"linear1.weight": torch.randn(25, 25, generator=generator), "loader.next": generator.get_state()}
    return checkpoint.encode(Checkpoint(tensors, {"file": "a.lamp", "source": SOURCE}))


def test_every_flipped_bit_is_refused() -> None:
    raw = a_checkpoint()
    assert torch.equal(
        checkpoint.decode(raw, "a").tensors["linear1.weight"], checkpoint.decode(raw, "a").tensors["linear1.weight"]
    )
    drawn = random.Random(2)
    for _ in range(3000):
        place, bit = drawn.randrange(len(raw)), drawn.randrange(8)
        damaged = bytearray(raw)
        damaged[place] ^= 1 << bit
        with pytest.raises(LampError) as caught:
            checkpoint.decode(bytes(damaged), "a")
        assert [found.code for found in caught.value.diagnostics] == ["E611"]


def test_every_truncation_is_refused_and_so_is_more() -> None:
    raw = a_checkpoint()
    for length in range(len(raw)):
        with pytest.raises(LampError):
            checkpoint.decode(raw[:length], "a")
    with pytest.raises(LampError):
        checkpoint.decode(raw + b"\0", "a")


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty saves of which each has room for a part: training goes on, and says so once."""
    program = lampc.compile.text(SOURCE, **{"train.epochs": 3})
    held = directory.create(tmp_path, "a")
    model = program.model()
    kept = train.begin(program, model, held, "a.lamp", [], [], 1, Stop(), 0.0)
    train.train_one(kept, model)
    path = held.path / directory.LAST
    before, drawn = path.read_bytes(), random.Random(3)

    class Full:
        def __init__(self, file: Any, room: int) -> None:
            self.file, self.room = file, room

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> int:
            self.file.write(content[: self.room])
            raise OSError(errno.ENOSPC, "No space left on device")

    keeper = keep.Keep(model, held, kept.about(program.data(0), Turn(0)))
    monkeypatch.setattr(files, "open", lambda *a, **k: Full(open(*a, **k), drawn.randrange(len(before))), raising=False)  # noqa: SIM115
    where, history, loader = train.Position(2), train.History(0), train.DataLoader(program.data(0).train)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(20):
            keeper.save(where, history, loader)
            assert path.read_bytes() == before
            assert not [*held.path.glob(".writing-*")]
    assert len(caught) == 1
    assert "No space left" in str(caught[0].message)
    with pytest.raises(LampError, match="No space left"):
        keeper.save(where, history, loader, final=True)
    held.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(a_checkpoint())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    checkpoint.read(tmp_path / "real")
    with pytest.raises(LampError, match="cannot be read"):
        checkpoint.read(tmp_path / "link")
