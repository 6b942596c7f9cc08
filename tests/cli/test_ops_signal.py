"""`lampc ops --signal`: what a network's numbers and gradients begin with, layer by layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command

DEFAULT = "linear 64->64; relu; linear 64; tanh; linear 10\ndata digits\nloss crossentropy\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.lamp").write_text(DEFAULT)
    return tmp_path / "a.lamp"


def test_each_layer_has_a_row_with_its_deviation_and_its_gradient(lampc: Command, file: Path) -> None:
    done = lampc("ops", file, "--signal")
    head, x, *rows, loss = done.out.splitlines()
    assert (done.status, head.split()) == (0, ["layer", "deviation", "gradient"])
    assert x.split() == ["x", "of", "the", "data", "0.48"]
    assert [row.split()[0] for row in rows] == ["linear1", "relu1", "linear2", "tanh1", "linear3"]
    assert "50 % 0" in rows[1]
    assert rows[3].endswith("flat")
    assert loss.startswith("a loss near ")
    assert loss.endswith("; guessing: ln 10 = 2.3")


def test_scores_that_are_too_large_are_marked(lampc: Command, file: Path) -> None:
    file.write_text(DEFAULT.replace("tanh", "relu"), encoding="utf-8")
    done = lampc("ops", file, "--signal")
    assert [line.split()[0] for line in done.out.splitlines() if line.endswith("too large")] == ["linear3"]
    assert "too large" not in lampc("ops", file, "--signal", "--set", "init=kaiming").out


def test_as_json_it_has_every_number(lampc: Command, file: Path) -> None:
    found = json.loads(lampc("ops", file, "--signal", "--json").out)["signal"]
    assert found["input"] == {"deviation": 0.48, "assumed": False}
    assert [row["layer"] for row in found["layers"]] == ["linear1", "relu1", "linear2", "tanh1", "linear3"]
    assert found["layers"][0]["deviation"] == pytest.approx(0.48 * 8, rel=0.01)
    assert found["layers"][-1]["gradient"] == 1
    assert 0.6 < found["layers"][3]["flat"] < 1
    assert found["guess"]["known"] == "ln 10"


def test_inputs_that_are_not_known_are_said_to_be_assumed(lampc: Command) -> None:
    out = lampc("ops", "-", "--signal", stdin="linear 4->8 kaiming; relu; linear 3").out
    assert out.splitlines()[1].split() == ["x", "assumed", "1"]
    assert "a loss" not in out
