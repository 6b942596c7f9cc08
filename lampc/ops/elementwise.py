"""What the elementwise ops share: the shape rule and its reverse."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Op, Run, ShapeError
from lampc.ir.types import Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


class Elementwise(Op):
    """One number from each operand makes one number of the result.

    Operands have equal shapes, but for a scalar, and for a tensor without batch axis whose shape ends the other's
    (a bias). Nothing else is broadcast: (B, 1) against (B) is an error.
    """

    takes_over: ClassVar[tuple[int, ...]] = (0, 1, 2)
    mixes: ClassVar[bool] = True
    """Whether a scalar may have another element type, as a learning rate has."""
    exact: ClassVar[bool] = False
    """Whether all operands have one type, and nothing is broadcast."""
    torch_name: ClassVar[str] = ""
    """The torch function that has an ``out=``; the op's own name where not given."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        widest = max(operands, key=lambda type: type.rank)
        for index, operand in enumerate(operands):
            if operand.dtype != widest.dtype and (operand.rank or self.exact or not self.mixes):
                other = 0 if operands[0] is widest else operands.index(widest)
                raise ShapeError(f"{self.name} takes one element type: {operand} and {operands[other]}", index)
            if not fits(operand, widest) or (self.exact and operand.shape != widest.shape):
                raise ShapeError(f"shapes differ: {operands[0]} and {operand}" if index else
                                 f"shapes differ: {operand} and {widest}", index)  # fmt: skip
        return (widest,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = getattr(torch, self.torch_name or self.name)
        return partial(function, *operands, out=results[0])


class ElementwiseGrad(Elementwise):
    """The gradient of an elementwise op through torch's own kernel, ``aten::NAME`` with a ``grad_input``."""

    exact: ClassVar[bool] = True
    aten: ClassVar[str] = ""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.formula import gradient_of_formula

        return gradient_of_formula(node, *cotangents)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = getattr(torch.ops.aten, self.aten).grad_input
        return partial(function, *operands, *self.arguments(), grad_input=results[0])

    def arguments(self) -> tuple[Any, ...]:
        """What the kernel takes after the tensors."""
        return ()


def fits(operand: Type, result: Type) -> bool:
    """Whether an operand may stand beside a result of this type."""
    if operand.shape == result.shape or not operand.shape:
        return True
    return not operand.batched and result.shape[result.rank - operand.rank :] == operand.shape


def reduce_to(gradient: Term, like: Term) -> Term:
    """The gradient of an operand that was broadcast: summed over the axes it lacks."""
    from lampc.ops.reduction import Sum

    missing = gradient.type.rank - like.type.rank
    return gradient.build(Sum(tuple(range(missing))), gradient) if missing else gradient


def one_dtype(*operands: Type) -> None:
    """Refuse operands of several element types.

    Raises:
        ShapeError: if there are several.
    """
    for index, operand in enumerate(operands):
        if operand.dtype != operands[0].dtype:
            raise ShapeError(f"one element type is wanted, not {operands[0]} and {operand}", index)


def count(shape: Sequence[int]) -> int:
    """The elements of a shape."""
    total = 1
    for dim in shape:
        total *= dim
    return total
