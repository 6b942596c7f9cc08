"""A loop written by hand is the loop that `model.train` runs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile

NETWORK = (
    "linear 2->6 xavier; tanh; dropout {rate}; linear 1 xavier; sigmoid; loss mse; optimizer sgd lr=0.3 momentum={momentum}"
)


def data(samples: int = 23) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(samples, 2, generator=generator)
    return x, (x.sum(1, keepdim=True) > 1).float()


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("rate", [0, 0.3])
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_the_loop_gives_the_parameters_of_train(momentum: float, rate: float, precision: str) -> None:
    program = lampc.compile.text(NETWORK.format(momentum=momentum, rate=rate), precision=precision)
    x, y = data()
    trained = program.model(seed=5)
    history = trained.train(lampc.DataLoader((x, y), batch=5, shuffle=True, seed=7), epochs=4)

    model = program.model(seed=5)
    loader = lampc.DataLoader((x, y), batch=5, shuffle=True, seed=7)
    optimizer = lampc.SGD(model.parameters, lr=0.3, momentum=momentum)
    losses = []
    for _ in range(4):
        total = 0.0
        for samples, targets in loader:
            optimizer.zero_grad()
            loss = model.loss(samples, targets)
            model.backward()
            optimizer.step()
            total += loss.item() * len(samples)
        losses.append(total / len(x))
    tolerance = 1e-12 if precision == "f64" else 1e-5
    assert losses == pytest.approx([epoch.loss for epoch in history], rel=tolerance)
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, trained.parameters[name], rtol=tolerance, atol=tolerance)


def test_forward_is_the_prediction_that_the_loss_is_of() -> None:
    model = lampc.compile.text(NETWORK.format(momentum=0, rate=0)).model(seed=1)
    x, y = data()
    prediction = model.forward(x)
    assert prediction.shape == (23, 1)
    torch.testing.assert_close(model.loss(x, y), F.mse_loss(prediction, y))
    torch.testing.assert_close(model(x), prediction)


def test_a_prediction_is_the_callers_to_keep() -> None:
    model = lampc.compile.text(NETWORK.format(momentum=0, rate=0)).model(seed=1)
    x, y = data()
    kept = [model.forward(x), model(x), model.loss(x, y)]
    before = [value.clone() for value in kept]
    model.forward(x + 1)
    model(x + 1)
    model.loss(x + 1, y)
    assert all(torch.equal(a, b) for a, b in zip(kept, before, strict=True))


def test_backward_adds_up_until_zero_grad() -> None:
    model = lampc.compile.text(NETWORK.format(momentum=0, rate=0), precision="f64").model(seed=1)
    x, y = data()
    halves = [model.gradients(x[:11], y[:11])[1], model.gradients(x[11:], y[11:])[1]]
    assert all(p.grad is None for p in model.parameters.values())  # `gradients` leaves them alone
    for part in (slice(11), slice(11, None)):
        model.loss(x[part], y[part])
        model.backward()
    for name, p in model.parameters.items():
        assert p.grad is not None
        torch.testing.assert_close(p.grad, halves[0][name] + halves[1][name], rtol=1e-13, atol=1e-15)
    lampc.SGD(model.parameters).zero_grad()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters.values())
    model.loss(x[:11], y[:11])
    model.backward()
    for name, p in model.parameters.items():
        assert p.grad is not None
        assert torch.equal(p.grad, halves[0][name])


def test_backward_needs_a_loss_of_its_own() -> None:
    model = lampc.compile.text(NETWORK.format(momentum=0, rate=0)).model()
    with pytest.raises(RuntimeError, match=r"model\.loss"):
        model.backward()
    x, y = data()
    model.loss(x, y)
    model.backward()
    with pytest.raises(RuntimeError, match=r"model\.loss"):
        model.backward()


@pytest.mark.parametrize("between", ["forward", "predict", "evaluate", "other loss"])
def test_what_runs_between_loss_and_backward_does_no_harm(between: str) -> None:
    """Or is refused; but never a wrong gradient."""
    model = lampc.compile.text(NETWORK.format(momentum=0, rate=0), precision="f64").model(seed=1)
    x, y = data()
    _, wanted = model.gradients(x, y)
    model.loss(x, y)
    if between == "forward":
        model.forward(x + 1)
    elif between == "predict":
        model(x + 1)
    elif between == "evaluate":
        model.evaluate(x + 1, y)
    else:
        wanted = model.gradients(x[:5], y[:5])[1]
        model.loss(x[:5], y[:5])
    try:
        model.backward()
    except (RuntimeError, lampc.LampError):
        return
    for name, p in model.parameters.items():
        torch.testing.assert_close(p.grad, wanted[name], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9),
    lambda p: torch.optim.Adam(p, lr=0.01),
])  # fmt: skip
def test_torchs_optimisers_work_on_the_parameters(make: object) -> None:
    said = "sgd lr=0.3 momentum=0.9" if make([torch.zeros(1)]).__class__.__name__ == "SGD" else "adam lr=0.01"  # type: ignore[operator]
    program = lampc.compile.text(
        f"linear 2->6 xavier; tanh; linear 1 xavier; sigmoid; loss mse; optimizer {said}", precision="f64"
    )
    x, y = data()
    trained = program.model(seed=5)
    trained.train(lampc.DataLoader((x, y), batch=5), epochs=3)
    model = program.model(seed=5)
    optimizer = make(list(model.parameters.values()))  # type: ignore[operator]
    for _ in range(3):
        for samples, targets in lampc.DataLoader((x, y), batch=5):
            optimizer.zero_grad()
            model.loss(samples, targets)
            model.backward()
            optimizer.step()
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, trained.parameters[name], rtol=1e-11, atol=1e-13)


def test_an_optimiser_of_ones_own() -> None:
    class Sign(lampc.Optimizer):
        def update(self, p: torch.Tensor, g: torch.Tensor, state: dict[str, torch.Tensor]) -> None:
            state["steps"] = state.get("steps", torch.zeros(())) + 1
            p.sub_(g.sign(), alpha=0.5)

    model = lampc.compile.text("linear 2->1; loss mse").model()
    before = {name: p.clone() for name, p in model.parameters.items()}
    optimizer = Sign(model.parameters)
    _, gradients = model.gradients(*data())
    model.loss(*data())
    model.backward()
    optimizer.step()
    for name, p in model.parameters.items():
        torch.testing.assert_close(p, before[name] - 0.5 * gradients[name].sign())
    assert all(int(state["steps"]) == 1 for state in optimizer.state)


def test_an_update_that_returns_instead_of_writing_is_refused() -> None:
    class Returned(lampc.Optimizer):
        def update(self, p: torch.Tensor, g: torch.Tensor, state: dict[str, torch.Tensor]) -> None:
            return p - g  # type: ignore[return-value]

    model = lampc.compile.text("linear 2->1; loss mse").model()
    model.loss(*data())
    model.backward()
    with pytest.raises(TypeError, match=r"Returned.update changes `p` in place, and returns nothing"):
        Returned(model.parameters).step()


def test_writing_parameters_in_place_changes_predictions() -> None:
    model = lampc.compile.text("linear 2->1; loss mse").model()
    x, _ = data()
    model.parameters["linear1.weight"].copy_(torch.tensor([[2.0, 3.0]]))
    model.parameters["linear1.bias"].fill_(1.0)
    torch.testing.assert_close(model(x), x @ torch.tensor([[2.0], [3.0]]) + 1)
