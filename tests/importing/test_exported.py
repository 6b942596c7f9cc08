"""Programs of ``torch.export`` predict here what they did there, from memory and from a file."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from random_networks import network
from torch import Tensor, nn
from torch_modules import MODULES, made

import lampc.compile
from lampc.diagnostics import LampError
from lampc.importing.exported import from_exported
from lampc.importing.text import Imported

pytestmark = pytest.mark.filterwarnings("ignore")


def exported(module: nn.Module, x: Tensor, free: bool = True) -> Any:
    dims = ({0: torch.export.Dim("n", min=2, max=4096)},) if free else None
    return torch.export.export(module, (x,), dynamic_shapes=dims)


def agree(found: Imported, module: nn.Module, x: Tensor) -> None:
    x = torch.cat([x, x + 1 if x.is_floating_point() else x])  # more samples than the example had
    torch.testing.assert_close(found.model()(x), module(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str, tmp_path: Path) -> None:
    module, x = made(name)
    program = exported(module, x)
    agree(from_exported(program), module, x)
    torch.export.save(program, tmp_path / "net.pt2")
    found = from_exported(tmp_path / "net.pt2")
    agree(found, module, x)
    assert found.text == from_exported(program).text
    agree(from_exported(exported(module, x, free=False)), module, x)


def text(name: str) -> list[str]:
    module, x = made(name)
    return from_exported(exported(module, x)).text.splitlines()


def test_programs_read_as_people_write_them() -> None:
    assert text("mlp") == ["input 4", "linear 8", "gelu", "layernorm eps=1e-05", "linear 2", "softmax"]
    assert text("encoder, norms first")[:9] == [
        "input 5x8 as x",
        "layernorm eps=1e-05",
        "attention 2",
        "sum { from x | pass } as h1",
        "layernorm eps=1e-05",
        "linear 16",
        "relu",
        "linear 8",
        "sum { from h1 | pass } as h2",
    ]
    assert text("gpt") == text("gpt, fused")
    assert "attention 2 causal" in text("gpt")
    assert text("gpt")[-1] == "linear 20 bias=off tie=h1"
    assert text("rotary")[1:] == ["attention 4 kv_heads=2 causal rope"]
    assert text("rotary, one key")[1:] == ["attention 4 kv_heads=1 causal rope base=500000"]
    assert text("shuffle")[2:5] == ["reshape 2x2x2x4x4", "transpose 1x4x2x5x3", "reshape 2x8x8"]


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_random_networks(seed: int) -> None:
    """Of images: those of sequences have recurrences, which lampc writes for PyTorch as loops."""
    model = lampc.compile.text(network(seed).source, precision="f32").model()
    x = torch.rand(3, *model.program.elaborated.input_type.sample)
    module = model.program.to_torch(model).eval()
    torch.testing.assert_close(from_exported(exported(module, x, free=False)).model()(x), model(x), rtol=1e-4, atol=1e-4)


def test_what_was_trained_goes_on_to_train() -> None:
    module, x = made("encoder")
    model = from_exported(exported(module, x)).model()
    assert model(x).shape == (3, 5, 8)
    assert sum(tensor.numel() for tensor in model.parameters.values()) == sum(p.numel() for p in module.parameters())


class Lambda(nn.Module):
    def __init__(self, function: Callable[[nn.Linear, Tensor], Tensor]) -> None:
        super().__init__()
        self.linear, self.function = nn.Linear(4, 4), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.linear, x)


def changed_part(linear: nn.Linear, x: Tensor) -> Tensor:
    h = linear(x)
    h[:, :2].relu_()
    return h


def set_part(linear: nn.Linear, x: Tensor) -> Tensor:
    h = linear(x)
    h[:, 0] = 0.0
    return h


REFUSED: dict[str, tuple[Callable[[nn.Linear, Tensor], Tensor], str]] = {
    "too large": (lambda linear, x: linear(x) + torch.zeros(10**6, 10**6).sum(), "more than 100,000,000 numbers"),
    "another function": (lambda linear, x: linear(x).erfinv(), r"`aten.erfinv.default` \(`erfinv`\) has no layer here"),
    "a part changed in place": (changed_part, "changes `linear` in place, of which it sees but a part"),
    "a part set": (set_part, "`aten.fill_.Tensor`"),
    "over the samples": (lambda linear, x: linear(x) - linear(x).mean(0, keepdim=True), "over the samples"),
    "samples mixed": (lambda linear, x: linear(x.flip(0)), "moved about in a way that no layers do"),
    "scores": (lambda linear, x: torch.bmm(linear(x)[:, :, None], x[:, None]), "an attention's scores"),
    "by places": (lambda linear, x: linear(x).view(-1, 2, 2) * torch.arange(4.0).view(2, 2), "neither is a value of a program"),
    "by how many": (lambda linear, x: linear(x) / x.shape[0], "depends on how many there are"),
    "a constant": (lambda linear, x: linear.weight.expand(4, 4), "does not depend on its input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_layer_is_refused(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(LampError, match=message) as caught:
        from_exported(exported(Lambda(function), torch.rand(3, 4), free=name != "a constant"))
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {"E812"}


def test_weights_changed_on_the_way_are_changed_but_not_in_the_module() -> None:
    def shifted(linear: nn.Linear, x: Tensor) -> Tensor:
        return nn.functional.linear(x, linear.weight.detach().clone().add_(1.0))

    module, x = Lambda(shifted), torch.rand(3, 4)
    before = module.linear.weight.detach().clone()
    agree(from_exported(exported(module, x)), module, x)
    assert torch.equal(module.linear.weight, before)


class Two(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x + 1, x + 2


def test_one_input_and_one_output_are_wanted(tmp_path: Path) -> None:
    program = exported(Two(), torch.rand(3, 4))
    torch.export.save(program, tmp_path / "net.pt2")
    for given in (program, tmp_path / "net.pt2"):
        with pytest.raises(LampError, match="1 inputs and 2 outputs"):
            from_exported(given)
    dims = ({0: torch.export.Dim("n"), 1: torch.export.Dim("m")},)
    program = torch.export.export(nn.Tanh(), (torch.rand(3, 4),), dynamic_shapes=dims)
    with pytest.raises(LampError, match="all but one axis must be known"):
        from_exported(program)


def saved(folder: Path) -> Path:
    module, x = made("residual")
    torch.export.save(exported(module, x), folder / "net.pt2")
    return folder / "net.pt2"


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> bytes:
    """The archive with its files changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def test_nothing_in_a_file_is_unpickled_or_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's own loader unpickles the example's inputs."""
    path = saved(tmp_path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(f"pickle.{name}", never)
    monkeypatch.setattr(torch, "load", never)
    from_exported(path)

    def pickled(name: str, content: bytes) -> bytes:
        return content.replace(b'"use_pickle": false', b'"use_pickle": true') if name.endswith("config.json") else content

    path.write_bytes(rewritten(path, pickled))
    with pytest.raises(LampError, match="is pickled, and nothing is unpickled here"):
        from_exported(path)


@pytest.mark.parametrize("target", ["os.system", "torch.ops.aten.from_file.default", "_operator.attrgetter", "builtins.eval"])
def test_a_file_names_no_function_but_those_of_the_table(target: str, tmp_path: Path) -> None:
    path = saved(tmp_path)

    def other(name: str, content: bytes) -> bytes:
        return content.replace(b"torch.ops.aten.relu.default", target.encode()) if name.endswith("model.json") else content

    path.write_bytes(rewritten(path, other))
    with pytest.raises(LampError, match="has no layer here"):
        from_exported(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    raw = path.read_bytes()
    drawn = random.Random(0)
    for trial in range(150):
        if trial % 3 == 0:
            content = raw[: drawn.randrange(len(raw))]
        elif trial % 3 == 1:
            content = bytearray(raw)  # type: ignore[assignment]
            for _ in range(5):
                content[drawn.randrange(len(raw))] ^= 1 << drawn.randrange(8)  # type: ignore[index]
        else:
            content = rewritten(path, lambda name, text: scrambled(drawn, text) if name.endswith("model.json") else text)
        (tmp_path / "bad.pt2").write_bytes(content)
        try:
            from_exported(tmp_path / "bad.pt2").model()
        except LampError as error:
            assert {diagnostic.code for diagnostic in error.diagnostics} == {"E812"}


def scrambled(drawn: random.Random, text: bytes) -> bytes:
    """JSON with one value of it another's."""
    whole = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, entry in entries:
            places.append((value, key))
            walk(entry)

    walk(whole["graph_module"]["graph"]["nodes"])
    (holder, key), (other, name) = drawn.choice(places), drawn.choice(places)
    holder[key] = drawn.choice([None, 0, -1, "x", [], {}, other[name]])
    try:
        return json.dumps(whole).encode()
    except ValueError:  # it holds itself
        return b"{}"


def test_the_verb_reads_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.cli import run

    monkeypatch.chdir(tmp_path)
    saved(tmp_path)
    assert run(["import", "net.pt2"]) == 0
    assert capsys.readouterr().out.splitlines() == ["wrote net.lamp", "wrote net.safetensors"]
    assert [layer.kind for layer in lampc.compile.file("net.lamp").layers][:3] == ["conv", "batchnorm", "relu"]
    Path("bad.pt2").write_bytes(b"PK\3\4nothing")
    assert run(["import", "bad.pt2"]) == 1
    assert "is no archive of torch.export's" in capsys.readouterr().err
    Path("link.pt2").symlink_to("net.pt2")
    assert run(["import", "link.pt2"]) == 1
