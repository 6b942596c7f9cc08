"""The memory of a training is told beforehand, and what does not fit is refused before any of it is taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.compile import Program
from lampc.diagnostics import Diagnostic, LampError
from lampc.runtime import fit, memory
from lampc.runtime.footprint import Footprint, Manner, Samples, amount, beginning, training
from lampc.runtime.storage import Storage

CPU = torch.device("cpu")
DEEP = "linear 2->512 xavier; tanh; repeat 6 { linear 512 xavier; tanh }; linear 1; loss mse; "
PROGRAMS = {
    "a large arena": DEEP + "data disc train=20000 test=100; train epochs=1 batch=15000",
    "many samples": "linear 2->10 xavier; tanh; linear 1; loss mse; optimizer adam; "
    "data disc train=1500000 test=500000 validation=500000; train epochs=1 batch=10000 shuffle",
    "many parameters": "linear 2->4000 xavier; tanh; linear 4000 xavier; tanh; linear 1; loss mse; optimizer adam; "
    "data disc train=20 test=10; train epochs=1 batch=10",
}
MEASURE = """
import re, sys
import lampc.compile
from lampc.runtime.footprint import Manner, Samples, training

def compiled(text):
    program = lampc.compile.text(text)
    if sys.argv[2] == "native":
        program.native.compiled("loss"), program.native.compiled(*program.measured)
    return program

compiled("linear 2->3; linear 1; data disc train=9 test=9; loss mse; train epochs=1 backend=" + sys.argv[2]).model().train()
program = compiled(sys.argv[1] + " backend=" + sys.argv[2])
told = training(program, Samples.of(program), Manner(sys.argv[2], program.batch, kept=False)).total
before = 4096 * int(open("/proc/self/statm").read().split()[1])
program.model().train()
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(told / (peak - before))
"""
"""What is told of a training, beside what the process has grown by at its most; the libraries are there before.

``ru_maxrss`` would begin with the size of the process that started this one."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("what", PROGRAMS)
def test_what_is_told_is_what_is_taken(what: str, backend: str) -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", MEASURE, PROGRAMS[what], backend],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert 0.7 <= float(done.stdout) <= 1.5


def told(program: Program, **manner: int) -> Footprint:
    samples = Samples.of(program)
    assert samples is not None
    return training(program, samples, Manner("torch", program.batch, kept=False, **manner))


def test_the_parts_are_what_the_program_says() -> None:
    source = (
        "linear 2->100; tanh; linear 1; data disc train=1000 test=500 validation={}; loss mse; {}; train batch=100 epochs=1"
    )
    plain = told(lampc.compile.text(source.format(0, "optimizer sgd")))
    assert plain.parameters == 4 * (2 * 100 + 100 + 100 + 1)
    assert plain.optimizer == plain.copies == 0
    assert plain.data == 1500 * 3 * 8 + (1000 + 500) * 3 * 4  # as they are loaded, and as the network takes them
    adam = told(lampc.compile.text(source.format(0, "optimizer adam")))
    assert adam.optimizer >= 2 * adam.parameters
    chosen = told(lampc.compile.text(source.format(100, "optimizer sgd")))
    assert chosen.copies == chosen.parameters  # the best epoch's
    assert chosen.times(2).total == 2 * chosen.total
    assert told(lampc.compile.text(source.format(100, "optimizer sgd")), side_by_side=2, runs=5).copies == 5 * chosen.copies


def test_recomputation_and_smaller_minibatches_take_less() -> None:
    source = "linear 2->64; repeat 8 { linear 64 xavier; gelu }; linear 1; data disc train=1000 test=10; loss mse; train "
    plain, again, half = (
        told(lampc.compile.text(source + more)).arena for more in ("batch=100", "batch=100 recompute", "batch=50")
    )
    assert again < plain
    assert half < plain
    assert told(lampc.compile.text(source + "batch=1000000")).arena == told(lampc.compile.text(source + "batch=1000")).arena


def test_amounts_are_for_people() -> None:
    assert [amount(size) for size in (0, 999, 1000, 99_940, 1_234_567, 10**12)] == [
        "0 bytes", "999 bytes", "1.0 kB", "100 kB", "1.2 MB", "1.0 TB"
    ]  # fmt: skip
    assert str(Footprint(1000, 0, 2_000_000)) == "2.0 MB: parameters 1.0 kB, arena 2.0 MB"


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has 50 MB left, and on which nobody takes parameters or minibatches into memory."""

    def never(*_: object) -> None:
        raise AssertionError("something was allocated")

    monkeypatch.setattr(fit, "available", lambda: 50_000_000)
    monkeypatch.setattr(Storage, "__init__", never)


def refused(source: str, **settings: object) -> Diagnostic:
    program = lampc.compile.text(source, **settings)
    with pytest.raises(LampError) as caught:
        program.train_many([0])
    (found,) = caught.value.diagnostics
    assert found.code == "E706"
    assert "50 MB are to be had" in found.message
    return found


@pytest.mark.usefixtures("little")
def test_a_batch_that_does_not_fit_is_refused_at_its_place_with_one_that_does() -> None:
    found = refused("linear 2->64 xavier; tanh; linear 1; data disc train=300000 test=10; loss mse; train batch=300000")
    assert found.labels[0].span.text.startswith("batch=300000")
    assert "arena" in found.message
    assert found.fixes[0].startswith("a smaller batch: `batch=")


@pytest.mark.usefixtures("little")
def test_a_layer_that_does_not_fit_is_refused_at_its_place() -> None:
    source = "linear 2->9000 xavier; tanh; linear 9000 xavier; tanh; linear 1; data xor; loss mse; optimizer adam"
    assert refused(source).labels[0].span.text == "linear 9000 xavier"
    with pytest.raises(LampError, match="the network takes"):
        lampc.compile.text("linear 2->9000 xavier; tanh; linear 9000 xavier").model()


@pytest.mark.usefixtures("little")
def test_data_that_does_not_fit_is_refused_at_its_place() -> None:
    found = refused("linear 2->4 xavier; tanh; linear 1; data disc train=5000000; loss mse; train batch=10")
    assert found.labels[0].span.text == "data disc train=5000000"


def test_samples_are_not_evaluated_all_at_once_where_they_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ("linear 2->64 xavier; tanh; linear 64 xavier; tanh; linear 1; input 2; train batch=1000000\n"
              "loss fn(p, t) = mean((p - mean(p))^2) + mean(t)")  # fmt: skip
    for backend in ("torch", "native"):
        model = lampc.compile.text(source).model(backend=backend)
        monkeypatch.setattr(fit, "available", lambda: 50_000_000)
        with pytest.raises(LampError, match="500,000 samples at once take"):
            model.evaluate(np.zeros((500_000, 2)), np.ones((500_000, 1)))


def test_a_second_training_counts_what_the_first_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    source = DEEP + "data disc train=6000 test=10; train epochs=1 batch=6000 backend=torch"
    model = lampc.compile.text(source).model()
    model.train()
    monkeypatch.setattr(fit, "available", lambda: 30_000_000)
    model.train()
    with pytest.raises(LampError, match="E706"):
        lampc.compile.text(source).model().train()


def test_so_many_seeds_go_side_by_side_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    program = lampc.compile.text(DEEP + "data disc train=2000 test=10; train epochs=1 batch=2000")
    one = fit.planned(program, CPU, 5, 1)
    assert one is not None
    monkeypatch.setattr(fit, "available", lambda: int(3.5 * one[0].total))
    several = fit.planned(program, CPU, 5, 5)
    assert several is not None
    assert several[1].side_by_side == 3
    assert several[0].total <= 3.5 * one[0].total


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    inner = tmp_path / "memory" / "a" / "b"
    inner.mkdir(parents=True)
    for folder, most in ((inner, 1000), (inner.parent, 700)):  # the group around it has less
        (folder / "memory.limit_in_bytes").write_text(f"{most}\n")
        (folder / "memory.usage_in_bytes").write_text("300\n")
        (folder / "memory.stat").write_text("cache 5\ntotal_inactive_file 50\n")
    assert (
        min(memory._left(tmp_path / "memory", "/a/b", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
        == 450
    )
    (inner / "memory.max").write_text("max\n")
    assert memory._left(tmp_path / "memory", "/a/b", "memory.max", "memory.current", "inactive_file") == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit is Linux's here")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_process_own_limit_counts(limit: str) -> None:
    text = ("import resource; from lampc.runtime.memory import available; "
            f"resource.setrlimit(resource.{limit}, (3_000_000_000,) * 2); print(available())")  # fmt: skip
    found = int(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout)
    assert 0 < found < 3_000_000_000


def test_a_model_alone_is_its_parameters() -> None:
    found = beginning(lampc.compile.text("linear 2->100"))
    assert (found.parameters, found.passing) == (1200, 1600)
