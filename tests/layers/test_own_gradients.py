"""Gradients that a layer in Python has of its own: what they must return, and that they are the derivative."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.layers import LAYERS
from lampc.layers.layer import Construct
from lampc.nn import Lamp
from lampc.ops.activations import Relu, Tanh
from lampc.ops.arithmetic import Abs, Floor, Sqrt
from lampc.ops.exponential import Exp, Log
from lampc.ops.matmul import MatMul
from lampc.ops.random import Dropout
from lampc.ops.term import Term


@pytest.fixture(autouse=True)
def own_layers() -> Iterator[None]:
    before = dict(LAYERS)
    yield
    for name in set(LAYERS) - set(before):
        del LAYERS[name]


def compiled(function: Callable[[Construct, Term], Term]) -> Program:
    """A network whose second layer is called `own`."""

    def own(make: Construct, x: Term) -> Term:
        return function(make, x)

    lampc.layer(own)
    return lampc.compile.text("linear 3->4 xavier\nown\nlinear 1 xavier; loss mse")


def tanh(vjp: Any) -> Callable[[Construct, Term], Term]:
    return lambda make, x: lampc.with_gradient(make(Tanh(), x), [x], vjp)


def refused(function: Callable[[Construct, Term], Term]) -> lampc.Diagnostic:
    with pytest.raises(lampc.LampError) as caught:
        compiled(function).model(seed=0)
    (found,) = caught.value.diagnostics
    assert found.code == "E408"
    assert str(found.labels[0].span).endswith(":2:1"), "the layer's place in the program"
    assert __file__ in found.notes[0], "and that of the function"
    return found


def slope(dy: Term, x: Term) -> list[Term]:
    y = x.build(Tanh(), x)
    return [dy * (1.0 - y * y)]


def test_a_gradient_that_forgets_a_factor_is_refused_with_both_slopes() -> None:
    found = refused(tanh(lambda dy, x: [dy]))
    assert found.message.startswith("the gradient of `own1` for `x` is wrong: along a random direction it is ")
    assert slope.__code__.co_firstlineno  # the right one passes:
    compiled(tanh(slope)).model(seed=0)


@pytest.mark.parametrize("percent", [1.13, 0.999])
def test_a_gradient_that_is_nearly_right_is_wrong(percent: float) -> None:
    refused(tanh(lambda dy, x: [slope(dy, x)[0] * percent]))


@pytest.mark.parametrize(
    ("vjp", "message"),
    [
        (lambda dy, x: [dy, dy], "returns 2, and it has 1 inputs: x"),
        (lambda dy, x: [], "returns 0, and it has 1 inputs: x"),
        (lambda dy, x: dy, "returns a tensor, and not a list with one for each of x"),
        (lambda dy, x: None, "returns None, and not a list with one for each of x"),
        (lambda dy, x: [1.0], "for `x` is 1.0, and f32[B, 4] is wanted"),
        (lambda dy, x: [x.build(MatMul(), dy, x)], "sizes differ"),
        (lambda dy, x: [dy.sum()], "fails: AttributeError: 'Term' object has no attribute 'sum'"),
        (lambda dy: [dy], "fails: TypeError: "),
        (lambda dy, x: [None], "for `x` is wrong: along a random direction it is 0, and differences of the values give "),
    ],
)
def test_what_a_gradient_must_return(vjp: Any, message: str) -> None:
    assert message in refused(tanh(vjp)).message


def test_a_gradient_of_another_shape_is_refused_with_both() -> None:
    def scaled(make: Construct, x: Term) -> Term:
        scale = make.parameter("scale", (4,), "ones")
        return lampc.with_gradient(x * scale, [x, scale], lambda dy, x, scale: [dy * scale, dy * x])

    assert "for `scale` is f32[B, 4], and f32[4], as the input, is wanted" in refused(scaled).message


def test_it_may_not_use_tensors_of_the_layers_that_it_is_not_given() -> None:
    def kept(make: Construct, x: Term) -> Term:
        y = make(Tanh(), x)
        return lampc.with_gradient(y, [x], lambda dy, x: [dy * (1.0 - y * y)])

    found = refused(kept)
    assert "takes a tensor that was made elsewhere" in found.message
    assert found.fixes == ("give it among the inputs",)

    def given(make: Construct, x: Term) -> Term:
        y = make(Tanh(), x)
        return lampc.with_gradient(y, [x, y], lambda dy, x, y: [dy * (1.0 - y * y), None])

    compiled(given).model(seed=0)


def test_a_parameter_that_the_gradient_leaves_out_is_named() -> None:
    def scaled(make: Construct, x: Term) -> Term:
        scale = make.parameter("scale", (4,), "ones")
        return lampc.with_gradient(x * scale, [x], lambda dy, x: [dy])

    assert "says nothing of `own1.scale`, which its value is made of too" in refused(scaled).message


def test_each_input_is_judged_by_itself_and_by_its_name() -> None:
    def product(make: Construct, x: Term) -> Term:
        weight = make.parameter("weight", (4, 4), "xavier")
        bent = make(Tanh(), weight)
        return lampc.with_gradient(make(MatMul(), x, bent), [x, bent], lambda dy, x, bent: [
            dy.build(MatMul(transposed=True), dy, bent), dy.build(MatMul(), dy.build(MatMul(), bent, bent), bent)])  # fmt: skip

    assert "for `bent` is wrong" in refused(product).message


@pytest.mark.parametrize("straight", [True, False])
def test_what_is_not_meant_to_be_the_derivative_says_so(straight: bool) -> None:
    def rounded(make: Construct, x: Term) -> Term:
        return lampc.with_gradient(make(Floor(), x + 0.5), [x], lambda dy, x: [dy], check=not straight)

    if straight:
        compiled(rounded).model(seed=0)
    else:
        refused(rounded)


def test_kinks_domains_and_random_numbers_are_no_mistakes() -> None:
    def bent(make: Construct, x: Term) -> Term:
        y = lampc.with_gradient(make(Relu(), x), [x], lambda dy, x: [dy * x.build(Relu(), x) / (x + 1e-30)])
        y = lampc.with_gradient(make(Abs(), y) + 0.25, [y], lambda dy, y: [dy * y / y.build(Abs(), y)])
        y = lampc.with_gradient(make(Log(), y), [y], lambda dy, y: [dy / y])  # of numbers above 0
        rate = make.setting("rate", 0.5)
        kept, mask = make.build.results(Dropout(7), y, rate)
        return lampc.with_gradient(kept, [y, mask], lambda dy, y, mask: [dy * mask, None])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(bent).model(seed=0)


def test_a_function_without_a_value_anywhere_is_said_not_to_be_compared() -> None:
    def nowhere(make: Construct, x: Term) -> Term:
        root = make(Sqrt(), make(Abs(), x) * -1.0 - make(Exp(), x))
        return lampc.with_gradient(root, [x], lambda dy, x: [dy])

    with pytest.warns(
        RuntimeWarning, match=r"the gradient of `own1` was not compared with differences.*test_own_gradients.py:"
    ):
        compiled(nowhere).model(seed=0)


def test_a_network_inside_anothers_loop_is_checked_too() -> None:
    def twice(make: Construct, x: Term) -> Term:
        return lampc.with_gradient(x * 2.0, [x], lambda dy, x: [dy])

    lampc.layer(twice)
    with pytest.raises(lampc.LampError, match="E408"):
        Lamp("linear 2->3; twice")
    model = lampc.compile.text("linear 2->3; twice").model(seed=0)  # predictions need no gradient
    assert model([[0.0, 0.0]]).shape == (1, 3)


def test_the_check_is_made_once_a_program_and_changes_no_number() -> None:
    seen: list[str] = []

    def watched(dy: Term, x: Term) -> list[Term]:
        seen.append(x.type.dtype)
        return slope(dy, x)

    program = compiled(tanh(watched))
    first, second = program.model(seed=0), program.model(seed=0)
    assert seen.count("f64") == 1
    assert all(bool((a == b).all()) for a, b in zip(first.parameters.values(), second.parameters.values(), strict=True))
