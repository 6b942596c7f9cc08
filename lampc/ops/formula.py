"""Gradients of ops that say, number by number, what they are: the formula is built of differentiable ops and pulled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lampc.ir.expression import Across, Call, Expression, Load, Number, Pattern
from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.ops.activations import Sigmoid, Softplus, Tanh
from lampc.ops.arithmetic import Abs, Add, Div, Floor, Greater, Maximum, Minimum, Mul, Sqrt, Sub, Where
from lampc.ops.exponential import Cos, Erf, Exp, Expm1, Log, Log1p, Sin
from lampc.ops.guard import Guard
from lampc.ops.pullback import add_cotangent, pull_back
from lampc.ops.reduction import Expand, Max, Mean, Sum
from lampc.ops.shape import Slice
from lampc.ops.term import Build, Gradients, Term, TermNode

FUNCTIONS: Mapping[str, Op] = {
    "add": Add(), "sub": Sub(), "mul": Mul(), "div": Div(), "max": Maximum(), "min": Minimum(), "greater": Greater(),
    "exp": Exp(), "expm1": Expm1(), "log": Log(), "log1p": Log1p(), "sqrt": Sqrt(), "abs": Abs(), "floor": Floor(),
    "sin": Sin(), "cos": Cos(), "erf": Erf(), "tanh": Tanh(), "sigmoid": Sigmoid(), "softplus": Softplus(),
}  # fmt: skip
REDUCTIONS: Mapping[str, Callable[[tuple[int, ...]], Op]] = {"sum": Sum, "mean": Mean, "max": Max}


def gradient_of_formula(node: TermNode, *cotangents: Term | None) -> Gradients:
    """The operands' cotangents by the op's own expressions.

    It keeps ops closed under differentiation: a gradient that a kernel computes in one go is differentiated as the
    formula that it stands for.
    """
    full = max((operand.type for operand in node.operands), key=lambda type: type.rank)
    formula = _Formula(node.build, full)
    leaves = [Load(index, Pattern.EACH) for index in range(len(node.operands))]
    values: _Values = {leaf: formula.widened(term) for leaf, term in zip(leaves, node.operands, strict=True)}
    found: dict[Value, Term] = {}
    for expression, result, cotangent in zip(node.node.op.expressions(*leaves), node.results, cotangents, strict=True):
        if cotangent is not None:
            value = formula.narrowed(formula.value(expression, values), result.type)
            add_cotangent(found, value.value, cotangent)
    operands = [operand.value for operand in node.operands]
    active = {made.id for made in formula.made} | {operand.node for operand in operands}
    pull_back(node.build, formula.made, active, found)
    return [found.get(value) if value not in operands[:index] else None for index, value in enumerate(operands)]


_Values = dict[Expression, Term]
"""What expressions have been built as."""


@dataclass
class _Formula:
    """An expression's terms, each as large as the ``full`` type, or a number."""

    build: Build
    full: Type
    made: list[Node] = field(default_factory=list)

    def apply(self, op: Op, *operands: Term) -> Term:
        term = self.build(op, *operands)
        self.made.append(term.node)
        return term

    def number(self, value: float) -> Term:
        return self.build.constant(self.full.of(()), value)

    def widened(self, term: Term) -> Term:
        """A number for each row is the same at each of its columns."""
        if term.type.rank != self.full.rank or term.type.shape == self.full.shape:
            return term
        return self.spread(self.apply(Sum((term.type.rank - 1,)), term))

    def spread(self, rows: Term) -> Term:
        return self.apply(Expand(self.full.shape, (self.full.rank - 1,)), rows)

    def narrowed(self, term: Term, wanted: Type) -> Term:
        """A value as the result that it is: summed over rows, or one of each row's columns."""
        if term.type.rank == wanted.rank and term.type.shape != wanted.shape:
            return self.apply(Slice(wanted.rank - 1, 0, 1), term)
        missing = term.type.rank - wanted.rank
        return self.apply(Sum(tuple(range(missing))), term) if missing else term

    def value(self, expression: Expression, values: _Values) -> Term:
        if expression not in values:
            values[expression] = self.made_of(expression, values)
        return values[expression]

    def made_of(self, expression: Expression, values: _Values) -> Term:
        match expression:
            case Number(value=value):
                return self.build.constant(self.full.of(()), value)
            case Across(kind=kind, argument=argument):
                return self.spread(self.apply(REDUCTIONS[kind]((self.full.rank - 1,)), self.value(argument, values)))
            case Call(function="select", arguments=(condition, *branches)):
                chosen = self.value(condition, values)
                sides = zip(branches, (True, False), strict=True)
                return self.apply(Where(), chosen, *(self.branch(chosen, side, values, taken) for side, taken in sides))
            case Call(function="equal", arguments=arguments):
                a, b = (self.value(argument, values) for argument in arguments)
                unequal = self.apply(Add(), self.apply(Greater(), a, b), self.apply(Greater(), b, a))
                return self.apply(Sub(), self.number(1.0), unequal)
            case Call(function=function, arguments=arguments):
                return self.apply(FUNCTIONS[function], *(self.value(argument, values) for argument in arguments))
        raise NotImplementedError(f"a gradient of {expression}")

    def branch(self, condition: Term, expression: Expression, values: _Values, taken: bool) -> Term:
        """A side of a selection; where it is not chosen no infinite slope of it counts."""
        if not isinstance(expression, Call | Across):
            return self.value(expression, values)
        leaves = {leaf: term for leaf, term in values.items() if isinstance(leaf, Load)}
        return self.value(expression, {leaf: self.apply(Guard(taken), condition, term) for leaf, term in leaves.items()})
