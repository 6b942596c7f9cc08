"""Scaled dot-product attention through torch's fused kernels, embeddings, and rotary positions.

Queries, keys and values lie side by side in one tensor, ``qkv[B, T, (heads + 2·kv_heads)·D]``, as one product makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Labels, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Dim, DType, Type
from lampc.ops.elementwise import count
from lampc.ops.vjp import Differentiable, Vjp, gradient_of_kernel

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@dataclass(frozen=True)
class Heads(Op):
    """How a row of qkv is split into heads; ``kv_heads`` keys and values, each shared by ``heads/kv_heads`` queries."""

    heads: int
    kv_heads: int

    def split(self, qkv: Type) -> tuple[Dim, int, int]:
        """Batch, length and the size of a head.

        Raises:
            ShapeError: if rows cannot be split so.
        """
        if qkv.rank != 3 or qkv.dtype == "i64":
            raise ShapeError(f"takes samples of length x features, not {qkv}")
        batch, length, width = qkv.shape
        parts = self.heads + 2 * self.kv_heads
        if not isinstance(length, int) or not isinstance(width, int) or width % parts or self.heads % self.kv_heads:
            raise ShapeError(f"{qkv} cannot be split into {self.heads} queries and {self.kv_heads} keys and values")
        return batch, length, width // parts

    def views(self, torch: Any, qkv: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values as [B, heads, T, D], in qkv's own memory."""
        whole = qkv.view(*qkv.shape[:2], self.heads + 2 * self.kv_heads, -1).transpose(1, 2)
        q, k, v = torch.split(whole, [self.heads, self.kv_heads, self.kv_heads], dim=1)
        return q, k, v


@op("attention")
@dataclass(frozen=True)
class Attention(Heads, Differentiable):
    """``softmax(q·kᵀ/√D)·v`` for each head (Vaswani et al. 2017), side by side as [B, T, heads·D].

    ``causal``: no place sees a later one. Results: it, and the logarithm of each softmax's sum, for the gradient.
    """

    causal: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (qkv,) = operands
        batch, length, size = self.split(qkv)
        sums: DType = "f32" if qkv.dtype == "bf16" else qkv.dtype  # torch's kernel sums in float32 at least
        return (qkv.of((batch, length, self.heads * size)), Type(sums, (batch, self.heads, length)))

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and cotangents[1] is None, "the logarithms are for the gradient alone"
        out, sums = node.results
        return [node.build(AttentionGrad(self.heads, self.kv_heads, self.causal), dy, node.operands[0], out, sums)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 4 * count(results[0]) * operands[0][1] // (2 if self.causal else 1)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (qkv,), (out, sums) = operands, results
        q, k, v = self.views(torch, qkv)
        made = out.view(*out.shape[:2], self.heads, -1).transpose(1, 2)
        shared, cpu = self.heads // self.kv_heads, qkv.device.type == "cpu"
        function = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        general = torch.ops.aten._scaled_dot_product_attention_math

        def kernel() -> None:
            keys, values = (_repeat(t, shared) for t in (k, v))
            if cpu:
                found, logarithms = function(q, keys, values, 0.0, self.causal)
                sums.copy_(logarithms)
            else:
                found, _ = general(q, keys, values, None, 0.0, self.causal)
            made.copy_(found)

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        q, k, v = self.views(torch, operands[0])
        shared = self.heads // self.kv_heads
        weights = _scores(torch, q, _repeat(k, shared), self.causal).softmax(-1)
        return ((weights @ _repeat(v, shared)).transpose(1, 2).flatten(2),)


@op("attention_grad")
@dataclass(frozen=True)
class AttentionGrad(Heads, Differentiable):
    """The gradient of qkv from ``dy, qkv, y`` and the softmaxes' sums."""

    causal: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, qkv, out, sums = operands
        wanted = Attention(self.heads, self.kv_heads, self.causal).infer(qkv)
        for index, operand, type in ((0, dy, wanted[0]), (2, out, wanted[0]), (3, sums, wanted[1])):
            if operand != type:
                raise ShapeError(f"attention_grad of {qkv} takes {type}, not {operand}", index)
        return (qkv,)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return gradient_of_kernel(node, *cotangents, wanted=(0, 1))

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 10 * count(operands[0]) * operands[1][1] // (2 if self.causal else 1)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, qkv, out, sums), (dqkv,) = operands, results
        q, k, v = self.views(torch, qkv)
        dq, dk, dv = self.views(torch, dqkv)
        dy, out = (t.view(*t.shape[:2], self.heads, -1).transpose(1, 2) for t in (dy, out))
        shared, cpu = self.heads // self.kv_heads, qkv.device.type == "cpu"
        function = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward

        def kernel() -> None:
            keys, values = (_repeat(t, shared) for t in (k, v))
            if cpu:
                found = function(dy, q, keys, values, out, sums, 0.0, self.causal)
            else:
                found = _gradients(torch, dy, q, keys, values, out, self.causal)
            dq.copy_(found[0])
            for target, gradient in ((dk, found[1]), (dv, found[2])):
                target.copy_(gradient.unflatten(1, (-1, shared)).sum(2) if shared > 1 else gradient)

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        """From dy and qkv alone: what attention made of qkv is no operand of its own."""
        dy, qkv, *_ = operands
        return Vjp(Attention(self.heads, self.kv_heads, self.causal), (0,), (0,)).formula(torch, qkv, dy)


def _repeat(tensor: Any, times: int) -> Any:
    return tensor.repeat_interleave(times, dim=1) if times > 1 else tensor


def _scores(torch: Any, q: Any, k: Any, causal: bool) -> Any:
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
    return scores


def _gradients(torch: Any, dy: Any, q: Any, k: Any, v: Any, out: Any, causal: bool) -> tuple[Any, Any, Any]:
    """By the formula, for devices whose fused kernels take other arguments than the CPU's."""
    weights = _scores(torch, q, k, causal).softmax(-1)
    dweights = dy @ v.transpose(-1, -2)
    dscores = weights * (dweights - (dy * out).sum(-1, keepdim=True)) * q.shape[-1] ** -0.5
    return dscores @ k, dscores.transpose(-1, -2) @ q, weights.transpose(-1, -2) @ dy


@op("rope")
@dataclass(frozen=True)
class Rope(Heads):
    """Queries and keys turned by an angle that grows with the place, values as they are (Su et al. 2021).

    Pairs are a head's first and second halves: (a, b) becomes (a·cos - b·sin, a·sin + b·cos), the angle of place t and
    pair i t·base^(-2i/D); ``sign`` -1 turns back, which is the gradient.
    """

    base: float = 10_000.0
    sign: int = 1

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (qkv,) = operands
        _, _, size = self.split(qkv)
        if size % 2:
            raise ShapeError(f"turns pairs, and a head has {size} numbers")
        return operands

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(Rope(self.heads, self.kv_heads, self.base, -self.sign), dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 3 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        parts, turned = self.heads + 2 * self.kv_heads, self.heads + self.kv_heads
        x, y = (t.view(*t.shape[:2], parts, 2, -1) for t in (operands[0], results[0]))
        length, half = x.shape[1], x.shape[-1]
        pairs = torch.arange(half, dtype=torch.float64) / half
        angles = torch.arange(length, dtype=torch.float64)[:, None] * self.base**-pairs
        cos, sin = (f(angles)[:, None, :].to(x) for f in (torch.cos, torch.sin))
        sin = sin * self.sign
        (a, b), (c, d) = (t[:, :, :turned].unbind(3) for t in (x, y))
        values, same = y[:, :, turned:], x[:, :, turned:]
        spare = torch.empty_like(a)

        def kernel() -> None:
            torch.mul(b, sin, out=spare)
            torch.mul(a, cos, out=c)
            c.sub_(spare)
            torch.mul(a, sin, out=spare)
            torch.mul(b, cos, out=d)
            d.add_(spare)
            values.copy_(same)

        return kernel


@op("gather")
class Gather(Op):
    """``table[ids]``: the row of ``table[V, D]`` for each of ``ids[B, …]``, which lie in 0…V-1."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        table, ids = operands
        if table.rank != 2 or table.batched or table.dtype == "i64":
            raise ShapeError(f"takes a table of rows, not {table}")
        if ids.dtype != "i64":
            raise ShapeError(f"takes whole numbers, not {ids}", 1)
        return (table.of((*ids.shape, table.shape[1])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        table, ids = node.operands
        (rows, _) = table.type.shape
        assert isinstance(rows, int)
        return [node.build(GatherGrad(rows), dy, ids), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (table, ids), out = operands, results[0]
        return partial(torch.index_select, table, 0, ids.view(-1), out=out.view(-1, out.shape[-1]))


@op("gather_grad")
@dataclass(frozen=True)
class GatherGrad(Op):
    """The gradient of a table of ``rows`` from ``dy`` and ``ids``: each row's are added up."""

    rows: int

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, ids = operands
        if ids.dtype != "i64" or dy.rank < 1 or dy.shape[:-1] != ids.shape or dy.dtype == "i64":
            raise ShapeError(f"{dy} is no gradient of rows that {ids} chose", 1)
        if not isinstance(dy.shape[-1], int):
            raise ShapeError(f"{dy} has no rows")
        return (dy.of((self.rows, dy.shape[-1])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Gather(), g, node.operands[1]), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, ids), table = operands, results[0]
        rows, flat = dy.view(-1, dy.shape[-1]), ids.view(-1)

        def kernel() -> None:
            table.zero_()
            table.index_add_(0, flat, rows)

        return kernel


_QKV = Normal((2, 5, 24))
Attention.samples = [
    Sample(Attention(2, 2), (_QKV,)),
    Sample(Attention(4, 2, causal=True), (Normal((2, 5, 32)),)),
]
AttentionGrad.samples = [
    Sample(AttentionGrad(2, 2, causal=True), (Normal((2, 5, 8)), _QKV, Normal((2, 5, 8)), Normal((2, 2, 5)))),
]
Rope.samples = [Sample(Rope(2, 2), (_QKV,)), Sample(Rope(2, 1, 100.0, -1), (Normal((2, 5, 16)),))]
Gather.samples = [
    Sample(Gather(), (Normal((7, 4)), Labels((3, 5), 7))),
    Sample(Gather(), (Normal((7, 4)), Labels((3,), 7))),
]
GatherGrad.samples = [Sample(GatherGrad(7), (Normal((3, 5, 4)), Labels((3, 5), 7)))]
