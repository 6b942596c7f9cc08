"""Sums, products, powers, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Expression, call, number
from lampc.ir.op import Bits, Kernel, Normal, Run, Sample, Uniform, op
from lampc.ir.types import Coefficient, Type
from lampc.ops.elementwise import Elementwise, count, reduce_to

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("add")
class Add(Elementwise):
    """``a + b``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        return [reduce_to(dy, a), reduce_to(dy, b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return a + b


@op("sub")
class Sub(Elementwise):
    """``a - b``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        return [reduce_to(dy, a), reduce_to(-dy, b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return a - b


@op("mul")
class Mul(Elementwise):
    """``a * b``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        return [reduce_to(dy * b, a), reduce_to(dy * a, b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return a * b


@op("div")
class Div(Elementwise):
    """``a / b``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        da = dy / b
        return [reduce_to(da, a), reduce_to(-(da * node.out), b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return a / b


@op("scale")
@dataclass(frozen=True)
class Scale(Elementwise):
    """``factor * a``; the factor may depend on the batch size, as 2/N does."""

    factor: Coefficient

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * self.factor]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        # A tensor without axes is bound faster than a Python number, and gives the same bits.
        factor = torch.tensor(self.factor.at(run.batch), dtype=torch.float64, device=operands[0].device)
        return partial(torch.mul, operands[0], factor, out=results[0])

    def __str__(self) -> str:
        return f"scale({self.factor})"

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return number(self.factor) * a


@op("add_scaled")
@dataclass(frozen=True)
class AddScaled(Elementwise):
    """``a + sign * b * c``: a step along ``b`` of the length ``c``. Made by fusion."""

    takes_over: ClassVar[tuple[int, ...]] = (0, 1, 2)
    sign: float = 1.0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.addcmul, *operands, value=self.sign, out=results[0])

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def __str__(self) -> str:
        return self.name if self.sign > 0 else "sub_scaled"

    def expression(self, *operands: Expression) -> Expression:
        a, b, c = operands
        return a + b * c if self.sign > 0 else a - b * c


@op("square")
class Square(Elementwise):
    """``a²``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * (node.operands[0] * 2.0)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.mul, operands[0], operands[0], out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return a * a


@op("power")
@dataclass(frozen=True)
class Power(Elementwise):
    """``a ^ exponent`` for a fixed exponent."""

    exponent: float = 2.0

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a = node.operands[0]
        return [dy * (node.build(Power(self.exponent - 1.0), a) * self.exponent)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.pow, operands[0], self.exponent, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        if 1 <= abs(self.exponent) <= 8 and self.exponent == int(self.exponent):
            product = a
            for _ in range(int(abs(self.exponent)) - 1):
                product = product * a
            return product if self.exponent > 0 else 1.0 / product
        return call("pow", a, self.exponent)


@op("pow")
class Pow(Elementwise):
    """``a ^ b`` for numbers that a step computes, such as an optimiser's βᵗ; it has no gradient."""

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return call("pow", a, b)


@op("sqrt")
class Sqrt(Elementwise):
    """``√a``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy / (node.out * 2.0)]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("sqrt", a)


@op("abs")
class Abs(Elementwise):
    """``|a|``; its slope at 0 is 0."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * node.build(Sign(), node.operands[0])]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("abs", a)


@op("sign")
class Sign(Elementwise):
    """-1, 0 or 1; it has no gradient."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("greater", a, 0.0) - call("greater", 0.0, a)


@op("floor")
class Floor(Elementwise):
    """The whole number at or below; it has no gradient."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("floor", a)


@op("maximum")
class Maximum(Elementwise):
    """The greater; where they are equal the gradient goes to both by half."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        share = node.build(Share(), a, b)
        da = dy * share
        return [reduce_to(da, a), reduce_to(dy - da, b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return call("max", a, b)


@op("minimum")
class Minimum(Elementwise):
    """The lesser; where they are equal the gradient goes to both by half."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        share = node.build(Share(), b, a)
        da = dy * share
        return [reduce_to(da, a), reduce_to(dy - da, b)]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return call("min", a, b)


@op("greater")
class Greater(Elementwise):
    """1 where ``a > b``, else 0; it has no gradient."""

    torch_name: ClassVar[str] = "gt"

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None, None]

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return call("greater", a, b)


@op("share")
class Share(Elementwise):
    """1 where ``a > b``, ½ where equal, else 0: how a maximum's gradient is shared. It has no gradient."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None, None]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, b = operands
        out = results[0]
        one = torch.tensor(0.5, dtype=out.dtype, device=out.device)

        def kernel() -> None:
            # heaviside(0, ½) is ½; equal infinities give NaN - NaN, which sign() would hide as well.
            torch.sub(a, b, out=out)
            torch.heaviside(out, one, out=out)

        return kernel

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        return call("select", call("greater", a, b), 1.0, call("select", call("equal", a, b), 0.5, 0.0))


@op("where")
class Where(Elementwise):
    """``a`` where the condition is not 0, else ``b``; one condition for all may have another element type."""

    mixes: ClassVar[bool] = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        condition, a, b = operands
        return super().infer(a.of(()) if condition.rank == 0 and condition.dtype != "i64" else condition, a, b)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        condition, a, b = node.operands
        zero = node.build.constant(dy.type.of(()), 0.0)
        da = node.build(Where(), condition, dy, zero)
        db = node.build(Where(), condition, zero, dy)
        return [None, reduce_to(da, a), reduce_to(db, b)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        condition, a, b = operands
        mask = torch.empty(condition.shape, dtype=torch.bool, device=condition.device)

        def kernel() -> None:
            torch.ne(condition, 0, out=mask)
            torch.where(mask, a, b, out=results[0])

        return kernel

    def expression(self, *operands: Expression) -> Expression:
        condition, a, b = operands
        return call("select", condition, a, b)


_PAIR = (Normal((3, 4)), Normal((3, 4)))
Add.samples = [
    Sample(Add(), _PAIR),
    Sample(Add(), (Normal((3, 4)), Normal((4,)))),
    Sample(Add(), (Normal(()), Normal((3, 4)))),
]
Sub.samples = [
    Sample(Sub(), _PAIR),
    Sample(Sub(), (Normal((3, 4)), Normal((4,)))),
    Sample(Sub(), (Normal(()), Normal((3, 4)))),
]
Mul.samples = [
    Sample(Mul(), _PAIR),
    Sample(Mul(), (Normal((2, 3, 4)), Normal((3, 4)))),
    Sample(Mul(), (Normal((3, 4)), Normal(()))),
]
Div.samples = [
    Sample(Div(), (Normal((3, 4)), Uniform((3, 4), 0.5, 2.0))),
    Sample(Div(), (Normal(()), Uniform((3, 4), 0.5, 2.0))),
]
Scale.samples = [
    Sample(Scale(Coefficient(-1.5)), (Normal((3, 4)),)),
    Sample(Scale(Coefficient(2.0, -1)), (Normal((3, 4)),)),
]
AddScaled.samples = [
    Sample(AddScaled(), (*_PAIR, Normal(()))),
    Sample(AddScaled(-1.0), (Normal((3, 4)), Normal((4,)), Normal((3, 4)))),
]
Square.samples = [Sample(Square(), (Normal((3, 4)),))]
Power.samples = [Sample(Power(3.0), (Normal((3, 4)),)), Sample(Power(-0.5), (Uniform((3, 4), 0.5, 2.0),))]
Pow.samples = [Sample(Pow(), (Uniform((3, 4), 0.5, 2.0), Normal((3, 4))))]
Sqrt.samples = [Sample(Sqrt(), (Uniform((3, 4), 0.5, 2.0),))]
Abs.samples = [Sample(Abs(), (Normal((3, 4)),))]
Floor.samples = [Sample(Floor(), (Normal((3, 4)),))]
Sign.samples = [Sample(Sign(), (Normal((3, 4)),))]
Maximum.samples = [Sample(Maximum(), _PAIR), Sample(Maximum(), (Normal((3, 4)), Normal(())))]
Minimum.samples = [Sample(Minimum(), _PAIR), Sample(Minimum(), (Normal(()), Normal((3, 4))))]
Greater.samples = [Sample(Greater(), _PAIR)]
Share.samples = [Sample(Share(), _PAIR)]
Where.samples = [
    Sample(Where(), (Bits((3, 4)), Normal((3, 4)), Normal((3, 4)))),
    Sample(Where(), (Bits((3, 4)), Normal(()), Normal((3, 4)))),
]
