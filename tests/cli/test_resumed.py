"""What is said of a run that is gone on with: that nothing is left to train, where its data is now, what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)


@pytest.mark.parametrize("asked", [2, 3])
def test_a_run_that_has_what_is_asked_for_says_so(asked: int, lampc: Command, tmp_path: Path) -> None:
    assert lampc("train", "xor", "-q", "--set", "epochs=3").status == 0
    before = (tmp_path / "runs" / "xor" / "1" / "metrics.jsonl").read_text()
    for more in ((), ("--json",)):
        done = lampc("train", "--resume", "xor", "--set", f"train.epochs={asked}", *more)
        assert done.status == 0
        assert done.err == (f"nothing to train: runs/xor/1 has trained 3 epochs, and {asked} are asked for; "
                            "`--set train.epochs=6` trains on\n")  # fmt: skip
    assert (tmp_path / "runs" / "xor" / "1" / "metrics.jsonl").read_text() == before
    assert "nothing to train" not in lampc("train", "--resume", "xor", "--set", "train.epochs=4").err


def test_a_run_that_patience_has_ended_says_so(lampc: Command, tmp_path: Path) -> None:
    settings = ("--set", "patience=1", "--set", "optimizer.lr=0", "--set", "epochs=9")
    assert lampc("train", "xor", "-q", *settings).status == 0
    done = lampc("train", "--resume", "xor")
    assert done.status == 0
    assert done.err.endswith("\nnothing to train: runs/xor/1 has ended after epoch 2, by `patience`\n")


def test_an_examples_run_finds_its_data_with_the_lampc_at_hand(lampc: Command, tmp_path: Path) -> None:
    """It was trained by an installation that is gone."""
    assert lampc("train", "iris", "-q", "--set", "epochs=2").status == 0
    path = tmp_path / "runs" / "iris" / "1" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "folder": "/gone/lampc/_resources/models"}))
    for command in (("eval", "iris"), ("plot", "iris"), ("train", "--resume", "iris", "--set", "train.epochs=3")):
        assert lampc(*command).status == 0
    own = tmp_path / "own.lamp"
    own.write_text("linear 2->4 xavier; tanh; linear 1 xavier; sigmoid\ndata xor\nloss mse\ntrain epochs=1")
    assert lampc("train", own, "-q").status == 0
    assert not json.loads((tmp_path / "runs" / "own" / "1" / "config.json").read_text())["shipped"]


@pytest.mark.parametrize(
    ("given", "said"), [("--no-save", "--no-save under torchrun"), ("--backend native", "--backend native under torchrun")]
)
def test_what_processes_that_train_together_cannot_do_is_refused(
    given: str, said: str, lampc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    done = lampc("train", "xor", *given.split())
    assert done.status == 2 and said in done.err


def test_of_several_seeds_those_that_have_ended_count_as_done(lampc: Command) -> None:
    assert lampc("train", "xor", "-q", "--runs", 2, "--set", "epochs=3").status == 0
    done = lampc("train", "--resume", "xor", "--set", "train.runs=3")
    assert done.status == 0
    assert [line for line in done.out.splitlines() if line.startswith("run 3/3, epoch 3/3: ")]
    assert "run 1/3" not in done.out and "run 2/3" not in done.out
