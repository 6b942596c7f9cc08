"""Gradients of large kernels: torch differentiates the formula that an op says beside its kernel, any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Op, Run, ShapeError, op
from lampc.ir.types import Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


class Differentiable(Op):
    """An op whose kernel torch cannot differentiate, and which says the same in functions that it can."""

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        """The results, new tensors of torch's differentiable functions; as many of them as have cotangents."""
        raise NotImplementedError

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        """By the formula; an op with a kernel for its gradient takes that."""
        return gradient_of_kernel(node, *cotangents)


def gradient_of_kernel(node: TermNode, *cotangents: Term | None, wanted: Sequence[int] | None = None) -> Gradients:
    """The operands' cotangents by the op's own formula; ``wanted``: of these operands, the others have none."""
    op = node.node.op
    assert isinstance(op, Differentiable)
    given = {index: cotangent for index, cotangent in enumerate(cotangents) if cotangent is not None}
    asked = tuple(range(len(node.operands)) if wanted is None else wanted)
    made = node.build.results(Vjp(op, tuple(given), asked), *node.operands, *given.values())
    found = dict(zip(asked, made, strict=True))
    return [found.get(index) for index in range(len(node.operands))]


@op("vjp")
@dataclass(frozen=True)
class Vjp(Differentiable):
    """The cotangents of the ``wanted`` operands of another op, from its operands and the cotangents of its ``given`` results.

    It is differentiable itself, so that what has a formula is differentiated any number of times.
    """

    of: Differentiable
    given: tuple[int, ...]
    wanted: tuple[int, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        inner, cotangents = self._split(operands)
        if len(inner) <= max(self.wanted):
            raise ShapeError(f"vjp takes the operands of {self.of.name} and {len(self.given)} cotangents")
        results = self.of.infer(*inner)
        for position, (index, cotangent) in enumerate(zip(self.given, cotangents, strict=True), len(inner)):
            if cotangent != results[index]:
                raise ShapeError(f"{cotangent} is no cotangent of {results[index]}", position)
        return tuple(inner[index] for index in self.wanted)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        own = len(node.operands) - len(self.given)
        return gradient_of_kernel(node, *cotangents, wanted=[*self.wanted, *range(own, len(node.operands))])

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        """The formula, and for the way back twice as much."""
        inner, _ = self._split(operands)
        made = self.of.infer(*(Type("f64", shape) for shape in inner))
        return 3 * self.of.flops(inner, [type.dims(1) for type in made])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        def kernel() -> None:
            for result, found in zip(results, self.formula(torch, *operands), strict=True):
                result.copy_(found)

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        inner, cotangents = self._split(operands)

        def function(*wanted: Any) -> tuple[Any, ...]:
            given = dict(zip(self.wanted, wanted, strict=True))
            made = self.of.formula(torch, *(given.get(index, operand) for index, operand in enumerate(inner)))
            return tuple(made[index] for index in self.given)

        _, pull_back = torch.func.vjp(function, *(inner[index] for index in self.wanted))
        found: Sequence[Any] = pull_back(tuple(cotangents))
        return found

    def _split(self, operands: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The op's own operands, and cotangents."""
        own = len(operands) - len(self.given)
        return operands[:own], operands[own:]

    def __str__(self) -> str:
        return f"{self.name}({self.of})"
