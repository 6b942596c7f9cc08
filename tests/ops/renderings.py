"""Cases run by native code, C, PyTorch source and ONNX: many at once, for a compiler's start costs more than an op."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from judges import evaluate, execute
from operands import make, type_of
from torch import Tensor
from variants import Case, put_case

from lampc.export import c_ops, c_source, onnx_ops, torch_ops
from lampc.export.c_functions import FUNCTIONS as IN_C
from lampc.ir.graph import Graph
from lampc.ir.leaves import Constant
from lampc.ir.types import Coefficient, DType
from lampc.native.engine import Code, compile_text, host
from lampc.native.module import Module, build
from lampc.native.session import Session
from lampc.native.spaces import NoNativeForm
from lampc.ops.philox import key_of
from lampc.ops.term import Build

TORCH: dict[DType, torch.dtype] = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64}
SEED = 1
"""Of what random ops draw: judges draw the same."""


def numbers(case: Case, dtype: DType, gradient: bool = False) -> list[Tensor]:
    """The operands, and for a gradient the result's cotangent, which float32 can hold."""
    generator = torch.Generator().manual_seed(7)
    found = [make(operand, generator, torch.float32) for operand in case.sample.operands]
    if gradient:
        result = case.op.infer(*map(type_of, found))[0]
        found.append(torch.randn(result.dims(case.batch), generator=generator))
    return [tensor if tensor.dtype == torch.int64 else tensor.to(TORCH[dtype]) for tensor in found]


def judged(case: Case, gradient: bool = False) -> dict[str, Tensor]:
    """The results, or the operands' gradients, of torch's kernels in float64, without any of the compiler's later stages."""
    operands = numbers(case, "f64", gradient)
    if not gradient:
        return {f"r{i}": result for i, result in enumerate(execute(case.op, operands, batch=case.batch))}
    graph = Graph()
    leaves, wanted = put_case(Build(graph), case, "f64", "", gradient, symbolic=False)
    given = {term.value.node: tensor for term, tensor in zip(leaves.values(), operands, strict=True)}
    found = evaluate(graph, given, case.batch)
    return {label.removeprefix(":"): found[term.value] for label, term in wanted.items()}


# Native code --------------------------------------------------------------------------------------------------------


def in_one_graph(cases: Sequence[tuple[Case, bool]], dtype: DType) -> tuple[Graph, tuple[str, ...]]:
    """Cases side by side; ``True``: its gradient."""
    graph = Graph()
    made = Build(graph)
    for number, (case, gradient) in enumerate(cases):
        _, wanted = put_case(made, case, dtype, str(number), gradient)
        graph.outputs.update({label: term.value for label, term in wanted.items()})
    return graph, tuple(graph.outputs)


def native_form(case: Case, dtype: DType, gradient: bool) -> str | None:
    """Why there is no native form; None if there is one."""
    try:
        graph, outputs = in_one_graph([(case, gradient)], dtype)
        build(graph, outputs, host().target, dtype == "f64", 3)
    except NoNativeForm as error:
        return str(error)
    return None


class Native:
    """Cases as one module, for minibatches of any size."""

    def __init__(self, cases: Sequence[tuple[Case, bool]], dtype: DType, fused: bool) -> None:
        self.cases = cases
        self.dtype = dtype
        self.graph, outputs = in_one_graph(cases, dtype)
        self.module: Module = build(self.graph, outputs, host().target, dtype == "f64", 3, fused, poison=True)
        self.code = Code(compile_text(self.module.text))

    def run(self, batch: int) -> list[dict[str, Tensor]]:
        """Each case's results, on memory that holds NaN before anything is written, and again after its last use."""
        session = Session(self.module, self.code, batch, poison=True)
        leaves = {}
        for number, (case, gradient) in enumerate(self.cases):
            at = case.at(batch)
            labels = [*map(str, range(len(case.sample.operands))), "dy"]
            for label, tensor in zip(labels, numbers(at, self.dtype, gradient), strict=False):
                leaves[f"{number}:{label}"] = tensor.numpy()
        session.bind(leaves)
        session.put()
        session.seed(key_of(SEED), 0)
        nothing = np.zeros(1, dtype=np.float64 if self.dtype == "f64" else np.float32)
        session.run(nothing, nothing, np.arange(batch)[None], batch)
        found: list[dict[str, Tensor]] = [{} for _ in self.cases]
        for label in self.module.outputs:
            number, _, name = label.partition(":")
            type = self.graph.type(self.graph.outputs[label])
            found[int(number)][name] = torch.from_numpy(session.read(label).copy()).reshape(type.dims(batch))
        return found


# C ------------------------------------------------------------------------------------------------------------------


def c_form(case: Case) -> list[str] | None:
    """An op's lines for one sample; None where there is no way to say it."""
    alone = case.at(1)
    operands = numbers(alone, "f64")
    places = [c_ops.Place(f"a{i}", tuple(tensor.shape)) for i, tensor in enumerate(operands)]
    (result, *_) = alone.op.infer(*map(type_of, operands))
    return c_ops.say(alone.op, c_ops.Place("out", result.dims(1)), places)


def in_c(cases: Sequence[Case], dtype: DType, folder: Path, compiler: str) -> list[Tensor]:
    """Each case's first result for a minibatch of one sample, by one C file."""
    texts = []
    for number, case in enumerate(cases):
        kinds = ["int64_t" if type.dtype == "i64" else "real" for type in case.types(dtype)]
        arguments = ", ".join([*(f"const {kind} *a{i}" for i, kind in enumerate(kinds)), "real *out"])
        unused = "".join(f" (void)a{i};" for i in range(len(kinds)))
        body = "\n".join(c_form(case) or [])
        texts.append(f"void case{number}({arguments}) {{{unused}\n{body}\n}}")
    text = "\n".join([*IN_C.values(), "real scratch[4096];", *texts])
    text = f"{c_source.head(dtype, text)}\n{text}"
    (folder / f"ops_{dtype}.c").write_text(text)
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-pedantic", "-shared", "-fPIC"]
    target = folder / f"ops_{dtype}.so"
    done = subprocess.run([compiler, *flags, str(folder / f"ops_{dtype}.c"), "-o", str(target), "-lm"], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    library, found = ctypes.CDLL(str(target)), []
    for number, case in enumerate(cases):
        alone = case.at(1)
        operands = [tensor.contiguous() for tensor in numbers(alone, dtype)]
        out = torch.full(alone.op.infer(*map(type_of, operands))[0].dims(1), torch.nan, dtype=TORCH[dtype])
        getattr(library, f"case{number}")(*(ctypes.c_void_p(tensor.data_ptr()) for tensor in (*operands, out)))
        found.append(out)
    return found


# PyTorch source -----------------------------------------------------------------------------------------------------


class _Self:
    """What a line of a module's ``forward`` may call ``self``."""

    training = True

    def __init__(self, like: Tensor) -> None:
        self.like = like


def in_torch(case: Case, dtype: DType, gradients: Collection[str]) -> dict[str, Tensor] | None:
    """The result of the op's line, and by autograd the operands' gradients of these names; None where there is no line.

    Operands without axes are given as the numbers that constants become.
    """
    *operands, dy = numbers(case, dtype, gradient=True)
    names, plain, space = [], [], _space(dy)
    for i, operand in enumerate(operands):
        names.append(f"a{i}")
        space[f"a{i}"] = operand.clone().requires_grad_(f"g{i}" in gradients)
        if operand.dim() == 0 and operand.is_floating_point():
            names[i] = str(torch_ops.say(Constant(type_of(operand), Coefficient(operand.item())), [], []))
            plain.append(i)
    space["x"] = next((space[f"a{i}"] for i, operand in enumerate(operands) if operand.dim()), dy)
    line = torch_ops.say(case.symbolic(), names, case.types(dtype), plain)
    if line is None:
        return None
    out = eval(line, space)
    wanted = [name for name in gradients if int(name[1:]) not in plain]
    found = torch.autograd.grad(out, [space[f"a{name[1:]}"] for name in wanted], dy, materialize_grads=True) if wanted else ()
    return {"r0": out.detach(), **dict(zip(wanted, found, strict=True))}


def _space(like: Tensor) -> dict[str, Any]:
    """What the lines of a file may name."""
    return {**_functions(), "self": _Self(like.new_zeros(()))}


@cache
def _functions() -> dict[str, Any]:
    space: dict[str, Any] = {"torch": torch, "F": F}
    for _, text in torch_ops.FUNCTIONS.values():
        exec(text, space)
    return space


# ONNX ---------------------------------------------------------------------------------------------------------------


def in_onnx(cases: Sequence[Case], dtype: DType, batch: int, runtime: str) -> list[Tensor]:
    """Each case's first result, by one model."""
    from onnx import TensorProto, helper

    made, kind = onnx_ops.Build(dtype), {"f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE}[dtype]
    inputs, outputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])], []
    feeds: dict[str, Any] = {"x": np.zeros(batch, dtype=np.float32)}
    for number, case in enumerate(cases):
        tensors = numbers(case.at(batch), dtype)
        names = [f"c{number}_{i}" for i in range(len(tensors))]
        for name, tensor in zip(names, tensors, strict=True):
            feeds[name] = tensor.numpy()
            inputs.append(helper.make_tensor_value_info(name, made.kind(type_of(tensor)), list(tensor.shape)))
        result = onnx_said(made, case, names, dtype)
        assert result is not None
        made.add("Identity", [result], out=f"out{number}")
        outputs.append(helper.make_tensor_value_info(f"out{number}", kind, None))
    graph = helper.make_graph(made.nodes, "cases", inputs, outputs, made.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    with np.errstate(all="ignore"):  # a branch of `where` that is not taken
        return [torch.from_numpy(np.asarray(array).copy()) for array in _session(model, runtime).run(None, feeds)]


def onnx_said(made: onnx_ops.Build, case: Case, names: list[str], dtype: DType) -> str | None:
    """An op's nodes; the name of its result, None where there is no way to say it."""
    say, types = onnx_ops.SAY.get(case.op.name), case.types(dtype)
    return None if say is None else say(made, case.symbolic(), names, list(types), case.symbolic().infer(*types)[0])


def onnx_form(case: Case, dtype: DType) -> bool:
    """Whether ONNX can say it."""
    return onnx_said(onnx_ops.Build(dtype), case, [f"a{i}" for i in range(len(case.sample.operands))], dtype) is not None


def _session(model: Any, runtime: str) -> Any:
    if runtime == "reference":
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(model)
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def differs(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], tolerance: float) -> str:
    """What does not agree; NaN and infinities agree with themselves. Empty if all does."""
    for name, exact in wanted.items():
        ours, tensor = found[name].double(), exact.to(found[name].dtype).double()
        if ours.shape != tensor.shape:
            return f"{name}: {tuple(ours.shape)} for {tuple(tensor.shape)}"
        finite = tensor[tensor.isfinite()]
        scale = max(1.0, float(finite.abs().max())) if len(finite.flatten()) else 1.0
        if not torch.allclose(ours, tensor, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
            error = (ours - tensor).abs().nan_to_num(nan=0.0)
            return f"{name}: off by {float(error.max())} of {scale:.3g}, {int(ours.isnan().sum())} NaN"
    return ""
