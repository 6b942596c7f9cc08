"""Models made to do harm: those that name other files, are larger than they look, or lie about their weights."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lampc.diagnostics import LampError
from lampc.importing.exported import from_exported
from lampc.importing.onnx import from_onnx

onnx = pytest.importorskip("onnx")


def model(nodes: list[Any], **arrays: Any) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", given, made, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def elsewhere(place: str) -> Any:
    tensor = onnx.TensorProto(name="secret", data_type=onnx.TensorProto.FLOAT, dims=[4, 2])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def constant(place: str) -> Any:
    return onnx.helper.make_node("Constant", [], ["w"], value=elsewhere(place))


@pytest.mark.parametrize("place", ["secret", "../secret", "/etc/hostname"])
@pytest.mark.parametrize("where", ["node", "graph in a node", "function"])
def test_no_other_file_is_opened_wherever_it_is_named(
    where: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onnx import helper

    monkeypatch.chdir(tmp_path)
    Path("secret").write_bytes(b"\0" * 32)
    make = helper.make_node
    found = model([make("MatMul", ["x", "w"], ["y"])], w=np.ones((4, 2), np.float32))
    if where == "node":
        found = model([constant(place), make("MatMul", ["x", "w"], ["y"])])
    elif where == "function":
        opset = [helper.make_opsetid("", 20)]
        found.functions.append(helper.make_function("own", "f", [], ["w"], [constant(place)], opset))
    else:
        branch = helper.make_graph([constant(place)], "b", [], [helper.make_tensor_value_info("w", 1, [4, 2])])
        found.graph.node.append(make("If", ["c"], ["z"], then_branch=branch, else_branch=branch))
    Path("net.onnx").write_bytes(found.SerializeToString())
    with pytest.raises(LampError, match="`secret` are in another file, which is not opened"):
        from_onnx("net.onnx")


def test_a_graph_of_very_many_nodes_is_refused() -> None:
    names = ["x", *map(str, range(49_999)), "y"]
    nodes = [onnx.helper.make_node("Relu", [before], [after]) for before, after in pairwise(names)]
    with pytest.raises(LampError, match="the graph has 50,000 nodes, and at most 20,000 are read"):
        from_onnx(model(nodes))


def test_constants_that_double_are_refused_before_they_are_large() -> None:
    names = ["one", *map(str, range(40))]
    nodes = [onnx.helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    nodes.append(onnx.helper.make_node("MatMul", ["x", names[-1]], ["y"]))
    with pytest.raises(LampError, match="would make a constant of more than 100,000,000 numbers"):
        from_onnx(model(nodes, one=np.ones((1, 1), np.float32)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "net.pt2"
    torch.export.save(torch.export.export(torch.nn.Linear(4, 2).eval(), (torch.rand(3, 4),)), path)
    return path


@pytest.mark.parametrize(
    ("sizes", "strides", "offset"),
    [
        pytest.param([60_000, 60_000], [0, 0], 0, id="14 GB of one number"),
        pytest.param([2, 4], [1_000_000, 1], 0, id="beyond the end"),
        pytest.param([2, 4], [4, 1], -100, id="before the beginning"),
        pytest.param([2, 4], [-4, 1], 4, id="backwards"),
        pytest.param([2, 3], [4, 1], 10**9, id="begins beyond the end"),
    ],
)
def test_weights_lie_within_their_file(saved: Path, tmp_path: Path, sizes: list[int], strides: list[int], offset: int) -> None:
    changed = tmp_path / "net.pt2"
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(changed, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename.endswith("model_weights_config.json"):
                config = json.loads(content)
                about = config["config"]["weight"]["tensor_meta"]
                about["sizes"], about["strides"] = ([{"as_int": n} for n in numbers] for numbers in (sizes, strides))
                about["storage_offset"] = {"as_int": offset}
                content = json.dumps(config).encode()
            after.writestr(entry.filename, content)
    with pytest.raises(LampError, match="`weight` is said to be") as caught:
        from_exported(changed)
    assert caught.value.diagnostics[0].code == "E812"
