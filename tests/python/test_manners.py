"""What Python people expect of a library: docstrings with shapes and units, short reprs, a summary, messages by logging."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from typing import Any

import pytest

import lampc
import lampc.compile

SOURCE = "linear 2->5 xavier; tanh; linear 1; sigmoid\ndata disc train=60 test=20 validation=10\nloss mse\nmetrics accuracy\n"
SOURCE += "train epochs=2 batch=10 shuffle"


def test_reprs_are_short() -> None:
    program = lampc.compile.text(SOURCE, name="disc.lamp")
    model = program.model(seed=3)
    history, data = model.train(), program.data()
    assert repr(program) == "<Program disc.lamp: 2 → 1, 21 parameters>"
    assert repr(model) == "<Model of disc.lamp: 2 → 1, 21 parameters, native, seed 3>"
    measures = r"loss \S+, accuracy \S+"
    assert re.fullmatch(rf"<History of 2 epochs, seed 3: loss \S+; validation {measures}; test {measures}>", repr(history))
    assert re.fullmatch(rf"<Epoch 2: loss \S+; validation {measures}>", repr(history[-1]))
    assert str(history[-1]).startswith("epoch 2: loss ")
    assert repr(lampc.DataLoader(data.train, 20, shuffle=True)) == "<DataLoader: 60 samples in 3 minibatches of 20, shuffled>"
    assert repr(data) == "<Dataset: 60 train, 10 validation, 20 test samples, x [n, 2], y [n, 1]>"
    assert repr(data.test) == "<Split: x [20, 2], y [20, 1]>"
    strange = lampc.compile.text(SOURCE, name="a\x1b[2J\n.lamp")
    assert repr(strange).isprintable()


def test_a_summary_is_what_training_prints(capsys: pytest.CaptureFixture[str], tmp_path: Any,
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from lampc.cli import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.lamp").write_text(SOURCE)
    summary = lampc.compile.file("a.lamp").model().summary()
    assert repr(summary) == str(summary)
    assert run(["train", "a.lamp", "--no-save"]) == 0
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert printed.startswith(summary)


def test_a_program_that_asks_is_told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.INFO, "lampc"):
        program = lampc.compile.text(
            "linear 2->5 xavier; linear 1\ndata disc train=60 test=20\nloss mse\ntrain epochs=2 batch=10"
        )
        program.model(seed=4).train()
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert [name for name, _, _ in told] == ["lampc"] * len(told)
    warnings = [message for _, level, message in told if level == "WARNING"]
    assert warnings[: len(program.warnings)] == list(map(str, program.warnings))
    assert "W411" in warnings[0]
    epochs = [message for _, level, message in told if level == "INFO"]
    assert [message[:22] for message in epochs] == ["seed 4, epoch 1: loss ", "seed 4, epoch 2: loss "]
    assert capsys.readouterr() == ("", "")


def test_who_does_not_ask_hears_nothing() -> None:
    code = "import lampc.compile; lampc.compile.text('linear 2->5 xavier; linear 1\\ndata disc train=60 test=20\\nloss mse\\n"
    code += "train epochs=2 batch=10').model().train()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_callback_ends_training() -> None:
    history = lampc.compile.text(SOURCE, epochs=9).model().train(on_epoch=lambda epoch: epoch.epoch < 3)
    assert (len(history), history.ended) == (3, "asked")
