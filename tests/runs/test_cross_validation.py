"""`train folds=4`: each fold as the same split trained alone, all of them together, beside every other option of a training."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lampc
from lampc.cli import run
from lampc.cli.together import _one_seed
from lampc.diagnostics import LampError
from lampc.runs import checkpoint, several
from lampc.runtime.runs import train_runs
from lampc.runtime.train import load_data
from lampc.runtime.turns import Turn, turns

SOURCE = """linear 2->6 xavier; tanh; linear 3 xavier
data npz "points.npz"{data}
loss crossentropy
optimizer adam lr=0.05
metrics accuracy
train epochs=4 batch=16 shuffle folds=4 backend={backend}{train}
"""
CHOOSING = {"data": " validation=0.25", "train": " patience=2 best=loss"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    x = np.random.default_rng(0).normal(size=(90, 2))
    np.savez("points.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0.3))


def written(data: str = "", train: str = "", backend: str = "native") -> str:
    text = SOURCE.format(data=data, train=train, backend=backend)
    Path("a.lamp").write_text(text, encoding="utf-8")
    return text


def read(path: str) -> Any:
    return json.loads(Path(path).read_bytes())


def lines(path: str) -> list[dict[str, Any]]:
    return [{**json.loads(line), "seconds": 0} for line in Path(path, "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_fold_is_the_same_split_trained_alone_bit_for_bit(backend: str) -> None:
    program = lampc.compile.text(written(backend=backend))
    weights: dict[Turn, Any] = {}
    found = train_runs(program, turns(program), on_end=lambda _, model, history: weights.setdefault(
        history.turn, {name: tensor.clone() for name, tensor in model.parameters.items()}))  # fmt: skip
    assert [history.turn for history in found] == [Turn(0, (fold, 4)) for fold in range(4)]
    for history in found:
        data = load_data(program, 0, history.fold)
        np.savez("alone.npz", x_train=data.train.x, y_train=data.train.y, x_test=data.test.x, y_test=data.test.y)
        alone = lampc.compile.text(written(backend=backend).replace("points", "alone").replace("folds=4 ", ""))
        model = alone.model()
        same = model.train()
        assert [epoch.loss for epoch in same] == [epoch.loss for epoch in history]
        assert (same.train, same.test) == (history.train, history.test)
        assert all(bool((model.parameters[name] == tensor).all()) for name, tensor in weights[history.turn].items())


def test_mean_and_deviation_are_over_the_folds(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp", "--json"]) == 0
    start, *epochs, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert (start["seeds"], start["folds"], end["runs"], end["folds"]) == ([0], 4, 4, 4)
    assert {(line["seed"], line["fold"]) for line in epochs} == {(0, 1), (0, 2), (0, 3), (0, 4)}
    last = [line["test"]["accuracy"] for line in sorted(epochs, key=lambda line: line["fold"]) if line["epoch"] == 4]
    assert end["test"]["accuracy"]["values"] == last
    assert end["test"]["accuracy"]["mean"] == pytest.approx(statistics.fmean(last))
    assert end["test"]["accuracy"]["std"] == pytest.approx(statistics.stdev(last))
    summary = read("runs/a/1/summary.json")
    assert (summary["seeds"], summary["folds"]) == ([0, 0, 0, 0], [1, 2, 3, 4])
    table = [*csv.reader(Path("runs/a/1/metrics.csv").read_text(encoding="utf-8").splitlines())]
    assert table[0][:3] == ["seed", "fold", "epoch"]
    assert [row[1] for row in table[1:]] == [str(fold) for fold in range(1, 5) for _ in range(4)]


def test_people_are_told_of_folds_and_whose_weights_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp"]) == 0
    said = capsys.readouterr().out
    assert "over 4 folds" in said
    assert "the last epoch of fold 1 (there is no validation part to choose by)" in said
    assert run(["runs"]) == 0
    assert "4 folds" in capsys.readouterr().out
    assert "over 4 folds" in Path("runs/a/1/report.html").read_text(encoding="utf-8")


def test_a_run_has_the_weights_of_the_fold_that_its_own_validation_part_finds_best(capsys: pytest.CaptureFixture[str]) -> None:
    written(**CHOOSING)
    assert run(["train", "a.lamp"]) == 0
    said = capsys.readouterr().out
    summary = read("runs/a/1/summary.json")
    best = summary["best"]
    losses = summary["validation"]["loss"]["values"]
    assert best["value"] == pytest.approx(min(losses))
    assert best["fold"] == 1 + losses.index(min(losses))
    assert f"in fold {best['fold']}, epoch {best['epoch']}" in said
    found = lampc.load_run("runs/a/1")
    assert found.fold == (best["fold"] - 1, 4)
    assert run(["eval", "a"]) == 0
    said = capsys.readouterr().out
    assert f"the weights of fold {best['fold']} of 4" in said
    assert run(["eval", "a", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    for part in ("train", "validation", "test"):
        assert measured[part]["measures"]["loss"] == pytest.approx(summary[part]["loss"]["values"][best["fold"] - 1], rel=1e-5)


@pytest.mark.parametrize("how", [{}, CHOOSING])
def test_folds_that_have_ended_are_not_trained_again(how: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    written(**how, backend="torch")
    assert run(["train", "a.lamp", "--runs", "2"]) == 0
    ended = several._Book.ended
    trained: list[Turn] = []

    def until_three(book: Any, number: int, model: Any, history: Any) -> None:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(history.turn)
        ended(book, number, model, history)

    monkeypatch.setattr(several._Book, "ended", until_three)
    assert run(["train", "a.lamp", "--runs", "2"]) == 130
    again: list[Turn] = []

    def counted(book: Any, number: int, model: Any, history: Any) -> None:
        again.append(history.turn)
        ended(book, number, model, history)

    monkeypatch.setattr(several._Book, "ended", counted)
    assert run(["train", "--resume", "runs/a/2"]) == 0
    assert sorted([*trained, *again]) == [Turn(seed, (fold, 4)) for seed in (0, 1) for fold in range(4)]
    assert lines("runs/a/1") == lines("runs/a/2")
    one, other = (read(f"runs/a/{number}/summary.json") for number in (1, 2))
    assert all(one[name] == other[name] for name in ("best", "seeds", "folds", "epochs", "train", "validation", "test"))
    kept = [checkpoint.read(Path(f"runs/a/{number}/last.safetensors")) for number in (1, 2)]
    assert all(bool((kept[0].tensors[name] == tensor).all()) for name, tensor in kept[1].tensors.items())


def test_other_folds_are_another_run(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp"]) == 0
    for folds in (3, 0):
        assert run(["train", "--resume", "a", "--set", f"folds={folds}"]) == 1
        assert "error[E612]" in (said := capsys.readouterr().err), said
    assert run(["train", "a.lamp", "--set", "folds=0"]) == 0
    assert run(["train", "--resume", "a", "--set", "folds=4"]) == 1
    assert "error[E612]" in capsys.readouterr().err


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("save", ["", "--no-save"])
def test_each_seed_has_folds_of_its_own(runs: int, save: str, capsys: pytest.CaptureFixture[str]) -> None:
    written(**CHOOSING)
    options = [save] if save else []
    assert run(["train", "a.lamp", "--json", "--runs", str(runs), "--seed", "5", *options]) == 0
    _, *epochs, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert {(line["run"], line["seed"], line["fold"]) for line in epochs} == {
        (4 * seed + fold, 5 + seed, fold + 1) for seed in range(runs) for fold in range(4)
    }
    assert (end["runs"], end["folds"]) == (4 * runs, 4)
    assert Path("runs").exists() != bool(save)
    for seed in range(runs):
        assert run(["train", "a.lamp", "--json", "--no-save", "--seed", str(5 + seed)]) == 0
        alone = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert alone["test"]["loss"]["values"] == end["test"]["loss"]["values"][4 * seed : 4 * seed + 4]


def test_seeds_with_folds_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp", "--runs", "2"]) == 0
    assert "over 8 folds of 2 runs" in capsys.readouterr().out
    assert run(["runs"]) == 0
    assert "2 × 4 folds" in capsys.readouterr().out


def test_a_sweep_has_means_over_the_folds(capsys: pytest.CaptureFixture[str]) -> None:
    written(data=" validation=0.25")
    assert run(["train", "a.lamp", "--json", "--no-save", "--set", "lr=0.1"]) == 0
    alone = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert run(["sweep", "a.lamp", "--grid", "lr=0.001,0.1", "--json"]) == 0
    rows = [*map(json.loads, capsys.readouterr().out.splitlines())]
    assert [row["runs"] for row in rows] == [4, 4]
    assert rows[1]["test"]["accuracy"]["values"] == alone["test"]["accuracy"]["values"]
    assert rows[1]["part"] == "validation"
    assert Path("sweep-a/table.csv").exists()


def test_two_cross_validations_are_compared_fold_by_fold(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp"]) == 0
    assert run(["train", "a.lamp", "--set", "lr=0.001"]) == 0
    one, other = (read(f"runs/a/{number}/summary.json")["test"]["accuracy"]["values"] for number in (1, 2))
    by = np.array(other) - np.array(one)
    capsys.readouterr()
    assert run(["compare", "a/1", "a/2", "--json"]) == 0
    paired = json.loads(capsys.readouterr().out)["paired"]
    assert (paired["test accuracy"]["mean"], paired["test accuracy"]["std"]) == pytest.approx((by.mean(), by.std(ddof=1)))
    assert run(["compare", "a/1", "a/2"]) == 0
    assert f"test accuracy: a/2 − a/1 is {100 * by.mean():+.1f} ± {100 * by.std(ddof=1):.1f} %, fold by fold" in (
        capsys.readouterr().out
    )
    for others in (["--set", "folds=3"], ["--seed", "1"], ["--set", "folds=0"]):
        assert run(["train", "a.lamp", *others]) == 0
        capsys.readouterr()
        assert run(["compare", "a/1", "a", "--json"]) == 0
        assert "paired" not in json.loads(capsys.readouterr().out)


def test_a_fold_that_diverges_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).normal(size=(40, 1))
    y = x.copy()
    y[0] = 1e30
    np.savez("far.npz", x=x, y=y)
    Path("far.lamp").write_text(
        'linear 1 xavier\ndata npz "far.npz"\nloss mse\noptimizer sgd lr=0.01\ntrain epochs=1 folds=4', "utf-8"
    )
    assert run(["train", "far.lamp", "--json"]) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    lost = [entry["fold"] for entry in end["diverged"]]
    assert len(lost) == 3  # but for the one that the sample tests
    assert run(["train", "far.lamp", "--no-save"]) == 0
    said = capsys.readouterr().out
    assert f"1 finished, 3 diverged: seed 0, fold {lost[0]} in epoch 1" in said


def test_processes_train_no_folds_together() -> None:
    program = lampc.compile.text(written())
    with pytest.raises(LampError, match="4 folds are asked for"):
        _one_seed(program)


def test_another_file_is_measured_whole(capsys: pytest.CaptureFixture[str]) -> None:
    written()
    assert run(["train", "a.lamp", "-q"]) == 0
    capsys.readouterr()
    assert run(["eval", "a", "--data", "points.npz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["samples"] == 90


def test_python_trains_all_folds_of_each_seed() -> None:
    program = lampc.compile.text(written())
    (found,) = program.train_many(range(2))
    assert [history.turn for history in found] == [Turn(seed, (fold, 4)) for seed in (0, 1) for fold in range(4)]
    assert "seed 1, fold 4" in repr(found[-1])
