"""What ops say of themselves number by number, worked out on patches: most ops need no rule of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lampc.advice.signal.patch import Array, Draw
from lampc.ir.expression import Across, Call, Column, Expression, Number, Random


def _erf(x: Array) -> Array:
    """Abramowitz and Stegun 7.1.26, 1.5e-7 off at most."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(np.sign(x) * (1 - series * np.exp(-x * x)))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "max": np.maximum, "min": np.minimum,
    "pow": np.power, "greater": np.greater, "equal": np.equal, "select": np.where, "exp": np.exp, "expm1": np.expm1,
    "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "abs": np.abs, "floor": np.floor, "sin": np.sin, "cos": np.cos,
    "erf": _erf, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.logaddexp(0.0, x),
}  # fmt: skip


class Formula:
    """One op's expressions; what several share is computed once."""

    def __init__(self, values: Mapping[Expression, Array], size: int, draw: Draw) -> None:
        self.values = dict(values)
        self.size = size
        """How many columns the value has, of which patches show some."""
        self.draw = draw

    def value(self, expression: Expression) -> Array:
        """The numbers of an expression."""
        if expression not in self.values:
            self.values[expression] = self._made(expression)
        return self.values[expression]

    def _made(self, expression: Expression) -> Array:
        match expression:
            case Number(value=value):
                return np.array([[value.at(1)]])
            case Column():
                return np.arange(self.draw.wide(self.size), dtype=np.float64)[None]
            case Random():
                return self.draw.random.random((self.draw.rows, self.draw.wide(self.size)))
            case Across(kind=kind, argument=argument):
                x = self.value(argument)
                if kind == "max":
                    return np.asarray(x.max(axis=1, keepdims=True))
                mean = x.mean(axis=1, keepdims=True)
                return np.asarray(mean if kind == "mean" else mean * self.size)
            case Call(function="select", arguments=(condition, yes, no)):
                return np.where(self.value(condition) != 0, self.value(yes), self.value(no))
            case Call(function=function, arguments=arguments):
                return np.asarray(FUNCTIONS[function](*map(self.value, arguments)), dtype=np.float64)
        raise NotImplementedError(f"numbers of {expression}")
