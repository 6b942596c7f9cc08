"""``model.value``: every name that the file gives stands for a value, whether training needs it or not."""

from __future__ import annotations

import pytest
import torch

import lampc.compile

X = torch.linspace(-1, 1, 8).reshape(2, 4)
BESIDE = "input 4\nlinear 3 kaiming as h; linear 2 kaiming as a\nfrom h; linear 1 kaiming"
COPIES = "input 4; repeat 3 { linear 4 xavier as line; tanh as h }; linear 1 xavier"


def refused(model: object, label: str) -> str:
    with pytest.raises(lampc.LampError) as caught:
        model.value(label, X)  # type: ignore[attr-defined]
    (found,) = caught.value.diagnostics
    assert found.code == "E203"
    return f"{found.message}; {found.fixes[0]}"


@pytest.mark.parametrize("seed", [0, 1])
def test_a_value_that_training_does_not_need_is_as_it_began(seed: int) -> None:
    model = lampc.compile.text(BESIDE).model(seed=seed)
    h, a = model.value("h", X), model.value("a", X)
    assert a.shape == (2, 2)
    assert torch.linalg.matrix_rank(a - a.mean(0)) > 0
    assert torch.equal(a, lampc.compile.text(BESIDE).model(seed=seed).value("a", X))
    least = torch.linalg.lstsq(torch.cat([h, h.new_ones(2, 1)], 1), a).solution
    assert torch.allclose(torch.cat([h, h.new_ones(2, 1)], 1) @ least, a, atol=1e-5), "it is linear in h"


def test_beginning_anew_begins_such_values_anew() -> None:
    model = lampc.compile.text(BESIDE).model(seed=0)
    first = model.value("a", X)
    model.reset(1)
    assert not torch.equal(model.value("a", X), first)
    model.reset(0)
    assert torch.equal(model.value("a", X), first)


def test_a_norm_beside_the_prediction_has_its_first_statistics() -> None:
    model = lampc.compile.text("input 4 as x; batchnorm as b; from x; linear 2").model(seed=0)
    assert torch.allclose(model.value("b", X), X, atol=1e-4)


def test_in_a_block_that_is_called_once_the_name_is_enough() -> None:
    model = lampc.compile.text("block b(n) { linear n xavier as inner; tanh }; input 4; b 3; linear 1").model(seed=0)
    wanted = X @ model.parameters["inner.weight"].T
    assert torch.allclose(model.value("inner", X), wanted)


def test_which_of_several_copies_is_asked_for() -> None:
    model = lampc.compile.text(COPIES).model(seed=0)
    assert refused(model, "h") == ("`h` names 3 values, one in each copy of a body; "
                                   "say which: `h[1]` to `h[3]`, in the order of the file")  # fmt: skip
    value = X
    for number, layer in enumerate(("line", "line_1", "line_2"), 1):
        value = torch.tanh(value @ model.parameters[f"{layer}.weight"].T + model.parameters[f"{layer}.bias"])
        assert torch.allclose(model.value(f"h[{number}]", X), value, atol=1e-6)
    assert "the file names no value `h[4]`" in refused(model, "h[4]")


def test_a_name_outside_bodies_is_that_value_whatever_bodies_call_theirs() -> None:
    model = lampc.compile.text("block b(n) { linear n as h; tanh }; input 4; relu as h; b 3; b 2").model(seed=0)
    assert torch.equal(model.value("h", X), X.clamp(min=0))
    assert model.value("h[3]", X).shape == (2, 2)
