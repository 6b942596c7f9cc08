"""Text to syntax tree, with recovery: each wrong statement gives one diagnostic, and the rest is still read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lark import Lark, Token
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from lampc import limits
from lampc.diagnostics import Problems
from lampc.source import Source, Span
from lampc.syntax import automaton, tree
from lampc.syntax.apart import apart
from lampc.syntax.build import Build
from lampc.syntax.strangers import is_json
from lampc.syntax.strays import stray
from lampc.syntax.tokens import place, tokens
from lampc.syntax.unexpected import Judge, Unexpected, statement


def parse(source: Source, problems: Problems, holds: Judge | None = None) -> tree.Body:
    """The tree of a source; what cannot be read is reported and stands in it as ``Broken``.

    ``holds`` says whether what a message is to show could stand in a program; what can be read does, where it is not given.
    """
    if len(source.text) > limits.SOURCE_BYTES:
        problems.report("E002", f"the source has {len(source.text):,} characters; the limit is {limits.SOURCE_BYTES:,}",
                        Span(source, 0, 0))  # fmt: skip
        return tree.Body((), Span(source, 0, 0))
    if is_json(source.text):
        first = Span(source, len(source.text) - len(source.text.lstrip()), len(source.text) - len(source.text.lstrip()) + 1)
        problems.report(
            "E101", "this is JSON, or the like", first, fixes=["write statements, one a line: `linear 2->25`, then `tanh`"]
        )
        return tree.Body((tree.Broken(first),), first)
    with _parser(source, problems) as lark:
        return _parsed(lark, source, problems, holds or _readable)


def _parsed(lark: Lark, source: Source, problems: Problems, holds: Judge) -> tree.Body:
    stream = apart(source, tokens(lark, source, problems), problems)
    if any(found.code == "E107" for found in problems.errors):  # brackets have been left out: nothing can be said of the rest
        return tree.Body((tree.Broken(Span(source, 0, 0)),), Span(source, 0, 0))
    faults = [found.labels[0].span.start for found in problems.errors if found.labels and found.code in _BRACKETS]
    end = Token("$END", "", start_pos=len(source.text), end_pos=len(source.text))
    unexpected = Unexpected(source, [*stream, end], problems, holds)
    reader = lark.parse_interactive()
    index = 0
    recovered = -1
    while index < len(stream):
        token = stream[index]
        try:
            reader.feed_token(token)
            index += 1
        except UnexpectedToken as error:
            if index == recovered or stray(stream, index):  # an ERROR before it did not help, or elaboration speaks of it
                index += 1
                continue
            spoken = 0 if _reported(stream, index, faults) else unexpected.report(index, error.expected)
            index = _recover(reader, source, stream, index)
            while index < len(stream) and (stream[index].start_pos or 0) < spoken:
                index += 1
            recovered = index
    try:
        body = reader.feed_token(end)
    except UnexpectedToken as error:
        if not _reported(stream, len(stream), faults):
            unexpected.report(len(stream), error.expected)
        _recover(reader, source, stream, len(stream))
        body = reader.feed_token(end)
    assert isinstance(body, tree.Body)
    return body


def _readable(text: str, _: frozenset[str]) -> bool:
    return readable(text)


def readable(text: str) -> bool:
    """Whether a text is a program, as far as its grammar goes."""
    source, problems = Source("", text), Problems()
    with _parser(source, problems) as lark:
        reader = lark.parse_interactive()
        try:
            for token in apart(source, tokens(lark, source, problems), problems):
                reader.feed_token(token)
            reader.feed_token(Token("$END", "", start_pos=len(text), end_pos=len(text)))
        except UnexpectedToken:
            return False
    return not problems.errors


_BRACKETS = ("E102", "E103", "E108", "E109")
"""Codes of what is wrong with a statement's brackets, or was left out of it."""


def _reported(stream: list[Token], index: int, faults: list[int]) -> bool:
    """Whether a bracket of the statement around a token has been reported; what else is wrong there follows from it."""
    first, last = statement(stream, index)
    start = stream[first - 1].end_pos or 0 if first else 0
    stop = stream[last].start_pos if last < len(stream) else None
    return any(start <= fault and (stop is None or fault <= stop) for fault in faults)


_FREE: list[tuple[Lark, Build]] = []
"""Parsers that nobody uses now: each is lent to one text at a time, for its reductions know that text."""


@contextmanager
def _parser(source: Source, problems: Problems) -> Iterator[Lark]:
    """A parser that is this text's alone, in whatever thread."""
    try:
        lark, build = _FREE.pop()
    except IndexError:
        build = Build()
        lark = automaton.parser(build)
    build.source, build.problems = source, problems
    try:
        yield lark
    finally:
        build.source, build.problems = Source("", ""), Problems()
        _FREE.append((lark, build))


def _recover(reader: InteractiveParser, source: Source, stream: list[Token], index: int) -> int:
    """Give up the statement being read: back to where one may begin, an ERROR in its place, on to its end.

    The parser's stacks are lark's internals (``lark`` is bounded in pyproject.toml, and tests hold this down).
    """
    state = reader.parser_state
    states = state.parse_conf.states
    start, stop = statement(stream, index)
    depth = 0  # of braces that the statement has already closed
    while len(state.state_stack) > 1 and (depth or "ERROR" not in states[state.state_stack[-1]]):
        state.state_stack.pop()
        kind = getattr(state.value_stack.pop(), "type", None)
        depth += (kind == "RBRACE") - (kind == "LBRACE")
    depth, before = 0, index
    while index < len(stream):
        kind = stream[index].type
        if depth == 0 and kind in ("_SEP", "VBAR", "RBRACE"):
            break
        depth += (kind == "LBRACE") - (kind == "RBRACE")
        index += 1
    if "ERROR" in states[state.state_stack[-1]]:
        span = Span(source, len(source.text), len(source.text))
        if start < len(stream):
            span = place(source, stream[start]).to(place(source, stream[max(start, stop - 1)]))
        reader.feed_token(Token("ERROR", "", start_pos=span.start, end_pos=span.end))
    elif index == before and index < len(stream):
        index += 1  # nothing to give up and nothing to skip: leave this token out
    return index
