"""Small faults in a file: another operator, a comparison turned, a number one greater, two arguments exchanged."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_UNSEEN = (ast.Assert, ast.Raise, ast.AnnAssign, ast.Import, ast.ImportFrom)
"""What a fault in would not be one of what is computed: messages, checks of the compiler's own, types."""


@dataclass(frozen=True)
class Fault:
    """One change of a file: where, what stood there, and what stands there now."""

    file: Path
    line: int
    before: str
    after: str
    text: str
    """The whole file with it."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before}  →  {self.after}"


def faults(file: Path, source: str, functions: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """Every fault of a file, or of the functions of these names in it."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and (not functions or function.name in functions):
            for node in _seen(function.body):
                for changed in _changes(node):
                    yield _fault(file, source, node, changed)


def _seen(body: list[ast.stmt]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, (*_UNSEEN, ast.JoinedStr, ast.FunctionDef)):
            yield node
            waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        yield _with(node, op=_BINARY[type(node.op)]())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        yield _with(node, ops=[_COMPARED[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Call) and len(node.args) > 1 and all(isinstance(a, ast.Name) for a in node.args[-2:]):
        yield _with(node, args=[*node.args[:-2], node.args[-1], node.args[-2]])


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _fault(file: Path, source: str, node: ast.AST, changed: ast.AST) -> Fault:
    assert isinstance(node, ast.expr) and node.end_lineno is not None and node.end_col_offset is not None
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    after = f"({ast.unparse(changed)})"
    text = source.encode()[:start] + after.encode() + source.encode()[end:]
    return Fault(file, node.lineno, ast.unparse(node), after[1:-1], text.decode())
