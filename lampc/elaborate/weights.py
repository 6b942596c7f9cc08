"""Weights that a training begins with: what a file holds of them, by its header alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lampc.data.place import within
from lampc.data.reading import reading
from lampc.data.source import DataError
from lampc.diagnostics import Problems
from lampc.elaborate.experiment import Experiment
from lampc.ir.graph import Graph
from lampc.ir.layout import LayerUse
from lampc.ir.leaves import Parameter, State
from lampc.schema import each, listed, record, whole
from lampc.schema import parse as parsed

_TENSORS = each(record({"shape": listed(whole(), 0, 64)}))
STATE = "state."
"""Before the names of what layers keep beside their parameters, in checkpoints."""


def begin_with(
    experiment: Experiment, folder: Path, graph: Graph, layers: Sequence[LayerUse], problems: Problems
) -> Path | None:
    """The file of ``train weights=``, if there is one and what it has fits; else that is reported.

    Of the network's parameters those that the file has begin as they are there; its other entries do not count.
    """
    train = experiment.train
    if not train.weights:
        return None
    place = train.where("weights")
    try:
        path = within(folder, train.weights)
        shapes = header(path)
    except DataError as error:
        problems.report(error.code, str(error), place, fixes=error.fixes)
        return None
    wanted = {node.op.label: tuple(node.op.type.dims(1)) for node in graph if isinstance(node.op, Parameter | State)}
    found = {name: shape for name, shape in shapes.items() if name in wanted}
    for name, shape in found.items():
        if shape != wanted[name]:
            layer = next((layer for layer in layers if name.startswith(f"{layer.name}.")), None)
            also = [(place, "begins with that file")] if place is not None else []
            problems.report("E612", f"`{name}` is {_shown(wanted[name])}, and in {train.weights} {_shown(shape)}",
                            layer.span if layer is not None else place, also=also if layer is not None else [],
                            fixes=["name the layer otherwise to let it begin anew: `… as head`"])  # fmt: skip
            return None
    if not found:
        some = ", ".join(sorted(shapes)[:4])
        problems.report("E612", f"{train.weights} has none of the network's parameters", place,
                        fixes=[f"it has {some}; the network has {', '.join(list(wanted)[:4])}"])  # fmt: skip
        return None
    return path


def header(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes in a safetensors file, by their names.

    Raises:
        DataError: if it is none.
    """
    try:
        with reading(path), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            content = file.read(length) if length <= min(path.stat().st_size, 100_000_000) else b""
        found = parsed(content, record({}))
        found.pop("__metadata__", None)
        _TENSORS(found, "")
        return {name.removeprefix(STATE): tuple(entry["shape"]) for name, entry in found.items()}
    except ValueError:
        raise DataError("E601", f"{path} is no safetensors file") from None


def _shown(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one number"
