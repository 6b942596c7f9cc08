"""Reductions of the grammar to syntax tree nodes; the parser calls one as each rule completes, so nothing recurses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from lark import Token, Transformer

from lampc.diagnostics import Problems
from lampc.source import Source, Span
from lampc.syntax import tree
from lampc.syntax.tokens import place

Part = Any
"""A token, or a node of the tree."""


@dataclass(frozen=True)
class _Braces:
    """``{ branch | branch }``, on its way into a statement."""

    bodies: tuple[tree.Body, ...]
    span: Span


class Build(Transformer[Token, tree.Body]):
    """One method a rule of ``lamp.lark``. Children come with their punctuation, for the spans."""

    def __init__(self) -> None:
        super().__init__()
        self.source = Source("", "")
        self.problems = Problems()

    def _span(self, parts: Sequence[Part]) -> Span:
        first, last = parts[0], parts[-1]
        start = first.start_pos if isinstance(first, Token) else first.span.start
        end = last.end_pos if isinstance(last, Token) else last.span.end
        return Span(self.source, cast(int, start), cast(int, end))

    def _word(self, token: Token) -> tree.Word:
        return tree.Word(str(token), place(self.source, token))

    def start(self, parts: list[Part]) -> tree.Body:
        return cast(tree.Body, parts[0])

    def body(self, parts: list[Part]) -> tree.Body:
        statements = tuple(part for part in parts if not isinstance(part, Token))
        span = self._span(statements) if statements else Span(self.source, 0, 0)
        return tree.Body(statements, span)

    def layer(self, parts: list[Part]) -> tree.Layer:
        label = self._word(parts[-1]) if len(parts) > 2 and _is(parts[-2], "AS") else None
        braces = next((part for part in parts if isinstance(part, _Braces)), None)
        arguments = tuple(part for part in parts if isinstance(part, tree.Argument))
        options = tuple(part for part in parts if isinstance(part, tree.Option))
        branches = None if braces is None else braces.bodies
        return tree.Layer(self._word(parts[0]), arguments, options, branches, label, self._span(parts))

    def let(self, parts: list[Part]) -> tree.Let:
        return tree.Let(self._word(parts[1]), parts[3], self._span(parts))

    def fn(self, parts: list[Part]) -> tree.Fn:
        return tree.Fn(self._word(parts[1]), parts[2], parts[4], self._span(parts))

    def block(self, parts: list[Part]) -> tree.Block:
        parameters = parts[2] if len(parts) == 4 else ()
        body, *others = parts[-1].bodies
        if others:
            self.problems.report("E308", "a block has one body", others[0].span, "a second branch",
                                 fixes=["put the branches inside `sum { … | … }` or another combinator"])  # fmt: skip
        return tree.Block(self._word(parts[1]), parameters, body, self._span(parts))

    def use(self, parts: list[Part]) -> tree.Use:
        target = self._word(parts[1]) if parts[1].type == "NAME" else self.string([parts[1]])
        return tree.Use(target, self._span(parts))

    def error(self, parts: list[Part]) -> tree.Broken:
        return tree.Broken(place(self.source, parts[0]))

    def branches(self, parts: list[Part]) -> _Braces:
        """The branches; an empty one takes the place of the punctuation before it."""
        found = []
        for before, part in pairwise(parts):
            if isinstance(part, tree.Body):
                found.append(part if part.statements else tree.Body((), place(self.source, before)))
        return _Braces(tuple(found), self._span(parts))

    def parameters(self, parts: list[Part]) -> tuple[tree.Parameter, ...]:
        return tuple(part for part in parts if isinstance(part, tree.Parameter))

    def parameter(self, parts: list[Part]) -> tree.Parameter:
        default = parts[2] if len(parts) == 3 else None
        return tree.Parameter(self._word(parts[0]), default, self._span(parts))

    def arrow(self, parts: list[Part]) -> tree.Arrow:
        left = None if isinstance(parts[0], Token) else parts[0]
        return tree.Arrow(left, parts[-1], self._span(parts))

    def option(self, parts: list[Part]) -> tree.Option:
        return tree.Option(self._word(parts[0]), parts[2], self._span(parts))

    def anonymous(self, parts: list[Part]) -> tree.Function:
        return tree.Function(parts[1], parts[3], self._span(parts))

    def binary(self, parts: list[Part]) -> tree.Binary:
        return tree.Binary(str(parts[1]), parts[0], parts[2], self._span(parts))

    def negative(self, parts: list[Part]) -> tree.Negative:
        return tree.Negative(parts[1], self._span(parts))

    def number(self, parts: list[Part]) -> tree.Number:
        text, span = str(parts[0]), place(self.source, parts[0])
        digits = text.isascii() and text.isdigit()
        if digits and len(text) <= 18:
            return tree.Number(int(text), span)
        value = math.inf if digits else float(text)
        if not math.isfinite(value):
            self.problems.report("E104", f"`{text[:20]}{'…' * (len(text) > 20)}` is too large a number", span)
            value = 1.0
        return tree.Number(value, span)

    def size(self, parts: list[Part]) -> tree.Size:
        text, span = str(parts[0]), place(self.source, parts[0])
        pieces = text.split("x")
        if any(len(piece) > 18 for piece in pieces) or len(pieces) > 16:
            self.problems.report("E104", f"`{text[:20]}…` is too large a size", span)
            return tree.Size((1,), span)
        return tree.Size(tuple(int(piece) for piece in pieces), span)

    def string(self, parts: list[Part]) -> tree.String:
        return tree.String(str(parts[0])[1:-1], place(self.source, parts[0]))

    def word(self, parts: list[Part]) -> tree.Word:
        return self._word(parts[0])

    def call(self, parts: list[Part]) -> tree.Call:
        arguments = tuple(part for part in parts if isinstance(part, tree.Expression))
        options = tuple(part for part in parts if isinstance(part, tree.Option))
        return tree.Call(self._word(parts[0]), arguments, options, self._span(parts))

    def int_type(self, parts: list[Part]) -> tree.IntType:
        return tree.IntType(parts[2], self._span(parts))

    def list_of(self, parts: list[Part]) -> tree.ListOf:
        return tree.ListOf(tuple(part for part in parts if not isinstance(part, Token)), self._span(parts))

    def group(self, parts: list[Part]) -> tree.Expression:
        return cast(tree.Expression, parts[1])


def _is(part: Part, kind: str) -> bool:
    return isinstance(part, Token) and part.type == kind
