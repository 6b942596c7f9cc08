"""How C says each op: loops over buffers whose sizes are known, for one sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lampc.ir.expression import Across, Call, Expression, Load, Number, Pattern
from lampc.ops.elementwise import Elementwise

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A buffer: what C calls it, and its shape for one sample."""

    name: str
    dims: Dims

    @property
    def size(self) -> int:
        """Its numbers."""
        return math.prod(self.dims)


Say = Callable[[Any, Place, Sequence[Place]], Iterator[str]]
"""An op, where its first result goes, and its operands, to lines of C."""


def nest(dims: Sequence[int], *body: str, first: str = "i") -> Iterator[str]:
    """Loops over axes: the body sees ``i0, i1, …``; an axis of one place is no loop."""
    for axis, size in enumerate(dims):
        name = f"{first}{axis}"
        yield f"for (size_t {name} = 0; {name} < {size}; {name}++)" + (" {" if axis == len(dims) - 1 and len(body) > 1 else "")
    if not dims:
        yield from body
        return
    for line in body:
        yield f"    {line}"
    if len(body) > 1:
        yield "}"


def at(place: Place, index: Sequence[str]) -> str:
    """A number of a buffer by the index of each axis."""
    terms, stride = [], 1
    for name, size in zip(reversed(index), reversed(place.dims), strict=True):
        if size > 1 and name != "0":
            terms.append(name if stride == 1 else f"({name}) * {stride}" if " " in name else f"{name} * {stride}")
        stride *= size
    return f"{place.name}[{' + '.join(reversed(terms)) or '0'}]"


def axes(dims: Sequence[int], first: str = "i") -> list[str]:
    """The loops' variables."""
    return [f"{first}{axis}" for axis in range(len(dims))]


def elementwise(op: Any, out: Place, operands: Sequence[Place]) -> Iterator[str]:
    """From the op's own expression, number by number."""
    loads = tuple(Load(index, Pattern.EACH) for index in range(len(operands)))

    def load(index: int) -> str:
        place = operands[index]
        if place.size == out.size:
            return f"{place.name}[i]"
        return f"{place.name}[i % {place.size}]" if place.size > 1 else f"{place.name}[0]"

    yield f"for (size_t i = 0; i < {out.size}; i++)"
    yield f"    {out.name}[i] = {written(op.expression(*loads), load)};"


_FUNCTIONS = {"exp": "EXP", "log": "LOG", "sqrt": "SQRT", "abs": "FABS", "floor": "FLOOR", "erf": "ERF", "sin": "SIN",
              "cos": "COS", "tanh": "TANH", "expm1": "EXPM1", "log1p": "LOG1P", "pow": "POW",
              "max": "FMAX", "min": "FMIN"}  # fmt: skip


def written(expression: Expression, load: Callable[[int], str]) -> str:
    """An expression in C.

    Raises:
        NotImplementedError: if it goes over a row.
    """
    if isinstance(expression, Load):
        return load(expression.buffer)
    if isinstance(expression, Number):
        return number(expression.value.value)
    if isinstance(expression, Across) or not isinstance(expression, Call):
        raise NotImplementedError
    arguments = [written(argument, load) for argument in expression.arguments]
    sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}.get(expression.function)
    if sign:
        return f"({arguments[0]} {sign} {arguments[1]})"
    if expression.function in _FUNCTIONS:
        return f"{_FUNCTIONS[expression.function]}({', '.join(arguments)})"
    if expression.function == "sigmoid":
        return f"(R(1) / (R(1) + EXP(-{arguments[0]})))"
    if expression.function == "softplus":
        return f"(FMAX({arguments[0]}, R(0)) + LOG1P(EXP(-FABS({arguments[0]}))))"
    if expression.function == "greater":
        return f"({arguments[0]} > {arguments[1]} ? R(1) : R(0))"
    if expression.function == "equal":
        return f"({arguments[0]} == {arguments[1]} ? R(1) : R(0))"
    if expression.function == "select":
        return f"({arguments[0]} != R(0) ? {arguments[1]} : {arguments[2]})"
    raise NotImplementedError(expression.function)


def number(value: float) -> str:
    """A literal of the program's element type."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return f"R({value!r})" if value >= 0 else f"(-R({-value!r}))"


def _affine(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x, w = a[0], a[1]
    width, made = x.dims[-1], out.dims[-1]
    turned = op.name == "affine" or op.transposed
    weight = f"{w.name}[j * {width} + k]" if turned else f"{w.name}[k * {made} + j]"
    begin = f"{a[2].name}[j]" if len(a) > 2 else "0"
    yield f"for (size_t i = 0; i < {x.size // width}; i++)"
    yield f"    for (size_t j = 0; j < {made}; j++) {{"
    yield f"        real sum = {begin};"
    yield f"        for (size_t k = 0; k < {width}; k++)"
    yield f"            sum += {x.name}[i * {width} + k] * {weight};"
    yield f"        {out.name}[i * {made} + j] = sum;"
    yield "    }"


def _three(values: Sequence[int], fill: int) -> list[int]:
    return [fill] * (3 - len(values)) + list(values)


def _conv(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x, w = a[0], a[1]
    sizes = [*_three(x.dims[2:], 1), *_three(out.dims[2:], 1), *_three(w.dims[2:], 1), *_three(op.stride, 1),
             *_three(op.padding, 0), *_three(op.dilation, 1)]  # fmt: skip
    bias = a[2].name if len(a) > 2 else "NULL"
    name = "conv_transposed" if op.transposed else "conv"
    dims = ", ".join(map(str, sizes))
    yield f"static const size_t sizes[18] = {{{dims}}};"
    yield f"{name}({x.name}, {w.name}, {bias}, {out.name}, {x.dims[1]}, {out.dims[1]}, {op.groups}, sizes);"


def _pool(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x = a[0]
    dilation = op.dilation if op.name == "maxpool" and op.dilation else (1,) * len(op.kernel)
    sizes = [*_three(x.dims[2:], 1), *_three(out.dims[2:], 1), *_three(op.kernel, 1), *_three(op.stride, 1),
             *_three(op.padding, 0), *_three(dilation, 1)]  # fmt: skip
    yield f"static const size_t sizes[18] = {{{', '.join(map(str, sizes))}}};"
    if op.name == "maxpool":
        yield f"maxpool({x.name}, {out.name}, {x.dims[1]}, sizes);"
    else:
        yield f"avgpool({x.name}, {out.name}, {x.dims[1]}, sizes, {int(op.padded)}, {op.divisor});"


def _adaptive(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x = a[0]
    sizes = [*_three(x.dims[2:], 1), *_three(out.dims[2:], 1)]
    yield f"static const size_t sizes[6] = {{{', '.join(map(str, sizes))}}};"
    yield f"adaptive({x.name}, {out.name}, {x.dims[1]}, sizes, {int(op.name == 'adaptive_maxpool')});"


def _rows(name: str) -> Say:
    def say(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
        width = out.dims[-1]
        more = "".join(f", {place.name}" for place in a[1:])
        eps = f", {number(op.eps)}" if hasattr(op, "eps") else ""
        yield f"{name}({a[0].name}{more}, {out.name}, {out.size // width}, {width}{eps});"

    return say


def _batchnorm(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x, *affine = a[:-2]
    weight, bias = (place.name for place in affine) if affine else ("NULL", "NULL")
    channels = x.dims[1]
    yield (f"batchnorm({x.name}, {weight}, {bias}, {a[-2].name}, {a[-1].name}, {out.name}, {channels}, "
           f"{x.size // channels}, {number(op.eps)});")  # fmt: skip


def _groupnorm(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    weight, bias = (place.name for place in a[1:]) if a[1:] else ("NULL", "NULL")
    channels = a[0].dims[1]
    yield (f"groupnorm({a[0].name}, {weight}, {bias}, {out.name}, {op.groups}, {channels // op.groups}, "
           f"{a[0].size // channels}, {number(op.eps)});")  # fmt: skip


def _gather(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    width = a[0].dims[1]
    yield f"for (size_t i = 0; i < {a[1].size}; i++)"
    yield f"    memcpy({out.name} + i * {width}, {a[0].name} + (size_t){a[1].name}[i] * {width}, {width} * sizeof(real));"


def _scan(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    gates, w, *rest = a
    bias = f", {rest.pop(0).name}" if op.name == "gru" else ""
    initial = "".join(f", {place.name}" for place in rest) or (", NULL" * (2 if op.name == "lstm" else 1))
    more = f", {int(op.activation == 'relu')}" if op.name == "rnn" else ", scratch"
    yield (f"{op.name}({gates.name}, {w.name}{bias}{initial}, {out.name}, {out.dims[1]}, {out.dims[2]}, "
           f"{int(op.reverse)}{more});")  # fmt: skip


def _attention(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    length, size = out.dims[1], out.dims[2] // op.heads
    yield f"attention({a[0].name}, {out.name}, {length}, {size}, {op.heads}, {op.kv_heads}, {int(op.causal)}, scratch);"


def _rope(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    parts = op.heads + 2 * op.kv_heads
    yield (f"rope({a[0].name}, {out.name}, {out.dims[1]}, {out.dims[2] // parts}, {op.heads + op.kv_heads}, {op.kv_heads}, "
           f"{number(op.base)}, {op.sign});")  # fmt: skip


def _move(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    """Transpose, slice, expand, pad with zeros: each number of the result from one of the operand's."""
    i = axes(out.dims)
    if op.name == "transpose":
        index = [i[op.order.index(axis)] for axis in range(len(i))]
    elif op.name == "slice":
        index = [f"{name} + {op.start}" if axis == op.axis and op.start else name for axis, name in enumerate(i)]
    else:
        index = [name for axis, name in enumerate(i) if axis not in op.axes]
    yield from nest(out.dims, f"{at(out, i)} = {at(a[0], index)};")


def _concat(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    outer = math.prod(out.dims[: op.axis])
    row, start = out.size // outer, 0
    for place in a:
        width = place.size // outer
        yield f"for (size_t i = 0; i < {outer}; i++)"
        yield f"    memcpy({out.name} + i * {row} + {start}, {place.name} + i * {width}, {width} * sizeof(real));"
        start += width


def _reduce(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x = a[0]
    kept = [axis for axis in range(len(x.dims)) if axis not in op.axes]
    gone = [x.dims[axis] for axis in op.axes]
    i = {axis: f"i{n}" for n, axis in enumerate(kept)} | {axis: f"k{n}" for n, axis in enumerate(op.axes)}
    value = at(x, [i[axis] for axis in range(len(x.dims))])
    begin, step = ("-INFINITY", f"sum = FMAX(sum, {value});") if op.name == "amax" else ("0", f"sum += {value};")
    end = f"sum / {number(float(math.prod(gone)))}" if op.name == "mean" else "sum"
    target = at(out, [f"i{n}" for n in range(len(kept))])
    yield from nest([x.dims[axis] for axis in kept], f"real sum = {begin};", *nest(gone, step, first="k"), f"{target} = {end};")


def _upsample(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x = a[0]
    sizes = [*_three(x.dims[2:], 1), *_three(op.factors, 1)]
    yield f"static const size_t sizes[6] = {{{', '.join(map(str, sizes))}}};"
    yield f"upsample_{op.mode}({x.name}, {out.name}, {x.dims[1]}, sizes);"


def _pad(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    x = a[0]
    before = [0] * (len(x.dims) - len(op.amounts)) + [pair[0] for pair in op.amounts]
    i, index, inside = axes(out.dims), [], []
    for name, shift, size, made in zip(i, before, x.dims, out.dims, strict=True):
        if size == made and not shift:
            index.append(name)
            continue
        place = f"(long){name} - {shift}"
        if op.mode == "zeros":
            index.append(f"(size_t)({place})")
            inside.append(f"{place} >= 0 && {place} < {size}")
        else:
            index.append(f"{op.mode}({place}, {size})")
    value = at(x, index)
    value = f"{' && '.join(inside)} ? {value} : {number(op.value)}" if inside else value
    yield from nest(out.dims, f"{at(out, i)} = {value};")


def _attend(op: Any, out: Place, a: Sequence[Place]) -> Iterator[str]:
    q, k, v, *masks = a
    size, keys = q.dims[2] // op.heads, k.dims[1]
    i = {4: "(head * T + t) * S + s", 3: "t * S + s", 2: "s"}
    hidden = [f"!({mask.name}[{i[len(mask.dims)]}] > 0)" for mask in masks] + (["s > t"] if op.causal else [])
    yield f"enum {{ T = {q.dims[1]}, K = {keys}, S = {keys - op.sinks}, D = {size}, H = {op.heads}, G = {op.kv_heads} }};"
    yield "for (size_t head = 0; head < H; head++)"
    yield "    for (size_t t = 0; t < T; t++) {"
    yield f"        const real *query = {q.name} + (t * H + head) * D;"
    yield f"        real *weight = scratch, most = -INFINITY, total = 0, *y = {out.name} + (t * H + head) * D;"
    yield "        for (size_t s = 0; s < K; s++) {"
    yield f"            const real *key = {k.name} + (s * G + head / (H / G)) * D;"
    yield "            weight[s] = 0;"
    yield "            for (size_t d = 0; d < D; d++)"
    yield "                weight[s] += query[d] * key[d];"
    yield "            weight[s] /= SQRT((real)D);"
    if hidden:
        yield f"            if (s < S && ({' || '.join(hidden)}))"
        yield "                weight[s] = -INFINITY;"
    yield "            most = FMAX(most, weight[s]);"
    yield "        }"
    yield "        memset(y, 0, D * sizeof(real));"
    yield "        if (most == -INFINITY)"
    yield "            continue;"
    yield "        for (size_t s = 0; s < K; s++)"
    yield "            total += weight[s] = EXP(weight[s] - most);"
    yield "        for (size_t s = 0; s < K; s++)"
    yield "            for (size_t d = 0; d < D; d++)"
    yield f"                y[d] += weight[s] / total * {v.name}[(s * G + head / (H / G)) * D + d];"
    yield "    }"


SAY: Mapping[str, Say] = {
    "affine": _affine, "matmul": _affine, "conv": _conv, "maxpool": _pool, "avgpool": _pool, "adaptive_avgpool": _adaptive,
    "adaptive_maxpool": _adaptive, "softmax": _rows("softmax"), "log_softmax": _rows("log_softmax"),
    "layernorm": _rows("layernorm"), "rmsnorm": _rows("rmsnorm"), "batchnorm_inference": _batchnorm, "groupnorm": _groupnorm,
    "gather": _gather, "rnn": _scan, "lstm": _scan, "gru": _scan, "attention": _attention, "attend": _attend, "rope": _rope,
    "transpose": _move, "slice": _move, "expand": _move, "concat": _concat, "sum": _reduce, "mean": _reduce, "amax": _reduce,
    "upsample": _upsample, "pad": _pad,
}  # fmt: skip
"""The ops that are not elementwise, and not worked out when the file is written."""


def scratch(op: Any, out: Dims, operands: Sequence[Dims]) -> int:
    """How many numbers an op's lines write beside its result, to ``scratch``."""
    if op.name in ("lstm", "gru"):
        return out[-1] * (5 if op.name == "lstm" else 3)
    return {"attention": lambda: out[1], "attend": lambda: operands[1][1]}.get(op.name, lambda: 0)()


def say(op: Any, out: Place, operands: Sequence[Place]) -> list[str] | None:
    """An op as lines of C; None where there is no way to say it."""
    try:
        if op.name in SAY:
            return list(SAY[op.name](op, out, operands))
        if op.name in ("copy", "reshape"):
            return [f"memcpy({out.name}, {operands[0].name}, {out.size} * sizeof(real));"]
        return list(elementwise(op, out, operands)) if isinstance(op, Elementwise) else None
    except NotImplementedError:
        return None
