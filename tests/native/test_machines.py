"""Other processors and systems: code for an older one gives the same numbers, and where there can be none torch runs."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.native.engine import LEVELS, host, refusal
from lampc.native.spaces import NoNativeForm
from lampc.runtime.loader import Batch

DENSE = "linear 8->30 xavier; tanh; linear 40 xavier; softmax; linear 1 xavier; sigmoid\nloss bce\noptimizer adam lr=0.01\n"


def levels() -> list[str]:
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for level in LEVELS:
            patch.setenv("LAMPC_TARGET", level)
            if refusal() is None:
                found.append(level)
    return found


def trained(backend: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(64, 8, generator=generator), torch.rand(64, 1, generator=generator).round()
    model = lampc.compile.text(DENSE).model(seed=0, backend=backend)
    model.train(lampc.DataLoader((x, y), batch=7), epochs=3)
    return model(x)


@pytest.mark.parametrize("level", levels())
def test_code_for_a_processor_learns_what_torch_does(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMPC_TARGET", level)
    torch.testing.assert_close(trained("native"), trained("torch"), rtol=2e-5, atol=2e-6)


def test_without_fused_products_none_is_called_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library's ``fma`` would be called a number at a time."""
    monkeypatch.setenv("LAMPC_TARGET", "x86-64-v2")
    if refusal() is not None:
        pytest.skip("no such processor")
    text = lampc.compile.text(DENSE).native.module("loss").text
    assert "@llvm.fmuladd." in text
    assert "@llvm.fma.v" not in text  # powers of one number, such as Adam's, are worth a call


@pytest.mark.parametrize("name", ["z80", "x86-64-v9"])
def test_a_processor_that_is_none_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMPC_TARGET", name)
    with pytest.raises(NoNativeForm, match="LAMPC_TARGET"):
        host()
    program = lampc.compile.text(DENSE)
    assert "LAMPC_TARGET" in program.model().backend.reason
    with pytest.raises(lampc.LampError) as caught:
        program.model(backend="native")
    assert [found.code for found in caught.value.diagnostics] == ["E704"]


def test_native_code_that_was_asked_for_is_all_there_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows only when the code is written."""

    def refused(*_: object) -> str:
        raise NoNativeForm("a kernel that this machine has no code for")

    monkeypatch.setattr("lampc.native.module.function", refused)
    program = lampc.compile.text("linear 2->5 xavier; layernorm; linear 1 xavier\nloss mse")
    with pytest.raises(lampc.LampError) as caught:
        program.model(backend="native")
    assert [found.code for found in caught.value.diagnostics] == ["E704"]
    model = program.model()
    with pytest.warns(RuntimeWarning, match="torch goes on"):
        assert model(torch.zeros(2, 2)).shape == (2, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
def test_where_memory_may_not_be_executed_torch_runs() -> None:
    script = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, Linux 6.3
    sys.exit(77)
import lampc.compile
model = lampc.compile.text("linear 2->3 xavier; tanh; linear 1; loss mse").model(seed=0)
print(model.backend.name, model.backend.reason, model([[0.1, 0.2]]).shape)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if ended.returncode == 77:
        pytest.skip("this kernel knows no such refusal")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("torch the system does not let memory be executed")


def test_a_small_stack_is_enough() -> None:
    """Large factors are packed into memory of the session's own."""
    source = "linear 200->512 kaiming; relu; linear 512 kaiming; relu; linear 10 xavier\nloss crossentropy\ntrain batch=128"
    model = lampc.compile.text(source).model(seed=1, backend="native")
    assert "%panel" in model.program.native.module("loss").text
    runner = model.native("loss")
    assert runner is not None
    runner.begin(128)
    x, y = torch.rand(128, 200), torch.zeros(128, dtype=torch.int64)
    losses: list[float] = []
    before = threading.stack_size(128 * 1024)
    try:
        thread = threading.Thread(target=lambda: losses.extend(runner.train(Batch(x, y), None, 128)[0]))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert np.isfinite(losses).all()
    assert losses
