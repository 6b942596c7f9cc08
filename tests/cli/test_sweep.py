"""Settings that are compared: each an outcome, and chosen by the validation part alone."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from command import ROOT, Command

from lampc.diagnostics import LampError
from lampc.runs import trial
from lampc.runs.study import Study, _opened
from lampc.runs.trial import best, unchosen

XOR = ROOT / "models" / "xor.lamp"
PROGRAM = """linear 2->6 xavier; tanh; linear 1 xavier; sigmoid
data disc train=80 test=20 validation=30
loss huber delta=1
metrics accuracy mae
optimizer sgd lr=0.3
train epochs=3 batch=20 shuffle
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.lamp").write_text(PROGRAM, encoding="utf-8")
    return Path("a.lamp")


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(Path("sweep-a/table.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("how", [("--grid",), ("--trials", 4, "--search")])
def test_a_setting_that_diverges_is_an_outcome(how: tuple[Any, ...], lampc: Command, file: Path) -> None:
    file.write_text(PROGRAM.replace("; sigmoid", "").replace("tanh", "relu").replace("huber delta=1", "mse"), encoding="utf-8")
    done = lampc("sweep", file, *how, "optimizer.lr=0.01,1e30,0.02", "--json", "--set", "train.best=mae")
    assert done.status == 0
    found = rows(done.out)
    assert len(found) == (3 if how == ("--grid",) else 4)
    for row in found:
        lost = row["settings"]["optimizer.lr"] == 1e30
        assert (len(row["diverged"]), bool(row["measures"])) == ((1, False) if lost else (0, True))
        assert not lost or row["diverged"][0]["epoch"] == 1
    assert [line["optimizer.lr"] != "1e+30" for line in table() if line["best"] == "1"] == [True]
    assert "1e+30  " in (shown := lampc("sweep", file, "--grid", "optimizer.lr=0.01,1e30").out)
    assert "diverged in epoch 1, step " in shown


def test_one_seed_of_a_setting_may_diverge(lampc: Command, file: Path) -> None:
    file.write_text("repeat 4 { linear 64->64 normal; relu }\nlinear 10 xavier\ndata digits split=0.8\nloss crossentropy\n"
                    "optimizer sgd lr=0.01\ntrain epochs=1 batch=32 shuffle", encoding="utf-8")  # fmt: skip
    done = lampc("sweep", file, "--grid", "optimizer.lr=0.001,0.01", "--runs", 6)
    assert done.status == 0
    assert re.search(r"[1-5] finished, [1-5] diverged", done.out)
    assert " diverged: seed 0 in epoch 1, step " in done.out


def test_where_all_diverge_the_status_says_so(lampc: Command, file: Path) -> None:
    file.write_text(PROGRAM.replace("; sigmoid", "").replace("tanh", "relu").replace("huber delta=1", "mse"), encoding="utf-8")
    done = lampc("sweep", file, "--grid", "optimizer.lr=1e30,1e31")
    assert done.status == 1
    assert "none is chosen: every setting has diverged" in done.err
    assert len(table()) == 2


@pytest.mark.parametrize("setting", ["shuffle=on,off", "precision=f32,f64", "backend=torch,native"])
def test_words_are_shown_as_they_are_written(setting: str, lampc: Command, file: Path) -> None:
    name, _, values = setting.partition("=")
    done = lampc("sweep", file, "--grid", setting, "--json")
    assert [row["settings"] for row in rows(done.out)] == [{name: value} for value in values.split(",")]
    assert [line[name] for line in table()] == values.split(",")


def test_the_choice_is_by_best_on_the_validation_part(lampc: Command, file: Path) -> None:
    asked = ("sweep", file, "--grid", "optimizer.lr=0.01,0.1,1,10")
    for metric in ("accuracy", "mae", "loss"):
        found = rows(lampc(*asked, "--json", "--set", f"train.best={metric}").out)
        assert {(row["by"], row["part"]) for row in found} == {(metric, "validation")}
        values = [row["measures"][metric]["mean"] for row in found]
        chosen = [row["measures"][metric]["mean"] for row, line in zip(found, table(), strict=True) if line["best"] == "1"]
        assert chosen == [(max if metric == "accuracy" else min)(values)]
        assert lampc(*asked, "--set", f"train.best={metric}").out.count(f"best by validation {metric}: optimizer.lr=") == 1


def test_nothing_is_chosen_where_there_is_nothing_to_choose_by(lampc: Command, file: Path) -> None:
    done = lampc("sweep", file, "--grid", "optimizer.lr=0.1,1", "--set", "data.validation=0")
    assert done.status == 0
    assert "none is chosen: the data has no validation part" in done.err
    assert "best" not in done.out
    assert [line["best"] for line in table()] == ["0", "0"]


def test_losses_of_different_kinds_choose_nothing(lampc: Command, file: Path) -> None:
    asked = ("sweep", file, "--grid", "loss.delta=0.1,1")
    assert "none is chosen: losses of different kinds" in lampc(*asked, "--set", "train.best=loss").err
    assert "best by validation mae: loss.delta=" in lampc(*asked, "--set", "train.best=mae").out
    file.write_text("let d = 1\n" + PROGRAM.replace("delta=1", "delta=d"), encoding="utf-8")
    assert "losses of different kinds" in lampc("sweep", file, "--grid", "d=0.1,1", "--set", "train.best=loss").err


def row(accuracy: float, loss: float, by: str = "accuracy", **more: Any) -> trial.Row:
    measures = {"accuracy": {"mean": accuracy}, "loss": {"mean": loss}}
    return {"measures": measures, "by": by, "loss": "mse", "diverged": [], **more}


@pytest.mark.parametrize(
    ("compared", "chosen"),
    [
        ([row(0.5, 1.0), row(0.7, 3.0), row(0.6, 0.1)], 1),
        ([row(0.5, 1.0, "loss"), row(0.7, 3.0, "loss"), row(0.6, 0.1, "loss")], 2),
        ([row(0.7, 2.0), row(0.7, 1.0), row(0.7, 1.0)], 1),  # of equals the lower loss, then the first
        ([row(0.9, 1.0, diverged=[{"seed": 3}]), row(0.6, 2.0)], 1),  # fewer seeds are no better for it
        ([row(0.0, 0.0, measures={}, by=""), row(0.6, 2.0)], 1),
        ([row(0.5, 1.0), row(0.7, 3.0, "loss")], None),
        ([row(0.5, 1.0, ""), row(0.7, 3.0, "")], None),
        ([row(0.0, 0.0, measures={})], None),
    ],
)
def test_which_row_is_chosen(compared: list[trial.Row], chosen: int | None) -> None:
    assert best(compared) == chosen
    assert bool(unchosen(compared)) == (chosen is None)


def test_so_many_seeds_are_trained_as_is_said(lampc: Command, file: Path) -> None:
    file.write_text(PROGRAM.replace("shuffle", "shuffle runs=2"), encoding="utf-8")
    grid = ("--grid", "optimizer.lr=0.1", "--json")
    for more, runs in (((), 2), (("--set", "runs=3"), 3), (("--runs", 1), 1)):
        assert [row["runs"] for row in rows(lampc("sweep", file, *grid, *more).out)] == [runs]
    assert [row["runs"] for row in rows(lampc("sweep", file, "--grid", "train.runs=1,2", "--json").out)] == [1, 2]


@pytest.mark.parametrize("other", ["lr=0.1,0.2", "optimizer.lr=0.1,0.2"])
def test_a_setting_has_one_list_of_values(other: str, lampc: Command, file: Path) -> None:
    done = lampc("sweep", file, "--grid", "lr=0.1,0.3", "--grid", other)
    assert done.status == 2
    assert "are one setting" in done.err


def test_a_grid_that_has_been_tried_is_told_and_not_tried_again(lampc: Command, file: Path) -> None:
    told = [lampc("sweep", file, "--grid", "optimizer.lr=0.1,1", "--storage", "study.log", "--json") for _ in range(2)]
    assert rows(told[1].out) == rows(told[0].out)
    assert len(rows(told[0].out)) == 2
    assert "GridSampler" not in told[1].err


def test_a_setting_that_was_interrupted_is_tried_by_who_goes_on(
    lampc: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, calls = trial.tried, 0

    def but_the_second(*arguments: Any) -> trial.Row:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return tried(*arguments)

    monkeypatch.setattr(trial, "tried", but_the_second)
    grid = ("sweep", file, "--grid", "optimizer.lr=0.1,1,2", "--storage", "study.log", "--json")
    assert lampc(*grid).status == 130
    assert sorted(row["settings"]["optimizer.lr"] for row in rows(lampc(*grid).out)) == [0.1, 1, 2]
    assert calls == 4


def test_rows_are_written_as_they_come(lampc: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, calls = trial.tried, 0

    def until_two(*arguments: Any) -> trial.Row:
        nonlocal calls
        calls += 1
        assert calls == 1 or len(table()) == calls - 1
        if calls == 3:
            raise KeyboardInterrupt
        return tried(*arguments)

    monkeypatch.setattr(trial, "tried", until_two)
    done = lampc("sweep", file, "--grid", "optimizer.lr=0.1,1,2,3", "--json")
    assert (done.status, len(rows(done.out)), len(table())) == (130, 2, 2)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (("--grid", "optimizer.lr=0.1,1", "--set", "train.epochs=4"), "settings"),
        (("--grid", "optimizer.lr=0.1,1", "--runs", 2), "settings"),
        (("--grid", "optimizer.lr=0.1,2"), "search space"),
        (("--grid", "train.batch=10,20"), "settings and search space"),
        (("--search", "optimizer.lr=0.1..1", "--trials", 2), "search space"),
        (("--grid", "optimizer.lr=0.1,1", "--set", "train.seed=5"), "settings and data"),
        (("--grid", "optimizer.lr=0.1,1", "--set", "rate=0.2"), "settings"),
    ],
)
def test_a_study_of_something_else_is_refused(other: tuple[Any, ...], what: str, lampc: Command, file: Path) -> None:
    text = "let rate = 0.1\n" + PROGRAM.replace("tanh;", "tanh; dropout rate;")
    file.write_text(text, encoding="utf-8")
    begun = ("sweep", file, "--grid", "optimizer.lr=0.1,1", "--storage", "study.log")
    assert lampc(*begun).status == 0
    done = lampc("sweep", file, *other, "--storage", "study.log")
    assert done.status == 1
    assert f"error[E614]: the study `a` in study.log has rows of other {what}\n" in done.err
    file.write_text(text.replace("2->6", "2->7"), encoding="utf-8")
    assert "has rows of other network\n" in lampc(*begun).err
    assert lampc(*begun, "--study", "b").status == 0


def test_a_new_storage_may_be_opened_by_several_at_the_same_moment(tmp_path: Path) -> None:
    """A database's tables are made once, by whichever is first; the others wait for it."""
    optuna = pytest.importorskip("optuna")
    opened: list[str] = []
    for trial_number in range(2):
        together = Barrier(4)

        def opening(place: str, together: Barrier = together) -> None:
            together.wait()
            try:
                opened.append(_opened(Study({}, 1, place, "s"), optuna.samplers.RandomSampler()).study_name)
            except LampError as error:
                opened.append(str(error))

        threads = [Thread(target=opening, args=(f"sqlite:///{tmp_path}/{trial_number}.db",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert opened == ["s"] * 8


def test_a_setting_for_which_there_is_too_little_memory_is_an_outcome(
    lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lampc.runtime import fit

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fit, "available", lambda: 60_000_000)
    Path("a.lamp").write_text(
        f"let n = 6\n{PROGRAM}".replace("linear 2->6 xavier", "linear 2->n xavier; relu; linear n xavier"), encoding="utf-8"
    )
    done = lampc("sweep", "a.lamp", "--grid", "n=6,9000,7")
    assert done.status == 0
    refused = done.out.splitlines()[2]
    assert refused.split()[0] == "9000"
    assert "training takes" in refused
    table = csv.DictReader(Path("sweep-a/table.csv").read_text(encoding="utf-8").splitlines())
    assert len([line for line in table if line["loss mean"]]) == 2
    assert json.loads(lampc("sweep", "a.lamp", "--grid", "n=9000", "--json").out)["refused"]
