"""Codes that a short program on a page cannot show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import lampc.compile
from lampc import limits
from lampc.cli import run
from lampc.diagnostics import LampError
from lampc.export.c_source import source
from lampc.table.schema import Column, Schema, Target


def codes(source: str | bytes, **settings: object) -> list[str]:
    with pytest.raises(LampError) as caught:
        lampc.compile.text(source, **settings)  # type: ignore[arg-type]
    assert all(diagnostic.labels for diagnostic in caught.value.diagnostics), "every mistake has a place"
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_a_byte_that_is_not_utf8_has_a_place() -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text(b"linear 2->3\ntanh \xff\n", name="a.lamp")
    (found,) = caught.value.diagnostics
    assert found.code == "E001"
    assert str(found.labels[0].span) == "a.lamp:2:6"


def test_a_balanced_class_without_training_samples(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
    np.savez(tmp_path / "kinds.npz", x_train=x, y_train=y, x_test=x + 1, y_test=y * 2)
    source = 'linear 2->3\ndata npz "kinds.npz"\nloss crossentropy weights=balanced'
    assert "W502" in [warning.code for warning in lampc.compile.text(source, folder=tmp_path).warnings]


def test_a_source_of_more_than_a_megabyte() -> None:
    assert codes("#" * (limits.SOURCE_BYTES + 1)) == ["E002"]
    lampc.compile.text("#" * (limits.SOURCE_BYTES - 12) + "\nlinear 2->3")


@pytest.mark.parametrize("name", ["missing.lamp", ".", "a\0b"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.file(tmp_path / name)
    (found,) = caught.value.diagnostics
    assert found.code == "E003"
    assert str(found.labels[0].span) == f"{tmp_path / name}:1:1"


@pytest.mark.parametrize(
    "source",
    [
        "linear 2->" + "(" * 100 + "3" + ")" * 100,
        "linear 2->2; " + "repeat 2 {" * 70 + "tanh" + "}" * 70,
        "(" * 100_000,
        "\n".join(f"block b{i} {{ b{i + 1} }}" for i in range(80)) + "\nblock b80 { tanh }\nlinear 2->2; b0",
    ],
    ids=["parentheses", "braces", "only open", "blocks"],
)
def test_nesting_beyond_64(source: str) -> None:
    assert "E107" in codes(source)


@pytest.mark.parametrize("source", ["linear 2->" + "-" * 500_000 + "3", "linear 2->" + "1+" * 50_000 + "1"])
def test_expressions_of_more_than_200_operators(source: str) -> None:
    assert "E108" in codes(source)


def test_a_layer_over_an_axis_that_is_not_there(tmp_path: Path) -> None:
    # Every source of data has an axis in its samples, so only a layer called from Python can meet this.
    from lampc.ir.graph import Graph
    from lampc.ir.leaves import Input
    from lampc.ir.op import ShapeError
    from lampc.ir.types import B, Type
    from lampc.layers import LAYERS
    from lampc.layers.layer import Construct
    from lampc.ops.term import Build

    build = Build(Graph())
    x = build(Input(Type("f32", (B,)), "x"))
    with pytest.raises(ShapeError) as caught:
        LAYERS["softmax"].build(Construct(build, "softmax1", []), x, {})
    assert caught.value.code == "E402"


def test_a_gradient_of_ones_own_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:

    def twice(make, x):  # type: ignore[no-untyped-def]
        return lampc.with_gradient(x * 2.0, [x], lambda dy, x: [dy])

    monkeypatch.setattr("lampc.layers.custom.OWN", {})
    lampc.layer(twice)
    with pytest.raises(LampError) as caught:
        lampc.compile.text("linear 2->3; twice; loss mse").model(seed=0)
    assert [found.code for found in caught.value.diagnostics] == ["E408"]


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    program = lampc.compile.text("linear 64->10; data digits; loss crossentropy")
    with pytest.raises(LampError) as caught:
        program.data()
    (found,) = caught.value.diagnostics
    assert found.code == "E508"
    assert 'pip install "lampc[digits]"' in found.fixes


def test_labels_and_shapes_given_from_python() -> None:
    model = lampc.compile.text("linear 2->3; loss crossentropy").model()
    for x, y, code in [
        (np.zeros((4, 2)), np.array([0, 1, 2, 3]), "E604"),
        (np.zeros((4, 2)), np.array([0, 1, -1, 2]), "E604"),
        (np.zeros((4, 2)), np.array([0.0, 1.0, 1.0, 1.0]), "E604"),
        (np.zeros((4, 3)), np.array([0, 1, 2, 2]), "E605"),
        (np.zeros((4, 2)), np.array([0, 1, 2]), "E605"),
        (np.zeros((4, 2)), np.array([[0], [1], [2], [2]]), "E605"),
    ]:
        with pytest.raises(LampError) as caught:
            model.loss(x, y)
        assert [found.code for found in caught.value.diagnostics] == [code]


def test_n_by_1_against_n_is_never_broadcast() -> None:
    model = lampc.compile.text("linear 2->1; loss mse").model()
    with pytest.raises(LampError) as caught:
        model.loss(np.zeros((4, 2)), np.zeros(4))
    assert caught.value.diagnostics[0].code == "E605"


def test_a_loss_that_is_no_number_names_the_first_op_that_made_it() -> None:
    source = "linear 2->8 xavier; relu\nlinear 8->1 xavier\ndata disc\nloss mse\ntrain epochs=50"
    with pytest.raises(LampError) as caught:
        lampc.compile.text(source, lr=1e4).model().train()
    (found,) = caught.value.diagnostics
    assert found.code == "E701"
    assert "epoch 1, step" in found.message
    assert found.labels

    log = "linear 2->1 constant(0); loss fn(p, y) = mean(log(p))"
    with pytest.raises(LampError) as caught:
        lampc.compile.text(log).model().train([(np.zeros((3, 2)), np.ones((3, 1)))], epochs=1)
    assert "`log` of loss was the first op" in caught.value.diagnostics[0].message


def test_a_device_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(LampError) as caught:
        lampc.compile.text("linear 2->1", device="cuda").model()
    assert caught.value.diagnostics[0].code == "E702"


def test_no_steps() -> None:
    model = lampc.compile.text("linear 2->1; data disc; loss mse").model()
    with pytest.raises(LampError) as caught:
        model.train(epochs=0)
    assert caught.value.diagnostics[0].code == "E703"
    assert codes("linear 2->1; train epochs=0") == ["E305"]


@pytest.mark.parametrize(
    ("source", "missing"), [("linear 2->3; tanh; data disc", "loss"), ("linear 2->1; tanh; loss mse", "data")]
)
def test_a_statement_that_training_needs_has_a_place(source: str, missing: str) -> None:
    with pytest.raises(LampError) as caught:
        lampc.compile.text(source).model().train()
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E501", f"the program has no `{missing}`")
    assert found.labels[0].span.text == "tanh"


def test_settings() -> None:
    source = "let width = 8\nlinear 2->width; loss mse; optimizer sgd"
    assert codes(source, widht=3) == ["E801"]
    assert codes(source, width="wide") == ["E802"]
    assert codes(source, lr="fast") == ["E802"]
    assert codes(source, lr=object()) == ["E802"]


def test_a_fault_in_lampc_itself_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], models: Path
) -> None:
    monkeypatch.setattr("lampc.compile.parse", lambda *_: 1 / 0)
    assert run(["check", str(models / "xor.lamp")]) == 2
    assert "E900" in capsys.readouterr().err


def test_native_code_that_cannot_be_had() -> None:
    program = lampc.compile.text("input 2; linear 3; tanh; linear 1\nloss mse", backend="native", precision="bf16")
    with pytest.raises(LampError) as caught:
        program.model()
    assert caught.value.diagnostics[0].code == "E704"
    assert "bf16" in caught.value.diagnostics[0].message


def trained(folder: Path, *more: str) -> int:
    (folder / "a.lamp").write_text("linear 2->3; tanh; linear 1; sigmoid\ndata xor\nloss mse\ntrain epochs=2", encoding="utf-8")
    return run(["train", str(folder / "a.lamp"), "--run-dir", str(folder / "runs"), *more])


def said(capsys: pytest.CaptureFixture[str], code: str) -> bool:
    return f"error[{code}]" in capsys.readouterr().err


def test_runs_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", str(tmp_path / "nothing")]) == 1
    assert said(capsys, "E610")
    assert trained(tmp_path) == 0
    assert trained(tmp_path, "--resume", str(tmp_path / "runs/a/1"), "--set", "optimizer.momentum=0.5") == 1
    assert said(capsys, "E612")
    kept = tmp_path / "runs/a/1/last.safetensors"
    kept.write_bytes(kept.read_bytes()[:-1])
    assert run(["eval", str(tmp_path / "runs/a/1")]) == 1
    assert said(capsys, "E611")
    (tmp_path / "taken").write_text("a file")
    assert run(["train", str(tmp_path / "a.lamp"), "--run-dir", str(tmp_path / "taken")]) == 1
    assert said(capsys, "E613")


def test_a_study_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    assert trained(tmp_path) == 0
    asked = ["sweep", str(tmp_path / "a.lamp"), "--grid", "optimizer.lr=0.1,0.2", "--storage", str(tmp_path / "study"),
             "-o", str(tmp_path / "table")]  # fmt: skip
    assert run(asked) == 0
    assert run([*asked, "--set", "train.epochs=3"]) == 1
    assert said(capsys, "E614")


def test_an_op_that_an_export_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.export.torch_source import source

    monkeypatch.setattr("lampc.export.torch_ops.SAY", {})
    with pytest.raises(LampError) as caught:
        source(lampc.compile.text("linear 2->3; tanh"))
    assert [found.code for found in caught.value.diagnostics] == ["E811"]


def test_workers_without_torchrun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trained(tmp_path, "--set", "train.workers=2", "--backend", "torch") == 1
    assert said(capsys, "E705")


def test_what_is_no_onnx_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nothing of the kind")
    assert run(["import", str(tmp_path / "a.onnx")]) == 1
    assert said(capsys, "E812")


def test_an_export_of_one_of_several_heads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "linear 2->1 xavier; sigmoid as a; linear 1 as b; data disc train=50 test=50; loss total = bce(a, y); train epochs=1"
    (tmp_path / "two.lamp").write_text(text)
    assert run(["train", str(tmp_path / "two.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    assert run(["export", str(tmp_path / "runs" / "two" / "1"), "--to", "c", "-o", str(tmp_path / "a.c")]) == 1
    assert said(capsys, "E813")


def test_a_text_in_c() -> None:
    schema = Schema((Column("review", "text", values=("good",), length=3, unit="word"),), (Target("liked", "yesno"),))
    with pytest.raises(LampError) as caught:
        source(lampc.compile.text("linear 3->1 xavier").model(), schema=schema)
    assert [found.code for found in caught.value.diagnostics] == ["E814"]


def test_nothing_to_measure() -> None:
    model = lampc.compile.text("linear 3->2; loss crossentropy ignore=-1").model()
    with pytest.raises(LampError) as caught:
        model.evaluate(np.ones((2, 3), np.float32), np.full(2, -1))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E510"]


def remarked(folder: Path, **arrays: np.ndarray) -> list[str]:
    """What is said of some arrays."""
    np.savez(folder / "a.npz", **arrays)
    return [
        each.code for each in lampc.compile.text('data npz "a.npz"; linear 2 xavier; loss crossentropy', folder=folder).warnings
    ]


def test_a_column_that_says_what_the_target_is(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{'ab'[i % 3 == 0]},{i % 3 == 0:d}\n" for i in range(60))
    (tmp_path / "a.csv").write_text("x,kind,code\n" + rows)
    found = lampc.compile.text('data csv "a.csv" target=kind; linear 2 xavier; loss crossentropy', folder=tmp_path).warnings
    assert [each.code for each in found] == ["W423"]


def test_what_data_may_be_mistaken_in(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(200, 3)), draw.integers(0, 2, 200)
    assert remarked(tmp_path, x=x, y=y) == []
    assert remarked(tmp_path, x=np.tile(x, (2, 1)), y=np.tile(y, 2)) == ["W424"]
    assert remarked(tmp_path, x=x, y=(np.arange(200) % 20 == 0).astype(int)) == ["W425"]
    assert remarked(tmp_path, x_train=x, y_train=np.sort(y), x_test=x[:0], y_test=y[:0]) == ["W426"]


@pytest.mark.parametrize(
    ("code", "network", "optimizer"),
    [
        ("W431", "linear 2->8 xavier bias=constant(-9); relu; linear 1 xavier", "sgd"),
        ("W432", "linear 2->8 xavier bias=constant(9); tanh; linear 1 xavier", "sgd"),
        ("W433", "linear 2->1 constant(9)", "sgd lr=1e-3"),
        ("W434", "linear 2->8 xavier; leakyrelu; linear 1 xavier", "adam lr=30"),
        ("W435", "linear 2->1 xavier", "sgd lr=1e-9"),
    ],
)
def test_what_shows_after_some_epochs(code: str, network: str, optimizer: str) -> None:
    loss = "sigmoid; loss bce" if code == "W433" else "loss mse"
    source = f"{network}; {loss}; data disc train=100 test=0; optimizer {optimizer}; train epochs=5"
    history = lampc.compile.text(source).model().train()
    assert code in [each.code for epoch in history for each in epoch.warnings]


def test_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.runtime import fit

    monkeypatch.setattr(fit, "available", lambda: 1000)
    with pytest.raises(LampError) as caught:
        lampc.compile.text("linear 2->9000; linear 9000").model()
    (found,) = caught.value.diagnostics
    assert found.code == "E706"
    assert found.labels[0].span.text == "linear 9000"
