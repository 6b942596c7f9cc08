"""What PyTorch makes of an op's operands: the judge of values and, by autograd, of gradients; and the ops run one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from operands import type_of
from torch import Tensor

import lampc.ops  # noqa: F401 (registers every op)
from lampc.ir.graph import Graph, Value
from lampc.ir.op import Op, Run
from lampc.ir.types import Type
from lampc.runtime.random import Random

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
    "guard": lambda op, c, a: torch.where((c != 0) == op.chosen, a, a.detach()),
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
    "softplus": lambda op, a: torch.logaddexp(a, torch.zeros_like(a)),
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
    "maxpool_take": lambda op, a, i: a.flatten(2).gather(2, i.flatten(2)).view(i.shape),
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


def execute(op: Op, operands: Sequence[Tensor], results: Sequence[Tensor] | None = None, batch: int = BATCH) -> list[Tensor]:
    """Run the op's kernel into buffers that hold NaN before."""
    dtype = next((o.dtype for o in operands if o.is_floating_point()), torch.float64)
    out = list(results or (_unwritten(type, dtype, batch) for type in op.infer(*map(type_of, operands))))
    op.bind(torch, out, operands, Run(batch, Random(1, torch.device("cpu"))))()
    return out


def _unwritten(type: Type, dtype: torch.dtype, batch: int) -> Tensor:
    whole = type.dtype == "i64"
    return torch.full(type.dims(batch), -1 if whole else torch.nan, dtype=torch.int64 if whole else dtype)


def evaluate(graph: Graph, given: dict[int, Tensor], batch: int = BATCH) -> dict[Value, Tensor]:
    """Run a graph node by node, without any of the compiler's later stages."""
    found: dict[Value, Tensor] = {}
    for node in graph:
        if node.id in given:
            results = [given[node.id]]
        elif node.op.name == "constant":
            results = [torch.full(node.types[0].dims(batch), node.op.value.at(batch), dtype=torch.float64)]  # type: ignore[attr-defined]
        else:
            unwritten = [_unwritten(type, torch.float64, batch) for type in node.types]
            results = execute(node.op, [found[operand] for operand in node.operands], unwritten, batch)
        found.update({Value(node.id, i): result for i, result in enumerate(results)})
    return found


def close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)
