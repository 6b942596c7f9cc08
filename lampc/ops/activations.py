"""Activations with kernels of their own, each beside its gradient. Others are built from these in ``layers``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Expression, call
from lampc.ir.op import Kernel, Normal, Run, Sample, Uniform, op
from lampc.ops.elementwise import Elementwise, ElementwiseGrad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lampc.ops.term import Gradients, Term, TermNode


@op("tanh")
class Tanh(Elementwise):
    """``tanh a``."""

    codomain: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    saturates: ClassVar[bool] = True

    def gain(self) -> float:
        return 5 / 3

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(TanhGrad(), dy, node.out)]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("tanh", a)


@op("tanh_grad")
class TanhGrad(ElementwiseGrad):
    """``dy · (1 - y²)`` from ``dy`` and ``y = tanh a``."""

    aten: ClassVar[str] = "tanh_backward"

    def expression(self, *operands: Expression) -> Expression:
        dy, y = operands
        return dy * (1.0 - y * y)


@op("sigmoid")
class Sigmoid(Elementwise):
    """``1 / (1 + e⁻ᵃ)``."""

    codomain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    saturates: ClassVar[bool] = True

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(SigmoidGrad(), dy, node.out)]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("sigmoid", a)


@op("sigmoid_grad")
class SigmoidGrad(ElementwiseGrad):
    """``dy · y · (1 - y)`` from ``dy`` and ``y = sigmoid a``."""

    aten: ClassVar[str] = "sigmoid_backward"

    def expression(self, *operands: Expression) -> Expression:
        dy, y = operands
        return dy * (y * (1.0 - y))


@op("relu")
class Relu(Elementwise):
    """``max(a, 0)``; its slope at 0 is 0."""

    codomain: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def gain(self) -> float:
        return math.sqrt(2)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(ReluGrad(), dy, node.out)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        zero = torch.zeros((), dtype=results[0].dtype, device=results[0].device)
        return partial(torch.maximum, operands[0], zero, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("max", a, 0.0)


@op("relu_grad")
class ReluGrad(ElementwiseGrad):
    """``dy`` where ``y > 0``, else 0, from ``dy`` and ``y = relu a``."""

    aten: ClassVar[str] = "threshold_backward"

    def arguments(self) -> tuple[Any, ...]:
        return (0,)

    def expression(self, *operands: Expression) -> Expression:
        dy, y = operands
        return call("select", call("greater", y, 0.0), dy, 0.0)


@op("leaky_relu")
@dataclass(frozen=True)
class LeakyRelu(Elementwise):
    """``a`` where positive, else ``slope · a``."""

    slope: float = 0.01

    def gain(self) -> float:
        return math.sqrt(2 / (1 + self.slope**2))

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(LeakyReluGrad(self.slope), dy, node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.ops.aten.leaky_relu.out, operands[0], self.slope, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("select", call("greater", a, 0.0), a, self.slope * a)


@op("leaky_relu_grad")
@dataclass(frozen=True)
class LeakyReluGrad(ElementwiseGrad):
    """``dy`` where ``a > 0``, else ``slope · dy``."""

    aten: ClassVar[str] = "leaky_relu_backward"
    slope: float = 0.01

    def arguments(self) -> tuple[Any, ...]:
        return (self.slope, False)

    def expression(self, *operands: Expression) -> Expression:
        dy, a = operands
        return call("select", call("greater", a, 0.0), dy, self.slope * dy)


@op("elu")
@dataclass(frozen=True)
class Elu(Elementwise):
    """``scale · a`` where positive, else ``scale · alpha · (eᵃ - 1)`` (SELU: Klambauer et al. 2017)."""

    alpha: float = 1.0
    scale: float = 1.0

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(EluGrad(self.alpha, self.scale), dy, node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.ops.aten.elu.out, operands[0], self.alpha, self.scale, 1, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return self.scale * call("select", call("greater", a, 0.0), a, self.alpha * call("expm1", a))


@op("elu_grad")
@dataclass(frozen=True)
class EluGrad(ElementwiseGrad):
    """The gradient of ``elu`` from ``dy`` and ``a``."""

    alpha: float = 1.0
    scale: float = 1.0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, a = operands
        function = torch.ops.aten.elu_backward.grad_input
        return partial(function, dy, self.alpha, self.scale, 1, False, a, grad_input=results[0])

    def expression(self, *operands: Expression) -> Expression:
        dy, a = operands
        return self.scale * call("select", call("greater", a, 0.0), dy, self.alpha * (dy * call("exp", a)))


@op("gelu")
@dataclass(frozen=True)
class Gelu(Elementwise):
    """``a · Φ(a)`` (Hendrycks and Gimpel 2016), exactly, or by its tanh approximation."""

    approximate: str = "none"

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(GeluGrad(self.approximate), dy, node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.ops.aten.gelu.out, operands[0], approximate=self.approximate, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        if self.approximate == "tanh":
            return 0.5 * a * (1.0 + call("tanh", _inner(a)))
        return 0.5 * a * (1.0 + call("erf", a * math.sqrt(0.5)))


@op("gelu_grad")
@dataclass(frozen=True)
class GeluGrad(ElementwiseGrad):
    """The gradient of ``gelu`` from ``dy`` and ``a``."""

    approximate: str = "none"

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = torch.ops.aten.gelu_backward.grad_input
        return partial(function, *operands, approximate=self.approximate, grad_input=results[0])

    def expression(self, *operands: Expression) -> Expression:
        dy, a = operands
        if self.approximate == "tanh":
            t = call("tanh", _inner(a))
            slope = math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * (a * a))
            return dy * (0.5 * (1.0 + t) + 0.5 * a * (1.0 - t * t) * slope)
        density = call("exp", -0.5 * (a * a)) / math.sqrt(2 * math.pi)
        return dy * (0.5 * (1.0 + call("erf", a * math.sqrt(0.5))) + a * density)


@op("silu")
class Silu(Elementwise):
    """``a · sigmoid(a)``, also called swish."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(SiluGrad(), dy, node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.ops.aten.silu.out, operands[0], out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return a * call("sigmoid", a)


@op("silu_grad")
class SiluGrad(ElementwiseGrad):
    """The gradient of ``silu`` from ``dy`` and ``a``."""

    aten: ClassVar[str] = "silu_backward"

    def expression(self, *operands: Expression) -> Expression:
        dy, a = operands
        s = call("sigmoid", a)
        return dy * (s * (1.0 + a * (1.0 - s)))


@op("softplus")
class Softplus(Elementwise):
    """``log(1 + eᵃ)``, without overflow."""

    codomain: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * node.build(Sigmoid(), node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        # torch's softplus turns linear above its threshold of 20, an error of 2e-9; logaddexp(a, 0) does not.
        zero = torch.zeros((), dtype=results[0].dtype, device=results[0].device)
        return partial(torch.logaddexp, operands[0], zero, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("softplus", a)


@op("hardtanh")
@dataclass(frozen=True)
class Hardtanh(Elementwise):
    """``a`` held between ``low`` and ``high``; its slope outside and at the ends is 0."""

    saturates: ClassVar[bool] = True
    low: float = -1.0
    high: float = 1.0

    def gain(self) -> float:
        return 5 / 3

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(HardtanhGrad(self.low, self.high), dy, node.operands[0])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.clamp, operands[0], self.low, self.high, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("min", call("max", a, self.low), self.high)


@op("hardtanh_grad")
@dataclass(frozen=True)
class HardtanhGrad(ElementwiseGrad):
    """``dy`` where ``low < a < high``, else 0."""

    aten: ClassVar[str] = "hardtanh_backward"
    low: float = -1.0
    high: float = 1.0

    def arguments(self) -> tuple[Any, ...]:
        return (self.low, self.high)

    def expression(self, *operands: Expression) -> Expression:
        dy, a = operands
        inside = call("select", call("greater", a, self.low), call("greater", self.high, a), 0.0)
        return call("select", inside, dy, 0.0)


def _inner(a: Expression) -> Expression:
    """The argument of tanh in gelu's approximation."""
    return math.sqrt(2 / math.pi) * (a + 0.044715 * (a * a * a))


_ONE, _TWO = (Normal((3, 4)),), (Normal((3, 4)), Normal((3, 4)))
_TANH = (Normal((3, 4)), Uniform((3, 4), -0.9, 0.9))
_SIGMOID = (Normal((3, 4)), Uniform((3, 4), 0.1, 0.9))
Tanh.samples = [Sample(Tanh(), _ONE)]
TanhGrad.samples = [Sample(TanhGrad(), _TANH)]
Sigmoid.samples = [Sample(Sigmoid(), _ONE)]
SigmoidGrad.samples = [Sample(SigmoidGrad(), _SIGMOID)]
Relu.samples = [Sample(Relu(), _ONE)]
ReluGrad.samples = [Sample(ReluGrad(), _TWO)]
LeakyRelu.samples = [Sample(LeakyRelu(), _ONE), Sample(LeakyRelu(0.2), _ONE)]
LeakyReluGrad.samples = [Sample(LeakyReluGrad(0.2), _TWO)]
Elu.samples = [Sample(Elu(), _ONE), Sample(Elu(1.67, 1.05), _ONE)]
EluGrad.samples = [Sample(EluGrad(1.67, 1.05), _TWO)]
Gelu.samples = [Sample(Gelu(), _ONE), Sample(Gelu("tanh"), _ONE)]
GeluGrad.samples = [Sample(GeluGrad(), _TWO), Sample(GeluGrad("tanh"), _TWO)]
Silu.samples = [Sample(Silu(), _ONE)]
SiluGrad.samples = [Sample(SiluGrad(), _TWO)]
Softplus.samples = [Sample(Softplus(), _ONE), Sample(Softplus(), (Uniform((3, 4), -40.0, 40.0),))]
Hardtanh.samples = [Sample(Hardtanh(), _ONE), Sample(Hardtanh(-0.3, 0.7), _ONE)]
HardtanhGrad.samples = [Sample(HardtanhGrad(), _TWO)]
