"""How large a network will be, worked out on the tree before anything is expanded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampc import limits
from lampc.diagnostics import Problems
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.definitions import Definitions
from lampc.layers import LAYERS
from lampc.layers.signature import Written
from lampc.source import Span
from lampc.syntax import tree


class Count:
    """Counts operations. Reports networks beyond the limit, blocks that contain themselves, and nothing else."""

    def __init__(self, definitions: Definitions, problems: Problems) -> None:
        self.definitions = definitions
        self.problems = problems
        self.failed = False
        self._blocks: list[str] = []
        self._known: dict[tuple[str, tuple[object, ...]], int] = {}

    def check(self, statements: Sequence[tree.Statement], names: Mapping[str, Written]) -> bool:
        """Whether the statements may be expanded where some constants are known."""
        total = 0
        for statement in statements:
            names = self._with(names, statement)
            before, total = total, total + self._statement(statement, names)
            if before <= limits.NODES < total and isinstance(statement, tree.Layer):
                self._too_large(statement.head, total)
        return not self.failed

    def _too_large(self, span: Span, total: int) -> None:
        self.failed = True
        self.problems.report("E406", f"the network expands to {total:,} operations; the limit is {limits.NODES:,}", span,
                             "the limit is passed here", fixes=["repeat less"])  # fmt: skip

    def _body(self, body: tree.Body, names: Mapping[str, Written]) -> int:
        total = 0
        for statement in body.statements:
            names = self._with(names, statement)
            total += self._statement(statement, names)
        return total

    def _with(self, names: Mapping[str, Written], statement: tree.Statement) -> Mapping[str, Written]:
        """The constants after a statement."""
        if not isinstance(statement, tree.Let):
            return names
        value = self._value(statement.value, names)
        return {**names, statement.name.name: 1 if value is None else value}

    def _statement(self, statement: tree.Statement, names: Mapping[str, Written]) -> int:
        if not isinstance(statement, tree.Layer):
            return 1
        name = statement.name.name
        inside = sum(self._body(branch, names) for branch in statement.branches or ())
        if name == "repeat":
            times = [self._number(argument, names) for argument in statement.arguments]
            return max(1, inside) * max([1, *times])
        if name in self.definitions.blocks:
            return self._block(statement, names)
        if name in self.definitions.functions:
            return _operators(self.definitions.functions[name].body)
        return inside + (LAYERS[name].nodes if name in LAYERS else 1)

    def _block(self, statement: tree.Layer, names: Mapping[str, Written]) -> int:
        block = self.definitions.blocks[statement.name.name]
        name = block.name.name
        if name in self._blocks:
            path = " → ".join([*self._blocks[self._blocks.index(name) :], name])
            self.failed = True
            self.problems.report("E204", f"block `{name}` contains itself: {path}", statement.head,
                                 also=[(block.head, "defined here")],
                                 fixes=["blocks expand where they are called; use `repeat` for more of the same"])  # fmt: skip
            return 1
        if len(self._blocks) >= limits.NESTING:
            self.failed = True
            self.problems.report("E107", f"blocks are nested more than {limits.NESTING} deep", statement.head)
            return 1
        inner = dict(self.definitions.constants)
        unnamed = iter(statement.arguments)
        given = {option.name.name: option.value for option in statement.options}
        for parameter in block.parameters:
            argument = given.get(parameter.name.name) or next(unnamed, None)
            value = self._value(argument, names) if argument else self._value(parameter.default, inner)
            inner[parameter.name.name] = 1 if value is None else value
        key = (name, tuple(repr(inner[parameter.name.name]) for parameter in block.parameters))
        if key not in self._known:
            self._blocks.append(name)
            self._known[key] = self._body(block.body, inner)
            self._blocks.pop()
        return self._known[key]

    def _value(self, argument: tree.Argument | None, names: Mapping[str, Written]) -> Written | None:
        if argument is None:
            return None
        return Evaluator(names, Problems()).argument(argument)

    def _number(self, argument: tree.Argument, names: Mapping[str, Written]) -> int:
        value = self._value(argument, names)
        return int(value) if isinstance(value, int | float) and 0 < value < limits.SIZE else 1


def _operators(expression: tree.Expression) -> int:
    """The operations that a formula writes out; calls of other functions count as one."""
    if isinstance(expression, tree.Binary):
        return 1 + _operators(expression.left) + _operators(expression.right)
    if isinstance(expression, tree.Negative):
        return 1 + _operators(expression.operand)
    if isinstance(expression, tree.Call):
        return 1 + sum(_operators(argument) for argument in expression.arguments)
    return 1
