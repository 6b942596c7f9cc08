"""Attention from one sequence to another, with places that are hidden; ``attention`` is the fused op for a sequence alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Bits, Kernel, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count, one_dtype
from lampc.ops.vjp import Differentiable, Vjp, gradient_of_kernel

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@dataclass(frozen=True)
class Shared(Op):
    """``heads`` queries, of which ``heads/kv_heads`` each share a key and a value."""

    heads: int
    kv_heads: int

    def weights(self, q: Type, k: Type, v: Type) -> Type:
        """The type of the weights, [B, heads, T, S], of q[B, T, heads·D] and k, v [B, S, kv_heads·D].

        Raises:
            ShapeError: if they cannot be split so.
        """
        one_dtype(q, k, v)
        if q.rank != 3 or k.rank != 3 or q.dtype == "i64":
            raise ShapeError(f"takes samples of length x features, not {q} and {k}")
        (batch, length, width), (others, keys, kv_width) = q.shape, k.shape
        if batch != others:
            raise ShapeError(f"{k} has not the samples of {q}", 1)
        if v != k or self.heads % self.kv_heads or not isinstance(width, int) or width % self.heads:
            raise ShapeError(f"{k} and {v} cannot be split into {self.kv_heads} keys and values", 1)
        if kv_width != width // self.heads * self.kv_heads:
            raise ShapeError(f"{k} does not fit {self.heads} heads of {q}", 1)
        return q.of((batch, self.heads, length, keys))

    def split(self, tensor: Any, heads: int) -> Any:
        """[B, T, heads·D] as [B, heads, T, D], in its own memory."""
        return tensor.view(*tensor.shape[:2], heads, -1).transpose(1, 2)

    def heads_of(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
        """Each query's head with its key and its value, all [B, heads, T, D]."""
        keys, values = (_repeat(self.split(t, self.kv_heads), self.heads // self.kv_heads) for t in (k, v))
        return self.split(q, self.heads), keys, values

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        factor, (q, k) = (10, operands[1:3]) if len(results) == 3 else (4, operands[:2])
        return factor * count(q) * k[1]


@op("attend")
@dataclass(frozen=True)
class Attend(Shared, Differentiable):
    """``softmax(q·kᵀ/√D)·v`` for each head (Vaswani et al. 2017), side by side as [B, T, heads·D].

    Operands: q, k, v, then masks of [B, S], [B, T, S] or [B, heads, T, S]: where one is not above 0, that key is hidden;
    not the last ``sinks`` keys, which masks leave out. A place that sees nothing gets zeros. ``causal``: no place sees a
    later one. Results: it, and the weights, for the gradient.
    """

    causal: bool = False
    sinks: int = 0

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        q, k, v, *masks = operands
        weights = self.weights(q, k, v)
        batch, heads, length, keys = weights.shape
        assert isinstance(keys, int)
        seen = keys - self.sinks
        if self.causal and seen != length:
            raise ShapeError(f"causal, and there are {length} places and {seen} keys", 1)
        for index, mask in enumerate(masks):
            if mask.shape not in ((batch, seen), (batch, length, seen), (batch, heads, length, seen)):
                raise ShapeError(f"takes a mask of {seen}, {length}x{seen} or {heads}x{length}x{seen}, not {mask}", 3 + index)
        return (q, weights)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, weights = cotangents
        q, k, v, *masks = node.operands
        if dy is None or weights:  # what a gradient made of them is differentiated
            return gradient_of_kernel(node, *cotangents, wanted=range(3))
        grad = AttendGrad(self.heads, self.kv_heads)
        return [*node.build.results(grad, dy, q, k, v, node.results[1]), *(None for _ in masks)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (q, k, v, *masks), (out, weights) = operands, results
        made, queries = self.split(out, self.heads), self.split(q, self.heads)
        shared, scale = self.heads // self.kv_heads, queries.shape[-1] ** -0.5
        later, hideable = self.later(torch, q, k), weights[..., : k.shape[1] - self.sinks]
        views = [_beside(mask) for mask in masks]

        def kernel() -> None:
            keys, values = (_repeat(self.split(t, self.kv_heads), shared) for t in (k, v))
            torch.matmul(queries, keys.transpose(-1, -2), out=weights)
            weights.mul_(scale)
            hidden = [mask <= 0 for mask in views] + later
            for places in hidden:
                hideable.masked_fill_(places, float("-inf"))
            torch.softmax(weights, -1, out=weights)
            for places in hidden:  # where nothing is seen the softmax is 0/0
                hideable.masked_fill_(places, 0.0)
            made.copy_(weights @ values)

        return kernel

    def later(self, torch: Any, q: Any, k: Any) -> list[Any]:
        """The places that no place may see yet."""
        if not self.causal:
            return []
        return [torch.ones(q.shape[1], k.shape[1] - self.sinks, dtype=torch.bool, device=q.device).triu(1)]

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        q, k, v, *masks = operands
        queries, keys, values = self.heads_of(q, k, v)
        scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5
        hidden = torch.zeros_like(scores, dtype=torch.bool)
        for places in [_beside(mask) <= 0 for mask in masks] + self.later(torch, q, k):
            hidden = hidden | torch.nn.functional.pad(places, (0, self.sinks))
        nothing = hidden.all(-1, keepdim=True)  # whose softmax, 0/0, has no slope
        weights = scores.masked_fill(hidden & ~nothing, float("-inf")).softmax(-1).masked_fill(nothing, 0.0)
        return (_side_by_side(weights @ values), weights)


@op("attend_grad")
@dataclass(frozen=True)
class AttendGrad(Shared, Differentiable):
    """The gradients of q, k and v from ``dy, q, k, v`` and the weights."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, q, k, v, weights = operands
        for index, operand, type in ((0, dy, q), (4, weights, self.weights(q, k, v))):
            if operand != type:
                raise ShapeError(f"attend_grad takes {type}, not {operand}", index)
        return (q, k, v)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, q, k, v, weights = operands
        made, queries = self.split(dy, self.heads), self.split(q, self.heads)
        dq, dk, dv = (self.split(t, n) for t, n in zip(results, (self.heads, self.kv_heads, self.kv_heads), strict=True))
        shared, scale = self.heads // self.kv_heads, queries.shape[-1] ** -0.5

        def kernel() -> None:
            keys, values = (_repeat(self.split(t, self.kv_heads), shared) for t in (k, v))
            dscores = made @ values.transpose(-1, -2)
            dscores -= (dscores * weights).sum(-1, keepdim=True)
            dscores *= weights
            dscores *= scale
            dq.copy_(dscores @ keys)
            found = (dscores.transpose(-1, -2) @ queries, weights.transpose(-1, -2) @ made)
            for target, gradient in zip((dk, dv), found, strict=True):
                target.copy_(gradient.unflatten(1, (-1, shared)).sum(2) if shared > 1 else gradient)

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, q, k, v, weights = operands
        queries, keys, values = self.heads_of(q, k, v)
        made = self.split(dy, self.heads)
        dweights = made @ values.transpose(-1, -2)
        dscores = weights * (dweights - (dweights * weights).sum(-1, keepdim=True)) * queries.shape[-1] ** -0.5
        dq, dk, dv = dscores @ keys, dscores.transpose(-1, -2) @ queries, weights.transpose(-1, -2) @ made
        return (_side_by_side(dq), *(_side_by_side(t.unflatten(1, (self.kv_heads, -1)).sum(2)) for t in (dk, dv)))


def _repeat(tensor: Any, times: int) -> Any:
    return tensor.repeat_interleave(times, dim=1) if times > 1 else tensor


def _side_by_side(heads: Any) -> Any:
    return heads.transpose(1, 2).flatten(2)


def _beside(mask: Any) -> Any:
    """A mask with an axis for what it does not tell apart."""
    return mask.view(mask.shape[0], *(1,) * (4 - mask.dim()), *mask.shape[1:])


_Q, _K = Normal((2, 3, 8)), Normal((2, 5, 4))
Attend.samples = [
    Sample(Attend(2, 2), (_Q, Normal((2, 5, 8)), Normal((2, 5, 8)))),
    Sample(Attend(2, 1), (_Q, _K, _K, Bits((2, 5)), Bits((2, 3, 5)))),
    Sample(Attend(2, 2, causal=True, sinks=1), (_Q, Normal((2, 4, 8)), Normal((2, 4, 8)), Bits((2, 2, 3, 3)))),
]
AttendGrad.samples = [
    Sample(AttendGrad(2, 1), (_Q, _Q, _K, _K, Uniform((2, 2, 3, 5), 0.0, 0.3))),
]
Vjp.samples = [Sample(Vjp(AttendGrad(2, 1), (0,), (0, 1, 3)), (*AttendGrad.samples[0].operands, _Q))]
