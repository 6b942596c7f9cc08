"""What notebooks show, and cells in the language; what TensorBoard is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import lampc
import lampc.compile
from lampc.cli import run

SOURCE = "linear 2->4 xavier; tanh; linear 1; sigmoid\ndata xor\nloss mse\ntrain epochs=3"


def plain(text: str) -> str:
    """What a terminal shows, without styles."""
    return re.sub(r"\x1b\[[\d;]*m", "", text)


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
def test_a_mistake_in_a_cell_is_explained_and_what_follows_is_not_run(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["net"] = "another"
    done = shell.run_cell("%%lamp net\nlinear 2->3; tahn")
    assert isinstance(done.error_in_exec, lampc.LampError)
    shown = plain(capsys.readouterr().out)
    assert (
        shown
        == """<cell>:1:14: error[E201]: there is no layer `tahn`
1 | linear 2->3; tahn
  |              ^^^^
  = help: did you mean `tanh`?
"""
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("lampc.compile.text('linear 2->3; tahn')", "line 2: lampc.compile.text('linear 2->3; tahn')"),
        ("def f():\n    return lampc.compile.text('linear 2->3; tahn')\n\nf()", "line 3: return lampc.compile.text('linear"),
        ("program = lampc.compile.text('linear 2->3')\nprogram.model().train()", "line 3: program.model().train()"),
    ],
)
def test_a_mistake_anywhere_is_shown_as_on_a_terminal(
    code: str, asked: str, shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell.run_cell(f"import lampc\n{code}").error_in_exec is not None
    shown = plain(capsys.readouterr().out)
    assert shown.startswith(asked)
    assert "error[E" in shown and "= help: " in shown
    assert "Traceback" not in shown and "site-packages" not in shown and "compile.py" not in shown


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("net --trian", "unrecognized arguments: --trian; did you mean --train?"),
        ("net other", "unrecognized arguments: other"),
        ("my-net", "`my-net` is no name of Python's"),
        ("net --seed 3", "--seed is for --train"),
        ("net --seed x --train", "argument --seed: invalid int value: 'x'"),
        ("net 'open", "No closing quotation"),
        ("net --tr", "unrecognized arguments: --tr"),
    ],
)
def test_what_a_cell_does_not_know_is_refused(line: str, said: str, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    done = shell.run_cell(f"%%lamp {line}\n{SOURCE}")
    assert done.error_in_exec is not None
    shown = "".join(capsys.readouterr())
    assert f"UsageError: %%lamp: {said}" in shown
    assert "usage: %%lamp" in shown and "Traceback" not in shown
    assert "net" not in shell.user_ns


@pytest.mark.filterwarnings("ignore")
def test_a_cell_takes_settings_and_a_seed(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(f"%%lamp net --set epochs=2 --set optimizer.lr=0.25 --seed 7 --train\n{SOURCE}")
    assert len(shell.user_ns["net_history"]) == 2
    assert shell.user_ns["net"].experiment.optimizer.arguments["lr"] == 0.25
    other = lampc.compile.text(SOURCE, epochs=2, lr=0.25).model(seed=7).train()
    assert shell.user_ns["net_history"].epochs[-1].loss == other[-1].loss
    capsys.readouterr()
    assert shell.run_cell(f"%%lamp net --set width=2\n{SOURCE}").error_in_exec is not None
    assert "error[E801]" in capsys.readouterr().out
    shell.run_cell("%%lamp --help\n ")
    shown = capsys.readouterr().out
    assert all(flag in shown for flag in ("--train", "--seed N", "--set NAME=VALUE", "NAME_history"))


@pytest.mark.filterwarnings("ignore")
def test_a_cell_says_what_it_is_warned_of_before_and_on_the_way(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("%%lamp net --train\nlinear 2->8 xavier; tanh; linear 1 zeros; sigmoid\ndata disc train=200 test=50\n"
                   "loss mse\noptimizer sgd lr=1e-9\ntrain epochs=60 batch=200")  # fmt: skip
    err = capsys.readouterr().err
    history = shell.user_ns["net_history"]
    on_the_way = [warning.code for epoch in history for warning in epoch.warnings]
    assert on_the_way
    assert all(f"warning[{code}]" in err for code in on_the_way)
    assert "epoch 60/60: loss" in err


@pytest.mark.filterwarnings("ignore")
def test_a_training_that_is_interrupted_keeps_what_it_has_come_to(
    shell: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lampc.shows import Lines

    def interrupt(self: Lines, run: int, epoch: Any) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Lines, "epoch", interrupt)
    shell.run_cell(f"%%lamp net --train\n{SOURCE}")
    history, model = shell.user_ns["net_history"], shell.user_ns["net_model"]
    assert (len(history), history.ended) == (2, "interrupted")
    assert history._repr_html_().count("<svg ") >= 1
    other = lampc.compile.text(SOURCE).model()
    other.train(epochs=2)
    assert all(torch.equal(p, other.parameters[name]) for name, p in model.parameters.items())
    assert "interrupted after 2 epochs" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_training_in_python_is_shown_and_asks_who_is_to_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    from lampc.jupyter import train

    program = lampc.compile.text(SOURCE, epochs=9)
    told: list[int] = []

    def ask(epoch: lampc.Epoch) -> bool:
        told.append(epoch.epoch)
        return epoch.epoch < 4

    history = train(program.model(), on_epoch=ask)
    assert (told, history.ended) == ([1, 2, 3, 4], "asked")
    assert [e.loss for e in history] == [e.loss for e in program.model().train()][:4]
    assert capsys.readouterr().err.startswith("epoch 1/9: loss ")
    assert len(train(program.model(), epochs=2)) == 2


@pytest.mark.filterwarnings("ignore")
def test_a_notebooks_cell_has_one_place_for_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    display = pytest.importorskip("IPython.display")
    shown: list[dict[str, str]] = []
    place = SimpleNamespace(update=lambda content, raw: shown.append(content))
    monkeypatch.setattr(display, "display", lambda content, raw, display_id: place)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace(kernel=object()))
    from lampc.jupyter import train

    train(lampc.compile.text(SOURCE).model())
    assert shown[0]["text/plain"] == "compiling …"
    assert shown[1]["text/plain"] == "────────────  0 %  epoch 1/3"
    assert re.fullmatch(r"100 %  epoch 3/3  loss \S+(  test .*)?", shown[-1]["text/plain"])
    assert shown[-1]["text/html"] == f"<pre>{shown[-1]['text/plain']}</pre>"


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
