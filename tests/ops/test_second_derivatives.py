"""Gradients are differentiated again: by whole networks, against PyTorch's double backward in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from judges import BATCH, evaluate
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

import lampc.compile
from lampc.ir.graph import Graph
from lampc.ir.keys import Grad, gradients
from lampc.ir.leaves import Input, Parameter, State
from lampc.ir.op import REGISTRY, Op
from lampc.ops.reduction import Sum
from lampc.ops.term import Build, Term
from lampc.passes.differentiate import differentiate
from lampc.passes.fuse import fuse

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "bce": F.binary_cross_entropy,
    "crossentropy": F.cross_entropy,
}
NETWORKS = {
    "linear": ("linear 4->3 xavier", "mse"),
    "tanh": ("linear 4->5 xavier; tanh; linear 3", "mse"),
    "sigmoid": ("linear 4->5 xavier; sigmoid; linear 3", "mse"),
    "relu": ("linear 4->5 xavier; relu; linear 3", "mse"),
    "leakyrelu": ("linear 4->5 xavier; leakyrelu; linear 3", "mse"),
    "elu": ("linear 4->5 xavier; elu; linear 3", "mse"),
    "selu": ("linear 4->5 xavier; selu; linear 3", "mse"),
    "gelu": ("linear 4->5 xavier; gelu; linear 3", "mse"),
    "silu": ("linear 4->5 xavier; silu; linear 3", "mae"),
    "softplus": ("linear 4->5 xavier; softplus; linear 3", "mse"),
    "softmax": ("linear 4->5 xavier; softmax; linear 3", "mse"),
    "logsoftmax": ("linear 4->5 xavier; logsoftmax; linear 3", "mse"),
    "layernorm": ("linear 4->5 xavier; layernorm; linear 3", "mse"),
    "rmsnorm": ("linear 4->5 xavier; rmsnorm; linear 3", "mse"),
    "rows of rows": ("input 2x4; linear 5 xavier; tanh; layernorm; softmax; flatten; linear 3", "mse"),
    "residual": ("input 4; residual { linear 4 xavier; tanh }; linear 3", "mse"),
    "a label": ("linear 4->3 xavier", "crossentropy"),
    "a share": ("linear 4->3 xavier; sigmoid", "bce"),
    "convolution": ("input 2x4x4; conv 3 3x3 padding=1; tanh; avgpool 2; flatten; linear 3", "mse"),
    "maxima": ("input 2x4x4; conv 3 3x3 padding=1; tanh; maxpool 3 stride=1 padding=1; flatten; linear 3", "mse"),
    "maxima of a sequence": ("input 2x5; conv1d 3 2; tanh; maxpool 2; flatten; linear 3", "mse"),
    "batchnorm": ("input 2x4; conv1d 3 3 padding=1; batchnorm; tanh; flatten; linear 3", "mse"),
    "batchnorm of features": ("linear 4->5 xavier; batchnorm; tanh; linear 3", "mse"),
    "groupnorm": ("input 2x4; conv1d 4 3 padding=1; groupnorm 2; tanh; flatten; linear 3", "mse"),
    "dropout": ("linear 4->5 xavier; tanh; dropout 0; linear 3", "mse"),
    "attention": ("input 4x6; attention heads=2; flatten; linear 3", "mse"),
    "causal attention": ("input 4x8; attention heads=4 kv_heads=2 causal; tanh; flatten; linear 3", "crossentropy"),
    "rnn": ("input 4x6; rnn 3; flatten; linear 3", "mse"),
    "lstm": ("input 4x6; lstm 3; flatten; linear 3", "mse"),
    "gru": ("input 4x6; gru 3 both; flatten; linear 3", "mse"),
}  # fmt: skip


def squares(build: Build, graph: Graph) -> Term:
    """The sum of all gradients' squares."""
    total: Term | None = None
    for value in gradients(graph.outputs).values():
        gradient = build.term(value)
        square = build(Sum(tuple(range(gradient.type.rank))), gradient * gradient)
        total = square if total is None else total + square
    assert total
    return total


def twice(program: lampc.compile.Program) -> Graph:
    """The gradients of the sum of the gradients' squares, with respect to parameters and inputs."""
    once = differentiate(program.simplified.with_outputs({"loss": program.simplified.outputs["loss"]}), inputs=True)
    once = once.with_outputs({key: value for key, value in once.outputs.items() if key not in ("loss", Grad("y"))})
    return differentiate(once.with_outputs({"loss": squares(Build(once), once).value}), inputs=True)


def run(graph: Graph, given: dict[str, Tensor]) -> dict[str, Tensor]:
    leaves = {node.id: given[node.op.label] for node in graph if isinstance(node.op, Input | Parameter)}
    states = {node.id: torch.zeros(node.types[0].dims(BATCH)) for node in graph if isinstance(node.op, State)}
    found = evaluate(graph, leaves | states)
    return {label: found[value] for label, value in gradients(graph.outputs).items()}


@pytest.mark.parametrize(("network", "loss"), NETWORKS.values(), ids=NETWORKS)
def test_double_backward_is_torchs(network: str, loss: str) -> None:
    program = lampc.compile.text(f"{network}; loss {loss}; train precision=f64")
    model = program.model(seed=3, backend="torch")
    module = program.to_torch(model).double()
    generator = torch.Generator().manual_seed(1)
    shape = program.elaborated.input_type.dims(BATCH)
    x = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    y = torch.rand(BATCH, 3, generator=generator, dtype=torch.float64)
    y = torch.tensor([2, 0, 1]) if loss == "crossentropy" else y
    leaves = {"x": x, **dict(module.named_parameters())}

    with sdpa_kernel(SDPBackend.MATH):  # torch's other attentions have no second derivative
        value = LOSSES[loss](module(x), y)
    slopes = torch.autograd.grad(value, list(leaves.values()), create_graph=True)
    total = sum((gradient.square().sum() for gradient in slopes), torch.zeros(()))
    wanted = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)

    found = run(twice(program), {"y": y, **{name: tensor.detach() for name, tensor in leaves.items()}})
    for name, gradient in zip(leaves, wanted, strict=True):
        expected = torch.zeros_like(leaves[name]) if gradient is None else gradient
        torch.testing.assert_close(found.get(name, torch.zeros_like(expected)), expected, rtol=1e-9, atol=1e-9)


def test_a_slope_that_overflows_where_it_is_not_taken_does_not_count() -> None:
    """e^1000 in the other branch of elu."""
    program = lampc.compile.text("input 1; bias; elu; loss fn(p, y) = sum(p^2); train precision=f64")
    given = {"x": torch.full((BATCH, 1), 1000.0, dtype=torch.float64), "bias1.bias": torch.zeros(1, dtype=torch.float64)}
    found = run(twice(program), given | {"y": torch.zeros(BATCH, 1, dtype=torch.float64)})
    # Σ over samples of (2x)² and (Σ 2x)²: the slopes are 8x and 4·Σ 2x.
    torch.testing.assert_close(found["x"], torch.full_like(given["x"], 8e3 + 4 * 6e3))


def test_what_fusing_made_is_not_differentiated_and_said_with_its_place() -> None:
    program = lampc.compile.text("linear 4->3; loss mse")
    with pytest.raises(lampc.LampError, match=r"E811.*`affine` of `linear1` has no gradient") as caught:
        differentiate(fuse(program.simplified))
    assert caught.value.diagnostics[0].labels[0].span.start >= 0


def test_every_gradient_has_a_gradient() -> None:
    assert {name for name, op in REGISTRY.items() if name.endswith("_grad") and op.gradient is Op.gradient} == set()
