"""Small inputs that once hung, took all memory, or ended in a fault of lampc's: each is a diagnostic with a place, soon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.cli import run
from lampc.diagnostics import LampError

PROGRAMS = {
    "a part that has no end": ("linear 4->2; loss total = mean(part(y,0,inf))", "E304"),
    "a tie to nothing, and a size that is wrong": ("linear 4->2; linear 3->1 tie=zz", "E401"),
    "a path that is none": ('linear 4->2; loss mse; train weights="\0"', "E601"),
    "two billion copies, and a mistake in each": ("linear 4->8; repeat 2147483648 { tanh foo=1 }", "E303"),
    "two billion copies": ("linear 4->8; repeat 2147483648 { tanh }", "E406"),
    "copies by another word": ("linear 4->8; repeat times=50000000 { tanh }", "E406"),
    "layers in a layer": ("input 4x8; lstm 4 layers=1000000", "E406"),
    "copies of copies": ("linear 4->8; repeat 1000 { repeat 1000 { repeat 1000 { tanh } } }", "E406"),
    "blocks that double": ("block b0() { tanh }\n" + "".join(f"block b{i}() {{ b{i - 1}; b{i - 1} }}\n" for i in range(1, 40))
                           + "linear 2->2; b39", "E406"),
    "a number of many digits": ("linear 2->" + "9" * 5000, "E104"),
    "a power of a power": ("let n = 10^10^10\nlinear 2->n", "E307"),
}  # fmt: skip
LIMITED = """
import contextlib, io, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
from lampc.cli import run
for name, (source, code) in json.load(sys.stdin).items():
    open("x.lamp", "w").write(source)
    for verb in (["check"], ["graph", "--dot"], ["ops"], ["data"], ["sample"]):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            status = run([*verb, "x.lamp"])
        found = said.getvalue()
        if status != 1 or "x.lamp:" not in found or f"error[{code}]" not in found:
            print(name, verb, status, found)
print("all")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are Linux's here")
def test_programs_are_refused_soon_and_in_little_memory(tmp_path: Path) -> None:
    """In 3 GiB of addresses and 2 minutes of the processor for all of them, by every verb."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=tmp_path, env=environment, input=json.dumps(PROGRAMS),
                          capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
    assert done.stdout == "all\n", done.stdout + done.stderr


STRANGE = (10**400, -(10**400), float("inf"), float("nan"), 1e308, None, [], {}, (), "x" * 10**6, "\0", "\x1b[2J", b"x",
           object(), True, np.array([1, 2]), np.float32("nan"), 2**64, -1, 1.5, 1j, [[1]], "1e400", "9" * 5000)  # fmt: skip
NAMES = ("epochs", "batch", "seed", "runs", "optimizer.lr", "w", "loss", "data", "train.best", "patience", "device", "backend",
         "precision", "weights", "accumulate", "momentum", "", "a.b.c", "\x1b")  # fmt: skip
PLAIN = "let w = 3\nlinear 2->w xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=1 batch=4"


@pytest.mark.parametrize("name", NAMES)
def test_settings_from_python_may_be_anything(name: str) -> None:
    """A program, or a diagnostic that has a place and is short enough to read."""
    for value in STRANGE:
        try:
            lampc.compile.text(PLAIN, **{name: value})
        except LampError as error:
            assert error.diagnostics[0].labels, (name, value)
            assert error.diagnostics[0].code != "E900"
            assert len(str(error)) < 20_000


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), 2**65, 1.5, "x", float("nan"), [1], True, b"x"], ids=lambda v: str(v)[:5]
)
def test_numbers_that_a_model_is_asked_for(value: Any) -> None:
    program = lampc.compile.text(PLAIN)
    model = program.model(backend="torch")
    pairs = np.zeros((4, 2)), np.zeros((4, 1))
    for asked in (program.model, program.data, lambda seed: model.reset(seed), lambda count: model.train(epochs=count),
                  lambda count: model.train(measure=count), lambda count: lampc.DataLoader(pairs, batch=count),
                  lambda seed: lampc.DataLoader(pairs, seed=seed)):  # fmt: skip
        with pytest.raises(LampError) as caught:
            asked(value)  # type: ignore[operator]
        assert caught.value.diagnostics[0].code in ("E305", "E802", "E703")
    assert program.model(seed=np.int64(3), backend="torch").seed == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [10**400, -1.0, None, "x", float("nan"), [1], b"x"], ids=lambda value: str(value)[:5])
def test_seconds_and_rates_that_a_model_is_asked_for(value: Any) -> None:
    model = lampc.compile.text(PLAIN).model(backend="torch")
    for asked in (lambda seconds: model.train(every=seconds), lambda lr: model.set(lr=lr)):
        with pytest.raises(LampError) as caught:
            asked(value)
        assert caught.value.diagnostics[0].code in ("E305", "E802", "E304")


@pytest.mark.parametrize("value", [None, 5, [], object(), np.zeros(3), np.float64(1), 1j, {"a": 1}, "x" * 5000, "\0"], ids=type)
def test_what_python_may_hand_over(value: Any) -> None:
    """Where a text, a path, a name or a loader is wanted."""
    program = lampc.compile.text("linear 2->3 as h; tanh; linear 1; loss mse; optimizer sgd; train epochs=1")
    model = program.model(backend="torch")
    session = lampc.Session()
    csv = 'data csv "none.csv"; linear 1; loss mse'
    for name, asked in {
        "text": lambda: lampc.compile.text(value), "file": lambda: lampc.compile.file(value),
        "folder": lambda: lampc.compile.text(csv, folder=value), "of a session": lambda: session.text(value),
        "its folder": lambda: session.text(csv, folder=value), "its file": lambda: session.file(value),
        "value": lambda: model.value(value, np.zeros((4, 2))), "answering": lambda: program.answering(value),
        "device": lambda: value is None or program.model(device=value),
        "backend": lambda: value is None or program.model(backend=value),
        "loader": lambda: model.train(value),
    }.items():  # fmt: skip
        try:
            asked()
        except LampError as error:
            assert error.diagnostics[0].code != "E900", name
            assert len(str(error)) < 20_000
        else:
            assert value is None, (name, value)


def test_tensors_without_numbers() -> None:
    model = lampc.compile.text("linear 2->1; loss mse").model(backend="torch")
    for wrong in (torch.zeros(4, 2, device="meta"), torch.zeros(4, 2).to_sparse(), torch.zeros(4, 2, dtype=torch.complex64)):
        for asked in (lambda x: model(x), lambda x: model.evaluate(x, torch.zeros(4, 1))):
            with pytest.raises(LampError, match="E605"):
                asked(wrong)


class Runs:
    """What NumPy would unpickle, and run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("RAN", "w"))


def test_no_array_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    hidden = np.array([Runs()] * 4, object)
    np.savez("a.npz", x=hidden, y=np.arange(4))
    np.save("b.npy", hidden, allow_pickle=True)
    (tmp_path / "x.lamp").write_text('linear 2->1\ndata npz "a.npz"\nloss mse')
    for verb in (["check", "x.lamp"], ["train", "x.lamp", "--no-save"], ["data", "x.lamp"], ["data", "a.npz"]):
        assert run(verb) == 1, verb
        assert "E900" not in capsys.readouterr().err
    (tmp_path / "good.lamp").write_text("linear 2->1\ndata xor\nloss mse\ntrain epochs=1")
    assert run(["train", "good.lamp", "--run-dir", "runs"]) == 0
    for name in ("a.npz", "b.npy"):
        assert run(["predict", "runs/good/1", name]) == 1
        assert "E900" not in capsys.readouterr().err
    assert not (tmp_path / "RAN").exists()


def test_of_very_many_mistakes_the_first_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake a character in one long line: soon, and not a million lines."""
    (tmp_path / "x.lamp").write_text("linear 2->2" + "; tanh ?" * 50_000)
    assert run(["check", str(tmp_path / "x.lamp")]) == 1
    said = capsys.readouterr().err
    assert said.count("error[E101]") == 200 and "and 49,800 more" in said and "50,000 errors" in said
