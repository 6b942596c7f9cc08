"""Several inputs, and a target in parts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile

SOURCE = """
input 2x3 as image
input 4 as numbers
flatten; linear 5 xavier as seen
from numbers; linear 5 xavier; tanh
sum { pass | from seen } as body
linear 1 xavier; sigmoid as chance
from body; linear 2 xavier as sizes
loss total = bce(chance, part(y, 0, 1)) + 0.5 * mse(sizes, part(y, 1, 3))
train precision=f64
"""


def test_values_and_gradients_of_two_inputs_and_two_tasks_are_torchs() -> None:
    model = lampc.compile.text(SOURCE).model(seed=0)
    generator = torch.Generator().manual_seed(1)
    image, numbers = (torch.randn(6, *shape, generator=generator, dtype=torch.float64) for shape in ((2, 3), (4,)))
    y = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    a, b, c, d, e, f, g, h = leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    body = F.linear(image.flatten(1), a, b) + F.linear(numbers, c, d).tanh()
    wanted = F.binary_cross_entropy(F.linear(body, e, f).sigmoid(), y[:, :1]) + 0.5 * F.mse_loss(F.linear(body, g, h), y[:, 1:])
    wanted.backward()
    for x in ((image, numbers), {"numbers": numbers, "image": image}, torch.cat([image.flatten(1), numbers], 1)):
        loss, gradients = model.gradients(x, y)
        torch.testing.assert_close(loss, wanted.detach(), rtol=1e-12, atol=1e-12)
        for found, leaf in zip(gradients.values(), leaves, strict=True):
            torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)
    assert model((image, numbers)).shape == (6, 2)
    assert model.value("chance", (image, numbers)).shape == (6, 1)


@pytest.mark.parametrize(
    "x",
    [
        (torch.zeros(3, 2, 3),),
        (torch.zeros(3, 2, 3), torch.zeros(2, 4)),
        (torch.zeros(3, 6), torch.zeros(3, 4)),
        {"image": torch.zeros(3, 2, 3)},
    ],
)
def test_parts_that_do_not_fit_are_refused(x: object) -> None:
    with pytest.raises(lampc.LampError, match="E605"):
        lampc.compile.text(SOURCE).model(seed=0)(x)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("input 3; input 4; linear 2", "E502"),
        ("input 3 as a; input 4; linear 2", "E502"),
        ("input 3 as a; input 4 as a; linear 2", "E202"),
        ("input 3 as a; input 4 int<5> as b; linear 2", "E304"),
        ("input 3 as a; linear 2; from b", "E203"),
        ("linear 3->2; loss t = mse(p, part(y, 0, 3))", "E503"),
        ("linear 3->2; loss t = mse(p, part(x, 0, 5))", "E404"),
        ("linear 3->2; loss t = mse(p, part(y, 0))", "E301"),
    ],
)
def test_wrong_inputs_and_parts(source: str, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_one_input_may_have_a_name() -> None:
    program = lampc.compile.text("input 3 as a; linear 3 xavier; sum { pass | from a }")
    assert program.evaluated_type.sample == (3,)


def test_a_tables_columns_go_to_several_inputs() -> None:
    source = "input 3 as a; input 1 as b; data iris; linear 3"
    with pytest.raises(lampc.LampError):
        lampc.compile.text(source)
    source = "input 10 as a; input 3 as b; data wine normalize; linear 4; tanh as left; from b; linear 4; tanh; "
    source += "concat { pass | from left }; linear 3; loss crossentropy; optimizer adam lr=0.01; train epochs=10"
    model = lampc.compile.text(source).model(seed=0)
    assert model.train().test["accuracy"] > 0.4
