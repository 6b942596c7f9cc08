"""The ``.pt2`` files that ``torch.export.save`` writes.

One is read as what it is, a zip of JSON and of weights as they lie in memory
(https://docs.pytorch.org/docs/stable/export/pt2_archive.html). Nothing in it is unpickled, and of Python's functions it names
only those of ATen that a table allows.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lampc.importing.aten import Call, Ref, one_of_each
from lampc.importing.aten_reader import read_calls
from lampc.importing.text import Imported, refused
from lampc.importing.values import MOST as NUMBERS

MOST = 2_000_000_000
"""Bytes of a file that is read, as it is and unpacked."""


def from_archive(path: Path) -> Imported:
    """A network from such a file.

    Raises:
        LampError: if it cannot be read, or a call in it has no layer.
    """
    from lampc import files

    try:
        if path.stat().st_size > MOST:
            raise refused(f"{path} is larger than {MOST:,} bytes")
        raw = files.read(path)
    except OSError as error:
        raise refused(f"cannot read {path}: {error.strerror or error}") from None
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST:
                raise refused(f"{path} is larger than {MOST:,} bytes, unpacked")
            return _read(archive, path)
    except (zipfile.BadZipFile, NotImplementedError):
        raise refused(f"{path} is no archive of torch.export's") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, ArithmeticError) as error:
        raise refused(f"{path} is damaged, or another version's: {type(error).__name__} {error}") from None


def _read(archive: zipfile.ZipFile, path: Path) -> Imported:
    models = [name for name in archive.namelist() if name.endswith("/models/model.json")]
    if not models:
        raise refused(f"{path} has no model as JSON", "save it with `torch.export.save`, torch 2.8 or later")
    folder = models[0].removesuffix("models/model.json")
    found = json.loads(archive.read(models[0]))["graph_module"]
    graph, signature = found["graph"], found["signature"]
    given = [spec for spec in signature["input_specs"] if "user_input" in spec]
    one_of_each(len(given), len(signature["output_specs"]))
    tensors = {**_tensors(archive, f"{folder}data/weights/", "model_weights_config.json"),
               **_tensors(archive, f"{folder}data/constants/", "model_constants_config.json")}  # fmt: skip
    weights: dict[str, Any] = {}
    for spec in signature["input_specs"]:
        for kind in ("parameter", "buffer", "tensor_constant"):
            if kind in spec:
                weights[spec[kind]["arg"]["name"]] = tensors[spec[kind][f"{kind}_name"]]
    name = given[0]["user_input"]["arg"]["as_tensor"]["name"]
    about = graph["tensor_values"][name]
    shape = tuple(size.get("as_int") for size in about["sizes"])
    whole = _DTYPES[about["dtype"]].startswith("int")
    walk = _Walk()
    names: dict[str, Any] = {entry["as_tensor"]["name"]: Ref(entry["as_tensor"]["name"]) for entry in graph["inputs"]}
    made = walk.graph(graph, names)[-1]
    return read_calls(walk.calls, weights, name, shape, whole, made.name)


class _Walk:
    """Goes through a graph and those in it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def graph(self, graph: Mapping[str, Any], names: dict[str, Any], prefix: str = "") -> list[Any]:
        """A graph's calls, where its inputs' names mean what is given; what it gives."""
        for node in graph["nodes"]:
            target = node["target"].removeprefix("torch.ops.")
            made = [ref for output in node["outputs"] for ref in _flat(_plain(output, {}))]
            if target == "higher_order.wrap_with_set_grad_enabled":
                _, inner, *passed = [entry["arg"] for entry in node["inputs"]]
                inner = inner["as_graph"]["graph"]
                inputs = [entry["as_tensor"]["name"] for entry in inner["inputs"]]
                inside = dict(zip(inputs, (_plain(entry, names) for entry in passed), strict=True))
                results = self.graph(inner, inside, f"{prefix}{node.get('name')}/")
                names.update(zip((ref.name for ref in made), results, strict=False))
                continue
            given = {a["name"] or str(i): _plain(a["arg"], names) for i, a in enumerate(node["inputs"])}
            results = [Ref(prefix + ref.name) for ref in made]
            names.update(zip((ref.name for ref in made), results, strict=True))
            self.calls.append(Call(target, given, tuple(ref.name for ref in results)))
        return [_plain(output, names) for output in graph["outputs"]]


_DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 12: "bool",
           13: "bfloat16"}  # fmt: skip
"""Element types, as archives number them."""


def _tensors(archive: zipfile.ZipFile, folder: str, config: str) -> dict[str, Any]:
    """The weights in a folder of the archive.

    Raises:
        LampError: if one is pickled.
    """
    import torch

    found = {}
    entries = json.loads(archive.read(folder + config))["config"] if folder + config in archive.namelist() else {}
    for name, entry in entries.items():
        if entry["use_pickle"]:
            raise refused(f"`{name}` is pickled, and nothing is unpickled here", "save its module with plain tensors")
        about = entry["tensor_meta"]
        shape, strides = ([size["as_int"] for size in about[key]] for key in ("sizes", "strides"))
        raw = bytearray(archive.read(folder + entry["path_name"]))
        dtype = getattr(torch, _DTYPES[about["dtype"]])
        flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
        start = about["storage_offset"]["as_int"]
        reach = sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
        if min([start, *shape, *strides]) < 0 or math.prod(shape) > max(NUMBERS, flat.numel()):
            raise refused(f"`{name}` is said to be {shape} with steps of {strides} from {start}, which is no tensor")
        if math.prod(shape) == flat.numel():
            start = 0  # of the memory of which the file has but this part
        if math.prod(shape) and start + reach >= flat.numel():
            raise refused(
                f"`{name}` is said to be {shape} with steps of {strides}, and the file has {flat.numel():,} numbers of it"
            )
        found[name] = torch.as_strided(flat, shape, strides, start).contiguous()
    return found


def _plain(argument: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    """An argument in JSON, ``{"as_ints": [1, 2]}``, where names mean what was made of them."""
    ((kind, value),) = argument.items()
    if kind in ("as_tensor", "as_name"):
        name = value["name"] if kind == "as_tensor" else value
        return names.get(name, Ref(name))
    if kind == "as_tensors":
        return [names.get(entry["name"], Ref(entry["name"])) for entry in value]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool", "as_optional_tensor"):
        return _plain(value, names)
    if kind in ("as_sym_ints", "as_sym_floats", "as_optional_tensors"):
        return [_plain(entry, names) for entry in value]
    if kind == "as_scalar_type":
        return _DTYPES.get(value, "float32")
    return value if kind in ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string") else None


def _flat(value: Any) -> list[Ref]:
    return [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, Ref)]
