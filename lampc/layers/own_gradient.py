"""A gradient of one's own for what a layer in Python makes: the op that holds it, and what it must return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.diagnostics import LampError, Problems
from lampc.ir.op import Normal, Op, Sample, ShapeError, op
from lampc.ir.types import Type
from lampc.layers.annotated import parameters
from lampc.ops.elementwise import one_dtype
from lampc.ops.term import Term

if TYPE_CHECKING:
    from lampc.ir.graph import Node
    from lampc.ops.term import Gradients, TermNode

Vjp = Callable[..., Sequence[Term | None]]
"""From a result's cotangent and the inputs to the inputs' cotangents."""


@op("with_gradient")
@dataclass(frozen=True)
class WithGradient(Op):
    """Its first operand as it is, with a gradient of one's own for the others: ``vjp(dy, *others)``."""

    vjp: Vjp
    check: bool = True
    """Whether the gradient is compared with differences before it is used."""
    view: ClassVar[bool] = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        one_dtype(*(operand for operand in operands if operand.dtype not in ("i64", "bool")))
        return operands[:1]

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        inputs = node.operands[1:]
        try:
            found: object = self.vjp(dy, *inputs)
        except ShapeError as error:
            raise self.wrong(node.node, f"{self.of(node.node)} {error}", *filter(None, [error.fix])) from error
        except Exception as error:  # of whoever wrote it
            raise self.wrong(node.node, f"{self.of(node.node)} fails: {type(error).__name__}: {error}") from error
        return [None, *self._returned(node.node, found, inputs)]

    def _returned(self, node: Node, found: object, inputs: Sequence[Term]) -> list[Term | None]:
        """What the gradient has returned, if it is a cotangent, or None, for each of its inputs."""
        names = ", ".join(map(self.argument, range(len(inputs))))
        if not isinstance(found, list | tuple):
            raise self.wrong(node, f"{self.of(node)} returns {_what(found)}, and not a list with one for each of {names}",
                             "return a list: `[dx]`")  # fmt: skip
        if len(found) != len(inputs):
            raise self.wrong(node, f"{self.of(node)} returns {len(found)}, and it has {len(inputs)} inputs: {names}",
                             "return one for each, in their order; None where there is none")  # fmt: skip
        for index, (given, wanted) in enumerate(zip(found, inputs, strict=True)):
            name = f"{self.of(node)} for `{self.argument(index)}`"
            if given is None:
                continue
            if not isinstance(given, Term):
                raise self.wrong(node, f"{name} is {_what(given)}, and {wanted.type} is wanted",
                                 "make it of `dy` and the inputs; `dy * 0` is a tensor of zeros")  # fmt: skip
            if given.build is not wanted.build:
                raise self.wrong(node, f"{name} is a tensor from outside it", "give it to `with_gradient` among the inputs")
            if given.type != wanted.type:
                raise self.wrong(node, f"{name} is {given.type}, and {wanted.type}, as the input, is wanted")
        return list(found)

    def argument(self, index: int) -> str:
        """What the function calls an input."""
        try:
            names = [parameter.name for parameter in parameters(self.vjp)
                     if parameter.kind is not inspect.Parameter.VAR_POSITIONAL][1:]  # fmt: skip
        except (TypeError, ValueError):  # of what is not written in Python
            names = []
        return names[index] if index < len(names) else f"input {index + 1}"

    def of(self, node: Node) -> str:
        """``the gradient of `rounded1```."""
        return f"the gradient of `{node.layer}`" if node.layer else "a gradient"

    def wrong(self, node: Node, message: str, *fixes: str) -> LampError:
        """What is wrong with it, at the layer's place and with that of the function (E408)."""
        problems = Problems()
        problems.report("E408", message, node.spans[0] if node.spans else None, notes=[self.defined], fixes=fixes)
        return LampError(problems.errors)

    @property
    def defined(self) -> str:
        """Where the function is written."""
        code = getattr(inspect.unwrap(self.vjp), "__code__", None)
        return (
            f"the gradient is written in {code.co_filename}:{code.co_firstlineno}" if code else f"the gradient is {self.vjp!r}"
        )

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Any) -> Any:
        return lambda: results[0].copy_(operands[0])

    def __str__(self) -> str:
        return self.name


def with_gradient(y: Term, inputs: Sequence[Term], vjp: Vjp, check: bool = True) -> Term:
    """``y``, whose gradient with respect to ``inputs`` is what ``vjp(dy, *inputs)`` says, whatever ``y`` was made of.

    ``vjp`` returns a list with a tensor of each input's shape, or None for 0. It may use ``dy`` and the inputs alone;
    whatever else it needs, ``y`` itself too, is given among the inputs. When a model is made, the gradient is compared with
    differences of ``y`` in float64 at random points, and a wrong one is refused (E408); ``check=False`` is for one
    that is not meant to be the derivative.

    >>> @lampc.layer                                                         # doctest: +SKIP
    ... def rounded(make, x):
    ...     "Rounded in use, as if it were not in the gradient (a straight-through estimator; Bengio et al. 2013)."
    ...     return lampc.with_gradient(make(Floor(), x + 0.5), [x], lambda dy, x: [dy], check=False)
    """
    return y.build(WithGradient(vjp, check), y, *inputs)


def _what(value: object) -> str:
    return "None" if value is None else "a tensor" if isinstance(value, Term) else f"{value!r:.40}"


WithGradient.samples = [Sample(WithGradient(lambda dy, x: [dy]), (Normal((3, 4)), Normal((3, 4))))]
