"""What notebooks show, and cells in the language; what TensorBoard is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lampc.compile
from lampc.cli import run

SOURCE = "linear 2->4 xavier; tanh; linear 1; sigmoid\ndata xor\nloss mse\ntrain epochs=3"


@pytest.fixture
def shell() -> Any:
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    made = InteractiveShell.instance()
    made.run_line_magic("load_ext", "lampc.jupyter")
    yield made
    InteractiveShell.clear_instance()


def test_programs_and_histories_show_themselves() -> None:
    program = lampc.compile.text(SOURCE)
    shown = program._repr_html_()
    assert shown.count("<svg ") == 1
    assert "%1 = affine(x, linear1.weight, linear1.bias)" in shown
    history = program.model().train()
    assert history._repr_html_().count("<svg ") == len(history.test or {"loss": 0})


@pytest.mark.filterwarnings("ignore")
def test_a_cell_is_a_program(shell: Any) -> None:
    program = shell.run_cell_magic("lamp", "net", SOURCE)
    assert shell.user_ns["net"] is program
    assert program.inference[0].op.name == "affine"


@pytest.mark.filterwarnings("ignore")
def test_a_cell_trains(shell: Any) -> None:
    history = shell.run_cell_magic("lamp", "net --train", SOURCE)
    assert len(history) == 3
    assert shell.user_ns["net_history"] is history
    assert shell.user_ns["net_model"]([[0.0, 1.0]]).shape == (1, 1)


@pytest.mark.filterwarnings("ignore")
def test_a_mistake_in_a_cell_is_explained(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.run_cell_magic("lamp", "", "linear 2->3; tahn") is None
    assert "<cell>:1:14: error[E201]" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_is_told_of_each_epoch(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (tmp_path / "a.lamp").write_text(
        "linear 2->4 xavier; tanh; linear 1; sigmoid\ndata disc train=40 test=10\nloss mse\ntrain epochs=3"
    )
    assert run(["train", str(tmp_path / "a.lamp"), "--run-dir", str(tmp_path), "--log", "tensorboard"]) == 0
    path = tmp_path / "a" / "1"
    events = EventAccumulator(str(path / "tensorboard" / "seed-0")).Reload()
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for tag, values in (
        ("loss/train", [line["loss"] for line in lines]),
        ("loss/test", [line["test"]["loss"] for line in lines]),
    ):
        assert [event.step for event in events.Scalars(tag)] == [1, 2, 3]
        assert [event.value for event in events.Scalars(tag)] == pytest.approx(values)
