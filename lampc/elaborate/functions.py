"""Formulas: the bodies of ``fn`` and of user-written losses, turned into ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from lampc import limits
from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest, only
from lampc.elaborate.bind import bind
from lampc.elaborate.comparison import Comparison
from lampc.elaborate.constants import CONSTANTS, FUNCTIONS, Evaluator, NoResult, arithmetic, checked
from lampc.ir.graph import Value
from lampc.ir.op import Op, ShapeError
from lampc.ir.types import B
from lampc.layers.losses import LOSSES, gaussian_kl
from lampc.layers.signature import BALANCED
from lampc.ops.activations import Gelu, Relu, Sigmoid, Silu, Softplus, Tanh
from lampc.ops.arithmetic import Abs, Greater, Maximum, Minimum, Power, Sqrt, Square, Where
from lampc.ops.exponential import Cos, Erf, Exp, Log, Sin
from lampc.ops.reduction import Expand, Mean, Sum
from lampc.ops.shape import Slice
from lampc.ops.term import Build, Term
from lampc.source import Span
from lampc.syntax import tree

Operand = Term | float

UNARY: dict[str, Op] = {
    "exp": Exp(),
    "log": Log(),
    "sqrt": Sqrt(),
    "sin": Sin(),
    "cos": Cos(),
    "erf": Erf(),
    "abs": Abs(),
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu": Relu(),
    "gelu": Gelu(),
    "silu": Silu(),
    "softplus": Softplus(),
}
"""Functions of one tensor, element by element."""

BINARY: dict[str, Op] = {"max": Maximum(), "min": Minimum()}
"""Functions of two, element by element."""

REDUCING: dict[str, type[Mean | Sum]] = {"mean": Mean, "sum": Sum}
"""Functions that make one number: of a sample in a layer, of everything in a loss."""

_NUMBERS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: _sigmoid(x),
    "relu": lambda x: max(x, 0.0),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "silu": lambda x: x * _sigmoid(x),
}


def _sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return (e if x < 0 else 1.0) / (1 + e)


class Unusable(Exception):
    """A formula that cannot be built; it has been reported."""


class Formula:
    """Builds expressions over terms and numbers."""

    def __init__(self, build: Build, functions: Mapping[str, tree.Fn], constants: Mapping[str, object],
                 problems: Problems, at: Span, losses: bool = False, layer: bool = False) -> None:  # fmt: skip
        self.build = build
        self.functions = functions
        self.constants = constants
        self.problems = problems
        self.at = at
        """Where the formula is used, the second place of its diagnostics."""
        self.losses = losses
        """Whether losses may be called: ``mse(a, x)``."""
        self.layer = layer
        """Whether the formula is a layer: its reductions then stay within a sample."""
        self.compared: list[Comparison] = []
        """The losses that have been called."""
        self._calls: list[str] = []
        self._depth = 0

    def call(self, name: str, parameters: tuple[tree.Parameter, ...], body: tree.Expression, given: list[Operand]) -> Operand:
        """A function's value.

        Raises:
            Unusable: if it has none; that has been reported.
        """
        names = {parameter.name.name: value for parameter, value in zip(parameters, given, strict=False)}
        for parameter in parameters[len(given) :]:
            assert parameter.default is not None, "arity is checked by the caller"
            names[parameter.name.name] = self.evaluate(parameter.default, {})
        self._calls.append(name)
        self._depth += 2  # what a call takes of the stack
        result = self.evaluate(body, names)
        self._depth -= 2
        self._calls.pop()
        return result

    def evaluate(self, expression: tree.Expression, names: Mapping[str, Operand]) -> Operand:
        """An expression's value, in which ``names`` stand for values."""
        if self._depth > limits.CALLS:
            raise self._fail("E107", "this formula is nested too deeply, with the functions that it calls", expression.span)
        self._depth += 1
        try:
            return self._value(expression, names)
        finally:
            self._depth -= 1

    def _value(self, expression: tree.Expression, names: Mapping[str, Operand]) -> Operand:
        if isinstance(expression, tree.Number):
            return expression.value
        if isinstance(expression, tree.Word):
            return self._name(expression, names)
        if isinstance(expression, tree.Negative):
            return -self.evaluate(expression.operand, names)
        if isinstance(expression, tree.Binary):
            left = self.evaluate(expression.left, names)
            right = self.evaluate(expression.right, names)
            return self._guard(expression.span, lambda: self._binary(expression.operator, left, right, expression.span))
        if isinstance(expression, tree.Call):
            return self._call(expression, names)
        raise self._fail("E304", f"`{expression.span.text}` is not a number", expression.span)

    def _fail(self, code: str, message: str, span: Span, fixes: tuple[str, ...] = (), edits: tuple[Edit, ...] = ()) -> Unusable:
        inside = self.at.source is span.source and self.at.start <= span.start and span.end <= self.at.end
        also = [] if inside else [(self.at, "used here")]
        self.problems.report(code, message, span, also=also, fixes=fixes, edits=edits)
        return Unusable()

    def _guard(self, span: Span, compute: Callable[[], Operand]) -> Operand:
        inside = self.at.source is span.source and self.at.start <= span.start and span.end <= self.at.end
        places = self.build.context.spans if self.layer else (span,) if inside else (span, self.at)
        try:
            with self.build.at(spans=places):
                return compute()
        except NoResult as problem:
            raise self._fail("E307", str(problem), span) from None
        except ShapeError as problem:
            raise self._fail(problem.code, str(problem), span, (problem.fix,) if problem.fix else ()) from None
        except (ValueError, OverflowError, ZeroDivisionError):
            raise self._fail("E307", f"`{span.text}` has no value", span) from None

    def _name(self, word: tree.Word, names: Mapping[str, Operand]) -> Operand:
        if word.name in names:
            return names[word.name]
        value = self.constants.get(word.name, CONSTANTS.get(word.name))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        numbers = [name for name, value in self.constants.items() if isinstance(value, int | float)]
        near = nearest(word.name, [*names, *numbers, *CONSTANTS])
        raise self._fail("E206", f"there is no `{word.name}` here", word.span,
                         (f"did you mean `{near}`?",) if near else ())  # fmt: skip

    def _binary(self, operator: str, a: Operand, b: Operand, span: Span) -> Operand:
        if not isinstance(a, Term) and not isinstance(b, Term):
            return arithmetic(operator, a, b)
        a, b = self._beside(a, b)
        if operator == "+":
            return a + b
        if operator == "-":
            return a - b
        if operator == "*":
            return a * b
        if operator == "/":
            return a / b
        if operator == "^":
            return self._power(a, b, span)
        greater, lesser = (a, b) if operator == ">" else (b, a)
        return self.build(Greater(), *self._terms(greater, lesser))

    def _power(self, a: Operand, b: Operand, span: Span) -> Operand:
        if isinstance(b, Term):
            if isinstance(a, Term):
                return self.build(Exp(), b * self.build(Log(), a))
            if a <= 0:
                raise self._fail("E307", "only a positive number has every power", span)
            return self.build(Exp(), b * math.log(a))
        assert isinstance(a, Term)
        if b == 2:
            return self.build(Square(), a)
        if b in (0, 1):
            return a if b == 1 else 1.0
        if b in (-1, 0.5):  # as they are known by elsewhere, to stable forms too
            return 1.0 / a if b == -1 else self.build(Sqrt(), a)
        return self.build(Power(float(b)), a)

    def _beside(self, *operands: Operand) -> tuple[Operand, ...]:
        """The operands; one number of each sample stands at all places of the sample, if another operand has places."""
        widest = max((o.type for o in operands if isinstance(o, Term)), key=lambda type: type.rank)
        if not self.layer or widest.rank < 2:
            return operands
        spread = Expand(widest.shape, tuple(range(1, widest.rank)))
        return tuple(self.build(spread, o) if isinstance(o, Term) and o.type.shape == (B,) else o for o in operands)

    def _terms(self, *operands: Operand) -> tuple[Term, ...]:
        like = next(operand for operand in operands if isinstance(operand, Term))
        scalar = like.type.of(())
        return tuple(o if isinstance(o, Term) else self.build.constant(scalar, float(o)) for o in operands)

    def _call(self, call: tree.Call, names: Mapping[str, Operand]) -> Operand:
        name = call.name.name
        if self.build.budget is not None:  # functions that call one another twice grow like powers of two
            self.build.budget.step(call.span)
        if self.losses and name in LOSSES and name not in self.functions:
            given = self.loss_arguments(call, names)
            values = [self.evaluate(argument, names) for argument in call.arguments[:2]]
            return self._guard(call.span, lambda: self._loss(name, values, given, call.span))
        arguments = [self.evaluate(argument, names) for argument in call.arguments]
        if call.options:
            fixes = ("losses alone take options: `crossentropy(h, y, smoothing=0.1)`",) if self.losses else ()
            raise self._fail("E303", f"`{name}` takes no options here", call.options[0].span, fixes)
        if name in self.functions:
            return self._user(call, arguments)
        if self.losses and name == "part":
            return self._guard(call.span, lambda: self._part(arguments, call.span))
        arity = 3 if name == "where" else 2 if name in BINARY else 1
        known = [*UNARY, *BINARY, *REDUCING, "where", *(("part", *LOSSES) if self.losses else ())]
        if name not in known:
            near = nearest(name, [*known, *self.functions])
            fix = f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"
            if name in LOSSES and not self.layer:
                fix = f"losses are called in a sum: `loss total = {call.span.phrase}`"
            raise self._fail("E206", f"there is no function `{name}`", call.name.span, (fix,),
                             instead(call.name.span, only(name, [*known, *self.functions])))  # fmt: skip
        if len(arguments) != arity:
            raise self._fail("E302" if len(arguments) > arity else "E301",
                             f"`{name}` takes {arity} argument{'s' * (arity > 1)}, not {len(arguments)}",
                             call.span)  # fmt: skip
        if name == "mean" and not self.layer and isinstance(arguments[0], Term) and _summed(arguments[0]):
            raise self._fail("E304", "`mean` of one number: `sum` has added up all of the minibatch already", call.span,
                             ("`mean(…)` alone is the mean of all elements; times how many a sample has, it is the mean over "
                              "samples of their sums",))  # fmt: skip
        return self._guard(call.span, lambda: self._builtin(name, arguments))

    def _part(self, arguments: list[Operand], span: Span) -> Operand:
        """Places `start` up to `stop` of a value's last axis: ``part(y, 0, 2)``."""
        if len(arguments) != 3 or not isinstance(arguments[0], Term) or any(isinstance(a, Term) for a in arguments[1:]):
            raise self._fail("E301", "`part` takes a value, where its part begins, and where it ends", span)
        for bound in arguments[1:]:
            if not isinstance(bound, Term) and (not abs(bound) <= limits.SIZE or bound != int(bound)):
                raise self._fail("E304", f"`part` begins and ends at whole numbers, not at {bound:g}", span)
        value, (start, stop) = arguments[0], (int(a) for a in arguments[1:] if not isinstance(a, Term))
        axis = value.type.rank - 1
        return self.build(Slice(axis, start, stop), value)

    def loss_arguments(self, call: tree.Call, names: Mapping[str, Operand]) -> dict[str, Any]:
        """What a loss is given beside its two values, as in a statement of its own: ``smoothing=0.1``, ``soft``.

        Raises:
            Unusable: if it does not take that; it has been reported.
        """
        name, found = call.name.name, Problems()
        numbers = {word: value for word, value in names.items() if not isinstance(value, Term)}
        evaluator = Evaluator({**self.constants, **numbers}, found)  # type: ignore[dict-item]
        given = bind(f"`{name}`", LOSSES[name].signature, call.span, call.arguments[2:], call.options, evaluator, found)
        self.problems.take(found.sorted())
        if found.errors or given is None:
            raise Unusable
        return given

    def _loss(self, name: str, values: list[Operand], given: Mapping[str, Any], span: Span) -> Operand:
        """A loss of two values, or the divergence of a normal distribution from N(0, 1), of one."""
        terms = [value for value in values if isinstance(value, Term)]
        loss = LOSSES[name]
        if name == "kl" and len(values) == len(terms) == 1:
            if given != loss.signature.defaults:
                raise self._fail("E303", "`kl` of one value, the divergence from N(0, 1), takes no options", span)
            return gaussian_kl(terms[0])
        if len(values) != 2 or len(terms) != 2:
            raise self._fail("E301", f"`{name}` takes two values: a prediction and its target", span)
        p, y = terms
        if given.get("weights") == BALANCED:
            raise self._fail("E503", "`weights=balanced` is for a loss of its own: in a formula weights are numbers", span,
                             (f"take `{name}` alone, or write how much each class counts: `weights=[1, 5]`",))  # fmt: skip
        try:
            wanted = loss.target(p.type, given)
        except ShapeError as error:
            raise self._fail("E503", f"`{name}`: {error}", span) from None
        if y.type != wanted:
            raise self._fail("E503", f"`{name}` of {p.type} takes a target {wanted}, not {y.type}", span)
        first = len(self.build.graph)
        result = loss.build(p, y, given, None)
        self.compared.append(Comparison(loss, given, p, y, span, range(first, len(self.build.graph))))
        return result

    def _builtin(self, name: str, arguments: list[Operand]) -> Operand:
        if not any(isinstance(argument, Term) for argument in arguments):
            numbers = [argument for argument in arguments if not isinstance(argument, Term)]
            if name in REDUCING:
                return numbers[0]
            if name == "where":
                return numbers[1] if numbers[0] else numbers[2]
            return checked(_NUMBERS[name](numbers[0]) if name in _NUMBERS else FUNCTIONS[name](*numbers))
        terms = self._terms(*self._beside(*arguments))
        if name == "where":
            return self.build(Where(), *terms)
        if name in REDUCING:
            axes = tuple(range(1 if self.layer else 0, terms[0].type.rank))
            return self.build(REDUCING[name](axes), terms[0]) if axes else terms[0]
        return self.build(UNARY.get(name) or BINARY[name], *terms)

    def _user(self, call: tree.Call, arguments: list[Operand]) -> Operand:
        fn = self.functions[call.name.name]
        if fn.name.name in self._calls:
            path = " → ".join([*self._calls[self._calls.index(fn.name.name) :], fn.name.name])
            raise self._fail("E204", f"`{fn.name.name}` calls itself: {path}", call.span)
        required = sum(parameter.default is None for parameter in fn.parameters)
        if not required <= len(arguments) <= len(fn.parameters):
            raise self._fail("E302" if len(arguments) > required else "E301",
                             f"`{fn.name.name}` takes {len(fn.parameters)} arguments, not {len(arguments)}",
                             call.span)  # fmt: skip
        return self.call(fn.name.name, fn.parameters, fn.body, arguments)


def _summed(x: Term) -> bool:
    """Whether a value is one number in which all samples have been added up."""
    graph, waiting, seen = x.build.graph, [x.value], set[Value]()
    while waiting:
        value = waiting.pop()
        if value in seen or graph.type(value).rank:
            continue
        seen.add(value)
        if isinstance(graph[value.node].op, Sum):
            return True
        waiting += graph[value.node].operands
    return False
