"""Layers written in Python, shared weights, the standard library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc
import lampc.compile
from lampc.elaborate.definitions import LIBRARY
from lampc.layers.custom import OWN
from lampc.layers.layer import Construct
from lampc.ops.activations import Sigmoid
from lampc.ops.arithmetic import Floor
from lampc.ops.matmul import MatMul
from lampc.ops.reduction import Expand, Mean
from lampc.ops.term import Term


@pytest.fixture(autouse=True)
def own_layers() -> Iterator[None]:
    yield
    OWN.clear()


def gated(make: Construct, x: Term, width: int, scale: float = 1.0) -> Term:
    """x times a learnt gate.

    More about it.
    """
    if x.type.shape[-1] != width:
        raise lampc.ShapeError(f"gates {width} features, and {x.type} has others", fix="leave it out")
    weight = make.parameter("weight", (width, width), "xavier")
    return x * make(Sigmoid(), make(MatMul(transposed=True), x, weight)) * scale


def rounded(make: Construct, x: Term) -> Term:
    """Rounded, as if it were not in the gradient."""
    return lampc.with_gradient(make(Floor(), x + 0.5), [x], lambda dy, x: [dy], check=False)


def centred(make: Construct, x: Term, samples: bool = False) -> Term:
    """x less its mean: a sample's, or, which is refused, all samples'."""
    axes = (0, 1) if samples else (1,)
    return x - make(Expand(x.type.shape, axes), make(Mean(axes), x))


def test_a_layer_in_python_returns_a_value() -> None:
    def forgetful(make: Construct, x: Term) -> Term:
        """Lacks its `return`."""
        make(Sigmoid(), x)
        return None  # type: ignore[return-value]

    with pytest.raises(lampc.LampError, match="`forgetful` returns no value, but NoneType"):
        lampc.Session(forgetful).text("linear 3->4 xavier; forgetful; linear 1 xavier")


def test_a_layer_in_python_keeps_samples_apart() -> None:
    lampc.layer(centred)
    lampc.compile.text("linear 3->4 xavier; centred; linear 1 xavier; loss mse")
    with pytest.raises(lampc.LampError, match=r"`centred` mixes the samples of a minibatch: `mean\(axes=\(0, 1\)\)`") as caught:
        lampc.compile.text("linear 3->4 xavier; centred samples; linear 1 xavier; loss mse")
    assert [found.labels[0].span.text for found in caught.value.diagnostics] == ["centred samples"]


def test_the_gradient_of_a_layer_in_python_is_autograds() -> None:
    lampc.layer(gated)
    assert OWN["gated"].doc == "x times a learnt gate."
    program = lampc.compile.text("linear 3->4 xavier; gated 4 scale=2; linear 1 xavier; loss mse; train precision=f64")
    model = program.model(seed=0)
    assert list(program.parameters)[2] == "gated1.weight"
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(5, n, generator=generator, dtype=torch.float64) for n in (3, 1))
    leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    h = F.linear(x, leaves[0], leaves[1])
    wanted = F.mse_loss(F.linear(h * torch.sigmoid(h @ leaves[2].t()) * 2, *leaves[3:]), y)
    wanted.backward()
    loss, gradients = model.gradients(x, y)
    torch.testing.assert_close(loss, wanted.detach())
    for found, leaf in zip(gradients.values(), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)
    assert "gated1" in {i.layer for i in program.backward}


def test_a_gradient_of_ones_own_takes_the_derived_ones_place() -> None:
    lampc.layer(rounded)
    model = lampc.compile.text("linear 3->4 xavier; rounded; linear 1 xavier; loss mse; train precision=f64").model(seed=0)
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.zeros(5, 1, dtype=torch.float64)
    leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    h = F.linear(x, leaves[0], leaves[1])
    straight = h + ((h + 0.5).floor() - h).detach()
    F.mse_loss(F.linear(straight, *leaves[2:]), y).backward()
    _, gradients = model.gradients(x, y)
    for found, leaf in zip(gradients.values(), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_its_errors_have_both_places() -> None:
    lampc.layer(gated)
    for source, code in (("linear 2->4; gated 3", "E404"), ("linear 2->4; gated", "E301"), ("linear 2->4; gated 4 x", "E302")):
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.text(source)
        assert [d.code for d in caught.value.diagnostics] == [code]
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text("linear 2->4; gated 3")
    assert len(caught.value.diagnostics[0].labels) == 2
    assert caught.value.diagnostics[0].fixes == ("leave it out",)


def test_what_cannot_be_a_layer_is_refused() -> None:
    def tanh(make: Construct, x: Term) -> Term:
        return x

    def odd(make: Construct, x: Term, table: list[int]) -> Term:
        return x

    for function in (tanh, odd, lambda make: make):
        with pytest.raises(ValueError, match=r"."):
            lampc.layer(function)  # type: ignore[arg-type]


def test_a_shared_weight_gets_both_gradients() -> None:
    source = "input 4 int<9>; embedding 9->6 as tok; tanh; linear 6->9 tie=tok; loss crossentropy; train precision=f64"
    program = lampc.compile.text(source)
    assert list(program.parameters) == ["tok.weight", "linear1.bias"]
    model = program.model(seed=0)
    x, y = (torch.randint(0, 9, (3, 4), generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    table, bias = (p.clone().requires_grad_() for p in model.parameters.values())
    logits = F.linear(F.embedding(x, table).tanh(), table, bias)
    F.cross_entropy(logits.flatten(0, 1), y.flatten()).backward()
    _, gradients = model.gradients(x, y)
    for found, leaf in zip(gradients.values(), (table, bias), strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_each_copy_of_a_body_is_tied_to_its_own_layer() -> None:
    model = lampc.compile.text("input 3; repeat 2 { linear 3 xavier as a; tanh; linear 3 tie=a bias=off }; loss mse",
                               precision="f64").model(seed=1)  # fmt: skip
    x = wanted = torch.rand(4, 3, dtype=torch.float64)
    for name in ("a", "a_1"):
        weight = model.parameters[f"{name}.weight"]
        wanted = torch.tanh(wanted @ weight.T + model.parameters[f"{name}.bias"]) @ weight.T
    torch.testing.assert_close(model(x), wanted)


@pytest.mark.parametrize(("tied", "code"), [("linear 8 tie=tok", "E401"), ("linear 9 tie=other", "E203")])
def test_a_weight_that_cannot_be_shared_is_refused(tied: str, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(f"input 4 int<9>; embedding 9->6 as tok; {tied}")
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_stack_joins_along_a_new_axis() -> None:
    program = lampc.compile.text("input 3; stack axis=2 { pass | tanh }")
    x = torch.randn(4, 3)
    torch.testing.assert_close(program.model()(x), torch.stack([x, x.tanh()], 2))
    for wrong in ("stack { pass }", "stack axis=3 { pass | pass }", "stack { linear 2 | pass }"):
        with pytest.raises(lampc.LampError):
            lampc.compile.text(f"input 3; {wrong}")


USES = {
    "glu": "input 6; glu 4; geglu 8 6; swiglu 8 6; linear 1",
    "resnet": "input 3x8x8; conv 4 3 padding=1; res 4; bottleneck 4 2; down 8; resnet 4 2 10",
    "transformer": "input 8 int<20>; embedding 16; encoder 16 4; decoder 16 4; llama 16 4 2 32; mlp 16; linear 20",
    "transformer gpt": "input 8 int<20>; gpt 20 16 4 2",
    "unet": "input 1x8x8; unet 4 2",
}


@pytest.mark.parametrize("name", USES)
def test_the_librarys_blocks_can_be_trained(name: str) -> None:
    program = lampc.compile.text(f"use std.{name.split()[0]}\n{USES[name]}\nloss fn(p, y) = mean(p^2)")
    model = program.model(seed=0)
    shape = (2, *program.elaborated.input_type.sample)
    x = torch.zeros(shape, dtype=torch.int64) if program.elaborated.input_below else torch.randn(shape)
    loss, gradients = model.gradients(x, model(x))
    assert torch.isfinite(loss)
    assert sum(bool(g.abs().sum() > 0) for g in gradients.values()) > len(gradients) // 2


def test_no_block_of_the_library_is_forgotten() -> None:
    written = "; ".join(USES.values()) + "; double 4"  # which unet is made of
    for path in Path(LIBRARY).glob("*.lamp"):
        for name in re.findall(r"^block (\w+)", path.read_text(), re.MULTILINE):
            assert re.search(rf"(^|; ){name} ", written), name


def test_a_library_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text("use std.resnets; linear 2->3")
    assert "std.resnet" in caught.value.diagnostics[0].fixes[0]


def test_annotations_may_name_what_only_a_type_checker_sees() -> None:
    """As under ``if TYPE_CHECKING``; whether they are texts, or worked out late."""

    def typed(make: Unseen, x: Unseen, by: float = 2.0, on: bool = True) -> Unseen:  # type: ignore[name-defined]  # noqa: F821
        """So many times x, with its own gradient."""

        def gradient(dy: Unseen, given: Unseen) -> list[Unseen]:  # type: ignore[name-defined]  # noqa: F821
            return [dy, dy]

        return lampc.with_gradient(x * by, [x], gradient, check=False)

    session = lampc.Session(typed)
    assert "scale(x, 4)" in str(session.text("input 3; typed 4 on=off; linear 1 xavier").inference)
    with pytest.raises(lampc.LampError, match="returns 2, and it has 1 inputs: given"):
        session.text("input 3; linear 3 xavier; typed 4; linear 1 xavier; loss mse")
