"""ONNX models as programs: node by node, or, where lampc has written the model, as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lampc.diagnostics import LampError, failure
from lampc.importing.onnx_graph import Reader
from lampc.importing.text import Imported, refused

MOST = 2_000_000_000
"""Bytes of a file that is read."""


def from_onnx(model: Any) -> Imported:
    """A network from an ONNX file, or from a model in memory.

    Nothing that the model names is opened: weights in other files are refused.

    Raises:
        LampError: if onnx is not installed, the model is none, or a node of it has no layer.
    """
    import numpy as np

    try:
        import onnx
    except ImportError:
        raise failure("E508", "reading ONNX needs a package of that name", 'pip install "lampc[onnx]"') from None
    if isinstance(model, str | Path):
        model = _read(Path(model))
    outside = [tensor.name for tensor in model.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise refused(f"the weights of `{outside[0]}` are in another file, which is not opened", "save the model in one file")
    written = {prop.key: prop.value for prop in model.metadata_props}.get("lampc.network")
    if written is not None:
        found = _own(written, model)
        if found is not None:
            return found
    try:
        with np.errstate(all="ignore"):  # constants may be whatever they are
            return Reader(model).read()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise refused(f"the model is none: {type(error).__name__} {error}") from None


def _read(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    from lampc import files

    try:
        if path.stat().st_size > MOST:
            raise refused(f"{path} is larger than {MOST:,} bytes")
        model = onnx.load_model_from_string(files.read(path))
        onnx.checker.check_model(model)
        return model
    except OSError as error:
        raise refused(f"cannot read {path}: {error.strerror or error}") from None
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise refused(f"{path} is no ONNX model: {str(error).splitlines()[0]}") from None


def _own(text: str, model: Any) -> Imported | None:
    """What lampc has written: the text that it has kept beside the graph, if the weights fit it."""
    from onnx import numpy_helper

    import lampc.compile
    from lampc.runtime.weights import plain_weights

    try:
        wanted = plain_weights(lampc.compile.text(text).model())
    except LampError:
        return None
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    if any(name not in given or given[name].shape != tuple(tensor.shape) for name, tensor in wanted.items()):
        return None
    return Imported(text, {name: given[name].copy() for name in wanted})
