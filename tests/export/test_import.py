"""Networks from ONNX and from PyTorch predict here what they did there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import lampc.compile
from lampc.diagnostics import LampError
from lampc.export.onnx import export
from lampc.importing.onnx import from_onnx, from_torch_export
from lampc.runtime.model import Model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize("path", [p for p in MODELS if p.stem != "gpt"], ids=lambda path: path.stem)
def test_without_what_lampc_wrote_beside_it_layer_by_layer(path: Path) -> None:
    model, x = moved(path)
    proto = export(model)
    del proto.metadata_props[:]
    torch.testing.assert_close(from_onnx(proto).model()(x), model(x), rtol=1e-5, atol=1e-5)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first(x)))
        h = h + nn.functional.silu(self.second(h)) * 0.5
        return self.last(torch.flatten(self.pool(torch.cat([h, -h], 1)[:, 2:6]), 1))


class Recurrent(nn.Module):
    """Layers of a kind, one on another, and of both directions."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.first = kind(3, 5, batch_first=True, bidirectional=True)
        self.second = kind(10, 4, num_layers=2, batch_first=True)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.second(self.first(x)[0])[0]))


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2), nn.Softmax(-1)), (4,)),
    "lenet": (lambda: nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5, stride=2), nn.ELU(),
                                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10), nn.LogSoftmax(1)), (1, 28, 28)),
    "residual": (Residual, (1, 8, 8)),
    "lstm": (lambda: Recurrent(nn.LSTM), (6, 3)),
    "gru": (lambda: Recurrent(nn.GRU), (6, 3)),
    "sequence": (lambda: nn.Sequential(nn.Conv1d(3, 6, 3, dilation=2), nn.LeakyReLU(0.2), nn.ConvTranspose1d(6, 2, 2, stride=2),
                                       nn.Hardswish(), nn.Linear(12, 5), nn.Sigmoid()), (3, 10)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_pytorch(name: str) -> None:
    make, shape = MODULES[name]
    torch.manual_seed(0)
    module = make()
    module(torch.rand(8, *shape))  # running statistics move
    module.eval()
    x = torch.rand(3, *shape)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},))
    found = from_torch_export(exported)
    torch.testing.assert_close(found.model()(x), module(x).detach(), rtol=1e-5, atol=1e-5)
    assert len(found.text.splitlines()) <= 18


@pytest.mark.parametrize(
    "text", ["rnn 4 activation=relu", "rnn 4 bias=off direction=backward", "gru 4 layers=2 direction=both", "lstm 4 last"]
)
def test_recurrences_layer_by_layer(text: str) -> None:
    model = lampc.compile.text(f"input 5x3; {text}; linear 2").model()
    proto = export(model)
    del proto.metadata_props[:]
    x = torch.rand(3, 5, 3)
    torch.testing.assert_close(from_onnx(proto).model()(x), model(x), rtol=1e-5, atol=1e-5)


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
