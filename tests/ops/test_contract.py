"""Every operation keeps its contract: types, values, gradient, buffers. A new op needs samples, and a judge here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import lampc.ops  # noqa: F401 (registers every op)
from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.leaves import Input
from lampc.ir.op import REGISTRY, Bits, Fixed, Labels, Normal, Op, Run, Sample, ShapeError, Uniform
from lampc.ir.types import B, Type
from lampc.ops.channels import BatchNorm, BatchNormGrad, GroupNorm, GroupNormGrad
from lampc.ops.normalise import RmsNorm, RmsNormGrad
from lampc.ops.random import Noise
from lampc.ops.term import Build, TermNode
from lampc.runtime.random import Random

LEAVES = {"input", "parameter", "parameters", "state", "setting", "constant"}
BATCH = 3

# What torch makes of the same operands: the judge of values, and by autograd of gradients.
JUDGES: dict[str, Callable[..., Any]] = {
    "add": lambda op, a, b: a + b,
    "sub": lambda op, a, b: a - b,
    "mul": lambda op, a, b: a * b,
    "div": lambda op, a, b: a / b,
    "scale": lambda op, a: a * op.factor.value * BATCH**op.factor.power,
    "add_scaled": lambda op, a, b, c: a + op.sign * b * c,
    "square": lambda op, a: a**2,
    "power": lambda op, a: a**op.exponent,
    "pow": lambda op, a, b: a**b,
    "sqrt": lambda op, a: a.sqrt(),
    "abs": lambda op, a: a.abs(),
    "sign": lambda op, a: a.sign(),
    "floor": lambda op, a: torch.floor(a),
    "maximum": lambda op, a, b: torch.maximum(a, b),
    "minimum": lambda op, a, b: torch.minimum(a, b),
    "greater": lambda op, a, b: (a > b).to(a.dtype) + 0 * a,
    "share": lambda op, a, b: (a > b).to(a.dtype) + (a == b).to(a.dtype) / 2 + 0 * a,
    "where": lambda op, c, a, b: torch.where(c != 0, a, b),
    "exp": lambda op, a: a.exp(),
    "log": lambda op, a: a.log(),
    "expm1": lambda op, a: a.expm1(),
    "log1p": lambda op, a: a.log1p(),
    "xlogy": lambda op, a, b: torch.special.xlog1py(a, b) if op.plus else torch.xlogy(a, b),
    "guard": lambda op, c, a: a + 0 * c,
    "sin": lambda op, a: a.sin(),
    "cos": lambda op, a: a.cos(),
    "erf": lambda op, a: a.erf(),
    "tanh": lambda op, a: a.tanh(),
    "tanh_grad": lambda op, dy, y: dy * (1 - y * y),
    "sigmoid": lambda op, a: a.sigmoid(),
    "sigmoid_grad": lambda op, dy, y: dy * y * (1 - y),
    "relu": lambda op, a: F.relu(a),
    "relu_grad": lambda op, dy, y: dy * (y > 0),
    "leaky_relu": lambda op, a: F.leaky_relu(a, op.slope),
    "leaky_relu_grad": lambda op, dy, a: torch.where(a > 0, dy, dy * op.slope),
    "elu": lambda op, a: op.scale * F.elu(a, op.alpha),
    "elu_grad": lambda op, dy, a: dy * op.scale * torch.where(a > 0, 1.0, op.alpha * a.exp()),
    "gelu": lambda op, a: F.gelu(a, approximate=op.approximate),
    "gelu_grad": lambda op, dy, a: _vjp(lambda x: F.gelu(x, approximate=op.approximate), a, dy),
    "silu": lambda op, a: a * a.sigmoid(),
    "silu_grad": lambda op, dy, a: _vjp(lambda x: x * x.sigmoid(), a, dy),
    "softplus": lambda op, a: torch.log1p(torch.exp(-a.abs())) + F.relu(a),
    "hardtanh": lambda op, a: F.hardtanh(a, op.low, op.high),
    "hardtanh_grad": lambda op, dy, a: dy * ((a > op.low) & (a < op.high)),
    "sum": lambda op, a: a.sum(op.axes),
    "mean": lambda op, a: a.mean(op.axes),
    "amax": lambda op, a: a.amax(op.axes),
    "expand": lambda op, a: a.reshape([1 if i in op.axes else d for i, d in enumerate(op.shape)]).expand(op.shape),
    "matmul": lambda op, a, b: a @ (b.t() if op.transposed else b),
    "outer": lambda op, a, b: a.reshape(-1, a.shape[-1]).t() @ b.reshape(-1, b.shape[-1]),
    "affine": lambda op, a, w, b: F.linear(a, w, b),
    "reshape": lambda op, a: a.reshape(op.shape),
    "copy": lambda op, a: a.clone(),
    "concat": lambda op, *a: torch.cat(a, op.axis),
    "slice": lambda op, a: a.narrow(op.axis, op.start, op.stop - op.start),
    "pack": lambda op, *a: torch.cat([x.reshape(-1) for x in a]),
    "softmax": lambda op, a: a.softmax(-1),
    "softmax_grad": lambda op, dy, y: y * (dy - (dy * y).sum(-1, keepdim=True)),
    "log_softmax": lambda op, a: a.log_softmax(-1),
    "log_softmax_grad": lambda op, dy, y: dy - y.exp() * dy.sum(-1, keepdim=True),
    "layernorm": lambda op, a, w, b: F.layer_norm(a, a.shape[-1:], w, b, op.eps),
    "rmsnorm": lambda op, a, w: F.rms_norm(a, a.shape[-1:], w, op.eps),
    "attention": lambda op, a: _attention(op, a),
    "attend": lambda op, q, k, v, *masks: _attend(op, q, k, v, masks),
    "attend_grad": lambda op, dy, q, k, v, weights: _attend_grad(op, dy, q, k, v, weights),
    "rope": lambda op, a: _rope(op, a),
    "gather": lambda op, table, ids: F.embedding(ids, table),
    "gather_grad": lambda op, dy, ids: _vjp(
        lambda t: F.embedding(ids, t), torch.zeros(op.rows, dy.shape[-1], dtype=dy.dtype), dy
    ),
    "rnn": lambda op, gates, w, *initial: _scan(op, gates, w, None, *initial),
    "lstm": lambda op, gates, w, *initial: _scan(op, gates, w, None, *initial),
    "gru": lambda op, gates, w, b, *initial: _scan(op, gates, w, b, *initial),
    "all_reduce": lambda op, a: a,
    "wait": lambda op, a: a,
    "waves": lambda op: _waves(op),
    "table": lambda op: torch.tensor(op.values, dtype=torch.float64),
    "class_weight": lambda op, labels: (
        torch.tensor(op.weights or (1.0,) * 9, dtype=torch.float64)[labels] * (labels != op.ignore)
    ),
    "cast": lambda op, a: a.double(),
    "transpose": lambda op, a: a.permute(op.order),
    "conv": lambda op, x, w, b=None: _convolution(op, x, w, b),
    "conv_input_grad": lambda op, dy, w: _vjp(lambda x: _convolution(op, x, w), torch.zeros(op.shape, dtype=dy.dtype), dy),
    "conv_weight_grad": lambda op, dy, x: _vjp(lambda w: _convolution(op, x, w), torch.zeros(op.shape, dtype=dy.dtype), dy),
    "maxpool": lambda op, a: getattr(F, f"max_pool{a.dim() - 2}d")(a, op.kernel, op.stride, op.padding, op.spread(), op.ceil),
    "maxpool_grad": lambda op, dy, i: (
        torch.zeros(op.shape, dtype=dy.dtype).flatten(2).scatter_add(2, i.flatten(2), dy.flatten(2)).view(op.shape)
    ),
    "avgpool": lambda op, a: _avgpool(op, a),
    "avgpool_grad": lambda op, dy: _vjp(lambda x: _avgpool(op, x), torch.zeros(op.shape, dtype=dy.dtype), dy),
    "adaptive_maxpool": lambda op, a: getattr(F, f"adaptive_max_pool{a.dim() - 2}d")(a, op.sizes),
    "adaptive_maxpool_grad": lambda op, dy, i: (
        torch.zeros(op.shape, dtype=dy.dtype).flatten(2).scatter_add(2, i.flatten(2), dy.flatten(2)).view(op.shape)
    ),
    "adaptive_avgpool": lambda op, a: getattr(F, f"adaptive_avg_pool{a.dim() - 2}d")(a, op.sizes),
    "adaptive_avgpool_grad": lambda op, dy: _vjp(
        lambda x: F.adaptive_avg_pool2d(x, op.sizes), torch.zeros(op.shape, dtype=dy.dtype), dy
    ),
    "upsample": lambda op, a: _upsample(op, a),
    "upsample_grad": lambda op, dy: _vjp(
        lambda x: _upsample(op, x), torch.zeros(op.infer(type_of(dy))[0].dims(BATCH), dtype=dy.dtype), dy
    ),
    "pad": lambda op, a: _pad(op, a),
    "pad_grad": lambda op, dy: _vjp(lambda x: _pad(op, x), torch.zeros(op.shape, dtype=dy.dtype), dy),
    "batchnorm": lambda op, x, *rest: _batchnorm(op, x, *rest, training=True),
    "batchnorm_inference": lambda op, x, *rest: _batchnorm(op, x, *rest, training=False),
    "groupnorm": lambda op, x, w=None, b=None: F.group_norm(x, op.groups, w, b, op.eps),
    "pick": lambda op, a, labels: a.gather(-1, labels.unsqueeze(-1)).squeeze(-1),
    "pick_grad": lambda op, dy, labels: F.one_hot(labels, op.shape[-1]) * dy.unsqueeze(-1),
    "bce": lambda op, p, y: F.binary_cross_entropy(p, y, reduction="none"),
    "bce_grad": lambda op, dy, p, y: dy * (p - y) / (p * (1 - p)),
}

# Judged in tests of their own: they have several results, or draw random numbers.
APART = {
    "layernorm_grad",
    "rmsnorm_grad",
    "batchnorm_grad",
    "groupnorm_grad",
    "dropout",
    "amax_grad",
    "attention_grad",
    "rnn_grad",
    "lstm_grad",
    "gru_grad",
    "noise",
    "with_gradient",
}

# Made after differentiation, of kernels that are differentiated once, or with a gradient that is not their slope: `guard`.
NO_GRADIENT = {name for name, op in REGISTRY.items() if op.gradient is Op.gradient} | {
    "class_weight",
    "with_gradient",
    "guard",
}

CASES = [
    pytest.param(sample, id=f"{name}{i}")
    for name, op in REGISTRY.items()
    if name not in LEAVES
    for i, sample in enumerate(op.samples)
]
JUDGED = [case for case in CASES if case.values[0].op.name not in APART]  # type: ignore[attr-defined]


def _vjp(function: Callable[[Tensor], Tensor], a: Tensor, dy: Tensor) -> Tensor:
    """A gradient that may be differentiated again, where one of the operands is."""
    x = a if a.requires_grad else a.detach().requires_grad_()
    again = a.requires_grad or dy.requires_grad
    (gradient,) = torch.autograd.grad(function(x), x, dy, create_graph=again)
    return gradient


def _convolution(op: Any, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    if op.transposed:
        function = getattr(F, f"conv_transpose{x.dim() - 2}d")
        return function(x, w, b, op.stride, op.padding, op.output_padding, op.groups, op.dilation)
    return getattr(F, f"conv{x.dim() - 2}d")(x, w, b, op.stride, op.padding, op.dilation, op.groups)


def _avgpool(op: Any, a: Tensor) -> Tensor:
    function = getattr(F, f"avg_pool{a.dim() - 2}d")
    if a.dim() == 3:  # torch's has no divisor for sequences
        out = function(a, op.kernel, op.stride, op.padding, op.ceil, op.padded)
        return out * op.kernel[0] / op.divisor if op.divisor else out
    return function(a, op.kernel, op.stride, op.padding, op.ceil, op.padded, op.divisor or None)


def _upsample(op: Any, a: Tensor) -> Tensor:
    mode = "nearest" if op.mode == "nearest" else {3: "linear", 4: "bilinear", 5: "trilinear"}[a.dim()]
    return F.interpolate(a, scale_factor=tuple(map(float, op.factors)), mode=mode)


def _pad(op: Any, a: Tensor) -> Tensor:
    mode = "constant" if op.mode == "zeros" else op.mode
    return F.pad(a, op.flat(), mode, op.value if op.mode == "zeros" else None)


def _batchnorm(op: Any, x: Tensor, *rest: Tensor, training: bool) -> Tensor:
    weight, bias = rest[:2] if op.affine else (None, None)
    mean, variance = (t.detach().clone() for t in rest[-2:])
    return F.batch_norm(x, mean, variance, weight, bias, training, 0.1, op.eps)


def _attention(op: Any, qkv: Tensor) -> Tensor:
    """One query and head at a time, without torch's attention."""
    batch, length, _ = qkv.shape
    parts = qkv.view(batch, length, op.heads + 2 * op.kv_heads, -1)
    shared, rows = op.heads // op.kv_heads, []
    for head in range(op.heads):
        q = parts[:, :, head]
        k, v = (parts[:, :, op.heads + i * op.kv_heads + head // shared] for i in (0, 1))
        scores = torch.einsum("btd,bsd->bts", q, k) / q.shape[-1] ** 0.5
        if op.causal:
            scores = scores + torch.full((length, length), -torch.inf, dtype=scores.dtype).triu(1)
        rows.append(scores.softmax(-1) @ v)
    return torch.cat(rows, -1)


def _attend(op: Any, q: Tensor, k: Tensor, v: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Query by query and head by head."""
    heads, shared, size = [], op.heads // op.kv_heads, q.shape[-1] // op.heads
    for head in range(op.heads):
        mine = slice(head * size, (head + 1) * size)
        theirs = slice(head // shared * size, (head // shared + 1) * size)
        scores = torch.einsum("btd,bsd->bts", q[..., mine], k[..., theirs]) / size**0.5
        seen = torch.ones_like(scores)
        part = seen[..., : k.shape[1] - op.sinks]
        for mask in masks:
            part *= (mask[:, head] if mask.dim() == 4 else mask if mask.dim() == 3 else mask[:, None]) > 0
        if op.causal:
            part.copy_(part.tril())
        powers = scores.exp() * seen
        heads.append(powers / powers.sum(-1, keepdim=True).clamp_min(1e-300) @ v[..., theirs])
    return torch.cat(heads, -1)


def _attend_grad(op: Any, dy: Tensor, q: Tensor, k: Tensor, v: Tensor, weights: Tensor) -> Tensor:
    """Of q, with the weights as they are given: through the softmax's Jacobian, head by head."""
    heads, shared, size = [], op.heads // op.kv_heads, q.shape[-1] // op.heads
    for head in range(op.heads):
        mine = slice(head * size, (head + 1) * size)
        theirs = slice(head // shared * size, (head // shared + 1) * size)
        w = weights[:, head]
        jacobian = torch.diag_embed(w) - w.unsqueeze(-1) * w.unsqueeze(-2)
        dscores = torch.einsum("btd,bsd,btsr->btr", dy[..., mine], v[..., theirs], jacobian)
        heads.append(dscores @ k[..., theirs] / size**0.5)
    return torch.cat(heads, -1)


def _scan(op: Any, gates: Tensor, w: Tensor, b: Tensor | None, *initial: Tensor) -> Tensor:
    """torch's own recurrent function, the input product an identity."""
    width, size = w.shape
    zero = torch.zeros(width, dtype=w.dtype)
    weights = (torch.eye(width, dtype=w.dtype), w, zero, zero if b is None else b)
    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[op.name]
    more = {"nonlinearity": op.activation} if op.name == "rnn" else {}
    module = kind(width, size, batch_first=True, dtype=w.dtype, **more)
    names = [name for name, _ in module.named_parameters()]
    x = gates.flip(1) if op.reverse else gates
    begin = tuple(state.unsqueeze(0) for state in initial)
    given = (x, begin[0] if len(begin) == 1 else begin) if begin else (x,)
    out = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), given)[0]
    return out.flip(1) if op.reverse else out


def _rope(op: Any, qkv: Tensor) -> Tensor:
    """As multiplication of complex numbers."""
    parts = qkv.view(*qkv.shape[:2], op.heads + 2 * op.kv_heads, -1)
    half = parts.shape[-1] // 2
    angles = torch.arange(qkv.shape[1]).to(qkv.dtype)[:, None] * op.base ** (-torch.arange(half).to(qkv.dtype) / half)
    turned = torch.complex(parts[..., :half], parts[..., half:]) * torch.exp(1j * op.sign * angles)[:, None]
    both = torch.cat([turned.real, turned.imag], -1)
    n = op.heads + op.kv_heads
    return torch.cat([both[:, :, :n], parts[:, :, n:]], 2).reshape(qkv.shape)


def _waves(op: Any) -> Tensor:
    rows = [[(math.sin if i % 2 == 0 else math.cos)(t * op.base ** (-(i // 2 * 2) / op.width)) for i in range(op.width)]
            for t in range(op.length)]  # fmt: skip
    return torch.tensor(rows, dtype=torch.float64)


def make(operand: Normal, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    if isinstance(operand, Labels):
        return torch.randint(0, operand.classes, operand.shape, generator=generator)
    if isinstance(operand, Fixed):
        return torch.full(operand.shape, operand.value, dtype=dtype)
    if isinstance(operand, Bits):
        return torch.randint(0, 2, operand.shape, generator=generator).to(dtype)
    if isinstance(operand, Uniform):
        unit = torch.rand(operand.shape, generator=generator, dtype=torch.float64)
        return (unit * (operand.high - operand.low) + operand.low).to(dtype)
    return torch.randn(operand.shape, generator=generator, dtype=torch.float64).to(dtype)


def operands_of(sample: Sample, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [make(operand, generator, dtype) for operand in sample.operands]


def type_of(tensor: Tensor) -> Type:
    names = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}
    return Type(names[tensor.dtype], tuple(tensor.shape))  # type: ignore[arg-type]


def execute(op: Op, operands: Sequence[Tensor], results: Sequence[Tensor] | None = None) -> list[Tensor]:
    """Run the op's kernel into buffers that hold NaN before."""
    types = op.infer(*map(type_of, operands))
    dtype = next((o.dtype for o in operands if o.is_floating_point()), torch.float64)
    out = list(results or (_unwritten(type, dtype) for type in types))
    op.bind(torch, out, operands, Run(BATCH, Random(1, torch.device("cpu"))))()
    return out


def _unwritten(type: Type, dtype: torch.dtype) -> Tensor:
    whole = type.dtype == "i64"
    return torch.full(type.dims(BATCH), -1 if whole else torch.nan, dtype=torch.int64 if whole else dtype)


def evaluate(graph: Graph, given: dict[int, Tensor]) -> dict[Value, Tensor]:
    """Run a graph node by node, without any of the compiler's later stages."""
    found: dict[Value, Tensor] = {}
    for node in graph:
        if node.id in given:
            results = [given[node.id]]
        elif node.op.name == "constant":
            results = [torch.full(node.types[0].dims(BATCH), node.op.value.at(BATCH), dtype=torch.float64)]  # type: ignore[attr-defined]
        else:
            results = execute(node.op, [found[operand] for operand in node.operands])
        found.update({Value(node.id, i): result for i, result in enumerate(results)})
    return found


def close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)


def test_every_op_has_samples_and_a_judge() -> None:
    for name, op in REGISTRY.items():
        if name not in LEAVES:
            assert op.samples, f"{name} has no samples"
            assert name in JUDGES or name in APART, f"{name} has no judge"


@pytest.mark.parametrize("sample", CASES)
def test_results_have_the_inferred_types_and_are_fully_written(sample: Sample) -> None:
    operands = operands_of(sample)
    for result, type in zip(execute(sample.op, operands), sample.op.infer(*map(type_of, operands)), strict=True):
        assert tuple(result.shape) == type.shape
        assert torch.isfinite(result).all()


@pytest.mark.parametrize("sample", JUDGED)
def test_values_are_torchs(sample: Sample) -> None:
    operands = operands_of(sample)
    close(execute(sample.op, operands)[0], JUDGES[sample.op.name](sample.op, *operands), 1e-12)


@pytest.mark.parametrize("sample", JUDGED)
def test_float32_is_within_three_times_torchs_own_error(sample: Sample) -> None:
    operands = operands_of(sample, torch.float32)
    exact = JUDGES[sample.op.name](sample.op, *(o.double() if o.is_floating_point() else o for o in operands))
    theirs = JUDGES[sample.op.name](sample.op, *operands)
    ours = execute(sample.op, operands)[0]
    ulp = torch.finfo(torch.float32).eps * exact.abs().max()
    assert (ours - exact).abs().max() <= 3 * (theirs - exact).abs().max() + ulp


@pytest.mark.parametrize(
    "sample",
    [case for case in JUDGED if case.values[0].op.name not in NO_GRADIENT and case.values[0].operands],  # type: ignore[attr-defined]
)
def test_gradient_is_autograds_and_that_of_finite_differences(sample: Sample) -> None:
    operands = operands_of(sample)
    graph = Graph()
    build = Build(graph)
    terms = tuple(build(Input(type_of(o), str(i))) for i, o in enumerate(operands))
    results = build.results(sample.op, *terms)
    dy = build(Input(results[0].type, "dy"))
    with build.at(stage=Stage.BACKWARD):
        node = TermNode(build, results[0].node, terms, results)
        gradients = sample.op.gradient(node, dy, *(None for _ in results[1:]))
    cotangent = torch.randn(results[0].type.dims(BATCH), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    given = {term.value.node: o for term, o in zip(terms, operands, strict=True)} | {dy.value.node: cotangent}
    found = evaluate(graph, given)

    inputs = [o.clone().requires_grad_() if o.is_floating_point() else o for o in operands]
    out = JUDGES[sample.op.name](sample.op, *inputs)
    wanted = torch.autograd.grad(out, [i for i in inputs if i.requires_grad], cotangent, allow_unused=True)
    judged = iter(wanted)
    for position, (operand, gradient) in enumerate(zip(operands, gradients, strict=True)):
        if not operand.is_floating_point():
            assert gradient is None
            continue
        expected = next(judged)
        if gradient is None:
            assert expected is None or not expected.any(), f"operand {position} has a gradient"
            continue
        assert expected is not None
        close(found[gradient.value], expected, 1e-10)
        _differences(sample.op, operands, position, cotangent, found[gradient.value])


def _differences(op: Op, operands: list[Tensor], position: int, cotangent: Tensor, gradient: Tensor) -> None:
    """Central differences of the kernel itself, in one random direction."""
    direction = torch.randn(operands[position].shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved = [o + sign * step * direction if i == position else o for i, o in enumerate(operands)]
        ends.append((execute(op, moved)[0] * cotangent).sum())
    close((ends[0] - ends[1]) / (2 * step), (gradient * direction).sum(), 1e-6)


def test_gradients_of_normalisation() -> None:
    """Several results each, against autograd."""
    generator = torch.Generator().manual_seed(2)
    x, dy = (torch.randn(3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    w, b = (torch.randn(4, generator=generator, dtype=torch.float64) for _ in range(2))
    row = torch.randn(5, generator=generator, dtype=torch.float64)
    running = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    cases: list[tuple[Op, Op, list[Tensor], list[Tensor], Callable[..., Tensor]]] = [
        (BatchNorm(), BatchNormGrad(), [x, w, b], list(running),
         lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        (GroupNorm(2), GroupNormGrad(2), [x, w, b], [], lambda x, w, b: F.group_norm(x, 2, w, b)),
        (RmsNorm(), RmsNormGrad(), [x, row], [], lambda x, w: F.rms_norm(x, (5,), w, 1e-6)),
    ]  # fmt: skip
    for forward, backward, operands, rest, judge in cases:
        leaves = [operand.clone().requires_grad_() for operand in operands]
        wanted = torch.autograd.grad(judge(*leaves), leaves, dy)
        _, *saved = execute(forward, [*operands, *rest])
        found = execute(backward, [dy, x, *(saved[:2]), operands[1]] if len(saved) > 1 else [dy, x, saved[0], row])
        for ours, theirs in zip(found, wanted, strict=True):
            close(ours, theirs, 1e-10)


def test_batchnorm_moves_its_running_statistics() -> None:
    x = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mean, variance = torch.full((4,), 0.5, dtype=torch.float64), torch.full((4,), 2.0, dtype=torch.float64)
    _, _, _, next_mean, next_variance = execute(BatchNorm(momentum=0.3, affine=False), [x, mean, variance])
    F.batch_norm(x, mean, variance, training=True, momentum=0.3)  # in place
    close(next_mean, mean, 1e-12)
    close(next_variance, variance, 1e-12)


@pytest.mark.parametrize("sample", CASES)
def test_a_result_may_be_written_over_an_operand_where_the_op_says_so(sample: Sample) -> None:
    if sample.op.name in ("dropout", "noise"):
        return
    operands = operands_of(sample)
    apart = execute(sample.op, operands)
    for position in sample.op.takes_over:
        if position < len(operands) and operands[position].shape == apart[0].shape:
            copies = [operand.clone() for operand in operands]
            execute(sample.op, copies, [copies[position], *(torch.empty_like(result) for result in apart[1:])])
            assert torch.equal(copies[position], apart[0]), f"over operand {position}"


@pytest.mark.parametrize("sample", CASES)
def test_cost_is_a_number_of_operations(sample: Sample) -> None:
    operands = operands_of(sample)
    results = sample.op.infer(*map(type_of, operands))
    flops = sample.op.flops([tuple(o.shape) for o in operands], [type.dims(BATCH) for type in results])
    assert isinstance(flops, int)
    assert flops >= 0


def test_cost_of_a_matrix_product_is_two_a_multiplication() -> None:
    op = REGISTRY["matmul"].samples[0].op
    assert op.flops([(50, 25), (25, 4)], [(50, 4)]) == 2 * 50 * 25 * 4


@pytest.mark.parametrize("sample", CASES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_wrong_operands_are_a_shape_error_and_nothing_else(sample: Sample, data: st.DataObject) -> None:
    dims = st.one_of(st.integers(1, 4), st.just(B))
    kinds = st.builds(Type, st.sampled_from(["f32", "f64", "i64"]), st.lists(dims, max_size=3).map(tuple))
    types = [data.draw(kinds) for _ in sample.operands]
    try:
        results = sample.op.infer(*types)
    except ShapeError:
        pass
    else:
        assert all(isinstance(result, Type) for result in results)


def test_layernorms_gradient() -> None:
    (sample,) = REGISTRY["layernorm_grad"].samples
    generator = torch.Generator().manual_seed(2)
    a, dy = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    weight, bias = (torch.randn(4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    x = a.clone().requires_grad_()
    wanted = torch.autograd.grad(F.layer_norm(x, (4,), weight, bias), [x, weight, bias], dy)
    _, mean, rstd = execute(REGISTRY["layernorm"].samples[0].op, [a, weight.detach(), bias.detach()])
    found = execute(sample.op, [dy, a, mean, rstd, weight.detach(), bias.detach()])
    for ours, theirs in zip(found, wanted, strict=True):
        close(ours, theirs, 1e-10)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    a = torch.ones(200, 200, dtype=torch.float64)
    out, mask = execute(REGISTRY["dropout"].samples[0].op, [a, torch.tensor(0.3, dtype=torch.float64)])
    assert torch.equal(out, mask)
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(out.unique(), torch.tensor([0.0, 1 / 0.7], dtype=torch.float64))


def test_noise_is_normal() -> None:
    (found,) = execute(Noise(3), [torch.zeros(300, 300, dtype=torch.float64)])
    assert found.mean().item() == pytest.approx(0.0, abs=0.01)
    assert found.std().item() == pytest.approx(1.0, abs=0.01)
    assert (found.abs() < 1).double().mean().item() == pytest.approx(0.6827, abs=0.005)
    (other,) = execute(Noise(4), [torch.zeros(300, 300, dtype=torch.float64)])
    assert abs((found * other).mean().item()) < 0.01
