"""`lampc train`: the layers, how far it is, what came out; or lines of JSON and nothing else."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import ROOT, Command

QUICK = ("--set", "epochs=3", "--set", "data.train=200", "--set", "data.test=100")


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_for_people(lampc: Command, models: Path) -> None:
    done = lampc("train", models / "disc.lamp", *QUICK)
    assert done.status == 0
    assert done.err == ""
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert re.fullmatch(r" layer +written +output +parameters", lines[0])
    assert re.fullmatch(r" linear2 +linear 25->25 xavier +25 +650", lines[4])
    assert re.fullmatch(r" 8 layers +1,401", lines[11])
    assert lines[13] == "backend native: every op has a native form"
    assert re.fullmatch(r"memory [\d.]+ kB: parameters 5.6 kB, arena \d+ kB, data [\d.]+ kB, for a moment [\d.]+ kB", lines[14])
    assert re.fullmatch(r"epoch 1/3: loss [\d.]+, test loss [\d.]+, test accuracy [\d.]+ %", lines[15])
    assert lines[16].startswith("epoch 3/3: ")
    assert re.fullmatch(r"train loss [\d.]+, accuracy [\d.]+ %", lines[17])
    assert re.fullmatch(r"test  loss [\d.]+, accuracy [\d.]+ %", lines[18])
    assert re.fullmatch(r"12 steps in [\d.]+ s, [\d.]+ µs a step \(backend native\)", lines[19])
    assert re.fullmatch(r"run   .*/disc/\d+, the last epoch \(there is no validation part to choose by\)", lines[20])
    assert re.fullmatch(r"      echo [\d.]+,[\d.]+ \| lampc predict .*/disc/\d+", lines[21])
    assert len(lines) == 22


def test_many_runs_for_people(lampc: Command, models: Path) -> None:
    out = lampc("train", models / "disc.lamp", *QUICK, "--runs", 3).out
    assert re.search(r"^test  loss [\d.]+ ± [\d.e-]+, accuracy [\d.]+ % ± [\d.]+ over 3 runs$", out, re.MULTILINE)
    assert re.search(r"^run \d/3, epoch 3/3: ", out, re.MULTILINE)
    assert "\n36 steps in" in out


def test_as_json(lampc: Command, models: Path) -> None:
    done = lampc("train", models / "disc.lamp", *QUICK, "--json", "--runs", 2, "--seed", 5)
    start, *epochs, end = events(done.out)
    assert done.status == 0
    assert start["event"] == "start"
    assert start["seeds"] == [5, 6]
    assert (start["epochs"], start["batch"], start["parameters"], start["backend"]) == (3, 50, 1401, "native")
    assert start["memory"]["parameters"] == 2 * 4 * 1401  # two side by side
    assert start["memory"]["total"] == sum(size for name, size in start["memory"].items() if name != "total")
    assert start["layers"][0] == {"name": "linear1", "text": "linear 2->25 xavier", "shape": [25], "parameters": 75}
    epochs.sort(key=lambda e: (e["run"], e["epoch"]))  # runs go on side by side
    assert [(e["event"], e["run"], e["seed"], e["epoch"]) for e in epochs] == [
        ("epoch", run, seed, epoch) for run, seed in ((0, 5), (1, 6)) for epoch in (1, 2, 3)
    ]
    assert all(set(e["test"]) == {"loss", "accuracy"} and e["loss"] > 0 for e in epochs)
    assert end["event"] == "end"
    assert end["steps"] == 24
    assert end["backend"] == "native"
    assert end["seconds"] > 0
    assert end["us_per_step"] > 0
    for part in ("train", "test"):
        assert set(end[part]) == {"loss", "accuracy"}
        for measure in end[part].values():
            assert set(measure) == {"mean", "std", "min", "max", "values"}
            assert len(measure["values"]) == 2
            assert measure["min"] <= measure["mean"] <= measure["max"]
    assert end["test"]["accuracy"]["values"] == [epochs[2]["test"]["accuracy"], epochs[5]["test"]["accuracy"]]


def test_one_run_has_no_deviation(lampc: Command, models: Path) -> None:
    end = events(lampc("train", models / "disc.lamp", *QUICK, "--json").out)[-1]
    assert end["test"]["accuracy"]["std"] == 0.0
    assert len(end["test"]["accuracy"]["values"]) == 1


def test_equal_seeds_say_equal_things(lampc: Command, models: Path) -> None:
    def said(*more: object) -> Any:
        return [
            {key: value for key, value in event.items() if "seconds" not in key and key not in ("us_per_step", "directory")}
            for event in events(lampc("train", models / "disc.lamp", *QUICK, "--json", *more).out)
        ]

    assert said() == said()
    assert said("--seed", 1)[1] != said("--seed", 2)[1]


def test_a_mistake_as_json(lampc: Command) -> None:
    done = lampc("train", "--json", stdin="linear 2->3; tahn")
    (event,) = events(done.out)
    assert done.status == 1
    assert event["event"] == "error"
    assert {d["code"] for d in event["diagnostics"]} == {"E201"}


@pytest.mark.parametrize(
    ("source", "code"),
    [("linear 2->1; loss mse", "E501"), ("linear 2->1; data disc", "E501"), ('data csv "no.csv"; linear 1; loss mse', "E601")],
)
def test_what_cannot_be_trained(source: str, code: str, lampc: Command) -> None:
    done = lampc("train", stdin=source)
    assert done.status == 1
    assert f"error[{code}]" in done.err


def test_settings_are_typed_and_suggested(lampc: Command, models: Path) -> None:
    done = lampc("train", models / "disc.lamp", "--set", "epohcs=3", "--set", "batch=many", "--set", "lr")
    assert done.status == 1
    assert "did you mean `epochs`?" in done.err
    assert "`batch`" in done.err
    assert "NAME=VALUE" in done.err or "name=value" in done.err.lower()
    assert done.err.count("error[") == 3


def test_the_last_of_a_setting_counts(lampc: Command, models: Path) -> None:
    out = lampc("train", models / "disc.lamp", *QUICK, "--json", "--set", "epochs=1").out
    assert events(out)[0]["epochs"] == 1


def test_python_data_only_when_permitted(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "points_for_a_test.py").write_text("def make():\n    return [[0.0, 1.0]] * 10, [[1.0]] * 10\n")
    file = tmp_path / "a.lamp"
    file.write_text('data python "points_for_a_test:make"\nlinear 1; loss mse; train epochs=1')
    refused = lampc("train", file)
    assert refused.status == 1
    assert "error[E507]" in refused.err
    assert "--allow-python" in refused.err
    assert lampc("train", file, "--allow-python").status == 0


def test_a_loss_that_is_no_number_stops_the_run(lampc: Command) -> None:
    done = lampc("train", stdin="data disc; linear 9 xavier; relu; linear 1 xavier; loss mse; optimizer sgd lr=1e20")
    assert done.status == 1
    assert "error[E701]" in done.err


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal")
def test_on_a_terminal_there_is_a_bar() -> None:
    leader, follower = pty.openpty()
    arguments = [sys.executable, "-m", "lampc", "train", "models/disc.lamp", "--set", "epochs=40"]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(arguments, cwd=ROOT, stdout=follower, stderr=follower, env=env) as running:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    text = shown.decode()
    assert running.returncode == 0
    assert "40/40" in text
    assert "\x1b[" in text
    assert "backend native" in text
    redraws = len(re.findall(r"\d+/40", text))
    assert 1 <= redraws <= 40, "drawn at most 5 times a second"


@pytest.mark.parametrize("save", [(), ("--no-save",)])
def test_more_memory_than_there_is_is_refused_before_anything_is_taken_or_kept(
    lampc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: tuple[str, ...]
) -> None:
    from lampc.runtime import fit

    monkeypatch.setattr(fit, "available", lambda: 60_000_000)
    monkeypatch.chdir(tmp_path)
    Path("a.lamp").write_text(
        "linear 2->9000 xavier; tanh; linear 9000\nloss mse\ninput 2\ndata xor\nlinear 1\n", encoding="utf-8"
    )
    done = lampc("train", "a.lamp", *save)
    assert done.status == 1
    assert done.out == ""
    assert "error[E706]: training takes" in done.err
