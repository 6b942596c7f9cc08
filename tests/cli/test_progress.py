"""How far a training is: on a terminal of any width, in a pipe, beside JSON, and where nobody wants to know."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from command import Command, process

import lampc.progress
import lampc.shows
from lampc.progress import Course, clock, fitted
from lampc.runtime.history import Epoch, Part
from lampc.shows import Line, Lines

terminals = pytest.mark.skipif(os.name == "nt", reason="terminals are POSIX's")

LONG = """linear 2->64 xavier; relu; linear 64->64; relu; linear 1 xavier; sigmoid
data disc train=400000 test=100
loss mse
metrics accuracy
train epochs=2 batch=5
"""
"""An epoch takes some tenths of a second, or more."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "long.lamp").write_text(LONG)
    return tmp_path


class Clock:
    """Time that goes on when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(lampc.progress, "time", found)
    monkeypatch.setattr(lampc.shows, "time", found)
    return found


def course(runs: int = 1) -> Course:
    found = Course(200, runs)
    found.epoch(0, Epoch(1, 0.5, 1.0, {"loss": 0.25, "accuracy": 0.875}))
    found.part(0, Part(2, 250, 1000, 0.4321))
    return found


def test_a_line_says_what_is_known() -> None:
    assert fitted(course(), 200) == "────────────  1 %  epoch 2/200  loss 0.4321  test loss 0.25  test accuracy 87.5 %"
    assert fitted(course(runs=3), 60, "#-") == "------------  0 %  run 1/3  epoch 2/200  loss 0.4321"


@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize("columns", range(11, 120, 3))
def test_a_line_fits_and_its_words_are_whole(columns: int, runs: int) -> None:
    line = fitted(course(runs), columns)
    assert len(line) <= columns
    assert set(line.split("  ")) <= set(fitted(course(runs), 1000).split("  "))
    assert "epoch 2/200" in line
    assert ("loss 0.4321" in line) == (columns >= len("epoch 2/200  loss 0.4321"))


def test_the_time_to_go_is_told_by_what_has_been_trained_here(clocked: Clock) -> None:
    found = Course(10, 1)
    found.epoch(0, Epoch(5, 0.5, 1.0))  # a run that is gone on with
    assert found.left == ""
    clocked.now += 60
    found.epoch(0, Epoch(6, 0.5, 60.0))
    assert found.left == "4:00 left"
    found.part(0, Part(7, 50, 100, 0.5))
    clocked.now += 30
    assert found.left == "3:30 left"
    found.epoch(0, Epoch(10, 0.5, 60.0))
    assert found.left == ""


def test_several_runs_side_by_side_are_one_course(clocked: Clock) -> None:
    found = Course(4, 2)
    for run, epoch in ((0, 1), (1, 1), (0, 2)):
        found.epoch(run, Epoch(epoch, 0.5, 1.0))
    assert found.share == 3 / 8
    found.part(1, Part(2, 50, 100, 0.5))
    assert found.share == 3.5 / 8
    found.epoch(0, Epoch(4, 0.5, 1.0))
    assert not found.ended
    found.epoch(1, Epoch(4, 0.5, 1.0))
    assert found.ended and found.share == 1


def test_runs_that_were_trained_before_are_done(clocked: Clock) -> None:
    found = Course(4, 3)
    found.done(0)
    found.epoch(2, Epoch(2, 0.5, 1.0))
    assert found.share == pytest.approx(6 / 12)
    clocked.now += 10
    found.epoch(2, Epoch(3, 0.5, 1.0))
    assert found.left == "0:50 left"  # five epochs, ten seconds each
    found.done(1)
    found.epoch(2, Epoch(4, 0.5, 1.0))
    assert found.ended


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (61, "1:01"), (3600, "1:00:00"), (86400 * 3 + 5, "3 days")])
def test_times_are_said_as_a_clock_does(seconds: int, said: str) -> None:
    assert clock(seconds) == said


def test_a_long_epoch_is_told_of_in_lines_now_and_then(clocked: Clock) -> None:
    said: list[str] = []
    lines = Lines(said.append)
    lines.begin(2, 1)
    for tenth in range(1, 300):
        clocked.now += 0.1
        lines.part(0, Part(1, tenth * 10, 3000, 0.5))
    assert said[0] == "epoch 1/2, 500 of 3,000 samples: loss 0.5"
    assert len(said) == 3
    lines.epoch(0, Epoch(1, 0.5, 30.0, {"loss": 0.25}))
    lines.epoch(0, Epoch(2, 0.5, 0.1, {"loss": 0.2}))
    assert said[3:] == ["epoch 1/2: loss 0.5, test loss 0.25", "epoch 2/2: loss 0.5, test loss 0.2"]


def test_what_is_told_of_rarely_is_what_takes_long(clocked: Clock) -> None:
    said: list[str] = []
    lines = Lines(said.append, rarely=True)
    for setting in range(8):  # three seconds each
        lines.begin(3, 1, f"setting {setting + 1} of 8")
        for epoch in (1, 2, 3):
            clocked.now += 1
            lines.epoch(0, Epoch(epoch, 0.5, 1.0))
    assert said == ["setting 4 of 8, epoch 1/3: loss 0.5", "setting 7 of 8, epoch 2/3: loss 0.5"]


def test_many_epochs_are_told_of_in_few_lines(clocked: Clock) -> None:
    said: list[str] = []
    lines = Lines(said.append)
    lines.begin(36000, 1)
    for epoch in range(1, 36001):  # ten hours
        clocked.now += 1
        lines.epoch(0, Epoch(epoch, 0.5, 1.0))
    assert said[0].startswith("epoch 1/") and said[-1].startswith("epoch 36000/")
    assert 200 < len(said) < 800


def test_a_line_leaves_nothing_behind_and_knows_what_can_be_written(clocked: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        encoding = "ascii"
        text = ""

        def write(self, text: str) -> None:
            assert text.isascii()
            self.text += text

        def flush(self) -> None:
            pass

    monkeypatch.setenv("COLUMNS", "50")
    stream: Any = Stream()
    line = Line(stream)
    line.begin(4, 1)
    clocked.now += 5
    line.epoch(0, Epoch(2, 0.5, 1.0))
    assert stream.text.endswith("\r######------  50 %  epoch 2/4  loss 0.5")
    before = stream.text
    line.epoch(0, Epoch(3, 0.5, 1.0))  # at once: not drawn
    assert stream.text == before
    line.close()
    assert stream.text.endswith("\r" + " " * 39 + "\r")


@terminals
def test_an_epoch_is_followed_on_a_terminal(folder: Path) -> None:
    from terminal import on_terminal

    run = on_terminal("train", "long.lamp", cwd=folder, columns=40)
    states = [line.rstrip() for line in run.screen.states]
    assert run.status == 0
    assert run.first < 10  # under a second on a machine that is not busy
    assert states[:2] == ["starting …", "compiling …"]
    first = [line for line in states if "epoch 1/2" in line]
    assert any("loss" in line for line in first)  # on the way, before it ends
    assert not any("test" in line for line in first[:-1])
    assert any("epoch 2/2" in line for line in states)
    assert all("echo" in line for line in run.screen.wrapped)  # a command stays in one piece
    assert not run.screen.controls
    shown = run.screen.shown()
    assert not any("epoch 1/2" in line or "compiling" in line for line in shown)
    assert any(line.startswith("test  loss") for line in shown)


@terminals
def test_columns_says_how_wide_and_a_terminal_may_change(folder: Path) -> None:
    from terminal import Screen, on_terminal, resize

    narrow = on_terminal("train", "long.lamp", "--no-save", cwd=folder, columns=100, env={"COLUMNS": "30"})
    drawn = [line for line in narrow.screen.states if line.startswith("epoch")]
    assert drawn and max(map(len, drawn)) < 30

    seen: list[int] = []

    def narrower(screen: Screen, running: Any, terminal: int) -> None:
        if not seen and "loss" in screen.lines[-1] and "epoch 1/2" in screen.lines[-1]:
            resize(terminal, 30)
            seen.append(len(screen.states))

    resized = on_terminal("train", "long.lamp", "--no-save", cwd=folder, columns=100, during=narrower)
    assert max(len(line.rstrip()) for line in resized.screen.states[: seen[0] + 1]) > 45
    assert all(len(line.rstrip()) < 30 for line in resized.screen.states[seen[0] + 4 :] if "epoch" in line)


@terminals
def test_what_is_no_terminal_and_what_is_dumb_gets_lines_alone(folder: Path) -> None:
    from terminal import on_terminal

    piped = process("train", "long.lamp", "--no-save", cwd=folder)
    assert "\r" not in piped.out + piped.err and "\x1b" not in piped.out + piped.err and not piped.err
    assert "epoch 1/2: loss" in piped.out and "epoch 2/2: loss" in piped.out
    dumb = on_terminal("train", "long.lamp", "--no-save", cwd=folder, env={"TERM": "dumb"})
    assert dumb.screen.returns == dumb.screen.styles == 0 and not dumb.screen.controls
    assert any(line.startswith("epoch 1/2: loss") for line in dumb.screen.shown())


@terminals
def test_standard_output_is_a_log_or_json_and_the_terminal_follows(folder: Path) -> None:
    from terminal import on_terminal

    with tempfile.TemporaryFile() as file:
        logged = on_terminal("train", "long.lamp", "--no-save", cwd=folder, out=file.fileno())
    assert "\r" not in logged.out and "epoch 2/2: loss" in logged.out and "compiling" not in logged.out
    assert any("epoch 1/2  loss" in line for line in logged.screen.states)
    assert logged.screen.shown() == [""]
    with tempfile.TemporaryFile() as file:
        told = on_terminal("train", "long.lamp", "--no-save", "--json", cwd=folder, out=file.fileno())
    assert [json.loads(line)["event"] for line in told.out.splitlines()] == ["start", "epoch", "epoch", "end"]
    assert any("epoch 1/2  loss" in line for line in told.screen.states)
    both = on_terminal("train", "long.lamp", "--no-save", "--json", cwd=folder)
    assert both.screen.returns == 0
    assert [json.loads(line)["event"] for line in both.screen.lines if line] == ["start", "epoch", "epoch", "end"]


@terminals
def test_a_sweep_and_a_sample_are_followed(folder: Path) -> None:
    from terminal import on_terminal

    run = on_terminal("sweep", "long.lamp", "--grid", "optimizer.lr=0.01,0.1", "--set", "epochs=1", cwd=folder, columns=120)
    states = [line.rstrip() for line in run.screen.states]
    assert run.status == 0
    assert any("setting 1 of 2  epoch 1/1  loss" in line for line in states)
    assert any("setting 2 of 2  epoch 1/1  loss" in line for line in states)
    assert not any("setting" in line for line in run.screen.shown())
    sampled = on_terminal("sample", "gpt", "--length", "5", "--set", "epochs=1", "--set", "width=16", cwd=folder)
    assert any("epoch 1/1  loss" in line for line in sampled.screen.states)
    assert not any("epoch 1/1" in line for line in sampled.screen.shown())


@terminals
def test_quiet_says_only_what_came_of_it(folder: Path, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from terminal import on_terminal

    shown = on_terminal("train", "long.lamp", "--no-save", "-q", cwd=folder)
    assert shown.screen.returns == 0
    assert [line.split()[0] for line in shown.screen.shown() if line] == ["train", "test", "160,000"]
    monkeypatch.chdir(folder)
    done = lampc("train", "long.lamp", "--quiet", "--set", "epochs=1")
    assert [line.split()[0] for line in done.out.splitlines()] == ["train", "test", "80,000", "run", "echo"]
    assert not done.err


@terminals
def test_ctrl_c_leaves_no_half_a_line(folder: Path) -> None:
    import signal

    from terminal import Screen, on_terminal

    asked: list[float] = []

    def interrupt(screen: Screen, running: Any, terminal: int) -> None:
        if not asked and "loss" in screen.lines[-1]:
            asked.append(time.monotonic())
            running.send_signal(signal.SIGINT)

    run = on_terminal("train", "long.lamp", "--set", "epochs=1000", cwd=folder, during=interrupt)
    assert run.status == 130
    assert run.screen.shown()[-2:] == ["interrupted", ""]
    assert any("lampc train --resume" in line for line in run.screen.shown())
    assert not any("%" in line for line in run.screen.shown()[-4:])


@terminals
def test_ctrl_c_while_it_is_compiled_leaves_one_line(folder: Path) -> None:
    import signal

    from terminal import Screen, on_terminal

    def interrupt(screen: Screen, running: Any, terminal: int) -> None:
        if "compiling" in screen.lines[-1]:
            running.send_signal(signal.SIGINT)

    run = on_terminal("train", "long.lamp", cwd=folder, during=interrupt)
    assert run.status == 130
    assert run.screen.shown() == ["interrupted", ""]


def test_a_warning_on_the_way_takes_the_lines_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.cli.say import before_all, say

    hidden: list[str] = []
    monkeypatch.setattr(sys.modules["lampc.cli.say"], "_BEFORE", [])
    before_all(lambda: hidden.append("hidden"))
    say("to a pipe", err=True)
    assert not hidden  # what goes elsewhere disturbs nothing
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    say("to the terminal", err=True)
    assert hidden == ["hidden"]
