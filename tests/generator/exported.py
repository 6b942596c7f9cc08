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

import lampc.compile
from lampc.runtime.model import Model

Export = Callable[[Model, Tensor], Tensor]


def in_torch(model: Model, x: Tensor) -> Tensor:
    """By the exported PyTorch source."""
    with torch.no_grad():
        found: Tensor = model.program.to_torch(model).eval()(x)
    return found


def in_onnx(model: Model, x: Tensor) -> Tensor:
    """By onnxruntime; in float32 where it has not every node in float64."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    onnxruntime.set_default_logger_severity(4)
    try:
        return _run(model, x)
    except (failures.NotImplemented, failures.RuntimeException, failures.Fail):
        program = lampc.compile.text(model.program.source.text, **{"train.precision": "f32"})
        single = program.model(backend="torch")
        for name, tensor in single.parameters.items():
            tensor.copy_(model.parameters[name])
        return _run(single, x.float() if x.is_floating_point() else x)


def _run(model: Model, x: Tensor) -> Tensor:
    import onnxruntime

    from lampc.export.onnx import export

    session = onnxruntime.InferenceSession(export(model).SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    return torch.from_numpy(np.asarray(found))


def in_c(model: Model, x: Tensor) -> Tensor:
    """By the exported C, compiled."""
    from lampc.export.c_source import source

    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder, "net.c"), Path(folder, "net.so")
        text.write_text(source(model), encoding="utf-8")
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

PRECISE = {"pytorch": 1e-8, "onnx": 1e-4, "c": 1e-8}
"""How near they come."""
