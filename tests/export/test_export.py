"""Exported networks predict, and train, as lampc's own."""

from __future__ import annotations

import ctypes
import inspect
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from random_networks import network

import lampc.compile
from lampc.diagnostics import LampError
from lampc.export import onnx
from lampc.export.c_ops import SAY as IN_C
from lampc.export.c_source import source as c_source
from lampc.export.torch_ops import SAY as IN_TORCH
from lampc.export.torch_source import source, to_torch
from lampc.ir.op import REGISTRY
from lampc.ops.elementwise import Elementwise
from lampc.runtime.model import Model

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "models").glob("*.lamp"))
COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def samples(model: Model, count: int = 3, seed: int = 0) -> torch.Tensor:
    program = model.program.elaborated
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *program.input_type.sample)
    if program.input_below:
        return torch.randint(0, program.input_below, shape, generator=generator)
    return torch.rand(shape, generator=generator, dtype=torch.float64).to(model.storage.dtype)


def moved(model: Model) -> Model:
    """With running statistics that are not those at the beginning."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.storage.states.items():
        if "running" in name:
            tensor.add_(torch.rand(tensor.shape, generator=generator))
    return model


def compiled(text: str, folder: Path) -> Any:
    (folder / "net.c").write_text(text)
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]
    assert COMPILER is not None
    done = subprocess.run([COMPILER, *flags, str(folder / "net.c"), "-o", str(folder / "net.so"), "-lm"], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "net.so"))


def predicted_in_c(model: Model, x: torch.Tensor, folder: Path) -> torch.Tensor:
    library = compiled(c_source(model), folder)
    out = torch.full((len(x), *model.program.evaluated_type.sample), torch.nan, dtype=model.storage.dtype)
    x = x.contiguous()
    library.predict(ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(out.data_ptr()), ctypes.c_size_t(len(x)))
    return out


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_as_a_torch_module(path: Path) -> None:
    model = moved(lampc.compile.file(path).model())
    x = samples(model)
    torch.testing.assert_close(to_torch(model).eval()(x), model(x), rtol=1e-5, atol=1e-5)


@needs_compiler
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_in_c(path: Path, tmp_path: Path) -> None:
    model = moved(lampc.compile.file(path).model())
    x = samples(model)
    torch.testing.assert_close(predicted_in_c(model, x, tmp_path), model(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(100))
def test_random_networks_as_torch_modules(seed: int) -> None:
    model = lampc.compile.text(network(seed).source).model()
    x = samples(model)
    torch.testing.assert_close(to_torch(model).eval()(x), model(x), rtol=1e-10, atol=1e-10)


@needs_compiler
@pytest.mark.parametrize("seed", range(0, 100, 3))
def test_random_networks_in_c(seed: int, tmp_path: Path) -> None:
    model = lampc.compile.text(network(seed).source).model()
    x = samples(model)
    torch.testing.assert_close(predicted_in_c(model, x, tmp_path), model(x), rtol=1e-9, atol=1e-9)


SPECIAL = [
    "input 5x8 as x; input 4x8 as k; input 4 as m; from x; attention 2 keys=k padding=m sink=both; linear 1",
    "input 5x8; attention 4 kv_heads=2 causal rope; position sinusoidal; linear 2",
    "input 6x3 as x; input 4 as s; from x; lstm 4 state=s; gru 3 direction=both; rnn 2 activation=relu last",
    "input 2x6x5; convtranspose 3 3 stride=2 output_padding=1; globalpool to=3x2 max; upsample 2 linear; pad 1 edges=reflect",
    "input 2x7; conv1d 4 3 groups=2 dilation=2; instancenorm; avgpool 2 padding=1 ceil; max 1",
    "input 4; linear 3 as class; tanh; bilinear 2 with=class",
    "input 2x9; avgpool 3 stride=2 padding=1 divisor=2; flatten; linear 2",
    "fn clipped(x) = min(max(x, 0), 6) + where(x > 0, 1, x) + where(1 > 0.3, x, 2); input 4; clipped",
    "fn odd(x) = where(x > 0.3, exp(x) ^ 3, abs(x) - sqrt(x)); input 4; odd; prelu; softsign; mish; selu; logsoftmax",
]


@needs_compiler
@pytest.mark.parametrize("text", SPECIAL)
def test_what_random_networks_leave_out(text: str, tmp_path: Path) -> None:
    model = lampc.compile.text(f"{text}\ntrain precision=f64").model()
    x = samples(model, 4)
    torch.testing.assert_close(to_torch(model).eval()(x), model(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(predicted_in_c(model, x, tmp_path), model(x), rtol=1e-9, atol=1e-9)


TRAINED = {
    "mlp": "linear 3->8 xavier; tanh; linear 2 xavier\nloss mse\noptimizer sgd lr=0.1 momentum=0.9",
    "batchnorm": "input 3; linear 8; batchnorm; gelu; linear 2\nloss mse\noptimizer sgd lr=0.1",
    "sequence": "input 4x3; lstm 5; attention 1 causal; layernorm; linear 2\nloss mse\noptimizer sgd lr=0.1",
    "image": "input 1x6x6; conv 4 3; groupnorm 2; relu; maxpool 2; flatten; linear 2\nloss mse\noptimizer sgd lr=0.1",
}


@pytest.mark.parametrize("name", TRAINED)
def test_the_module_trains_under_autograd_as_lampc_does(name: str) -> None:
    model = lampc.compile.text(f"{TRAINED[name]}\ntrain precision=f64").model(seed=2)
    module = model.program.to_torch(model).train()
    momentum = 0.9 if "momentum" in TRAINED[name] else 0.0
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=momentum)
    x = samples(model, 30)
    y = torch.rand(30, *model.program.evaluated_type.sample, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    pairs = [(x[i : i + 10], y[i : i + 10]) for i in (0, 10, 20)]
    for inputs, targets in pairs * 2:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.train(pairs, epochs=2)
    state = module.state_dict()
    for label, tensor in model.parameters.items():
        torch.testing.assert_close(tensor, state[label], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(module.eval()(x), model(x), rtol=1e-10, atol=1e-10)


def test_the_source_reads_like_the_file() -> None:
    text = source(lampc.compile.text("linear 2->3 xavier; tanh; linear 1; sigmoid"))
    assert text.splitlines()[-6:] == [
        "    def forward(self, x: Tensor) -> Tensor:",
        "        linear1 = F.linear(x, self.linear1.weight, self.linear1.bias)  # linear 2->3 xavier",
        "        tanh1 = torch.tanh(linear1)  # tanh",
        "        linear2 = F.linear(tanh1, self.linear2.weight, self.linear2.bias)  # linear 1",
        "        sigmoid1 = torch.sigmoid(linear2)  # sigmoid",
        "        return sigmoid1",
    ]


NOT_FORWARD = {
    "input", "parameter", "parameters", "state", "setting", "bce", "class_weight", "pick", "outer", "pack", "pow", "share",
    "cast", "with_gradient", "all_reduce", "wait", "vjp", "maxpool_take",
}  # fmt: skip
"""Leaves, what a loss or an update is made of, and what passes take away."""


def test_every_forward_op_can_be_said() -> None:
    forward = {name for name in REGISTRY if not name.endswith("_grad")} - NOT_FORWARD
    assert forward - IN_TORCH.keys() - {"batchnorm_inference"} == set()
    elementwise = {name for name in forward if issubclass(REGISTRY[name], Elementwise)}
    worked_out, replaced = {"waves", "table", "constant"}, {"batchnorm", "dropout", "noise"}
    assert forward - IN_C.keys() - elementwise - {"copy", "reshape"} - worked_out - replaced == set()


def test_an_op_without_a_form_is_named() -> None:
    others = {name: say for name, say in IN_TORCH.items() if name != "tanh"}
    program = lampc.compile.text("linear 2->3; tanh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lampc.export.torch_ops.SAY", others)
        with pytest.raises(LampError, match="`tanh` of `tanh1` has no form in PyTorch source"):
            source(program)


@pytest.mark.parametrize(
    "formula",
    ["min(x, 6)", "max(2, 0.5) * x", "where(1 > 0.3, x, 0*x)", "where(x > x, x, 2) + x", "max(1, sin(x))", "abs(-2) * x",
     "where(2 > 1, 3, 4) * x", "softplus(1) * x", "min(2, 1.5) + 0*x", "sqrt(2) * relu(3) * x"],
)  # fmt: skip
def test_plain_numbers_in_formulas(formula: str) -> None:
    """PyTorch's functions take tensors alone, where its operators take numbers too."""
    model = lampc.compile.text(f"fn g(x) = {formula}\ninput 3; linear 3 xavier; g; loss mse").model(seed=0, backend="torch")
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.program.to_torch(model)(x), model(x))


@pytest.mark.parametrize(("formula", "at"), [("x*log(x)", 0.0), ("(1 + x)*log(1 + x)", -1.0)])
def test_nothing_counted_no_times_has_a_slope(formula: str, at: float) -> None:
    model = lampc.compile.text(f"fn g(x) = {formula}\ninput 2; bias; g").model(backend="torch")
    module = model.program.to_torch(model)
    out = module(torch.tensor([[at, 2.0]]))
    out.sum().backward()
    assert out[0, 0].item() == 0.0
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_a_softplus_far_from_0() -> None:
    model = lampc.compile.text("input 1; bias; softplus").model(backend="torch")
    module = model.program.to_torch(model)
    out = module(torch.tensor([[100.0]]))
    out.sum().backward()
    assert out.item() == 100.0
    assert [p.grad.item() for p in module.parameters()] == [1.0]


WRITES = re.compile(r"^\s*static (?!const )\w+ \*?\w+(\[[^\]]*\])*\s*[;=,]", re.MULTILINE)
"""A variable that keeps its value between calls, which threads would share."""


@needs_compiler
def test_c_from_many_threads(tmp_path: Path) -> None:
    model = lampc.compile.text("input 16; repeat 3 { linear 64 xavier; tanh }; linear 3 xavier").model(seed=0)
    library = compiled(c_source(model), tmp_path)
    x = torch.randn(4, 2000, 16, generator=torch.Generator().manual_seed(0))

    def answers(part: torch.Tensor) -> torch.Tensor:
        out = torch.empty(len(part), 3)
        library.predict(ctypes.c_void_p(part.data_ptr()), ctypes.c_void_p(out.data_ptr()), ctypes.c_size_t(len(part)))
        return out

    alone = [answers(part) for part in x]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert all(torch.equal(a, b) for a, b in zip(alone, pool.map(answers, x), strict=True))


@pytest.mark.parametrize("text", [*SPECIAL, "input 4x6; lstm 5; linear 2", "input 70; linear 80; relu; linear 3"])
def test_c_keeps_nothing_between_calls(text: str) -> None:
    model = lampc.compile.text(text).model()
    normal = None if text in SPECIAL else [torch.zeros(model.program.elaborated.input_type.sample).tolist()] * 2
    assert not WRITES.findall(c_source(model, normal=normal).split("#ifdef LAMP_MAIN")[0])


STAMPS = [[1.7e9, 0.5], [300.0, 0.25]]
"""Seconds since 1970: float32 knows them by steps of 128."""


def stamps() -> tuple[Model, torch.Tensor, torch.Tensor]:
    model = lampc.compile.text("input 2; linear 8 xavier; tanh; linear 1 xavier").model(seed=0)
    mean, deviation = torch.tensor(STAMPS, dtype=torch.float64)
    x = mean + deviation * torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return model, x, model((x - mean) / deviation)


def test_pytorch_normalises_in_float64() -> None:
    model, x, wanted = stamps()
    space: dict[str, Any] = {}
    exec(source(model.program, normal=STAMPS), space)
    module = space["Network"]()
    module.load_state_dict(to_torch(model).state_dict(), strict=True)
    torch.testing.assert_close(module(x), wanted)


@needs_compiler
def test_c_normalises_in_float64(tmp_path: Path) -> None:
    model, x, wanted = stamps()
    out = torch.empty(20, 1)
    library = compiled(c_source(model, normal=STAMPS), tmp_path)
    library.predict(ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(out.data_ptr()), ctypes.c_size_t(20))
    torch.testing.assert_close(out, wanted)


def test_onnx_normalises_in_float64() -> None:
    runtime = pytest.importorskip("onnxruntime")
    model, x, wanted = stamps()
    session = runtime.InferenceSession(onnx.export(model, STAMPS).SerializeToString(), providers=["CPUExecutionProvider"])
    torch.testing.assert_close(torch.from_numpy(session.run(None, {"x": x.numpy()})[0]), wanted)


@pytest.mark.parametrize("file", ['a"b.safetensors', "a'b", 'x"); raise SystemExit(1)  #', "a\nb", "{name}", "a\\"])
def test_file_names_are_strings(file: str) -> None:
    space: dict[str, Any] = {}
    exec(source(lampc.compile.text("linear 2->1; loss mse"), weights=file), space)
    assert inspect.signature(space["load"]).parameters["path"].default == file


@needs_compiler
@pytest.mark.parametrize(
    "comment", ['"""', "'''; raise SystemExit(1)", "*/ #error", "/* /*/", "*??/", "\\", "a\0b", "\u202e x", "\f"]
)
def test_a_programs_text_is_no_code(comment: str, tmp_path: Path) -> None:
    model = lampc.compile.text(f"linear 2->1 xavier  # {comment}\nloss mse").model(seed=0)
    x = torch.ones(1, 2)
    torch.testing.assert_close(to_torch(model)(x), model(x))
    torch.testing.assert_close(predicted_in_c(model, x, tmp_path), model(x))


@pytest.mark.parametrize(
    "label", ["F", "len", "layer", "torch", "self", "nn", "Tensor", "class", "x", "rope", "True", "training"]
)
def test_labels_hide_no_name_of_the_file(label: str) -> None:
    text = f"input 3x4; linear 12 xavier as {label}; relu; attention 2 rope; softmax; linear 2 xavier"
    model = lampc.compile.text(text).model(seed=0)
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(to_torch(model)(x), model(x))
