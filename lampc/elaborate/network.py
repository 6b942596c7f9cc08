"""From statements to the forward graph: layers build their ops, combinators join them, and every size is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lampc import limits
from lampc.diagnostics import Problems
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.bind import bind
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.definitions import EXPERIMENT, Definitions, constant, known_statements
from lampc.elaborate.foreign import translate
from lampc.elaborate.functions import Formula, Operand, Unusable
from lampc.ir.graph import Graph
from lampc.ir.layout import Group, LayerUse
from lampc.ir.leaves import Input
from lampc.ir.op import ShapeError, SizeMismatch
from lampc.ir.types import B, DType, Type
from lampc.layers import LAYERS, LayerType
from lampc.layers.layer import Construct
from lampc.layers.signature import Float, Int, Param, Signature, Written
from lampc.ops.arithmetic import Mul
from lampc.ops.shape import Concat
from lampc.ops.term import Build, Term
from lampc.source import Span
from lampc.syntax import tree

Flow = Term | None
"""The value that flows through the statements; None once a mistake has made it unknown."""

Join = Callable[[list[Term]], Term]
"""How the ends of branches become one value."""

REPEAT = Signature((Param("times", Int(1), doc="how many copies"),))
CONCAT = Signature((Param("axis", Int(1, 16), 1, "the axis of a sample that grows, from 1"),))


@dataclass
class Scope:
    """Names that a body sees."""

    constants: Mapping[str, Written]
    labels: dict[str, tuple[Flow, Span]] = field(default_factory=dict)
    path: tuple[Group, ...] = ()
    prefix: str = ""

    def inner(self, group: Group) -> Scope:
        """A scope for a body inside this one."""
        return replace(self, labels=dict(self.labels), path=(*self.path, group))


class Network:
    """Builds the forward graph."""

    def __init__(self, definitions: Definitions, dtype: DType, problems: Problems) -> None:
        self.definitions = definitions
        self.dtype: DType = dtype
        self.problems = problems
        self.graph = Graph()
        self.build = Build(self.graph)
        self.layers: list[LayerUse] = []
        self._counts: dict[str, int] = {}
        self._names: set[str] = set()
        self._groups = 0

    def input(self, shape: tuple[int, ...], spans: tuple[Span, ...], label: str = "x") -> Term:
        """An input leaf of a sample shape."""
        with self.build.at(spans=spans):
            return self.build(Input(Type(self.dtype, (B, *shape)), label))

    def body(self, statements: Sequence[tree.Statement], x: Flow, scope: Scope) -> Flow:
        """The value after some statements."""
        for statement in statements:
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
        if name in EXPERIMENT:
            self.problems.report("E208", f"`{name}` belongs to the file, not into a branch or block", statement.head)
            return x
        combinator = getattr(self, f"_{name}", None) if name in _COMBINATORS else None
        if combinator is not None:
            out: Flow = combinator(statement, x, scope)
        elif name in self.definitions.blocks:
            out = self._block(statement, x, scope)
        elif statement.branches is not None and (name in LAYERS or name in self.definitions.functions):
            self.problems.report("E308", f"`{name}` has no branches", statement.branches[0].span)
            out = None
        elif name in self.definitions.functions:
            out = self._function(statement, x, scope)
        elif name in LAYERS:
            out = self._layer(statement, LAYERS[name], x, scope)
        else:
            self._unknown(statement)
            return None
        if statement.label is not None:
            self._label(statement.label, out, scope)
        return out

    def _unknown(self, statement: tree.Layer) -> None:
        name = statement.name.name
        foreign, planned = translate(name)
        near = foreign or nearest(name, known_statements(self.definitions))
        fixes = [f"did you mean `{near}`?"] if near and not planned else []
        if planned:
            fixes = ["lampc does not have this layer yet; `docs/language.md` lists those it has"]
        elif foreign == "linear":
            fixes = ["lampc calls it `linear in->out`"]
        elif foreign:
            fixes = [f"lampc calls it `{foreign}`"]
        elif name in self.definitions.constants:
            fixes = [f"`{name}` is a constant; a statement begins with a layer"]
        self.problems.report("E201", f"there is no layer `{name}`", statement.name.span, fixes=fixes)

    def _label(self, label: tree.Word, value: Flow, scope: Scope) -> None:
        if label.name in scope.labels and scope.labels[label.name][1] != label.span:
            self.problems.report("E202", f"`{label.name}` names two values", label.span,
                                 also=[(scope.labels[label.name][1], "first here")])  # fmt: skip
        scope.labels[label.name] = (value, label.span)

    def _name(self, statement: tree.Layer) -> str:
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

    def _bind(self, statement: tree.Layer, signature: Signature, scope: Scope) -> dict[str, object] | None:
        evaluator = Evaluator(scope.constants, self.problems)
        return bind(f"`{statement.name.name}`", signature, statement.head, statement.arguments, statement.options,
                    evaluator, self.problems)  # fmt: skip

    # Layers and functions -----------------------------------------------------------------------------------------

    def _layer(self, statement: tree.Layer, layer: LayerType, x: Flow, scope: Scope) -> Flow:
        arguments = self._bind(statement, layer.signature, scope)
        if arguments is None:
            return x if layer.keeps_shape else None
        if x is None:
            shape = layer.input_shape(arguments)
            if shape is None:
                return None
            x = self.input(shape, (statement.head,), "?")
        name = self._name(statement)
        construct = Construct(self.build, name, [])
        with self.build.at(spans=(statement.head,), layer=name):
            try:
                out = layer.build(construct, x, arguments)
            except ShapeError as error:
                self._misfit(statement, error, x)
                shape = layer.input_shape(arguments)
                if shape is None or not isinstance(error, SizeMismatch):
                    return None
                # Go on as if the input had been what the layer was written for: one mistake, one message.
                out = layer.build(Construct(self.build, name, []), self.input(shape, (statement.head,), "?"), arguments)
                construct.declared = []
        if not self._fits_memory(statement, [out, *construct.declared]):
            return None
        declared = tuple((str(term.node.op).removeprefix("parameter "), term.type) for term in construct.declared)
        self._record(statement, name, layer.name, (x,), out, declared, scope)
        return out

    def _misfit(self, statement: tree.Layer, error: ShapeError, x: Term) -> None:
        name = statement.name.name
        producer = self.producer(x)
        fixes = [error.fix] if error.fix else []
        if isinstance(error, SizeMismatch):
            also = [(producer, f"makes {error.gets}")] if producer else []
            if not fixes and producer and producer.source is statement.span.source:
                fixes = [f"make both {error.gets}, or leave the input's size out: `->`"]
            self.problems.report("E401", f"`{name}` takes {error.takes}, but its input has {error.gets}",
                                 statement.head, f"takes {error.takes}", also=also, fixes=fixes)  # fmt: skip
        else:
            also = [(producer, f"makes {x.type}")] if producer else []
            self.problems.report(error.code, f"`{name}` {error}", statement.head, also=also, fixes=fixes)

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
        arguments = self._bind(statement, Signature(tuple(params)), scope)
        if x is None or arguments is None:
            return x
        given: list[Operand] = [x]
        given += [value for value in arguments.values() if isinstance(value, int | float)]
        name = self._name(statement)
        formula = Formula(self.build, self.definitions.functions, self.definitions.constants, self.problems, statement.head)
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
        self._record(statement, name, fn.name.name, (x,), out, (), scope)
        return out

    def _record(self, statement: tree.Layer, name: str, kind: str, inputs: tuple[Term, ...], out: Term,
                parameters: tuple[tuple[str, Type], ...], scope: Scope) -> None:  # fmt: skip
        self.layers.append(
            LayerUse(
                name,
                kind,
                " ".join(statement.head.text.split()),
                statement.head,
                tuple(x.value for x in inputs),
                out.value,
                tuple(x.type for x in inputs),
                out.type,
                parameters,
                scope.path,
            )
        )

    # Composition --------------------------------------------------------------------------------------------------

    def _group(self, title: str, span: Span, copies: int) -> list[Group]:
        self._groups += 1
        return [Group(self._groups, title, copy, copies, span) for copy in range(1, copies + 1)]

    def _branches(self, statement: tree.Layer, most: int | None = None) -> tuple[tree.Body, ...] | None:
        """The statement's branches; None, which has been reported, where there are none, too many, or empty ones."""
        name = statement.name.name
        branches = statement.branches
        if not branches:
            self.problems.report("E308", f"`{name}` needs `{{ … }}`", statement.head)
            return None
        if most is not None and len(branches) > most:
            self.problems.report("E308", f"`{name}` has one branch", branches[1].span, "a second one",
                                 fixes=["`sum { … | … }` joins several"])  # fmt: skip
        empty = [branch for branch in branches if not branch.statements]
        for branch in empty:
            self.problems.report("E207", f"a branch of `{name}` is empty", branch.span,
                                 fixes=["write `pass` for a branch that keeps its input"])  # fmt: skip
        return None if empty else branches[:most]

    def _repeat(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        arguments = self._bind(statement, REPEAT, scope)
        branches = self._branches(statement, most=1)
        if branches is None:
            return None
        times = arguments["times"] if arguments else 1
        assert isinstance(times, int)
        for group in self._group(f"repeat {times}", statement.head, times):
            x = self.body(branches[0].statements, x, scope.inner(group))
        return x

    def _residual(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        self._bind(statement, Signature(), scope)
        branches = self._branches(statement, most=1)
        if branches is None:
            return x
        (group,) = self._group("residual", statement.head, 1)
        out = self.body(branches[0].statements, x, scope.inner(group))
        if x is None or out is None:
            return out if x is None else x
        if out.type != x.type:
            producer = self.producer(out)
            self.problems.report("E404", f"`residual` adds its input to its result, but {x.type} became {out.type}",
                                 statement.head, also=[(producer, f"makes {out.type}")] if producer else [],
                                 fixes=["let the branch end in the size it began with"])  # fmt: skip
            return x
        return self._join(statement, [x, out], lambda terms: terms[0] + terms[1], scope)

    def _sum(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        self._bind(statement, Signature(), scope)

        def add(terms: list[Term]) -> Term:
            return sum(terms[1:], start=terms[0])

        return self._elementwise(statement, x, scope, add)

    def _product(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        self._bind(statement, Signature(), scope)

        def multiply(terms: list[Term]) -> Term:
            out = terms[0]
            for term in terms[1:]:
                out = self.build(Mul(), out, term)
            return out

        return self._elementwise(statement, x, scope, multiply)

    def _elementwise(self, statement: tree.Layer, x: Flow, scope: Scope, join: Join) -> Flow:
        ends = self._parallel(statement, x, scope)
        if ends is None:
            return None
        first, span = ends[0]
        for end, place in ends[1:]:
            if end.type != first.type:
                producers = (self.producer(end), self.producer(first))
                self.problems.report("E404", f"the branches of `{statement.name.name}` make {first.type} and {end.type}",
                                     producers[0] or place, f"makes {end.type}",
                                     also=[(producers[1] or span, f"makes {first.type}")],
                                     fixes=["let all branches end in one shape, or join them with `concat`"])  # fmt: skip
                return first
        return self._join(statement, [end for end, _ in ends], join, scope)

    def _concat(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        arguments = self._bind(statement, CONCAT, scope)
        ends = self._parallel(statement, x, scope)
        if ends is None or arguments is None:
            return None
        axis = arguments["axis"]
        assert isinstance(axis, int)
        try:
            return self._join(statement, [end for end, _ in ends], lambda terms: self.build(Concat(axis), *terms), scope)
        except ShapeError as error:
            end, place = ends[error.operand]
            also = [(self.producer(ends[0][0]) or ends[0][1], f"makes {ends[0][0].type}")] if error.operand else []
            self.problems.report("E404", f"`concat` cannot join its branches: {error}", self.producer(end) or place,
                                 f"makes {end.type}", also=also)  # fmt: skip
            return None

    def _parallel(self, statement: tree.Layer, x: Flow, scope: Scope) -> list[tuple[Term, Span]] | None:
        """What each branch makes of the input; None if that is unknown for one."""
        branches = self._branches(statement)
        if branches is None:
            return None
        groups = self._group(statement.name.name, statement.head, len(branches))
        ends = []
        for branch, group in zip(branches, groups, strict=True):
            end = self.body(branch.statements, x, scope.inner(group))
            if end is not None:
                ends.append((end, branch.span))
        return ends if len(ends) == len(branches) else None

    def _join(self, statement: tree.Layer, ends: list[Term], join: Join, scope: Scope) -> Term:
        name = self._name(statement)
        with self.build.at(spans=(statement.head,), layer=name):
            out = join(ends) if len(ends) > 1 else ends[0]
        if len(ends) > 1:
            self._record(statement, name, statement.name.name, tuple(ends), out, (), scope)
        return out

    def _pass(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        self._bind(statement, Signature(), scope)
        if statement.branches is not None:
            self.problems.report("E308", "`pass` has no branches", statement.branches[0].span)
        return x

    def _from(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        if statement.branches is not None or statement.options:
            self.problems.report("E308", "`from` takes a label and nothing else", statement.head)
        word = statement.arguments[0] if statement.arguments else None
        if not isinstance(word, tree.Word) or len(statement.arguments) > 1:
            self.problems.report("E301", "`from` takes one label", statement.head,
                                 fixes=["name a value with `as h`, then write `from h`"])  # fmt: skip
            return None
        if word.name not in scope.labels:
            near = nearest(word.name, scope.labels)
            fixes = [f"did you mean `{near}`?"] if near else ["a label is given with `as` before it is used, in the same "
                                                              "body or one around it"]  # fmt: skip
            self.problems.report("E203", f"there is no value `{word.name}` here", word.span, fixes=fixes)
            return None
        return scope.labels[word.name][0]

    def _block(self, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
        block = self.definitions.blocks[statement.name.name]
        if statement.branches is not None:
            self.problems.report("E308", f"`{block.name.name}` has no branches", statement.branches[0].span)
        constants = self._block_arguments(statement, block, scope)
        if constants is None:
            return None
        if not block.body.statements:
            self.problems.report("E207", f"block `{block.name.name}` is empty", block.span)
            return x
        title = " ".join(statement.head.text.split())
        (group,) = self._group(title, statement.head, 1)
        inner = Scope(constants, {}, (*scope.path, group))
        return self.body(block.body.statements, x, inner)

    def _block_arguments(self, statement: tree.Layer, block: tree.Block, scope: Scope) -> Mapping[str, Written] | None:
        """The constants that a block's body sees: the file's, and its parameters."""
        constants: dict[str, Written] = dict(self.definitions.constants)
        names = [parameter.name.name for parameter in block.parameters]
        given: dict[str, tree.Argument] = dict(zip(names, statement.arguments, strict=False))
        if len(statement.arguments) > len(names):
            self.problems.report("E302", f"`{block.name.name}` takes {len(names)} arguments, not "
                                 f"{len(statement.arguments)}", statement.arguments[len(names)].span,
                                 also=[(block.span, "defined here")])  # fmt: skip
            return None
        for option in statement.options:
            name = option.name.name
            if name not in names or name in given:
                code, what = ("E306", "is given twice") if name in given else ("E303", "is not one of its parameters")
                near = nearest(name, names)
                self.problems.report(code, f"`{block.name.name}`: `{name}` {what}", option.name.span,
                                     also=[(block.span, "defined here")],
                                     fixes=[f"did you mean `{near}`?"] if near and name not in given else [])  # fmt: skip
                return None
            given[name] = option.value
        for parameter in block.parameters:
            name = parameter.name.name
            written = given.get(name, parameter.default)
            if written is None:
                self.problems.report("E301", f"`{block.name.name}` needs `{name}`", statement.head,
                                     also=[(block.span, "defined here")])  # fmt: skip
                return None
            if isinstance(written, tree.Arrow | tree.Function):
                self.problems.report("E304", f"`{name}` takes a constant", written.span)
                return None
            value = constant(written, scope.constants if name in given else constants, self.problems)
            constants[name] = 1 if value is None else value
        return constants


_COMBINATORS = frozenset({"repeat", "residual", "sum", "product", "concat", "pass", "from"})


def _constant_param(parameter: tree.Parameter, constants: Mapping[str, Written]) -> Param:
    if parameter.default is None:
        return Param(parameter.name.name, Float())
    value = Evaluator(constants, Problems()).number(parameter.default)
    return Param(parameter.name.name, Float(), 0.0 if value is None else value)
