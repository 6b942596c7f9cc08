"""ONNX models as programs: node by node, or, where lampc has written the model, as it was."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lampc.diagnostics import LampError, failure
from lampc.importing.onnx_graph import Reader
from lampc.importing.text import Imported, refused, see_alike
from lampc.importing.values import SAMPLES

MOST = 2_000_000_000
"""Bytes of a file that is read."""

MOST_NODES = 20_000
"""Of a graph that is read."""


def from_onnx(model: Any) -> Imported:
    """A network from an ONNX file, or from a model in memory.

    Nothing that the model names is opened: weights in other files are refused.

    Raises:
        LampError: if onnx is not installed, the model is none, or a node of it has no layer.
    """
    import numpy as np

    if find_spec("onnx") is None:
        raise failure("E508", "reading ONNX needs a package of that name", 'pip install "lampc[onnx]"')
    if isinstance(model, str | Path):
        model = _read(Path(model))
    _see_whole(model)
    written = {prop.key: prop.value for prop in model.metadata_props}.get("lampc.network")
    if written is not None:
        found = _own(written, model)
        if found is not None:
            return found
    try:
        with np.errstate(all="ignore"):  # constants may be whatever they are
            reader = Reader(model)
            found = reader.read()
            if reader.counted:
                see_alike(found, Reader(model, SAMPLES + 1).read())
            return found
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise refused(f"the model is none: {type(error).__name__} {error}") from None


def _see_whole(model: Any) -> None:
    """See that a graph is of a size to be read, and names no other file, wherever in it.

    Raises:
        LampError: otherwise.
    """
    import onnx

    if len(model.graph.node) > MOST_NODES:
        raise refused(f"the graph has {len(model.graph.node):,} nodes, and at most {MOST_NODES:,} are read")
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise refused(
                f"the weights of `{tensor.name}` are in another file, which is not opened", "save the model in one file"
            )


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors in a message: weights, constants of nodes, and those of graphs in them and of functions."""
    import onnx

    waiting = [message]
    while waiting:
        part = waiting.pop()
        if isinstance(part, onnx.TensorProto):
            yield part
            continue
        for described, value in part.ListFields():
            if described.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _read(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    from lampc import files

    try:
        if path.stat().st_size > MOST:
            raise refused(f"{path} is larger than {MOST:,} bytes")
        model = onnx.load_model_from_string(files.read(path))
        _see_whole(model)  # before the checker, which looks for the files that a model names
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
