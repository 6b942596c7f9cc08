"""From statements to the forward graph: layers build their ops, combinators join them, and every size is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from lampc import limits
from lampc.diagnostics import Problems
from lampc.diagnostics.edits import before, instead
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.bind import bind
from lampc.elaborate.blocks import VALUELESS, call_block
from lampc.elaborate.composition import COMBINATORS
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.definitions import EXPERIMENT, Definitions, constant, known_statements
from lampc.elaborate.functions import Formula, Operand, Unusable
from lampc.elaborate.scope import Flow, Scope
from lampc.elaborate.tried import tried
from lampc.elaborate.unknown import unknown
from lampc.ir.budget import Budget, TooLarge
from lampc.ir.graph import Graph, Value
from lampc.ir.layout import Group, LayerUse
from lampc.ir.leaves import Initialiser, Input
from lampc.ir.op import NamesWanted, ShapeError, SizeMismatch
from lampc.ir.types import B, DType, Type, sample_text
from lampc.layers import LayerType
from lampc.layers.initialisers import with_default
from lampc.layers.layer import Construct
from lampc.layers.signature import Float, Label, Param, Signature, Written
from lampc.ops.term import Build, Term
from lampc.source import Span
from lampc.syntax import tree


class Network:
    """Builds the forward graph."""

    def __init__(self, definitions: Definitions, dtype: DType, problems: Problems, budget: Budget | None = None,
                 init: Initialiser | None = None) -> None:  # fmt: skip
        self.definitions = definitions
        self.dtype: DType = dtype
        self.init = init
        """How weights begin where a layer does not say."""
        self.problems = problems
        self.graph = Graph()
        self.budget = budget or Budget()
        self.build = Build(self.graph, self.budget)
        self.layers: list[LayerUse] = []
        self._counts: dict[str, int] = {}
        self._names: set[str] = set()
        self._groups = 0
        self._trials = budget or Budget()
        self.expanded: set[str] = set()
        """The blocks that have been called."""
        self.named: dict[str, list[Value]] = {}
        """Every value that `as` names, in bodies too, where a name may stand for several."""
        self.names_in_data: Callable[[], int] = lambda: 0
        """What the data's numbers would stay below, if they name things; asked for where a message says it."""

    def trial(self, problems: Problems) -> Network:
        """An empty network of the same definitions, to try something on."""
        return Network(self.definitions, self.dtype, problems, self._trials, self.init)

    def look_at(self, statements: Sequence[tree.Statement], scope: Scope) -> None:
        """Report the mistakes in statements that are not expanded, as far as they do not depend on values."""
        found = Problems()
        with suppress(TooLarge):  # which it may not be where it is called
            self.trial(found).body(statements, None, scope.blind())
        self.problems.take(problem for problem in found.sorted() if problem.code in VALUELESS)

    def input(self, shape: tuple[int, ...], spans: tuple[Span, ...], label: str = "x", below: int = 0) -> Term:
        """An input leaf of a sample shape: numbers, or whole numbers below ``below``."""
        with self.build.at(spans=spans):
            return self.build(Input(Type("i64" if below else self.dtype, (B, *shape)), label, below))

    def body(self, statements: Sequence[tree.Statement], x: Flow, scope: Scope) -> Flow:
        """The value after some statements."""
        for statement in statements:
            self.budget.step(statement.span)
            if isinstance(statement, tree.Layer):
                x = self._statement(statement, x, scope)
            elif isinstance(statement, tree.Broken):
                x = None
            elif isinstance(statement, tree.Let):
                value = constant(statement.value, scope.constants, self.problems)
                scope.constants = {**scope.constants, statement.name.name: 1 if value is None else value}
            else:
                self.problems.report("E208", "definitions stand at the top of a file, not inside branches", statement.span)
        return x

    # One statement ------------------------------------------------------------------------------------------------

    def _statement(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        name = statement.name.name
        if len(scope.path) > limits.DEPTH:
            self.problems.report("E107", f"blocks and branches are nested more than {limits.DEPTH} deep", statement.head)
            return None
        if name in EXPERIMENT:
            self.problems.report("E208", f"`{name}` belongs to the file, not into a branch or block", statement.head)
            return x
        over = name in self.definitions.layers and statement.branches is None and (statement.arguments or statement.options)
        if name in COMBINATORS and not over:
            out = COMBINATORS[name].apply(self, statement, x, scope)
        elif name in self.definitions.blocks:
            out = call_block(self, statement, x, scope)
        elif statement.branches is not None and (name in self.definitions.layers or name in self.definitions.functions):
            self.problems.report("E308", f"`{name}` has no branches", statement.branches[0].span)
            out = None
        elif name in self.definitions.functions:
            out = self._function(statement, x, scope)
        elif name in self.definitions.layers:
            out = self._layer(statement, self.definitions.layers[name], x, scope)
        else:
            return unknown(self, statement, x, scope)
        if statement.label is not None:
            self._label(statement.label, out, scope)
        return out

    def _label(self, label: tree.Word, value: Flow, scope: Scope) -> None:
        if label.name in scope.labels and scope.labels[label.name][1] != label.span:
            self.problems.report("E202", f"`{label.name}` names two values", label.span,
                                 also=[(scope.labels[label.name][1], "first here")])  # fmt: skip
        scope.labels[label.name] = (value, label.span)
        if value is not None:
            self.named.setdefault(label.name, []).append(value.value)

    def name(self, statement: tree.Layer) -> str:
        """A unique name: the label, or the kind and a number."""
        if statement.label is not None:
            base = statement.label.name
            if base not in self._names:
                self._names.add(base)
                return base
        else:
            base = statement.name.name
        while True:
            self._counts[base] = self._counts.get(base, 0) + 1
            separator = "_" if statement.label is not None or base[-1].isdigit() else ""
            name = f"{base}{separator}{self._counts[base]}"
            if name not in self._names:
                self._names.add(name)
                return name

    def bind(self, statement: tree.Layer, signature: Signature, scope: Scope) -> dict[str, object] | None:
        def attempt(problems: Problems) -> dict[str, object] | None:
            if self._chained(statement, scope, problems):
                return None
            return bind(f"`{statement.name.name}`", signature, statement.head, statement.arguments, statement.options,
                        Evaluator(scope.constants, problems), problems)  # fmt: skip

        return tried(attempt, statement, lambda: known_statements(self.definitions), self.definitions.layers, self.problems)

    def _chained(self, statement: tree.Layer, scope: Scope, problems: Problems) -> bool:
        """Whether an arrow leads to a layer, ``linear 2->25 -> tanh``, which is reported."""
        for argument in statement.arguments:
            word = argument.right if isinstance(argument, tree.Arrow) else None
            if isinstance(word, tree.Word) and word.name in self.definitions.layers and word.name not in scope.constants:
                problems.report("E304", f"`{word.name}` is a layer, not a size", word.span, "`;` or a new line parts layers")
                return True
        return False

    # Layers and functions -----------------------------------------------------------------------------------------

    def _layer(self, statement: tree.Layer, layer: LayerType, x: Flow, scope: Scope) -> Flow:
        arguments = self.bind(statement, with_default(layer.takes, self.init), scope)
        if arguments is None or not self._labels(statement, layer.signature, arguments, scope):
            return x if layer.keeps_shape else None
        if x is None:
            shape = layer.input_shape(arguments)
            if shape is None:
                return None
            x = self.input(shape, (statement.head,), "?")
        name = self.name(statement)
        if statement.label is not None:
            scope.layers[statement.label.name] = name
        tie = arguments.get("tie")
        if isinstance(tie, str):
            arguments["tie"] = scope.layers.get(tie, tie)
        trainable, lr = not arguments.get("freeze", False), arguments.get("lr")
        assert lr is None or isinstance(lr, float)
        construct = Construct(self.build, name, [], self.dtype, trainable, lr)
        with self.build.at(spans=(statement.head,), layer=name):
            try:
                if x.type.dtype == "i64" and not layer.whole:
                    raise ShapeError("takes numbers, but gets whole numbers that name things", code="E402",
                                     fix="put `embedding` before it")  # fmt: skip
                out = layer.build(construct, x, arguments)
            except ShapeError as error:
                self._misfit(statement, error, x)
                shape = layer.input_shape(arguments)
                if shape is None or not isinstance(error, SizeMismatch):
                    return None
                # Go on as if the input had been what the layer was written for: one mistake, one message.
                construct = Construct(self.build, name, [], self.dtype)
                try:
                    out = layer.build(construct, self.input(shape, (statement.head,), "?"), arguments)
                except ShapeError:  # more than the input is wrong
                    return None
                construct.declared = []
        if not self._fits_memory(statement, [out, *construct.declared]):
            return None
        declared = tuple((str(term.node.op).removeprefix("parameter "), term.type) for term in construct.declared)
        self.record(statement, name, layer.name, (x,), out, declared, scope)
        return out

    def _labels(self, statement: tree.Layer, signature: Signature, arguments: dict[str, object], scope: Scope) -> bool:
        """Put the values that labels name in their place; whether all are known."""
        for param in signature.params:
            name = arguments[param.name]
            if not isinstance(param.kind, Label) or not isinstance(name, str):
                continue
            if name not in scope.labels:
                near = nearest(name, scope.labels)
                words = [*statement.arguments, *(option.value for option in statement.options)]
                word = next((word.span for word in words if word.span.text == name), None)
                self.problems.report("E203", f"there is no value `{name}` here", word or statement.head,
                                     fixes=[f"did you mean `{near}`?" if near else "name one with `as`"],
                                     edits=instead(word, near) if word else ())  # fmt: skip
                return False
            arguments[param.name], _ = scope.labels[name]
            if arguments[param.name] is None:
                return False
        return True

    def _misfit(self, statement: tree.Layer, error: ShapeError, x: Term) -> None:
        name = statement.name.name
        producer = self.producer(x)
        fixes = [error.fix] if error.fix else []
        if isinstance(error, SizeMismatch):
            also = [(producer, f"makes {error.gets}")] if producer else []
            if not fixes and producer and producer.source is statement.span.source:
                arrow = next((argument for argument in statement.arguments if isinstance(argument, tree.Arrow)), None)
                size = str(error.gets).split()[0]
                both = f": `{name} {size}->{arrow.right.span.text}`" if arrow is not None and size.isdigit() else ""
                fixes = [f"make both {error.gets}{both}, or leave the input's size out: `->`"]
            edits = before(statement.head, "flatten; ") if error.fix.startswith("put `flatten`") else ()
            self.problems.report("E401", f"`{name}` takes {error.takes}, but its input has {error.gets}",
                                 statement.head, f"takes {error.takes}", also=also, fixes=fixes, edits=edits)  # fmt: skip
        else:
            also = [(producer, f"makes {x.type}")] if producer else []
            if isinstance(error, NamesWanted):
                below = error.below or self.names_in_data() or 96
                fixes = [f"say so in the input: `input {sample_text(error.sample)} int<{below}>`"]
            written = producer is not None and producer.text.startswith("input") and error.fix.startswith("channels come first")
            edits = instead(producer, error.fix.split("`")[1]) if producer is not None and written else ()
            self.problems.report(error.code, f"`{name}` {error}", statement.head, also=also, fixes=fixes, edits=edits)

    def producer(self, x: Term) -> Span | None:
        """The place that gave a value its shape: through what keeps the shape, back to what made it."""
        node = x.node
        while node.operands and self.graph.type(node.operands[0]) == node.types[0]:
            node = self.graph[node.operands[0].node]
        return node.spans[0] if node.spans else None

    def _fits_memory(self, statement: tree.Layer, terms: Sequence[Term]) -> bool:
        for term in terms:
            elements = math.prod(term.type.sample)
            if elements > limits.SIZE:
                self.problems.report("E407", f"`{statement.name.name}` makes a tensor of {elements:,} elements; "
                                     f"the limit is {limits.SIZE:,}", statement.head)  # fmt: skip
                return False
        return True

    def _function(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        fn = self.definitions.functions[statement.name.name]
        params = [_constant_param(parameter, self.definitions.constants) for parameter in fn.parameters[1:]]
        arguments = self.bind(statement, Signature(tuple(params)), scope)
        if x is None or arguments is None:
            return x
        if x.type.dtype == "i64":
            error = ShapeError("takes numbers, but gets whole numbers that name things", code="E402")
            self._misfit(statement, error, x)
            return None
        given: list[Operand] = [x]
        given += [value for value in arguments.values() if isinstance(value, int | float)]
        name = self.name(statement)
        formula = Formula(self.build, self.definitions.functions, self.definitions.constants, self.problems, statement.head,
                          layer=True)  # fmt: skip
        with self.build.at(spans=(statement.head, fn.span), layer=name):
            try:
                out = formula.call(fn.name.name, fn.parameters, fn.body, given)
            except Unusable:
                return x
        if not isinstance(out, Term) or out.type != x.type:
            what = f"makes {out.type} of {x.type}" if isinstance(out, Term) else "does not depend on its input"
            self.problems.report("E404", f"as a layer, `{fn.name.name}` must keep the shape, but it {what}",
                                 statement.head, also=[(fn.body.span, "this is its value")])  # fmt: skip
            return x
        self.record(statement, name, fn.name.name, (x,), out, (), scope)
        return out

    def record(self, statement: tree.Layer, name: str, kind: str, inputs: tuple[Term, ...], out: Term,
                parameters: tuple[tuple[str, Type], ...], scope: Scope) -> None:  # fmt: skip
        self.layers.append(
            LayerUse(
                name,
                kind,
                statement.head.phrase,
                statement.head,
                tuple(x.value for x in inputs),
                out.value,
                tuple(x.type for x in inputs),
                out.type,
                parameters,
                scope.path,
            )
        )

    def group(self, title: str, span: Span, copies: int) -> Iterator[Group]:
        """As many copies of a new group."""
        self._groups += 1
        number = self._groups
        return (Group(number, title, copy, copies, span) for copy in range(1, copies + 1))


def _constant_param(parameter: tree.Parameter, constants: Mapping[str, Written]) -> Param:
    if parameter.default is None:
        return Param(parameter.name.name, Float())
    value = Evaluator(constants, Problems()).number(parameter.default)
    return Param(parameter.name.name, Float(), 0.0 if value is None else value)
