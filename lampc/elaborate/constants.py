"""Evaluating constant expressions, with checked arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lampc.diagnostics import Problems
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest, only
from lampc.layers.signature import Choice, Sizes, Written, shown
from lampc.source import Span
from lampc.syntax import tree

LARGEST = 2**53
"""Whole numbers beyond it are refused: not every one is a float."""

FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "erf": math.erf,
    "abs": abs,
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
}
"""Functions of numbers that a constant expression may call."""

CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
"""Names that always stand for numbers."""


class NoResult(Exception):
    """Arithmetic without a result; the message says why."""


def arithmetic(operator: str, a: float, b: float) -> float:
    """``a operator b``; whole where both are and the result is.

    Raises:
        NoResult: for division by zero, overflow, or a power that is not real.
    """
    result: float
    try:
        if operator == "+":
            result = a + b
        elif operator == "-":
            result = a - b
        elif operator == "*":
            result = a * b
        elif operator == "/":
            result = a / b
        elif operator == "^":
            whole = isinstance(a, int) and isinstance(b, int) and b >= 0
            power = float(a) ** float(b)
            if isinstance(power, complex):
                raise NoResult("a negative number has no such power")
            result = a**b if whole and abs(power) <= LARGEST else power
        else:
            result = float(a < b if operator == "<" else a > b)
    except ZeroDivisionError:
        raise NoResult("division by zero") from None
    except OverflowError:
        raise NoResult("the result is too large") from None
    return checked(result)


def checked(result: float) -> float:
    """A result as a number that lampc works with.

    Raises:
        NoResult: if it is not finite or too large a whole number.
    """
    if isinstance(result, float) and not math.isfinite(result):
        raise NoResult("the result is too large")
    if isinstance(result, int) and abs(result) > LARGEST:
        raise NoResult("the result is too large")
    if isinstance(result, float) and result.is_integer() and abs(result) <= LARGEST:
        return int(result)
    return result


class Evaluator:
    """Evaluates expressions over constants. A word that names no constant stands for itself."""

    def __init__(self, names: Mapping[str, Written], problems: Problems) -> None:
        self.names = names
        self.problems = problems

    def argument(self, expression: tree.Argument) -> Written | None:
        """An argument's value; None if it has none, which has been reported."""
        if isinstance(expression, tree.Arrow):
            return self._arrow(expression)
        if isinstance(expression, tree.Function):
            return expression
        if isinstance(expression, tree.Word):
            if expression.name in self.names:
                return self.names[expression.name]
            return CONSTANTS.get(expression.name, Choice(expression.name))
        if isinstance(expression, tree.Size):
            return expression.dims
        if isinstance(expression, tree.String):
            return expression.value
        if isinstance(expression, tree.ListOf):
            return self._list(expression)
        if isinstance(expression, tree.IntType):
            size = self.number(expression.size)
            return None if size is None else Choice("int", (size,))
        if isinstance(expression, tree.Call) and expression.name.name not in FUNCTIONS:
            return self._choice(expression)
        return self.number(expression)

    def arguments(self, statement: tree.Layer) -> list[Written | None]:
        """The values that a statement is given, by place or by name."""
        return [self.argument(given) for given in (*statement.arguments, *(option.value for option in statement.options))]

    def number(self, expression: tree.Expression) -> float | None:
        """A number; None if it has none, which has been reported."""
        if isinstance(expression, tree.Number):
            return expression.value
        if isinstance(expression, tree.Word):
            return self._named(expression)
        try:
            if isinstance(expression, tree.Negative):
                operand = self.number(expression.operand)
                return None if operand is None else -operand
            if isinstance(expression, tree.Binary):
                a, b = self.number(expression.left), self.number(expression.right)
                return None if a is None or b is None else arithmetic(expression.operator, a, b)
            if isinstance(expression, tree.Call) and expression.name.name in FUNCTIONS:
                return self._call(expression)
        except NoResult as problem:
            self.problems.report("E307", str(problem), expression.span)
            return None
        what = expression.name.span if isinstance(expression, tree.Call) else expression.span
        self._unknown(what, f"`{what.text}` is not a number")
        return None

    def _named(self, word: tree.Word) -> float | None:
        value = self.names.get(word.name, CONSTANTS.get(word.name))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if value is not None:
            self.problems.report("E304", f"`{word.name}` is {shown(value)}, not a number", word.span)
        else:
            self._unknown(word.span, f"there is no constant `{word.name}`")
        return None

    def _unknown(self, span: Span, message: str) -> None:
        known = [*self.names, *FUNCTIONS, *CONSTANTS]
        near = nearest(span.text, known)
        fixes = (
            [f"did you mean `{near}`?"]
            if near
            else [f"define it first: `let {span.text} = 25`"]
            if span.text.isidentifier()
            else []
        )
        self.problems.report("E206", message, span, fixes=fixes, edits=instead(span, only(span.text, known)))

    def _call(self, call: tree.Call) -> float | None:
        numbers = [self.number(argument) for argument in call.arguments]
        if any(number is None for number in numbers):
            return None
        try:
            return checked(FUNCTIONS[call.name.name](*numbers))
        except (TypeError, ValueError):
            self.problems.report("E307", f"`{call.span.text}` has no value", call.span)
        except OverflowError:
            self.problems.report("E307", "the result is too large", call.span)
        return None

    def _arrow(self, arrow: tree.Arrow) -> Sizes | None:
        left = None if arrow.left is None else self.number(arrow.left)
        right = self.number(arrow.right)
        if right is None or (arrow.left is not None and left is None):
            return None
        for number, part in ((left, arrow.left), (right, arrow.right)):
            if number is not None and part is not None and not float(number).is_integer():
                self.problems.report("E304", f"a size is a whole number, not {number:g}", part.span,
                                     fixes=[f"write `{math.ceil(number)}`"] if math.isfinite(number) else [])  # fmt: skip
                return None
        return Sizes(None if left is None else int(left), int(right))

    def names_of(self, items: tree.ListOf) -> tuple[str, ...] | None:
        """A list of words and strings; None if it is one of something else."""
        found = [item.name if isinstance(item, tree.Word) else item.value for item in items.items
                 if isinstance(item, tree.Word | tree.String)]  # fmt: skip
        return tuple(found) if len(found) == len(items.items) else None

    def _list(self, items: tree.ListOf) -> tuple[float, ...] | tuple[str, ...] | None:
        names = self.names_of(items)
        if names and not any(name in self.names or name in CONSTANTS for name in names):
            return names
        numbers = [self.number(item) for item in items.items]
        return None if None in numbers else tuple(number for number in numbers if number is not None)

    def _choice(self, call: tree.Call) -> Choice | None:
        name = call.name.name
        if isinstance(self.names.get(name), int | float):
            if call.span.text.startswith(f"{name}("):  # of a space between it has been said that it may mean two things
                self.problems.report("E304", f"`{name}` is a number and cannot be called", call.name.span,
                                     fixes=["a product is written with `*`; two arguments are parted by a space"])  # fmt: skip
            return None
        numbers = [self.number(argument) for argument in call.arguments]
        options: dict[str, float] = {}
        for option in call.options:
            value = self.number(option.value) if isinstance(option.value, tree.Expression) else None
            if not isinstance(option.value, tree.Expression):
                self.problems.report("E304", "a number is wanted", option.value.span)
            if value is None:
                return None
            options[option.name.name] = value
        if None in numbers:
            return None
        return Choice(call.name.name, tuple(number for number in numbers if number is not None), options)
