"""Every way to run an op, on every sample in many sizes: PyTorch's kernels, native code, C, exported PyTorch and ONNX.

Kernels are judged by what PyTorch's own functions make of the operands, in float64, and gradients by autograd; the others by
kernels.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from judges import BATCH, JUDGES, execute
from renderings import Native, c_form, differs, in_c, in_onnx, in_torch, judged, native_form, numbers, onnx_form
from variants import BATCHES, WIDTHS, Case, cases, tried

from lampc.ir.op import NoGradient, Op
from lampc.ir.types import DType
from lampc.ops.activations import Tanh
from lampc.ops.elementwise import Elementwise

CASES = [case for op in tried() for case in cases(op)]

EXACT: dict[DType, float] = {"f64": 1e-11, "f32": 2e-5}
ONNX: dict[DType, float] = {"f64": 2e-7, "f32": 2e-5}
"""An attribute, such as a slope, is a float32 there."""

DRAWS = {"dropout", "noise"}
"""What draws random numbers: an export draws its own."""
ELSEWHERE = {"pack": "where gradients lie, no number of them: training tests it"}
"""What has no native form alone."""
NO_NATIVE = {
    "all_reduce", "vjp", "wait", "with_gradient",
}  # fmt: skip
"""Ops that run from the op list alone: one that gets a native form leaves this list, and is judged below."""
REFERENCE_LACKS = {"conv2": "groups of a transposed convolution", "pad2": "a negative amount", "rnn5": "Relu"}
"""Samples that onnx's reference cannot run, though runtimes do."""


def gradient(case: Case) -> dict[str, torch.Tensor]:
    try:
        return judged(case, gradient=True)
    except NoGradient:
        return {}


def refuse(wrong: dict[str, str]) -> None:
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


def kernels(every: list[Case]) -> dict[str, str]:
    """What of torch's kernels, and of the gradients that are made of them, is not what PyTorch's functions make."""
    wrong = {}
    for case in (case.at(BATCH) for case in every if case.op.name in JUDGES):
        exact = numbers(case, "f64", gradient=True)
        inputs = [operand.clone().requires_grad_(operand.is_floating_point()) for operand in exact[:-1]]
        out = JUDGES[case.op.name](case.op, *inputs)
        for dtype in EXACT:
            found = execute(case.op, numbers(case, dtype))[0]
            wrong[f"{case.name} {dtype}"] = differs({"r0": found}, {"r0": out.detach()}, EXACT[dtype])
        ours = gradient(case)
        leaves = [inputs[int(name[1:])] for name in ours]
        if leaves and out.requires_grad:
            theirs = torch.autograd.grad(out, leaves, exact[-1], materialize_grads=True)
            wrong[f"{case.name} gradient"] = differs(ours, dict(zip(ours, theirs, strict=True)), 1e-10)
    return {name: what for name, what in wrong.items() if what}


def test_kernels() -> None:
    refuse(kernels(CASES))


def native(every: list[Case], dtype: DType, fused: bool) -> dict[str, str]:
    """What native code gets wrong, for every size of minibatch."""
    whole = [(case, False) for case in every] + [(case, True) for case in every if gradient(case)]
    said = [(case, back) for case, back in whole if case.op.name not in ELSEWHERE and native_form(case, dtype, back) is None]
    if not said:
        return {}
    code, wrong = Native(said, dtype, fused), {}
    for batch in BATCHES:
        for (case, back), found in zip(said, code.run(batch), strict=True):
            what = differs(found, judged(case.at(batch), back), EXACT[dtype])
            if what:
                wrong[f"{case.name}{' gradient' if back else ''}, {batch} samples"] = what
    return wrong


WAYS: list[tuple[DType, bool]] = [("f64", True), ("f32", False), ("f32", True), ("f64", False)]


@pytest.mark.parametrize(
    ("number", "way"), list(enumerate(WAYS)), ids=[f"{dtype} {'fused' if f else 'plain'}" for dtype, f in WAYS]
)
def test_native_code(number: int, way: tuple[DType, bool]) -> None:
    """Each case one way; the command below goes all ways."""
    refuse(native(CASES[number :: len(WAYS)], *way))


def test_what_has_no_native_form_is_known() -> None:
    said = {case.op.name for case in CASES if case.op.name not in ELSEWHERE and native_form(case, "f64", False) is None}
    assert {op.name for op in tried()} - said - set(ELSEWHERE) == NO_NATIVE


def exported_c(every: list[Case], dtype: DType, folder: Path) -> dict[str, str]:
    """What C, of one sample, gets wrong."""
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    said = [case for case in every if c_form(case) is not None]
    pairs = zip(said, in_c(said, dtype, folder, compiler), strict=True)
    found = {case.name: differs({"r0": out}, {"r0": judged(case.at(1))["r0"]}, EXACT[dtype]) for case, out in pairs}
    return {name: what for name, what in found.items() if what}


@pytest.mark.parametrize("dtype", EXACT)
def test_c(dtype: DType, tmp_path: Path) -> None:
    refuse(exported_c(CASES[dtype == "f32" :: 2], dtype, tmp_path))


def exported_torch(every: list[Case]) -> dict[str, str]:
    """What the lines of PyTorch source, and autograd through them, get wrong."""
    wrong = {}
    for number, plain in enumerate(case for case in every if case.op.name not in DRAWS):
        least = 2 if plain.op.name == "batchnorm" else 1  # of one number PyTorch takes no statistics
        case = plain.at(max(least, BATCHES[number % len(BATCHES)]))
        wanted = judged(case) | gradient(case)
        for dtype in EXACT:
            found = in_torch(case, dtype, [name for name in wanted if name.startswith("g")]) or {}
            wrong[f"{case.name} {dtype}"] = differs(found, {name: wanted[name] for name in found}, EXACT[dtype])
    return {name: what for name, what in wrong.items() if what}


def test_pytorch_source() -> None:
    refuse(exported_torch(CASES))


def exported_onnx(every: list[Case], dtype: DType, batch: int) -> dict[str, str]:
    """What a runtime makes wrong of ONNX's nodes: float32 by onnxruntime, float64 by onnx's reference."""
    pytest.importorskip("onnxruntime")
    runtime = "onnxruntime" if dtype == "f32" else "reference"
    said = [
        case for case in every if onnx_form(case, dtype) and not (dtype == "f64" and case.name.split()[0] in REFERENCE_LACKS)
    ]
    pairs = zip(said, in_onnx(said, dtype, batch, runtime), strict=True)
    found = {case.name: differs({"r0": out}, {"r0": judged(case.at(batch))["r0"]}, ONNX[dtype]) for case, out in pairs}
    return {name: what for name, what in found.items() if what}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("dtype", "batch"), [("f32", 1), ("f32", 7), ("f64", 2)])
def test_onnx(dtype: DType, batch: int) -> None:
    refuse(exported_onnx(CASES, dtype, batch))


@pytest.mark.long
@pytest.mark.parametrize("op", tried(), ids=lambda op: op.name)
def test_every_size_every_way(op: type[Op], tmp_path: Path) -> None:
    every = cases(op, every=True)
    refuse(kernels(every) | exported_torch(every))
    for dtype, fused in WAYS:
        refuse(native(every, dtype, fused))
    for dtype in EXACT:
        refuse(exported_c(every, dtype, tmp_path))
        for batch in BATCHES:
            refuse(exported_onnx(every, dtype, batch))


def test_cases_go_over_ranks_and_widths() -> None:
    shapes = [operand.shape for case in CASES if isinstance(case.op, Elementwise) for operand in case.sample.operands]
    assert {len(shape) for shape in shapes} >= {0, 1, 2, 3, 4}
    assert {shape[-1] for shape in shapes if shape} >= {*WIDTHS}


def test_a_wrong_expression_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right: Any = Tanh.expression
    monkeypatch.setattr(Tanh, "expression", lambda op, x: 1.1 * right(op, x))
    assert native(cases(Tanh), "f64", fused=True)
    assert exported_c(cases(Tanh), "f32", tmp_path)
