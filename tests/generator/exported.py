"""Exports of a model, held to the reference's predictions."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lampc.runtime.model import Model

Export = Callable[[Model, Tensor], Tensor]


def in_torch(model: Model, x: Tensor) -> Tensor:
    """By the exported PyTorch source."""
    with torch.no_grad():
        found: Tensor = model.program.to_torch(model).eval()(x)
    return found


def in_onnx(model: Model, x: Tensor) -> Tensor:
    """By onnxruntime, or by ONNX's own evaluator where that has not every node in float64."""
    import onnx.reference
    import onnxruntime

    from lampc.export.onnx import export

    onnxruntime.set_default_logger_severity(4)
    proto = export(model)
    given = {"x": x.numpy()}
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        (found,) = session.run(None, given)
    except (
        onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
        onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
    ):
        (found,) = onnx.reference.ReferenceEvaluator(proto).run(None, given)
    return torch.from_numpy(np.asarray(found))


def in_c(model: Model, x: Tensor) -> Tensor:
    """By the exported C, compiled."""
    from lampc.export.c_source import source

    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder, "net.c"), Path(folder, "net.so")
        text.write_text(source(model))
        flags = ["-std=c99", "-O0", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]
        done = subprocess.run(
            [compiler, *flags, str(text), "-o", str(library), "-lm"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        out = torch.full((len(x), *model.program.evaluated_type.sample), torch.nan, dtype=model.storage.dtype)
        x = x.contiguous()
        address = (ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(out.data_ptr()), ctypes.c_size_t(len(x)))
        ctypes.CDLL(str(library)).predict(*address)
    return out


EXPORTS: dict[str, Export] = {"pytorch": in_torch, "onnx": in_onnx, "c": in_c}

PRECISE = {"pytorch": 1e-8, "onnx": 1e-6, "c": 1e-8}
"""How near they come: ONNX's own evaluator takes erf in float32."""
