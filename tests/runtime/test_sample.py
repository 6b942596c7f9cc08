"""Text from a model: only what it may say, repeatable, and what it has learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

import lampc.compile
from lampc.cli import run
from lampc.runtime.sample import sample

SOURCE = """
data text "t.txt" context=8
embedding 8; position; attention 2 causal; linear 3
loss crossentropy
optimizer adam lr=0.02
train epochs=60 batch=16
"""


@pytest.fixture
def model(tmp_path: Path) -> lampc.runtime.model.Model:
    (tmp_path / "t.txt").write_text("abc" * 200)
    found = lampc.compile.text(SOURCE, folder=tmp_path).model(seed=0)
    found.train(evaluate=False)
    return found


def test_it_goes_on_with_what_it_has_learnt(model: lampc.runtime.model.Model) -> None:
    assert "".join(sample(model, "ab", 10, temperature=0)) == "cabcabcabc"


def test_the_seed_decides(model: lampc.runtime.model.Model) -> None:
    first, again, other = ("".join(sample(model, "a", 50, 3.0, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert set(first) <= set("abc")


def test_wrong_use_is_refused(model: lampc.runtime.model.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(lampc.LampError, match="E604"):
        next(sample(model, "x"))
    (tmp_path / "a.lamp").write_text("data xor; linear 1; loss mse")
    assert run(["sample", str(tmp_path / "a.lamp")]) == 1
    assert "E504" in capsys.readouterr().err
    (tmp_path / "b.lamp").write_text(SOURCE.replace("epochs=60", "epochs=1"))
    assert run(["sample", str(tmp_path / "b.lamp"), "--prompt", "ab", "--length", "5"]) == 0
    assert len(capsys.readouterr().out) == 8


def test_a_run_writes_without_training_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_text("abc" * 200)
    (tmp_path / "a.lamp").write_text(SOURCE)
    assert run(["train", str(tmp_path / "a.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    (tmp_path / "t.txt").unlink()  # nor does it need the text
    capsys.readouterr()
    assert run(["sample", str(tmp_path / "runs" / "a"), "--prompt", "ab", "--length", "10", "--temperature", "0"]) == 0
    written = capsys.readouterr()
    assert written.out == "abcabcabcabc\n"
    assert written.err == ""
    assert run(["sample", "nothing/1"]) == 1
    assert "E610" in capsys.readouterr().err
