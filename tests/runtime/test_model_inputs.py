"""What a model takes as samples and targets, and what it refuses: nothing is ever broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile
from lampc.runtime.chunks import CHUNK
from lampc.runtime.model import Model

X = torch.linspace(-1, 1, 12).reshape(6, 2)
REGRESSION = "linear 2->3 xavier; tanh; linear 1; loss mse"
CLASSES = "linear 2->3 xavier; loss crossentropy"


def model(source: str = REGRESSION, **settings: Any) -> Model:
    return lampc.compile.text(source, **settings).model(seed=0)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(lampc.LampError) as caught:
        call()
    assert str(caught.value)
    return caught.value.diagnostics[0].code


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize(
    "x", [X, X.double(), X.numpy(), X.double().numpy(), X.tolist(), X.numpy()[::-1].copy(), X.t().contiguous().t()],
    ids=["f32", "f64", "array32", "array64", "list", "reversed", "strided"],
)  # fmt: skip
def test_predictions_of_tensors_arrays_and_lists(x: Any, precision: str) -> None:
    this = model(precision=precision)
    dtype = torch.float64 if precision == "f64" else torch.float32
    found = this(x)
    p = this.parameters
    samples = torch.as_tensor(x).to(dtype)
    hidden = torch.tanh(F.linear(samples, p["linear1.weight"], p["linear1.bias"]))
    torch.testing.assert_close(found, F.linear(hidden, p["linear2.weight"], p["linear2.bias"]))
    assert found.dtype == dtype
    assert not found.requires_grad


def test_whole_numbers_are_numbers() -> None:
    this = model()
    torch.testing.assert_close(this([[1, 2], [3, 4]]), this([[1.0, 2.0], [3.0, 4.0]]))


def test_a_tensor_that_requires_a_gradient_is_only_read() -> None:
    this = model()
    torch.testing.assert_close(this(X.clone().requires_grad_()), this(X))


def test_the_callers_samples_are_left_alone() -> None:
    x, y = X.clone(), torch.ones(6, 1)
    this = model("linear 2->2; relu; linear 1; relu; loss mse; optimizer sgd lr=0.1")
    this(x)
    this.gradients(x, y)
    this.train([(x, y)], epochs=2)
    assert torch.equal(x, X)
    assert torch.equal(y, torch.ones(6, 1))


@pytest.mark.parametrize("empty", [torch.empty(0, 2), np.empty((0, 2))], ids=["tensor", "array"])
def test_no_samples_have_no_predictions(empty: Any) -> None:
    assert model()(empty).shape == (0, 1)
    assert model(CLASSES)(empty).shape == (0, 3)


def test_many_samples_are_predicted_in_parts() -> None:
    this = model()
    x = torch.randn(2 * CHUNK + 17, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(this(x), torch.cat([this(part) for part in x.split(100)]))


def test_a_prediction_does_not_depend_on_its_neighbours() -> None:
    this = model("linear 2->4 xavier; layernorm; relu; linear 3; softmax")
    torch.testing.assert_close(this(X), torch.cat([this(x[None]) for x in X]))


@pytest.mark.parametrize("shape", [(2,), (6, 3), (6, 1), (6, 2, 1), (6,), (), (0,), (3, 2, 2)], ids=str)
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    this = model()
    for call in (this, this.forward, lambda x: this.loss(x, torch.zeros(6, 1))):
        assert code(lambda call=call: call(torch.zeros(shape))) == "E605"  # type: ignore[misc]


@pytest.mark.parametrize("y", [torch.zeros(6), torch.zeros(1, 6), torch.zeros(6, 2), torch.zeros(5, 1), torch.zeros(6, 1, 1),
                               torch.zeros(())], ids=lambda y: str(tuple(y.shape)))  # fmt: skip
def test_a_target_is_not_broadcast(y: torch.Tensor) -> None:
    """(N, 1) against (N) is the mistake that torch's broadcasting hides."""
    this = model()
    for call in (this.loss, this.gradients, this.evaluate, lambda x, y: this.train([(x, y)], epochs=1)):
        assert code(lambda call=call: call(X, y)) == "E605"  # type: ignore[misc]


@pytest.mark.parametrize("wrong", [-1, 3, 100])
def test_labels_out_of_range_are_refused_with_their_row(wrong: int) -> None:
    this = model(CLASSES)
    y = torch.tensor([0, 1, 2, 2, wrong, 0])
    for call in (this.loss, this.gradients, this.evaluate, lambda x, y: this.train([(x, y)], epochs=1)):
        with pytest.raises(lampc.LampError, match=rf"label {wrong} in row 4") as caught:
            call(X, y)
        assert caught.value.diagnostics[0].code == "E604"


def test_labels_are_whole_numbers() -> None:
    assert code(lambda: model(CLASSES).loss(X, torch.zeros(6))) == "E604"


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_labels_of_any_whole_type_are_taken(dtype: torch.dtype) -> None:
    this = model(CLASSES)
    y = torch.tensor([0, 1, 2, 2, 1, 0])
    torch.testing.assert_close(this.loss(X, y.to(dtype)), F.cross_entropy(this(X), y))


@pytest.mark.parametrize("x", ["hello", [[1, 2], [3]], None, [["a", "b"]], X + 1j, {"x": 1}], ids=repr)
def test_what_is_no_tensor_is_refused(x: Any) -> None:
    assert code(lambda: model()(x)) == "E605"


def test_samples_and_targets_are_equally_many() -> None:
    assert code(lambda: model(CLASSES).loss(X, torch.zeros(5, dtype=torch.int64))) == "E605"


def test_without_a_loss_there_is_nothing_to_differentiate() -> None:
    this = model("linear 2->3")
    assert this(X).shape == (6, 3)
    for call in (this.loss, this.gradients, this.evaluate, lambda x, y: this.train([(x, y)], epochs=1)):
        assert code(lambda call=call: call(X, X)) == "E501"  # type: ignore[misc]


def test_a_program_without_data_says_so_when_trained_alone() -> None:
    assert code(lambda: model().train()) == "E501"


@pytest.mark.parametrize("device", ["nonsense", "cuda:x", "meta"])
def test_a_device_that_is_none_is_refused(device: str) -> None:
    assert code(lambda: lampc.compile.text(REGRESSION).model(device=device)) == "E702"


def test_samples_of_several_axes() -> None:
    this = model("input 4x3; linear 3->5 xavier; tanh; flatten; linear 20->2; loss mse")
    x = torch.randn(7, 4, 3, generator=torch.Generator().manual_seed(0))
    p = this.parameters
    hidden = torch.tanh(F.linear(x, p["linear1.weight"], p["linear1.bias"])).flatten(1)
    torch.testing.assert_close(this(x), F.linear(hidden, p["linear2.weight"], p["linear2.bias"]))
    assert code(lambda: this(x.flatten(1))) == "E605"


def test_labels_of_several_axes() -> None:
    this = model("input 4x3; linear 3->5 xavier; loss crossentropy", precision="f64")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(7, 4, 3, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 5, (7, 4), generator=generator)
    torch.testing.assert_close(this.loss(x, y), F.cross_entropy(this(x).flatten(0, 1), y.flatten()))
    y[3, 2] = 5
    with pytest.raises(lampc.LampError, match="label 5 in row 3"):
        this.loss(x, y)


def test_a_network_without_parameters_has_no_gradients() -> None:
    this = model("input 2; flatten; loss mse")
    assert torch.equal(this(X), X)
    torch.testing.assert_close(this.loss(X, X + 2), torch.tensor(4.0))
    assert this.gradients(X, X)[1] == {}


def test_a_loss_need_not_use_its_target() -> None:
    this = model("linear 2->1 ones; loss fn(p, y) = mean(p^2)", precision="f64")
    y = torch.zeros(6, 1)
    p = X.double().sum(1, keepdim=True)
    torch.testing.assert_close(this.loss(X, y), p.square().mean())
    torch.testing.assert_close(this.gradients(X, y)[1]["linear1.bias"], 2 * p.mean(0))
    assert this.evaluate(X, y)["loss"] == pytest.approx(float(p.square().mean()))
    this.train([(X, y)], epochs=1)


def test_parameters_have_the_programs_types_and_order() -> None:
    for precision, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        program = lampc.compile.text("linear 2->3; layernorm; prelu; linear ->1 as end", precision=precision)
        parameters = program.model().parameters
        assert {name: tuple(p.shape) for name, p in parameters.items()} == {
            "linear1.weight": (3, 2),
            "linear1.bias": (3,),
            "layernorm1.weight": (3,),
            "layernorm1.bias": (3,),
            "prelu1.slope": (),
            "end.weight": (1, 3),
            "end.bias": (1,),
        }
        assert list(parameters) == list(program.parameters)
        assert all(p.dtype == dtype for p in parameters.values())


def test_more_batch_sizes_than_executors_are_kept() -> None:
    this = model(REGRESSION, precision="f64")
    y = torch.ones(6, 1)
    wanted = {n: this.gradients(X[:n], y[:n])[1] for n in range(1, 7)}
    for _ in range(2):
        for n in (1, 2, 3, 4, 5, 6):
            this(X[:n])
            this.evaluate(X[:n], y[:n])
            found = this.gradients(X[:n], y[:n])[1]
            assert all(torch.equal(found[name], wanted[n][name]) for name in found)


def test_assigning_to_a_parameter_writes_into_it() -> None:
    model = lampc.compile.text("linear 2->1 xavier").model(seed=0)
    kept = model.parameters["linear1.weight"]
    model.parameters["linear1.weight"] = torch.zeros(1, 2)
    model.parameters["linear1.bias"] = [0.5]
    assert kept.tolist() == [[0.0, 0.0]]
    assert model([[0.2, 0.3]]).item() == 0.5
    for name, value, code in (("linear1.weight", torch.zeros(2), "E605"), ("linear2.weight", torch.zeros(1, 2), "E801")):
        with pytest.raises(lampc.LampError) as caught:
            model.parameters[name] = value
        assert [found.code for found in caught.value.diagnostics] == [code]
    with pytest.raises(lampc.LampError):
        del model.parameters["linear1.bias"]


def test_an_update_that_returns_instead_of_writing_is_an_error() -> None:
    class Returning(lampc.Optimizer):
        def update(self, p: torch.Tensor, g: torch.Tensor, state: dict[str, torch.Tensor]) -> None:
            return p - g  # type: ignore[return-value]

    model = lampc.compile.text("linear 2->1 xavier; loss mse").model(seed=0)
    optimizer = Returning(model.parameters)
    model.loss([[0.1, 0.2]], [[1.0]])
    model.backward()
    with pytest.raises(TypeError, match="in place"):
        optimizer.step()
