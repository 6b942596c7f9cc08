"""How parameters begin: the distributions, and the gain that is found from the activation that follows."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import lampc
import lampc.compile

N_IN, N_OUT = 150, 250
COUNT = N_IN * N_OUT


def weight(init: str, after: str = "", n_in: int = N_IN, n_out: int = N_OUT, seed: int = 0) -> Tensor:
    program = lampc.compile.text(f"linear {n_in}->{n_out} {init}; {after}", precision="f64")
    return program.model(seed=seed).parameters["linear1.weight"]


def close_to(found: float, wanted: float, deviations: float = 4.0) -> None:
    """Within four standard errors of a standard deviation that was measured on all of a weight's numbers."""
    assert found == pytest.approx(wanted, rel=deviations / math.sqrt(2 * COUNT))


NORMAL = {
    "": 1.0,
    "normal": 1.0,
    "normal(0.02)": 0.02,
    "normal(std=0.3)": 0.3,
    "xavier": math.sqrt(2 / (N_IN + N_OUT)),
    "xavier(gain=3)": 3 * math.sqrt(2 / (N_IN + N_OUT)),
    "kaiming": math.sqrt(1 / N_IN),
    "kaiming(gain=2)": 2 * math.sqrt(1 / N_IN),
    "lecun": math.sqrt(1 / N_IN),
}


@pytest.mark.parametrize("init", NORMAL)
def test_normal_ones(init: str) -> None:
    w, std = weight(init), NORMAL[init]
    close_to(float(w.std()), std)
    assert abs(float(w.mean())) < 4 * std / math.sqrt(COUNT)
    standard = w.flatten() / std
    assert float((standard.abs() > 1.959964).double().mean()) == pytest.approx(0.05, abs=0.005)  # a normal's tails
    assert float(standard.pow(4).mean()) == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize(
    ("init", "low", "high"),
    [
        ("uniform", -1.0, 1.0),
        ("uniform(-0.1, 0.3)", -0.1, 0.3),
        ("uniform(low=0, high=2)", 0.0, 2.0),
        ("xavier_uniform", -math.sqrt(6 / (N_IN + N_OUT)), math.sqrt(6 / (N_IN + N_OUT))),
        ("xavier_uniform(gain=2)", -2 * math.sqrt(6 / (N_IN + N_OUT)), 2 * math.sqrt(6 / (N_IN + N_OUT))),
    ],
)
def test_uniform_ones(init: str, low: float, high: float) -> None:
    w = weight(init)
    width = high - low
    assert low <= float(w.min()) < low + 0.01 * width
    assert high - 0.01 * width < float(w.max()) <= high
    close_to(float(w.std()), width / math.sqrt(12))
    assert float(w.mean()) == pytest.approx((low + high) / 2, abs=4 * width / math.sqrt(12 * COUNT))


@pytest.mark.parametrize(("init", "value"), [("zeros", 0.0), ("ones", 1.0), ("constant(-2.5)", -2.5), ("constant", 0.0)])
def test_constant_ones(init: str, value: float) -> None:
    assert torch.equal(weight(init, n_in=4, n_out=3), torch.full((3, 4), value, dtype=torch.float64))


@pytest.mark.parametrize(("n_in", "n_out"), [(5, 5), (20, 7), (7, 20), (1, 9), (9, 1)])
@pytest.mark.parametrize(("init", "gain"), [("orthogonal", 1.0), ("orthogonal(gain=2)", 2.0)])
def test_orthogonal_rows_or_columns(init: str, gain: float, n_in: int, n_out: int) -> None:
    w = weight(init, n_in=n_in, n_out=n_out)
    product = w @ w.t() if n_out <= n_in else w.t() @ w
    torch.testing.assert_close(product, gain**2 * torch.eye(min(n_in, n_out), dtype=torch.float64))


@pytest.mark.parametrize(
    ("init", "named"), [("orthogonal(0.01)", "gain=0.01"), ("kaiming(2)", "gain=2"), ("xavier(2)", "gain=2")]
)
def test_a_gain_that_is_not_named_is_refused_with_what_to_write(init: str, named: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        weight(init)
    (found,) = caught.value.diagnostics
    assert (found.code, found.labels[0].span.text) == ("E304", init)
    assert f"`{init.partition('(')[0]}({named})`" in found.message


def test_orthogonal_ones_favour_no_sign() -> None:
    corners = torch.stack([weight("orthogonal", n_in=4, n_out=4, seed=seed)[0, 0] for seed in range(60)])
    assert 15 < int((corners > 0).sum()) < 45


GAINS = {
    "": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leakyrelu": math.sqrt(2 / (1 + 0.01**2)),
    "leakyrelu 0.5": math.sqrt(2 / 1.25),
    "hardtanh": 5 / 3,
    "sigmoid": 1.0,
    "softmax": 1.0,
    "layernorm; tanh": 1.0,
    "dropout 0.5; relu": math.sqrt(2),
    "linear 9; tanh": 5 / 3,
    "flatten; relu": math.sqrt(2),
}
"""Of what follows a linear layer: Glorot and Bengio 2010, He et al. 2015, and torch.nn.init.calculate_gain."""


@pytest.mark.parametrize("init", ["xavier", "xavier_uniform", "kaiming", "orthogonal"])
@pytest.mark.parametrize("after", [after for after in GAINS if after != "linear 9; tanh"])
def test_the_gain_is_that_of_the_activation_that_follows(after: str, init: str) -> None:
    with_gain_one = weight(f"{init}(gain=1)", after)
    torch.testing.assert_close(weight(init, after), GAINS[after] * with_gain_one, rtol=1e-12, atol=0)


def test_gains_are_torchs() -> None:
    for name, argument in (("tanh", None), ("relu", None), ("leaky_relu", 0.5), ("sigmoid", None)):
        written = {"leaky_relu": "leakyrelu 0.5"}.get(name, name)
        assert GAINS[written] == pytest.approx(torch.nn.init.calculate_gain(name, argument))  # type: ignore[arg-type]


def test_a_gain_is_found_where_the_activation_stands_after_a_bias_or_none() -> None:
    for bias in ("", " bias=off", " bias=normal"):
        program = lampc.compile.text(f"linear 3->4 xavier{bias}; tanh")
        assert program.parameters["linear1.weight"].initialiser.gain == 5 / 3


def test_where_two_activations_follow_the_gain_is_one() -> None:
    program = lampc.compile.text("linear 3->4 xavier; concat { tanh | relu }")
    assert program.parameters["linear1.weight"].initialiser.gain == 1.0


def test_each_layer_has_the_gain_of_its_own_activation() -> None:
    program = lampc.compile.text("linear 3->4 xavier; tanh; linear 4 xavier; relu; linear 1 xavier; sigmoid")
    gains = [p.initialiser.gain for name, p in program.parameters.items() if name.endswith("weight")]
    assert gains == [5 / 3, math.sqrt(2), 1.0]


def test_a_unit_of_variance_passes_through_a_layer() -> None:
    """What gains are for: neither forward nor backward signals die out or explode over many layers."""
    model = lampc.compile.text("repeat 10 { linear 256->256 kaiming; relu }", precision="f64").model(seed=1)
    x = torch.randn(64, 256, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert 0.4 < float(model(x).square().mean()) < 2.5


def test_biases_begin_at_nothing_unless_said() -> None:
    parameters = lampc.compile.text("linear 3->400; linear ->400 bias=normal(0.5); linear ->2 bias=off").model().parameters
    assert not parameters["linear1.bias"].any()
    assert float(parameters["linear2.bias"].std()) == pytest.approx(0.5, rel=0.15)
    assert "linear3.bias" not in parameters


def test_norms_begin_as_the_identity() -> None:
    parameters = lampc.compile.text("linear 3->4; layernorm; prelu").model().parameters
    assert torch.equal(parameters["layernorm1.weight"], torch.ones(4))
    assert torch.equal(parameters["layernorm1.bias"], torch.zeros(4))
    assert float(parameters["prelu1.slope"]) == 0.25


def test_precision_does_not_change_the_draw() -> None:
    single = lampc.compile.text("linear 30->40 xavier; tanh; linear 5").model(seed=8).parameters
    double = lampc.compile.text("linear 30->40 xavier; tanh; linear 5", precision="f64").model(seed=8).parameters
    assert all(torch.equal(p, double[name].float()) for name, p in single.items())


def test_copies_of_a_repeat_begin_differently() -> None:
    parameters = lampc.compile.text("repeat 2 { linear 3->3 }").model().parameters
    first, second = (p for name, p in parameters.items() if name.endswith("weight"))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    "init", ["xavier(1)", "normal(-1)", "uniform(2, 1)", "normal(1, 2)", "zeros(gain=2)", "lecun(gain=1)", "xavir", "off"]
)
def test_what_is_no_initialiser_is_refused(init: str) -> None:
    with pytest.raises(lampc.LampError):
        lampc.compile.text(f"linear 2->3 {init}")
