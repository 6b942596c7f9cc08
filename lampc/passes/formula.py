"""Formulas written as text, for tables of rewrites: ``softplus(z) - y·z`` over terms and numbers."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from lampc.ir.op import Op
from lampc.ops.activations import Sigmoid, Softplus, Tanh
from lampc.ops.arithmetic import Abs, Greater, Maximum, Sqrt, Square, Where
from lampc.ops.classes import BinaryCrossEntropy
from lampc.ops.exponential import Cos, Exp, Expm1, Log, Log1p, Sin, XLogY
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.term import Build, Term

Operand = Term | float

OPS: dict[str, Op] = {
    "log": Log(), "exp": Exp(), "log1p": Log1p(), "expm1": Expm1(), "sqrt": Sqrt(), "abs": Abs(), "sin": Sin(), "cos": Cos(),
    "tanh": Tanh(), "sigmoid": Sigmoid(), "softplus": Softplus(), "softmax": Softmax(), "log_softmax": LogSoftmax(),
    "max": Maximum(), "where": Where(), "bce": BinaryCrossEntropy(), "xlogy": XLogY(), "xlog1py": XLogY(plus=True),
}  # fmt: skip
_NUMBERS: dict[str, Callable[[float], float]] = {"log": math.log, "exp": math.exp, "sqrt": math.sqrt, "abs": abs}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Operand]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


@cache
def read(text: str) -> ast.expr:
    """A formula's tree: Python's, where ``·`` is ``*`` and ``²`` is ``**2``."""
    return ast.parse(text.replace("·", "*").replace("²", "**2"), mode="eval").body


def evaluate(tree: ast.expr, build: Build, names: Mapping[str, Operand], made: Callable[[Term], Term]) -> Operand:
    """A formula's value, appended to a graph; each term passes through ``made``.

    Raises:
        ValueError: if a number in it has no value, as the logarithm of -1.
    """

    def go(tree: ast.expr) -> Operand:
        value = step(tree)
        return made(value) if isinstance(value, Term) and not isinstance(tree, ast.Name) else value

    def step(tree: ast.expr) -> Operand:
        match tree:
            case ast.Constant(value=int() | float() as value):
                return float(value)
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -go(operand)
            case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=2)):
                return build(Square(), *_terms(build, [go(base)]))
            case ast.BinOp(left=left, op=operator, right=right):
                return _OPERATORS[type(operator)](go(left), go(right))
            case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
                return build(Greater(), *_terms(build, [go(left), go(right)]))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                operands = [go(argument) for argument in arguments]
                if not any(isinstance(operand, Term) for operand in operands):
                    return _NUMBERS[name](*operands)  # type: ignore[arg-type]
                return build(OPS[name], *_terms(build, operands))
        raise ValueError(ast.dump(tree))

    return go(tree)


def _terms(build: Build, operands: list[Operand]) -> list[Term]:
    like = next(operand for operand in operands if isinstance(operand, Term)).type.of(())
    return [operand if isinstance(operand, Term) else build.constant(like, operand) for operand in operands]
