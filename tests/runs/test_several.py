"""Several seeds in one run: what has ended stays, what had not begins anew, and the end is the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from lampc.cli import run
from lampc.runs import checkpoint, several

SOURCE = """linear 2->6 xavier; tanh; linear 1; sigmoid
data disc train=120 test=40 validation=40
loss mse
optimizer sgd lr=0.2 momentum=0.9
metrics accuracy
train epochs=4 batch=16 shuffle runs=5 seed=3 backend={}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")


def ending(path: Path) -> tuple[Any, ...]:
    """All that is kept of a run, but for times and places."""
    lines = [{**json.loads(line), "seconds": 0} for line in (path / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((path / "summary.json").read_text())
    best = checkpoint.read(path / "best.safetensors")
    measured = {name: summary[name] for name in ("best", "seeds", "epochs", "steps", "train", "validation", "test")}
    return lines, measured, {name: tensor.tolist() for name, tensor in best.tensors.items()}


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_seeds_that_have_ended_are_not_trained_again(
    backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.lamp").write_text(SOURCE.format(backend), encoding="utf-8")
    assert run(["train", "a.lamp"]) == 0
    ended = several._Book.ended
    trained: list[int] = []

    def until_two(book: Any, number: int, model: Any, history: Any) -> None:
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(history.seed)
        ended(book, number, model, history)

    monkeypatch.setattr(several._Book, "ended", until_two)
    assert run(["train", "a.lamp"]) == 130
    assert "saved; go on with `lampc train --resume runs/a/2`" in capsys.readouterr().err
    before = {json.loads(line)["seed"] for line in Path("runs/a/2/metrics.jsonl").read_text(encoding="utf-8").splitlines()}
    assert before == set(trained)
    again: list[int] = []

    def counted(book: Any, number: int, model: Any, history: Any) -> None:
        again.append(history.seed)
        ended(book, number, model, history)

    monkeypatch.setattr(several._Book, "ended", counted)
    assert run(["train", "--resume", "runs/a/2"]) == 0
    assert sorted((*trained, *again)) == [3, 4, 5, 6, 7]
    assert ending(Path("runs/a/2")) == ending(Path("runs/a/1"))


def test_more_seeds_are_added_and_written_down() -> None:
    Path("a.lamp").write_text(SOURCE.format("native"), encoding="utf-8")
    assert run(["train", "a.lamp", "--runs", "2"]) == 0
    assert run(["train", "--resume", "a", "--runs", "4"]) == 0
    config, summary = (json.loads(Path("runs/a/1", name).read_bytes()) for name in ("config.json", "summary.json"))
    assert summary["seeds"] == [3, 4, 5, 6]
    assert config["settings"] == ["train.runs=4"]
    assert config["resolved"]["train"]["runs"] == 4
    (resumed,) = config["resumed"]
    assert resumed["command"]


def test_more_epochs_of_several_seeds_come_to_what_they_would_have_come_to_at_first() -> None:
    Path("a.lamp").write_text(SOURCE.format("native"), encoding="utf-8")
    more = ("--set", "train.epochs=6")
    assert run(["train", "a.lamp", "--runs", "2"]) == 0
    assert run(["train", "--resume", "a", *more]) == 0
    assert run(["train", "a.lamp", "--runs", "2", *more]) == 0
    assert ending(Path("runs/a/1")) == ending(Path("runs/a/2"))
    config, summary = (json.loads(Path("runs/a/1", name).read_bytes()) for name in ("config.json", "summary.json"))
    assert (config["resolved"]["train"]["epochs"], summary["epochs"]) == (6, [6, 6])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((), ("train.epochs=3",)),
        ((), ("train.patience=1",)),
        (("train.patience=1",), ("train.patience=0",)),
        (("train.patience=1", "schedule.floor=0.1"), ("train.epochs=8",)),
    ],
    ids=str,
)
def test_seeds_that_would_end_elsewhere_are_trained_anew(before: tuple[str, ...], now: tuple[str, ...]) -> None:
    Path("a.lamp").write_text(SOURCE.format("native") + ("schedule cosine\n" if len(before) > 1 else ""), encoding="utf-8")
    first, second = ([word for text in given for word in ("--set", text)] for given in (before, now))
    assert run(["train", "a.lamp", *first]) == 0
    assert run(["train", "--resume", "a", *second]) == 0
    assert run(["train", "a.lamp", *first, *second]) == 0
    assert ending(Path("runs/a/1")) == ending(Path("runs/a/2"))


REFUSED = [
    ("1", "train.batch=5", "the run was trained with batch=16, and batch=5 is asked for"),
    ("1", "train.best=loss", "the run was trained with best=, and best=loss is asked for"),
    ("3", "train.best=loss", "the run was trained with best=, and best=loss is asked for"),
    ("3", "optimizer.lr=0.1", "the run was trained with lr=0.2, and lr=0.1 is asked for"),
    ("3", "rate=0.2", "the run was trained with dropout1.rate=0.1, and dropout1.rate=0.2 is asked for"),
    ("3", "train.runs=2", "the run has trained seed 5, and 3 to 4 are asked for"),
    ("3", "train.runs=1", "has trained several seeds, and one is asked for"),
]


@pytest.mark.parametrize(("seeds", "setting", "said"), REFUSED)
def test_a_run_that_is_not_gone_on_with_is_left_as_it_was(
    seeds: str, setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SOURCE.format("native").replace("tanh;", "tanh; dropout rate;")
    Path("a.lamp").write_text(f"let rate = 0.1\n{source}", encoding="utf-8")
    assert run(["train", "a.lamp", "--runs", seeds]) == 0
    files = {path: path.read_bytes() for path in Path("runs/a/1").rglob("*") if path.is_file() and path.name[0] != "."}
    assert run(["train", "--resume", "a", "--set", setting]) == 1
    assert f"error[E612]: {'' if said[0] == 't' else 'runs/a/1 '}{said}" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in files} == files


def test_what_is_gone_on_with_has_not_ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    Path("a.lamp").write_text(SOURCE.format("native"), encoding="utf-8")
    assert run(["train", "a.lamp"]) == 0
    monkeypatch.setattr(several, "train_runs", interrupted)
    assert run(["train", "--resume", "a", "--runs", "6"]) == 130
    capsys.readouterr()
    assert run(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "stopped"


@pytest.mark.parametrize("seeds", ["1", "3"])
def test_that_all_have_diverged_is_recorded(seeds: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "linear 2->6 xavier; linear 1; loss mse; data disc train=120 test=40\noptimizer sgd lr=1e-3\n"
    Path("a.lamp").write_text(f"{text}schedule step every=1 gamma=10\ntrain epochs=90 batch=16 runs={seeds}", encoding="utf-8")
    for _ in range(2):
        assert run(["train", "a.lamp"]) == 1
        assert "error[E701]" in capsys.readouterr().err
        summary = json.loads(Path("runs/a/1/summary.json").read_text(encoding="utf-8"))
        lines = [json.loads(line) for line in Path("runs/a/1/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [place["epoch"] - 1 for place in summary["diverged"]] == summary["epochs"]
        assert summary["steps"] == 8 * sum(summary["epochs"]) == 8 * len(lines)
        assert run(["runs", "a", "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[0])["state"] == "diverged"
        assert run(["eval", "a/1"]) == 1
        assert "holds no weights" in capsys.readouterr().err


def test_one_seed_and_several_are_two_kinds_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.lamp").write_text(SOURCE.format("native"), encoding="utf-8")
    assert run(["train", "a.lamp", "--runs", "2"]) == 0
    assert run(["train", "--resume", "a", "--runs", "1"]) == 1
    assert "has trained several seeds, and one is asked for" in capsys.readouterr().err
    assert run(["train", "a.lamp", "--runs", "1"]) == 0
    assert run(["train", "--resume", "a", "--runs", "2"]) == 1
    assert "has trained one seed, and several are asked for" in capsys.readouterr().err


def test_a_seed_that_diverges_is_an_outcome_among_others(capsys: pytest.CaptureFixture[str]) -> None:
    """Four unscaled layers: some seeds begin too far out for their step, and some do not."""
    source = "repeat 4 { linear 64->64 normal; relu }\nlinear 10 xavier\ndata digits split=0.8\nloss crossentropy\n"
    source += "optimizer sgd lr=0.01\ntrain epochs=1 batch=32 shuffle"
    Path("a.lamp").write_text(source, encoding="utf-8")
    for kept in ((), ("--no-save",)):
        assert run(["train", "a.lamp", "--runs", "6", *kept]) == 0
        out = capsys.readouterr().out
        counts = re.search(r"(\d) finished, (\d) diverged: seed \d in epoch 1, step \d+", out)
        assert counts is not None, out
        assert sum(map(int, counts.groups())) == 6
        assert f"over {counts[1]} runs" in out
    summary = json.loads(Path("runs/a/1/summary.json").read_text(encoding="utf-8"))
    assert len(summary["diverged"]) == int(counts[2])


def test_a_run_that_goes_on_for_longer_says_so() -> None:
    """What opens the run later sees the settings that it ended with."""
    Path("a.lamp").write_text(SOURCE.format("native").replace("runs=5 ", ""), encoding="utf-8")
    assert run(["train", "a.lamp"]) == 0
    assert run(["train", "--resume", "a", "--set", "train.epochs=6"]) == 0
    config, summary = (json.loads(Path("runs/a/1", name).read_bytes()) for name in ("config.json", "summary.json"))
    assert (summary["epochs"], config["resolved"]["train"]["epochs"], config["settings"]) == ([6], 6, ["train.epochs=6"])
    assert run(["train", "a.lamp", "--set", "train.epochs=6"]) == 0
    longer, whole = (checkpoint.read(Path("runs/a", n, "last.safetensors")).tensors for n in "12")
    assert all(torch.equal(longer[name], tensor) for name, tensor in whole.items())
