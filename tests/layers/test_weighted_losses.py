"""Weights of samples and classes: value and slopes are PyTorch's in float64, on both backends."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.runtime.chunks import CHUNK

Judge = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Of outputs and targets each sample's loss, times what of it counts, and what counts."""


def plain(loss: Callable[[Tensor, Tensor], Tensor]) -> Judge:
    """Of a loss of each element: a sample's is the mean of its elements'."""
    return lambda p, y: (loss(p, y).reshape(len(p), -1).mean(1), torch.ones(len(p), dtype=torch.float64))


def of_classes(classes: list[float], ignore: int = -100, smoothing: float = 0.0) -> Judge:
    """Of labels of classes that count more or less."""

    def judge(p: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        weight = torch.tensor(classes, dtype=torch.float64)
        scores, labels = p.movedim(-1, 1), y
        each = F.cross_entropy(scores, labels, weight, ignore_index=ignore, label_smoothing=smoothing, reduction="none")
        count = weight[labels] * (labels != ignore)
        return each.reshape(len(p), -1).sum(1), count.reshape(len(p), -1).sum(1)

    return judge


def of_yes_and_no(p: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    count = torch.where(y == 1, 5.0, 0.5).double()
    return (F.binary_cross_entropy_with_logits(p, y, reduction="none") * count).sum(1), count.sum(1)


FACTORS = torch.tensor([1, 4, 0.5], dtype=torch.float64)
CASES: dict[str, tuple[str, str, Judge]] = {
    "mse": ("pass", "numbers", plain(lambda p, y: (p - y) ** 2)),
    "mae": ("pass", "numbers", plain(lambda p, y: (p - y).abs())),
    "huber 0.5": ("pass", "numbers", plain(lambda p, y: F.huber_loss(p, y, reduction="none", delta=0.5))),
    "bce": ("sigmoid", "shares", plain(lambda p, y: F.binary_cross_entropy_with_logits(p, y, reduction="none"))),
    "bce weights=[1, 4, 0.5]": (
        "sigmoid", "shares", plain(lambda p, y: F.binary_cross_entropy_with_logits(p, y, FACTORS, reduction="none")),
    ),
    "bce weights=[0.5, 5]": ("linear 1 xavier; sigmoid", "bits", of_yes_and_no),
    "hinge 0.3": ("pass", "bits", plain(lambda p, y: torch.relu(0.3 - (2 * y - 1) * p))),
    "kl": ("logsoftmax", "shares", plain(lambda p, y: F.kl_div(p.log_softmax(-1), y, reduction="none").sum(-1))),
    "nll": ("logsoftmax", "labels", of_classes([1, 1, 1])),
    "crossentropy": ("softmax", "labels", of_classes([1, 1, 1])),
    "crossentropy smoothing=0.2": ("pass", "labels", of_classes([1, 1, 1], smoothing=0.2)),
    "crossentropy weights=[1, 5, 0.2]": ("pass", "labels", of_classes([1, 5, 0.2])),
    "crossentropy weights=[1, 5, 0.2] ignore=0 smoothing=0.1": ("pass", "labels", of_classes([1, 5, 0.2], 0, 0.1)),
    "crossentropy soft weights=[1, 4, 0.5]": (
        "pass", "shares", plain(lambda p, y: -(FACTORS * y * p.log_softmax(-1)).sum(-1)),
    ),
}  # fmt: skip


def drawn(kind: str, shape: tuple[int, ...], seed: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if kind == "labels":
        return torch.randint(0, shape[-1], shape[:-1], generator=generator)
    if kind == "bits":
        return torch.randint(0, 2, shape, generator=generator).double()
    if kind == "numbers":
        return torch.randn(shape, generator=generator, dtype=torch.float64)
    return torch.randn(shape, generator=generator, dtype=torch.float64).softmax(-1)


def weights(samples: int) -> Tensor:
    """Some of them 0, the greatest some 300."""
    found = torch.randn(samples, generator=torch.Generator().manual_seed(7), dtype=torch.float64).mul(2).exp()
    return found.masked_fill(torch.arange(samples) % 5 == 2, 0.0)


@pytest.mark.parametrize("places", [(), (2, 4)], ids=["rows", "places"])
@pytest.mark.parametrize("loss", CASES)
def test_every_loss_is_the_weighted_mean(loss: str, places: tuple[int, ...]) -> None:
    """Σ w·l / Σ w, and its slopes; the op list's are what training by the op list takes."""
    end, kind, judge = CASES[loss]
    shape = "x".join(map(str, (*places, 4)))
    if places and "bits" in kind and "weights" in loss:
        pytest.skip("the judge is of one output a sample")
    model = lampc.compile.text(f"input {shape}; linear 3 xavier; {end}; loss {loss}", precision="f64").model(seed=1)
    x, w = drawn("numbers", (11, *places, 4), 0), weights(11)
    leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    p = x
    for weight, bias in zip(leaves[::2], leaves[1::2], strict=True):
        p = F.linear(p, weight, bias)
    y = drawn(kind, tuple(p.shape))
    each, count = judge(p, y)
    wanted = (w * each).sum() / (w * count).sum()
    wanted.backward()  # type: ignore[no-untyped-call]
    found, gradients = model.gradients(x, y, w)
    torch.testing.assert_close(found, wanted.detach(), rtol=1e-12, atol=1e-12)
    for leaf, gradient in zip(leaves, gradients.values(), strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-10, atol=1e-12)


NATIVELY = [
    ("mse", ()), ("bce weights=[0.5, 5]", ()), ("crossentropy weights=[1, 5, 0.2] ignore=0 smoothing=0.1", ()), ("nll", (2, 4))
]  # fmt: skip


@pytest.mark.parametrize(("loss", "places"), NATIVELY, ids=[loss for loss, _ in NATIVELY])
def test_native_code_steps_as_the_op_list_does(loss: str, places: tuple[int, ...]) -> None:
    """Three epochs of minibatches, the last one smaller; and what is measured of more samples than are taken at once."""
    end, kind, _ = CASES[loss]
    shape = "x".join(map(str, (*places, 4)))
    source = f"input {shape}; linear 3 xavier; {end}; loss {loss}; optimizer sgd lr=0.05"
    program = lampc.compile.text(source, precision="f64")
    x, w = drawn("numbers", (CHUNK + 30, *places, 4), 0), weights(CHUNK + 30)
    y = drawn(kind, (len(x), *places, 1 if "[0.5, 5]" in loss else 3))
    models = [program.model(seed=1, backend=backend) for backend in ("torch", "native")]
    for model in models:
        model.train(lampc.DataLoader((x[:50], y[:50], w[:50]), batch=16, shuffle=True), epochs=3)
    for one, other in zip(*(model.parameters.values() for model in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)
    one, other = (model.evaluate(x, y, w)["loss"] for model in models)
    assert one == pytest.approx(other, rel=1e-11)
    executor = models[0].gradients(x, y, w)[0].item()
    assert one == pytest.approx(executor, rel=1e-11)  # as one minibatch of all


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("loss", ["mse", "crossentropy weights=[1, 3, 0.5] ignore=1"])
def test_a_weight_of_three_is_the_sample_three_times(loss: str, backend: str) -> None:
    program = lampc.compile.text(f"input 4; linear 6 xavier; tanh; linear 3 xavier; loss {loss}; optimizer sgd lr=0.2",
                                 precision="f64", batch=1000)  # fmt: skip
    x, y = drawn("numbers", (40, 4), 0), drawn("labels" if "cross" in loss else "numbers", (40, 3))
    times = torch.arange(40) % 4
    weighed, repeated = (program.model(seed=2, backend=backend) for _ in range(2))
    first = weighed.train(lampc.DataLoader((x, y, times), batch=1000), epochs=20)
    many = lampc.DataLoader((x.repeat_interleave(times, 0), y.repeat_interleave(times, 0)), batch=1000)
    second = repeated.train(many, epochs=20)
    assert [epoch.loss for epoch in first] == pytest.approx([epoch.loss for epoch in second], rel=1e-11)
    for one, other in zip(weighed.parameters.values(), repeated.parameters.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_weights_have_no_size_of_their_own() -> None:
    """Nor does float32 overflow: 10⁶⁰ times the weights is the same loss, to the bit for a power of two."""
    model = lampc.compile.text("input 4; linear 3 xavier; loss mse").model(seed=1)
    x, y, w = drawn("numbers", (30, 4), 0), drawn("numbers", (30, 3)), weights(30)
    wanted = model.evaluate(x, y, w)["loss"]
    assert model.evaluate(x, y, w * 2.0**300)["loss"] == wanted
    assert model.evaluate(x, y, w * 1e-60)["loss"] == pytest.approx(wanted, rel=1e-6)
    assert model.evaluate(x, y, torch.full((30,), 7.0))["loss"] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-6)


def test_a_minibatch_in_which_nothing_weighs_changes_nothing() -> None:
    model = lampc.compile.text("input 4; linear 3 xavier; loss mse", precision="f64").model(seed=1)
    x, y = drawn("numbers", (6, 4), 0), drawn("numbers", (6, 3))
    loss, gradients = model.gradients(x, y, torch.zeros(6))
    assert loss.item() == 0.0
    assert not any(gradient.any() for gradient in gradients.values())


# Of classes -------------------------------------------------------------------------------------------------------------


def program_of(folder: Path, loss: str, y: NDArray[Any], w: NDArray[Any] | None = None, **settings: object) -> Program:
    """A program whose data is an archive of such targets and weights."""
    x = np.random.default_rng(0).normal(size=(len(y), 3))
    np.savez(folder / "a.npz", x=x, y=y, **({} if w is None else {"w": w}))
    end = "linear 3" if y.dtype.kind == "i" else "linear 1; sigmoid"
    source = f'{end}\ndata npz "a.npz" split=1\nloss {loss}\ntrain precision=f64'
    return lampc.compile.text(source, folder=folder, **settings)


Y = np.repeat([0, 1, 2], [60, 30, 10])


@pytest.mark.parametrize(("loss", "y", "classes"), [("crossentropy", Y, 3), ("nll", Y, 3), ("bce", (Y[:, None] > 1) * 1.0, 2)])
def test_balanced_weights_are_scikit_learns(loss: str, y: NDArray[np.int64], classes: int, tmp_path: Path) -> None:
    """And the network is told them as if they were written; the mean weight of a training sample is 1."""
    found = program_of(tmp_path, f"{loss} weights=balanced", y)
    numbers = compute_class_weight("balanced", classes=np.arange(classes), y=y.ravel())
    assert found.experiment.loss is not None
    assert found.experiment.loss.arguments["weights"] == pytest.approx(tuple(numbers))
    written = program_of(tmp_path, f"{loss} weights=[{', '.join(map(repr, numbers.tolist()))}]", y)
    data = found.data().train
    one, other = (program.model(seed=1).gradients(data.x, data.y) for program in (found, written))
    assert one[0].item() == pytest.approx(other[0].item(), rel=1e-14)
    for name, gradient in other[1].items():
        torch.testing.assert_close(one[1][name], gradient, rtol=1e-13, atol=1e-15)


def test_balanced_may_be_set_from_outside(tmp_path: Path) -> None:
    found = program_of(tmp_path, "crossentropy", Y, **{"loss.weights": "balanced"})
    assert found.experiment.loss is not None
    assert found.experiment.loss.arguments["weights"] == pytest.approx((100 / 180, 100 / 90, 100 / 30))


def test_what_is_ignored_is_no_class_to_balance(tmp_path: Path) -> None:
    found = program_of(tmp_path, "crossentropy weights=balanced ignore=0", Y)
    assert found.experiment.loss is not None
    assert found.experiment.loss.arguments["weights"] == pytest.approx((0.0, 40 / 60, 40 / 20))


def test_places_are_counted_too(tmp_path: Path) -> None:
    y = np.array([[0, 1, -1], [2, 1, 1], [-1, -1, 0]])
    np.savez(tmp_path / "a.npz", x=np.ones((3, 3, 2)), y=y)
    source = 'linear 3\ndata npz "a.npz" split=1\nloss crossentropy weights=balanced ignore=-1'
    found = lampc.compile.text(source, folder=tmp_path)
    assert found.experiment.loss is not None
    assert found.experiment.loss.arguments["weights"] == pytest.approx((6 / 6, 6 / 9, 6 / 3))


def test_only_the_training_part_is_counted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.random.default_rng(0).normal(size=(3, 2)), y_train=np.array([0, 1, 1]),
             x_test=np.random.default_rng(1).normal(size=(40, 2)), y_test=np.repeat([0, 2], 20))  # fmt: skip
    source = 'linear 3\ndata npz "a.npz"\nloss crossentropy weights=balanced'
    found = lampc.compile.text(source, folder=tmp_path)
    assert found.experiment.loss is not None
    assert found.experiment.loss.arguments["weights"] == pytest.approx((3 / 2, 3 / 4, 0.0))
    (warning,) = (warning for warning in found.warnings if warning.code == "W502")
    assert "class `2` has no training sample" in warning.message


@pytest.mark.parametrize(
    ("source", "said", "line"),
    [
        ("linear 2->3; loss crossentropy weights=balanced", "no `data` here", "loss crossentropy weights=[1, 1, 1]"),
        ("linear 1; sigmoid; data disc; loss bce weights=balanced", "not known before the data is loaded",
         "loss bce weights=[1, 1]"),
        ("linear 2->3; sigmoid; loss bce weights=balanced", "for one output, and the network makes 3",
         "loss bce weights=[1, 1, 1]"),
        ("linear 2->3; loss crossentropy soft weights=balanced", "with `soft`", "loss crossentropy soft weights=[1, 1, 1]"),
        ("linear 2->3 as h; loss total = crossentropy(h, y, weights=balanced)", "weights are numbers", "weights=[1, 5]"),
        ("linear 2->3; loss crossentropy weights=balance", "`balanced` is wanted", "did you mean `balanced`?"),
    ],
)  # fmt: skip
def test_what_cannot_be_balanced(source: str, said: str, line: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    (found,) = caught.value.diagnostics
    assert said in found.message
    assert any(line in fix for fix in found.fixes)


# Of samples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["fn(p, y) = mean((p - y)^2)", "total = mse(p, y)"])
def test_a_formula_takes_no_weights(loss: str, tmp_path: Path) -> None:
    y = np.random.default_rng(1).normal(size=(20, 1))
    with pytest.raises(lampc.LampError, match=r"E503.*samples have weights") as caught:
        program_of(tmp_path, loss, y, np.ones(20))
    assert {str(label.span).split(":")[1] for label in caught.value.diagnostics[0].labels} == {"2", "3"}
    model = lampc.compile.text(f"input 3; linear 1; loss {loss}").model()
    with pytest.raises(lampc.LampError, match=r"E503.*samples have weights"):
        model.loss(np.ones((20, 3)), y, np.ones(20))


def test_predictions_need_no_weights(tmp_path: Path) -> None:
    program = program_of(tmp_path, "mse", np.random.default_rng(1).normal(size=(20, 1)), np.ones(20))
    assert program.elaborated.weighted
    assert "w" not in {slot.name for slot in program.predicting.slots}
    x = program.data().train.x
    native, listed = (program.model(seed=1, backend=backend) for backend in ("native", "torch"))
    torch.testing.assert_close(native(x), listed(x), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(listed.forward(x), listed(x))
    assert math.isfinite(native.evaluate(x, program.data().train.y)["loss"])  # each weighs 1
