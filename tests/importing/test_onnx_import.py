"""Networks from ONNX predict here what they did there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from random_networks import network
from torch import Tensor
from torch_modules import MODULES, made

import lampc.compile
from lampc.diagnostics import LampError
from lampc.export.onnx import export
from lampc.importing.onnx import from_onnx
from lampc.runtime.model import Model

onnx = pytest.importorskip("onnx")

ROOT = Path(__file__).parents[2]
WITHOUT = ("rnn", "rnn relu", "lstm ends")
"""Modules that PyTorch writes into ONNX place by place, or layer by layer with the states put together."""
MODELS = sorted((ROOT / "models").glob("*.lamp"))


def moved(path: Path) -> tuple[Model, Tensor]:
    """A model with running statistics of its own, and samples."""
    model = lampc.compile.file(path).model()
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.storage.states.items():
        if "running" in name:
            tensor.add_(torch.rand(tensor.shape, generator=generator))
    elaborated = model.program.elaborated
    shape = (3, *elaborated.input_type.sample)
    if elaborated.input_below:
        return model, torch.randint(0, elaborated.input_below, shape, generator=generator)
    return model, torch.rand(shape, generator=generator)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_what_was_exported_comes_back_as_the_same_network(path: Path) -> None:
    """Every op of the prediction, in order, and every weight."""
    model, x = moved(path)
    found = from_onnx(export(model))
    again = found.model()
    assert [str(i.op) for i in again.program.inference] == [str(i.op) for i in model.program.inference]
    assert list(again.parameters) == list(model.parameters)
    torch.testing.assert_close(again(x), model(x), rtol=0, atol=0)
    assert "data " not in found.text
    assert "optimizer" not in found.text


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_without_what_lampc_wrote_beside_it_layer_by_layer(path: Path) -> None:
    model, x = moved(path)
    proto = export(model)
    del proto.metadata_props[:]
    torch.testing.assert_close(from_onnx(proto).model()(x), model(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", [seed for seed in range(60) if seed != 54])  # which normalises a single place
def test_random_networks_layer_by_layer(seed: int) -> None:
    model = lampc.compile.text(network(seed).source, precision="f32").model()
    proto = export(model)
    del proto.metadata_props[:]
    x = torch.rand(3, *model.program.elaborated.input_type.sample)
    torch.testing.assert_close(from_onnx(proto).model()(x), model(x), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def one_registry() -> Iterator[None]:
    """PyTorch's exporter makes the table of all that it knows anew for each export, a third of its time; here once."""
    pytest.importorskip("onnxscript")
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with patch.object(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib))):
        yield


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("one_registry")
@pytest.mark.parametrize(
    ("name", "opset"),
    [*((name, 18) for name in MODULES if name not in WITHOUT), *((name, 23) for name in ("attention", "gpt, fused", "rotary"))],
)
def test_modules_by_way_of_pytorchs_own_exporter(name: str, opset: int, tmp_path: Path) -> None:
    module, x = made(name)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=2, max=4096)},))
    program = torch.onnx.export(exported, verbose=False, opset_version=opset)
    assert program is not None
    program.save(str(tmp_path / "net.onnx"))
    found = from_onnx(tmp_path / "net.onnx")
    torch.testing.assert_close(found.model()(x), module(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "text", ["rnn 4 activation=relu", "rnn 4 bias=off direction=backward", "gru 4 layers=2 direction=both", "lstm 4 last"]
)
def test_recurrences_layer_by_layer(text: str) -> None:
    model = lampc.compile.text(f"input 5x3; {text}; linear 2").model()
    proto = export(model)
    del proto.metadata_props[:]
    x = torch.rand(3, 5, 3)
    torch.testing.assert_close(from_onnx(proto).model()(x), model(x), rtol=1e-5, atol=1e-5)


def test_the_layers_of_transformers_are_recognised() -> None:
    source = "use std.transformer\ninput 6 int<20>; embedding 16; llama 16 4 2 24; decoder 16 2; linear 5"
    model = lampc.compile.text(source).model()
    proto = export(model)
    del proto.metadata_props[:]
    found = from_onnx(proto)
    x = torch.randint(0, 20, (3, 6))
    torch.testing.assert_close(found.model()(x), model(x), rtol=1e-5, atol=1e-5)
    lines = found.text.splitlines()
    assert [line.partition(" ")[0] for line in lines[:4]] == ["input", "embedding", "rmsnorm", "attention"]
    assert "attention 4 kv_heads=2 causal rope bias=off" in lines
    assert "attention 2 causal" in lines
    assert "silu" in lines


def model_of(
    nodes: list[object], initializers: dict[str, np.ndarray] | None = None, shape: tuple[object, ...] = ("N", 4)
) -> object:  # type: ignore[type-arg]
    from onnx import TensorProto, helper, numpy_helper

    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    arrays = [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()]
    return helper.make_model(
        helper.make_graph(nodes, "g", [given], [made], arrays), opset_imports=[helper.make_opsetid("", 20)]
    )


def test_a_node_without_a_layer_is_named() -> None:
    node = onnx.helper.make_node("TopK", ["x", "k"], ["y", "i"], name="the_best")
    with pytest.raises(LampError, match="`TopK` \\(node `the_best`\\) has no layer here"):
        from_onnx(model_of([node], {"k": np.array([1], dtype=np.int64)}))


def test_a_comparison_counts_only_as_a_part_of_softplus() -> None:
    make = onnx.helper.make_node
    zero = {"k": np.array([25], dtype=np.float32)}
    nodes = [make("Greater", ["x", "k"], ["g"]), make("Cast", ["g"], ["c"], to=1), make("Mul", ["x", "c"], ["y"])]
    with pytest.raises(LampError, match=r"`Cast`.* takes `g`, which is not understood"):
        from_onnx(model_of(nodes, zero))
    nodes = [make("Greater", ["x", "k"], ["g"]), make("Softplus", ["x"], ["s"]), make("Where", ["g", "x", "s"], ["y"])]
    assert from_onnx(model_of(nodes, zero)).text == "input 4\nsoftplus\n"
    for moved in (make("Neg", ["x"], ["m"]), make("Slice", ["x", "a", "b", "c", "a"], ["m"])):
        turned = zero | {"a": np.array([-1]), "b": np.array([-9]), "c": np.array([1])}
        for compared, taken, curve in (("m", "x", "x"), ("x", "m", "x"), ("x", "x", "m")):
            nodes = [moved, make("Greater", [compared, "k"], ["g"]), make("Softplus", [curve], ["s"]),
                     make("Where", ["g", taken, "s"], ["y"])]  # fmt: skip
            with pytest.raises(LampError, match=r"`Where`.* has no layer here"):
                from_onnx(model_of(nodes, turned))


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Pow", "MatMul"])
def test_constants_that_bring_axes_of_their_own_are_refused(op: str) -> None:
    size = {"MatMul": (1, 4, 3), "Add": (1, 1, 4), "Sub": (1, 1, 4)}.get(op, (1, 1, 1))
    nodes = [onnx.helper.make_node(op, ["x", "c"], ["z"]), onnx.helper.make_node("ReduceSum", ["z", "axis"], ["y"])]
    constants = {"c": np.full(size, 0.5, np.float32), "axis": np.array([1])}
    with pytest.raises(LampError, match=f"`{op}`.* makes values of 3 axes, and its layer of 2") as caught:
        from_onnx(model_of(nodes, constants))
    assert caught.value.diagnostics[0].code == "E812"


def test_how_many_samples_there_are_is_no_number_of_the_network() -> None:
    make = onnx.helper.make_node
    size = [make("Shape", ["x"], ["s"]), make("Gather", ["s", "place"], ["k"]), make("Cast", ["k"], ["f"], to=1)]
    for place in (0, 1):
        model = model_of([*size, make("Mul", ["x", "f"], ["y"])], {"place": np.array(place)})
        if place:  # of features
            assert from_onnx(model).text == "fn f1(x) = x * 4.0\ninput 4\nf1\n"
            continue
        with pytest.raises(LampError, match="depends on how many there are") as caught:
            from_onnx(model)
        assert caught.value.diagnostics[0].code == "E812"
    cut = make("Slice", ["x", "zero", "n", "one"], ["y"])
    with pytest.raises(LampError, match="depends on how many there are"):
        from_onnx(model_of([make("Shape", ["x"], ["n"], end=1), cut], {"zero": np.array([0]), "one": np.array([1])}))


def test_weights_in_other_files_are_not_opened(tmp_path: Path) -> None:
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    model = model_of([node], {"w": np.ones((4, 3), dtype=np.float32)})
    (tmp_path / "secret").write_bytes(b"\0" * 48)
    for place in ("../secret", str(tmp_path / "secret"), "secret"):
        tensor = model.graph.initializer[0]  # type: ignore[attr-defined]
        tensor.ClearField("raw_data")
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)
        with pytest.raises(LampError, match="in another file, which is not opened"):
            from_onnx(model)


def test_what_lampc_wrote_beside_a_graph_counts_only_if_the_weights_fit() -> None:
    proto = export(lampc.compile.text("input 4; linear 3; tanh").model())
    for text in ("input 4\nlinear 5; tanh\n", "nothing", 'input 4\nuse "/etc/passwd"\nlinear 3\n'):
        onnx.helper.set_model_props(proto, {"lampc.network": text})
        assert from_onnx(proto).text.splitlines() == ["input 4", "linear 3", "tanh"]


def test_the_verb_writes_a_program_and_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import load_file

    from lampc.cli import run

    monkeypatch.chdir(tmp_path)
    model = lampc.compile.text("input 4; linear 3; batchnorm; tanh").model()
    (tmp_path / "net.onnx").write_bytes(export(model).SerializeToString())
    assert run(["import", "net.onnx"]) == 0
    assert capsys.readouterr().out.splitlines() == ["wrote net.lamp", "wrote net.safetensors"]
    assert lampc.compile.file("net.lamp").layers
    found = load_file("net.safetensors")
    np.testing.assert_array_equal(found["linear1.weight"], model.parameters["linear1.weight"].numpy())
    assert "batchnorm1.running_mean" in found
    (tmp_path / "link.onnx").symlink_to(tmp_path / "net.onnx")
    assert run(["import", "link.onnx"]) == 1


def test_a_constant_of_any_size_is_not_made() -> None:
    make = onnx.helper.make_node
    nodes = [make("ConstantOfShape", ["k"], ["c"]), make("Add", ["x", "c"], ["y"])]
    with pytest.raises(LampError, match="would make a constant of more than"):
        from_onnx(model_of(nodes, {"k": np.array([10**6, 10**6], dtype=np.int64)}))


def test_damaged_graphs_are_refused() -> None:
    source = "use std.transformer\ninput 6 int<20>; embedding 16; llama 16 4 2 24; decoder 16 2; lstm 4; linear 5"
    proto = export(lampc.compile.text(source).model())
    del proto.metadata_props[:]
    drawn = random.Random(1)
    kinds = sorted({node.op_type for node in proto.graph.node} | {"Sub", "Max", "Tile", "Conv", "Flatten", "Shape", "Loop"})
    for trial in range(120):
        copy = type(proto).FromString(proto.SerializeToString())
        node, other = drawn.choice(copy.graph.node), drawn.choice(copy.graph.node)
        if trial % 4 == 0:
            node.op_type = drawn.choice(kinds)
        elif trial % 4 == 1 and node.input:
            node.input[drawn.randrange(len(node.input))] = drawn.choice([*other.input, *other.output, "", "nothing"])
        elif trial % 4 == 2:
            del node.attribute[:]
            node.attribute.extend(other.attribute)
        else:
            tensor = drawn.choice(copy.graph.initializer)
            del tensor.dims[:]
            tensor.dims.extend([drawn.randrange(3) for _ in range(drawn.randrange(4))])
        try:
            from_onnx(copy).model()
        except LampError as error:
            assert {diagnostic.code for diagnostic in error.diagnostics} == {"E812"}


def test_numbers_added_after_a_transposition_are_no_bias_of_the_layer_before_it() -> None:
    make, drawn = onnx.helper.make_node, np.random.default_rng(0)
    arrays = {"w": drawn.normal(size=(4, 4)).astype(np.float32), "b": np.arange(4, dtype=np.float32)}
    nodes = [make("MatMul", ["x", "w"], ["h"]), make("Transpose", ["h"], ["t"], perm=[0, 2, 1]), make("Add", ["t", "b"], ["y"])]
    x = drawn.normal(size=(3, 4, 4)).astype(np.float32)
    found = from_onnx(model_of(nodes, arrays, ("N", 4, 4)))
    np.testing.assert_allclose(
        found.model()(x).numpy(), (x @ arrays["w"]).transpose(0, 2, 1) + arrays["b"], rtol=1e-5, atol=1e-5
    )
