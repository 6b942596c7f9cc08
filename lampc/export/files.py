"""Exported networks as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lampc import files
from lampc.diagnostics import failure
from lampc.runtime.weights import plain_weights

if TYPE_CHECKING:
    from lampc.runs.load import Run
    from lampc.runtime.model import Model


def write(run: Run, form: str, path: Path) -> list[Path]:
    """Write a run's network as ``torch``, ``onnx``, ``safetensors`` or ``c``; the files, whole or not at all.

    Raises:
        LampError: if the network has no such form, or the files cannot be written.
    """
    model = run.model()
    normal = run.kept.about["normal"]
    if form == "torch":
        from lampc.export.torch_source import source

        beside = path.with_suffix(".safetensors")
        made = {beside: tensors(model), path: source(run.program, weights=beside.name, normal=normal).encode()}
    elif form == "c":
        from lampc.export.c_source import source as c_source

        made = {path: c_source(model, normal=normal).encode()}
    elif form == "onnx":
        from lampc.export.onnx import export

        made = {path: export(model, normal).SerializeToString()}
    else:
        made = {path: tensors(model)}
    for target, content in made.items():
        try:
            files.write(target, content)
        except OSError as error:
            raise failure("E003", f"cannot write {target}: {error.strerror or error}") from None
    return list(made)


def tensors(model: Model) -> bytes:
    """The weights as safetensors, under lampc's names."""
    from safetensors.torch import save

    return save({name: t.detach().cpu().contiguous().clone() for name, t in plain_weights(model).items()})
