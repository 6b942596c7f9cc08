"""The kernel representation: golden listings, and what fusing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_files import Golden

import lampc.compile
from lampc.cli import run
from lampc.native.code import Target, shares
from lampc.native.fuse import fuse
from lampc.native.kernel import Kind, listing
from lampc.native.module import build
from lampc.native.select import select

MODELS = Path(__file__).parents[2] / "models"


@pytest.mark.parametrize("name", ["disc", "iris", "swish"])
def test_listings(name: str, golden: Golden) -> None:
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    found = select(program.whole, ["loss"])
    keep = set(found.outputs.values()) | {id for kernel in found.first for id in kernel.writes}
    fused = fuse(found.kernels, found.buffers, keep, found.outputs["loss"])
    plain = listing(found.kernels, found.buffers)
    golden(f"native/{name}.txt", f"{plain}\n\nfused\n\n{listing(fused, found.buffers)}\n")


def test_the_seed_experiment_is_a_dozen_kernels() -> None:
    """Three layers forward with their activations, the loss, three backward, three weight gradients with their updates."""
    program = lampc.compile.file(MODELS / "disc.lamp")
    module = program.native.module("loss")
    assert len(module.kernels) == 12
    updated = {module.buffers[id].label for kernel in module.kernels for id in kernel.writes
               if module.buffers[id].kind is Kind.PARAMETER}  # fmt: skip
    assert updated == set(program.parameters)


def test_alike_kernels_are_one_function() -> None:
    few = lampc.compile.text("linear 6->6; repeat 3 { linear 6; tanh }; linear 1; loss mse")
    many = lampc.compile.text("linear 6->6; repeat 30 { linear 6; tanh }; linear 1; loss mse")
    target = Target(64, 32)
    counts = [build(p.whole, ("loss",), target, False, 50).text.count("define internal void") for p in (few, many)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("target", [Target(64, 32), Target(32, 16), Target(16, 32), Target(16, 16)], ids=str)
def test_every_machine_has_code(target: Target) -> None:
    """That LLVM takes it; only this machine's can be run here."""
    import llvmlite.binding as llvm

    for name in ("disc", "digits", "residual"):
        program = lampc.compile.file(MODELS / f"{name}.lamp")
        for double in (False, True):
            llvm.parse_assembly(build(program.whole, ("loss",), target, double, 50).text).verify()


def test_shares() -> None:
    for total in range(1, 100):
        for most in range(1, 15):
            found = shares(total, most)
            assert sum(size * count for _, size, count in found) == total
            assert all(1 <= size <= most for _, size, _ in found)
            assert [first for first, _, _ in found] == [0, *[found[0][1] * found[0][2]][: len(found) - 1]]


@pytest.mark.parametrize("option", ["--native", "--llvm", "--asm"])
def test_the_code_can_be_read(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ops", str(MODELS / "xor.lamp"), option]) == 0
    out = capsys.readouterr().out
    assert {"--native": "product = Σ k<2", "--llvm": "define i64 @run", "--asm": "run:"}[option] in out


def test_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sweep", str(MODELS / "disc.lamp"), "--grid", "lr=0.01,0.3", "--grid", "batch=20,50", "--runs", "2"]
    assert run([*arguments, "--set", "epochs=20", "--set", "data.validation=200", "-o", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["lr", "batch", "loss", "accuracy"]
    assert lines[-1] == f"saved in {tmp_path}"
    assert lines[-2].startswith("best by validation accuracy: lr=")
    assert len(lines) == 7
    assert sum(line.endswith("best") for line in lines) == 1
    table = (tmp_path / "table.csv").read_text().splitlines()
    assert len(table) == 5
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")
    assert run([*arguments[:2], "--grid", "epohcs=1"]) == 1
    assert "did you mean `epochs`?" in capsys.readouterr().err
