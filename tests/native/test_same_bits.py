"""The same bits on every machine: AVX2's registers, AVX-512's and NEON's, however kernels are cut into blocks for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import arm
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from test_drawn_kernels import drawn

import lampc.compile
from lampc.compile import Program
from lampc.ir.graph import Graph
from lampc.native import module
from lampc.native.code import Target
from lampc.native.engine import Code, assembly, compile_text, host, refusal
from lampc.native.kernel import Kind
from lampc.native.module import Module, build
from lampc.native.select import Selection
from lampc.native.session import Session
from lampc.ops.philox import key_of
from lampc.runtime.backend import leaves

LEVELS = ("x86-64-v3", "x86-64-v4")
Array = NDArray[Any]

EVERYTHING = """
fn f(x) = where(x > 0.1, sin(x) ^ 3, sigmoid(x) * cos(x)) + abs(x + 1.5) ^ 1.5 + erf(x) * log(x * x + 1)
linear 9->70 xavier; layernorm; f; dropout 0.3
linear 33 kaiming; softplus; residual { linear 33 xavier; tanh }
linear 5 xavier; softmax
loss crossentropy
optimizer adam lr=0.01 clip=0.5
"""
"""Every function that expressions call but the exponential by itself, sums of all kinds, random numbers."""

NESTS = """
reshape 1x3x3; conv 20 2 xavier padding=1 bias=off; batchnorm; relu; maxpool 2; reshape 5x16; position learned
attention 2 causal; gru 7 both; groupnorm 5; lstm 3 last
linear 5 xavier; softmax
loss crossentropy
optimizer adam lr=0.01
"""
"""What goes over more axes than rows and columns, of as many numbers and classes."""

TRAINED = """
import hashlib
import numpy as np
import lampc.compile
from lampc import resources

EVERYTHING, EPOCHS = {everything!r}, {{"digits_cnn": 1, "lstm": 1}}
rng = np.random.default_rng(0)
data = rng.normal(size=(130, 9)).astype(np.float32), rng.integers(0, 5, 130)
programs = {{"everything": lampc.compile.text(EVERYTHING + "train epochs=3 batch=37")}}
for name in ("disc", "digits", "digits_cnn", "lstm"):
    programs[name] = lampc.compile.file(resources.path("models", name + ".lamp"), epochs=EPOCHS.get(name, 3))
for name, program in programs.items():
    model = program.model(seed=4, backend="native")
    model.train(lampc.DataLoader(data, batch=37, shuffle=True, seed=1), epochs=3) if name == "everything" else model.train()
    digest = hashlib.sha256()
    for parameter in model.parameters.values():
        digest.update(np.asarray(parameter).tobytes())
    print(name, digest.hexdigest())
"""


def lacks(level: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMPC_TARGET", level)
        return refusal() is not None


needs_both = pytest.mark.skipif(any(map(lacks, LEVELS)), reason="this machine has not both AVX2 and AVX-512")
needs_fma = pytest.mark.skipif(refusal() is not None or not host().target.fma, reason="no fused multiply-add here")


@needs_both
def test_a_seed_gives_the_same_network() -> None:
    """The disc, digits by a dense network and by a convolutional one, a recurrent one, and one that calls every function."""
    said = {}
    for level in LEVELS:
        script = TRAINED.format(everything=EVERYTHING)
        ended = subprocess.run([sys.executable, "-c", script], env={**os.environ, "LAMPC_TARGET": level}, check=False,
                               capture_output=True, text=True)  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        said[level] = ended.stdout.splitlines()
    first, second = (said[level] for level in LEVELS)
    assert first == second
    assert len(first) == 5


def outcome(seed: int, target: Target, patch: pytest.MonkeyPatch, fused: bool = True) -> list[tuple[str, bytes]]:
    """What kernels drawn at random come to: all leaves and outputs, to the bit. NaNs are alike."""
    this, outside, loss = drawn(seed)
    batch, double = 1 + seed % 9, this.dtype == "f64"
    outputs = {"loss": loss, **{f"o{id}": id for id in outside}}
    patch.setattr(module, "select", lambda graph, wanted: Selection(dict(this.buffers), list(this.kernels), [], outputs))
    made = build(Graph(), tuple(outputs), target, double, batch, fused)
    session = Session(made, Code(compile_text(made.text)), batch, poison=True)
    numbers, own = np.random.default_rng(seed), np.float64 if double else np.float32
    held = {f"b{id}": numbers.normal(size=(b.rows.at(batch), b.cols)).astype(own)
            for id, b in this.buffers.items() if b.kind is Kind.STATE}  # fmt: skip
    session.bind(held)
    session.put()
    session.run(np.zeros((batch, 1), own), None, np.arange(batch)[None], batch)
    session.take()
    found = held | {name: session.read(name) for name in outputs}
    return [(name, np.where(np.isnan(value), own(np.nan), value).astype(own).tobytes()) for name, value in found.items()]


@needs_both
@pytest.mark.parametrize("seed", range(0, 100, 3))
def test_drawn_kernels_for_other_registers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for level in LEVELS:
        monkeypatch.setenv("LAMPC_TARGET", level)
        found.append(outcome(seed, host().target, monkeypatch))
    assert found[0] == found[1]


@needs_fma
@pytest.mark.parametrize("seed", range(1, 100, 3))
def test_blocks_change_no_bit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks for few registers and for many, narrow and wide, run here."""
    targets = (Target(64, 32), Target(32, 16), Target(16, 32), Target(16, 16), Target(64, 128))
    first, *others = (outcome(seed, target, monkeypatch) for target in targets)
    assert all(other == first for other in others)


def prepared(precision: str, source: str = EVERYTHING) -> tuple[Program, dict[str, Array], Array, Array]:
    """A program of 9 numbers and 5 classes, its leaves, and samples."""
    program = lampc.compile.text(source if source == EVERYTHING else f"input 9\n{source}", precision=precision)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(50, 9)).astype(np.float64 if precision == "f64" else np.float32)
    model = program.model(seed=2, backend="torch")
    return program, {name: np.array(value) for name, value in leaves(program, model.storage).items()}, x, rng.integers(0, 5, 50)


def module_of(program: Program, batch: int) -> Module:
    double = program.elaborated.input_type.dtype == "f64"
    return build(program.whole, ("loss",), host().target, double, batch, totals=program.totals)


@needs_fma
@pytest.mark.skipif(arm.missing() is not None, reason=f"{arm.missing()}")
@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("source", [EVERYTHING, NESTS], ids=["everything", "nests"])
def test_an_emulated_arm_learns_the_same(source: str, precision: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, held, x, y = prepared(precision, source)
    order = np.stack([np.random.default_rng(seed).permutation(len(x)) for seed in range(2)])
    key, batch = key_of(5), 17
    monkeypatch.setenv("LAMPC_TARGET", "aarch64")
    theirs = arm.trained(module_of(program, batch), held, x, y, order, batch, key, tmp_path)
    monkeypatch.delenv("LAMPC_TARGET")
    made = module_of(program, batch)
    session = Session(made, Code(compile_text(made.text)), batch)
    session.bind(held)
    session.put()
    session.seed(key, 0)
    before = {name: value.copy() for name, value in held.items()}
    session.run(x, y, order, batch)
    session.take()
    for name, value in theirs.items():
        assert value.tobytes() == held[name].reshape(value.shape).tobytes(), name
    assert any((before[name] != held[name]).any() for name in held)


def test_another_architecture_is_read_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "x86-64-v3" if host().triple.startswith(("aarch64", "arm64")) else "aarch64"
    monkeypatch.setenv("LAMPC_TARGET", other)
    program = lampc.compile.text(EVERYTHING)
    backend = program.model(seed=0).backend
    assert (backend.name, "another architecture" in backend.reason) == ("torch", True)
    assert "run:" in assembly(module_of(program, 8).text)
    assert program.model(seed=0)(torch.zeros(2, 9)).shape == (2, 5)


CALLS = re.compile(r"^\s+(?:callq|jmp|bl|b|movabsq)\s+\$?([A-Za-z_][\w.]*)(?:@PLT)?(?:,.*)?$", re.MULTILINE)


@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4", "aarch64"])
@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_no_library_computes_a_number(level: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if level != "aarch64" and lacks(level):
        pytest.skip("no such processor")
    monkeypatch.setenv("LAMPC_TARGET", level)
    program, *_ = prepared(precision)
    called = set(CALLS.findall(assembly(module_of(program, 8).text)))
    ours = {name for name in called if name.startswith(("kernel_", "lamp_")) or name == "meet"}
    assert ours
    assert called - ours <= {"memcpy", "memset", "sched_yield"}
