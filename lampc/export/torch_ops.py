"""How PyTorch source says each op. An op is one line; what takes more is a function at the file's top, where it is used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.ops.exponential import LEAST

Say = Callable[[Any, Sequence[str], Sequence[Type]], str]
"""An op, its operands' names and types, to an expression."""


def _axes(op: Any) -> str:
    return str(op.axes[0] if len(op.axes) == 1 else op.axes)


def _one(values: Sequence[Any]) -> str:
    """A number for all axes where they are equal."""
    return str(values[0] if len(set(values)) == 1 else tuple(values))


def _shape(dims: Sequence[Any]) -> str:
    return ", ".join(str(dim) if isinstance(dim, int) else "-1" for dim in dims)


def _expand(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    index = ", ".join("None" if axis in op.axes else ":" for axis in range(len(op.shape)))
    sizes = ", ".join(str(dim) if isinstance(dim, int) else "len(x)" for dim in op.shape)
    return f"{a[0]}[{index}].expand({sizes})"


def _slice(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    return f"{a[0]}[{', '.join([':'] * op.axis + [f'{op.start}:{op.stop}'])}]"


def _conv(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    axes = len(op.stride)
    plain = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
    more = [f"{name}={_one(getattr(op, name))}" for name, value in plain.items() if {*getattr(op, name)} - {value}]
    more += [f"groups={op.groups}"] if op.groups > 1 else []
    return f"F.conv{'_transpose' if op.transposed else ''}{axes}d({', '.join([*a, *more])})"


def _pool(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    more = [a[0], _one(op.kernel)]
    more += [f"stride={_one(op.stride)}"] if op.stride != op.kernel else []
    more += [f"padding={_one(op.padding)}"] if {*op.padding} - {0} else []
    more += ["ceil_mode=True"] if op.ceil else []
    if op.name == "maxpool":
        more += [f"dilation={_one(op.dilation)}"] if {*op.dilation} - {1} else []
        return f"F.max_pool{len(op.kernel)}d({', '.join(more)})"
    more += ["count_include_pad=False"] if not op.padded and len(op.kernel) else []
    more += [f"divisor_override={op.divisor}"] if op.divisor else []
    return f"F.avg_pool{len(op.kernel)}d({', '.join(more)})"


def _avgpool(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    """Over sequences PyTorch has no divisor: they are pictures one number high."""
    if len(op.kernel) > 1 or not op.divisor:
        return _pool(op, a, t)
    flat = replace(op, kernel=(1, *op.kernel), stride=(1, *op.stride), padding=(0, *op.padding))
    return f"{_pool(flat, [f'{a[0]}.unsqueeze(2)'], t)}.squeeze(2)"


def _adaptive(kind: str) -> Say:
    return lambda op, a, t: f"F.adaptive_{kind}_pool{len(op.sizes)}d({a[0]}, {tuple(op.sizes)})"


def _upsample(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    mode = "nearest" if op.mode == "nearest" else {1: "linear", 2: "bilinear", 3: "trilinear"}[len(op.factors)]
    scale = _one(op.factors)
    return f'F.interpolate({a[0]}, scale_factor={scale}, mode="{mode}")'


def _pad(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    flat = tuple(number for pair in reversed(op.amounts) for number in pair)
    mode = {"zeros": "constant"}.get(op.mode, op.mode)
    value = f", value={op.value!r}" if op.mode == "zeros" and op.value else ""
    return f"F.pad({a[0]}, {flat}" + ("" if mode == "constant" else f', mode="{mode}"') + f"{value})"


def _batchnorm(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    x, *affine = a[:-2]
    return (f"F.batch_norm({x}, {a[-2]}, {a[-1]}, {', '.join(affine) if affine else 'None, None'}, self.training, "
            f"{op.momentum!r}, {op.eps!r})")  # fmt: skip


def _layernorm(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    return f"F.layer_norm({a[0]}, {a[0]}.shape[-1:], {', '.join(a[1:])}, {op.eps!r})"


def _scan(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    more = [f"activation=torch.{op.activation}"] if op.name == "rnn" and op.activation != "tanh" else []
    return f"{op.name}_scan({', '.join([*a, *more, *(['reverse=True'] if op.reverse else [])])})"


def _attend(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    more = [f"heads={op.heads}", f"kv_heads={op.kv_heads}"]
    more += ["causal=True"] if op.causal else []
    more += [f"sinks={op.sinks}"] if op.sinks else []
    masks = f", masks=({''.join(f'{mask}, ' for mask in a[3:]).strip()})" if a[3:] else ""
    return f"attend({', '.join([*a[:3], *more])}{masks})"


def _constant(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    value = repr(op.value.value)
    if not op.type.shape:
        return value
    sizes = ", ".join(str(dim) if isinstance(dim, int) else "len(x)" for dim in op.type.shape)
    return f"self.like.new_full(({sizes},), {value})"


def _guard(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    both = [a[1], f"{a[1]}.detach()"]
    return f"torch.where({a[0]} != 0, {', '.join(both if op.chosen else both[::-1])})"


def _xlogy(op: Any, a: Sequence[str], t: Sequence[Type]) -> str:
    """Of 0 times the logarithm of 0 PyTorch's slope is 0/0, so that the least number above 0 stands for it."""
    kind, none, least = ("special.xlog1py", -1, -1 + 2**-24) if op.plus else ("xlogy", 0, LEAST[t[1].dtype])
    other = f"torch.where(({a[0]} == 0) & ({a[1]} == {none}), {least}, {a[1]})" if t[1].rank else a[1]
    return f"torch.{kind}({a[0]}, {other})"


def _call(text: str) -> Say:
    return lambda op, a, t: text.format(*a, op=op)


SAY: Mapping[str, Say] = {
    "abs": _call("{0}.abs()"), "sqrt": _call("{0}.sqrt()"), "square": _call("{0}.square()"), "exp": _call("{0}.exp()"),
    "log": _call("{0}.log()"), "expm1": _call("{0}.expm1()"), "log1p": _call("{0}.log1p()"),
    "xlogy": _xlogy,
    "guard": _guard, "erf": _call("torch.erf({0})"), "sin": _call("{0}.sin()"), "cos": _call("{0}.cos()"),
    "sign": _call("{0}.sign()"), "floor": _call("{0}.floor()"), "tanh": _call("torch.tanh({0})"),
    "sigmoid": _call("torch.sigmoid({0})"), "relu": _call("F.relu({0})"), "silu": _call("F.silu({0})"),
    "softplus": _call("F.softplus({0}, threshold=40)"), "leaky_relu": _call("F.leaky_relu({0}, {op.slope!r})"),
    "elu": lambda op, a, t: (f"{op.scale!r} * " if op.scale != 1.0 else "") + f"F.elu({a[0]}, {op.alpha!r})",
    "gelu": lambda op, a, t: f"F.gelu({a[0]}" + ("" if op.approximate == "none" else f', approximate="{op.approximate}"') + ")",
    "hardtanh": _call("F.hardtanh({0}, {op.low!r}, {op.high!r})"),
    "add": _call("{0} + {1}"), "sub": _call("{0} - {1}"), "mul": _call("{0} * {1}"), "div": _call("{0} / {1}"),
    "power": _call("{0} ** {op.exponent!r}"),
    "scale": lambda op, a, t: f"{op.factor.value!r} * {a[0]}" + (f" * len(x) ** {op.factor.power}" if op.factor.power else ""),
    "add_scaled": lambda op, a, t: f"{a[0]} {'+' if op.sign > 0 else '-'} {a[1]} * {a[2]}",
    "maximum": _call("torch.maximum({0}, {1})"), "minimum": _call("torch.minimum({0}, {1})"),
    "greater": _call("({0} > {1}).to(self.like)"), "where": _call("torch.where({0} != 0, {1}, {2})"),
    "sum": lambda op, a, t: f"{a[0]}.sum({_axes(op)})", "mean": lambda op, a, t: f"{a[0]}.mean({_axes(op)})",
    "amax": lambda op, a, t: f"{a[0]}.amax({_axes(op)})", "expand": _expand,
    "affine": _call("F.linear({0}, {1}, {2})"),
    "matmul": lambda op, a, t: f"F.linear({a[0]}, {a[1]})" if op.transposed else f"{a[0]} @ {a[1]}",
    "reshape": lambda op, a, t: f"{a[0]}.reshape({_shape(op.shape)})", "copy": _call("{0}"),
    "transpose": lambda op, a, t: f"{a[0]}.permute({', '.join(map(str, op.order))})",
    "concat": lambda op, a, t: f"torch.cat([{', '.join(a)}], {op.axis})", "slice": _slice,
    "softmax": _call("{0}.softmax(-1)"), "log_softmax": _call("{0}.log_softmax(-1)"),
    "layernorm": _layernorm, "rmsnorm": _call("F.rms_norm({0}, {0}.shape[-1:], {1}, {op.eps!r})"),
    "batchnorm": _batchnorm,
    "groupnorm": lambda op, a, t: f"F.group_norm({a[0]}, {op.groups}, {', '.join(a[1:]) or 'None, None'}, {op.eps!r})",
    "conv": _conv, "maxpool": _pool, "avgpool": _avgpool, "adaptive_avgpool": _adaptive("avg"),
    "adaptive_maxpool": _adaptive("max"), "upsample": _upsample, "pad": _pad,
    "dropout": _call("F.dropout({0}, {1}, self.training)"),
    "noise": _call("torch.randn_like({0}) if self.training else torch.zeros_like({0})"),
    "gather": _call("F.embedding({1}, {0})"), "rnn": _scan, "lstm": _scan, "gru": _scan, "attend": _attend,
    "attention": lambda op, a, t: f"attention({a[0]}, heads={op.heads}, kv_heads={op.kv_heads}"
                                  + (", causal=True" if op.causal else "") + ")",
    "rope": lambda op, a, t: f"rope({a[0]}, heads={op.heads}, kv_heads={op.kv_heads}, base={op.base!r}"
                             + (", sign=-1" if op.sign < 0 else "") + ")",
    "waves": _call("waves({op.length}, {op.width}, {op.base!r}).to(self.like)"),
    "table": _call("self.like.new_tensor({op.values})"), "constant": _constant,
}  # fmt: skip
"""Every op that a forward network may hold."""

FUNCTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rnn_scan": (("rnn",), '''
def rnn_scan(gates, w, h=None, activation=torch.tanh, reverse=False):
    """h ← activation(gates + h·wᵀ), place by place."""
    states = [None] * gates.shape[1]
    for t in reversed(range(len(states))) if reverse else range(len(states)):
        h = activation(gates[:, t] if h is None else gates[:, t] + F.linear(h, w))
        states[t] = h
    return torch.stack(states, 1)
'''),
    "lstm_scan": (("lstm",), '''
def lstm_scan(gates, w, h=None, c=None, reverse=False):
    """c ← f·c + i·g, h ← o·tanh c, place by place."""
    states = [None] * gates.shape[1]
    for t in reversed(range(len(states))) if reverse else range(len(states)):
        i, f, g, o = (gates[:, t] if h is None else gates[:, t] + F.linear(h, w)).chunk(4, 1)
        c = i.sigmoid() * g.tanh() if c is None else f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states[t] = h
    return torch.stack(states, 1)
'''),
    "gru_scan": (("gru",), '''
def gru_scan(gates, w, b, h=None, reverse=False):
    """h ← n + z·(h - n), n = tanh(gates + r·(h·wᵀ + b)), place by place."""
    states = [None] * gates.shape[1]
    h = gates.new_zeros(len(gates), w.shape[1]) if h is None else h
    for t in reversed(range(len(states))) if reverse else range(len(states)):
        (r, z, n), (hr, hz, hn) = gates[:, t].chunk(3, 1), F.linear(h, w, b).chunk(3, 1)
        z, n = (z + hz).sigmoid(), (n + (r + hr).sigmoid() * hn).tanh()
        h = n + z * (h - n)
        states[t] = h
    return torch.stack(states, 1)
'''),
    "attention": (("attention",), '''
def attention(qkv, heads, kv_heads, causal=False):
    """softmax(q·kᵀ/√D)·v for each head; queries, keys and values lie side by side."""
    parts = qkv.unflatten(2, (heads + 2 * kv_heads, -1)).transpose(1, 2)
    q, k, v = parts.split([heads, kv_heads, kv_heads], dim=1)
    k, v = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2)
'''),
    "attend": (("attend",), '''
def attend(q, k, v, heads, kv_heads, causal=False, sinks=0, masks=()):
    """The same from one sequence to another; what a mask does not exceed 0 at is hidden, but for the last keys."""
    q, k, v = (part.unflatten(2, (n, -1)).transpose(1, 2) for part, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    k, v = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))
    seen = torch.ones(len(q), heads, q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    part = seen[..., : k.shape[2] - sinks]
    for mask in masks:
        part &= (mask > 0).reshape(len(mask), *(1,) * (4 - mask.dim()), *mask.shape[1:])
    if causal:
        part &= part.new_ones(part.shape[2:]).tril()
    weights = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).masked_fill(~seen, -torch.inf).softmax(3)
    return (weights.masked_fill(~seen, 0.0) @ v).transpose(1, 2).flatten(2)
'''),
    "rope": (("rope",), '''
def rope(qkv, heads, kv_heads, base, sign=1):
    """Queries and keys turned by an angle that grows with the place."""
    a, b = qkv.unflatten(2, (heads + 2 * kv_heads, 2, -1)).unbind(3)
    pairs = torch.arange(a.shape[-1], dtype=torch.float64, device=qkv.device) / a.shape[-1]
    angles = torch.arange(a.shape[1], dtype=torch.float64, device=qkv.device)[:, None] * base**-pairs * sign
    angles = angles[:, None].expand(-1, heads + 2 * kv_heads, -1).clone()
    angles[:, heads + kv_heads :] = 0.0
    cos, sin = angles.cos().to(qkv), angles.sin().to(qkv)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], 3).flatten(2)
'''),
    "waves": (("waves",), '''
def waves(length, width, base):
    """Sines at even, cosines at odd features of t·base^(-2i/width)."""
    angles = torch.arange(length, dtype=torch.float64)[:, None] * base ** -(torch.arange(0.0, width, 2).double() / width)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
'''),
}  # fmt: skip
"""Functions of the file, by name: the ops that call them, and their text."""


_BESIDE_NUMBERS = {"add", "sub", "mul", "div", "add_scaled", "greater", "dropout"}
"""Ops whose lines take plain numbers beside tensors."""


def say(op: Op, operands: Sequence[str], types: Sequence[Type], numbers: Collection[int] = ()) -> str | None:
    """An op as an expression; None where PyTorch source has none. ``numbers``: which operands are Python's own."""
    found = SAY.get(op.name)
    if found is None:
        return None
    if op.name not in _BESIDE_NUMBERS or len(numbers) == len(operands):
        operands = [f"self.like.new_tensor({a})" if i in numbers else a for i, a in enumerate(operands)]
    return found(op, operands, types)
