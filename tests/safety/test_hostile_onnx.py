"""ONNX files of others: constants that would be large, loops, names that are code or drive a terminal, bytes that are none."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from lampc.cli import run  # noqa: E402

make, TENSOR = onnx.helper.make_node, onnx.TensorProto
W = np.ones((4, 2), np.float32)
LARGE = np.array([100_000, 100_000], np.int64)
NAMES = (
    '"; linear 9',
    'a\n data python "os:system"\n',
    "../x",
    "\x1b]0;own\x07",
    "<script>alert(1)</script>",
    "\u202ex",
    "`",
    "*/",
)
TEXTS = ('linear 4->2 bias=off\ndata csv "../outside" ; loss mse', 'use "../outside"\nlinear 4->2', "linear 100000->100000",
         'linear 4->2\ndata python "os:system"', "repeat times=10000000 { linear 4->4 }", "linear 4->2 # \x1b[2J")  # fmt: skip


def model(nodes: list[Any], x: str = "x", **constants: np.ndarray[Any, Any]) -> Any:
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info(x, TENSOR.FLOAT, ["N", 4])],
        [onnx.helper.make_tensor_value_info("y", TENSOR.FLOAT, ["N", 2])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)


def imported(folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The exit status of importing a file, what was said, and the program that was written."""
    (folder / "net.onnx").write_bytes(content)
    status = run(["import", str(folder / "net.onnx"), "-o", str(folder / "net.lamp")])
    said = capsys.readouterr()
    assert "E900" not in said.err
    assert status == 0 or "error[E812]" in said.err
    written = (folder / "net.lamp").read_text() if status == 0 else ""
    for text in (said.out, said.err, written):
        assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]
    return status, said.err, written


@pytest.mark.parametrize("op", ["ConstantOfShape", "Expand", "Tile", "Range"])
def test_a_constant_that_would_be_large_is_refused(tmp_path: Path, op: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"ConstantOfShape": ["shape"], "Expand": ["one", "shape"], "Tile": ["one", "shape"], "Range": ["a", "b", "c"]}[op]
    known = {"shape": LARGE, "one": np.ones((1, 1), np.float32), "a": np.float32(0), "b": np.float32(1e10), "c": np.float32(1)}
    found = model([make(op, given, ["w"]), make("MatMul", ["x", "w"], ["y"])], **{n: np.asarray(known[n]) for n in given})
    status, said, _ = imported(tmp_path, found.SerializeToString(), capsys)
    assert status == 1
    assert "would make a constant of more than 100,000,000 numbers" in said


@pytest.mark.parametrize("ends", [("y", "z"), ("y", "y")], ids=["in a circle", "of itself"])
def test_what_depends_on_itself_is_refused(tmp_path: Path, ends: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [make("Add", ["y", "x"], [ends[1]])]
    nodes += [make("Add", ["z", "x"], ["y"])] if ends[1] == "z" else []
    assert imported(tmp_path, model(nodes).SerializeToString(), capsys)[0] == 1


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 100, b"\x08", b"\xff" * 50], ids=["empty", "any", "cut", "high"])
def test_bytes_that_are_no_model_are_refused(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(tmp_path, content, capsys)[0] == 1


def test_more_numbers_than_there_are_bytes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = model([make("MatMul", ["x", "w"], ["y"])], w=W)
    found.graph.initializer[0].dims[:] = [2**31, 2**31]
    assert imported(tmp_path, found.SerializeToString(), capsys)[0] == 1


@pytest.mark.parametrize("name", NAMES)
def test_names_are_never_code(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an input, a weight, a node, an op that is not known."""
    plain = "input 4\nlinear 2 bias=off\n"
    for found in (model([make("MatMul", [name, "w"], ["y"], name=name)], x=name, w=W),
                  model([make("MatMul", ["x", name], ["y"], name=name)], **{name: W})):  # fmt: skip
        status, _, written = imported(tmp_path, found.SerializeToString(), capsys)
        assert status == 1 or written == plain
    assert imported(tmp_path, model([make(f"Foo{name}", ["x"], ["y"], name=name)]).SerializeToString(), capsys)[0] == 1


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_model_says_of_its_program_is_not_believed(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside").write_text("linear 4->2")
    found = model([make("MatMul", ["x", "w"], ["y"])], w=W)
    entry = found.metadata_props.add()
    entry.key, entry.value = "lampc.network", text
    status, _, written = imported(tmp_path, found.SerializeToString(), capsys)
    assert (status, written) == (0, "input 4\nlinear 2 bias=off\n")


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "FLOAT8E5M2", "COMPLEX64", "FLOAT4E2M1"])
def test_weights_of_a_kind_that_no_file_of_weights_has(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    number = getattr(onnx.TensorProto, kind, None)
    if number is None:
        pytest.skip("this onnx does not know it")
    weight = onnx.TensorProto(name="w", data_type=number, dims=[2, 2], raw_data=b"\0" * (32 if kind == "COMPLEX64" else 4))
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 2]) for name in "xy"]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", ends[:1], ends[1:], [weight]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    assert run(["import", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "m.lamp")]) == 1
    assert "error[E812]" in capsys.readouterr().err
    assert not (tmp_path / "m.lamp").exists()
