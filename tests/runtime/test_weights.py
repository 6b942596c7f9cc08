"""``train weights=``: training begins with the weights of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import lampc.compile
from lampc.diagnostics import LampError
from lampc.runtime.runs import train_runs

BODY = "input 4; linear 6 xavier; batchnorm; tanh; linear {} as head\n"


def kept(folder: Path, head: int = 3, prefix: str = "") -> dict[str, torch.Tensor]:
    """A file of a network's weights; what layers keep under a checkpoint's names, or an export's."""
    model = lampc.compile.text(BODY.format(head), **{"train.seed": 9}).model()
    states = {name: torch.rand_like(tensor) for name, tensor in model.storage.states.items() if "running" in name}
    tensors = {name: tensor.clone() for name, tensor in model.parameters.items()}
    save_file({**tensors, **{prefix + name: tensor for name, tensor in states.items()}}, folder / "w.safetensors")
    return {**tensors, **states}


@pytest.mark.parametrize("prefix", ["", "state."])
def test_a_model_begins_with_them_whatever_its_seed(prefix: str, tmp_path: Path) -> None:
    given = kept(tmp_path, prefix=prefix)
    source = BODY.format(3) + 'train weights="w.safetensors"'
    for seed in (0, 1):
        model = lampc.compile.text(source, folder=tmp_path, **{"train.seed": seed}).model()
        model.reset(seed + 5)
        found = {**model.parameters, **model.storage.states}
        for name, tensor in given.items():
            assert torch.equal(found[name], tensor), name


def test_what_the_file_has_not_begins_as_it_is_written(tmp_path: Path) -> None:
    given = kept(tmp_path, head=7)
    other = BODY.format(3).replace("as head", "as top")
    model = lampc.compile.text(other + 'train weights="w.safetensors"', folder=tmp_path).model()
    plain = lampc.compile.text(other).model()
    assert torch.equal(model.parameters["linear1.weight"], given["linear1.weight"])
    assert torch.equal(model.parameters["top.weight"], plain.parameters["top.weight"])


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_every_run_begins_with_them(backend: str, tmp_path: Path) -> None:
    source = "linear 2->5 xavier; tanh; linear 1 xavier; sigmoid\ndata disc train=60 test=20\nloss mse\n"
    source += f"optimizer sgd lr=0\ntrain epochs=1 batch=10 backend={backend}"
    first = lampc.compile.text(source, **{"train.seed": 4}).model()
    save_file(dict(first.parameters), tmp_path / "w.safetensors")
    program = lampc.compile.text(source, folder=tmp_path, **{"train.weights": "w.safetensors"})
    ends: list[dict[str, torch.Tensor]] = []
    train_runs(program, [0, 1, 2], on_end=lambda run, model, history: ends.append(
        {name: tensor.clone() for name, tensor in model.parameters.items()}))  # fmt: skip
    assert len(ends) == 3
    for end in ends:
        assert all(torch.equal(end[name], tensor) for name, tensor in first.parameters.items())


def test_a_run_is_opened_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.cli import run
    from lampc.runs.load import load

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    kept(tmp_path)
    network = "linear 2->6 xavier as linear1; tanh; linear 1; sigmoid\n"
    Path("a.lamp").write_text(network + "data disc train=60 test=20\nloss mse\ntrain epochs=2 batch=10\n", encoding="utf-8")
    tensors = {"linear1.weight": torch.zeros(6, 2)}
    save_file(tensors, "w.safetensors")
    assert run(["train", "a.lamp", "--set", "train.weights=w.safetensors"]) == 0
    Path("w.safetensors").unlink()
    assert load("a").model().parameters["linear1.weight"].shape == (6, 2)
    assert run(["train", "a.lamp", "--set", "train.weights=w.safetensors"]) == 1


WRONG = {
    "another shape": (BODY.format(5), "E612", "`head.bias` is 5, and in w.safetensors 3"),
    "no name of it": ("linear 4->6 as other", "E612", "has none of the network's parameters"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_found_before_the_run(name: str, tmp_path: Path) -> None:
    kept(tmp_path)
    source, code, message = WRONG[name]
    with pytest.raises(LampError, match=message) as caught:
        lampc.compile.text(source + '\ntrain weights="w.safetensors"', folder=tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == code
    if name == "another shape":
        assert [label.span.text for label in found.labels] == ["linear 5", 'weights="w.safetensors"']


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff" * 40, b"\2\0\0\0\0\0\0\0{}", b"\2\0\0\0\0\0\0\0[]", b"\5\0\0\0\0\0\0\0[1,2]"]
)
def test_a_file_that_is_none_is_refused(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(LampError, match=r"cannot read|is no safetensors file|has none of"):
        lampc.compile.text('linear 4->6\ntrain weights="w.safetensors"', folder=tmp_path)


def test_it_stays_in_the_project(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "pyproject.toml").touch()
    kept(tmp_path)
    (tmp_path / "inside" / "link.safetensors").symlink_to(tmp_path / "w.safetensors")
    for place in ("../w.safetensors", "link.safetensors", str(tmp_path / "w.safetensors")):
        with pytest.raises(LampError, match="lies outside of the project"):
            lampc.compile.text(BODY.format(3) + f'train weights="{place}"', folder=tmp_path / "inside")
