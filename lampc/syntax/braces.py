"""Braces that stand elsewhere in other languages: reported, and read as what is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lark import Token

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead, line_end
from lampc.source import Source, Span
from lampc.syntax.forms import statement_name
from lampc.syntax.words import BODIES

_FURTHEST = 500
"""Tokens of a body that is looked at."""
_PAIRS = {"LPAR": "RPAR", "LSQB": "RSQB"}


def in_place(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """The tokens, bodies in braces that open on the line of their statement, and bars between branches alone."""
    stream = _on_their_lines(source, _in_braces(source, stream, problems), problems)
    return _bars(source, _closed(source, stream, problems), problems)


def _in_braces(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """``repeat 3 (linear 8; tanh)`` with braces."""
    result = list(stream)
    for index, token in enumerate(stream):
        closer = _body(stream, index) if token.type in _PAIRS else None
        if closer is None:
            continue
        last = stream[closer]
        opened, closed = (Span(source, bracket.start_pos or 0, bracket.end_pos or 0) for bracket in (token, last))
        problems.report("E101", f"`{token}` opens no body", opened, "bodies stand in braces", also=[(closed, "it ends here")],
                        fixes=["write `{ … }`"], edits=(Edit(opened, "{ "), Edit(closed, " }")))  # fmt: skip
        result[index] = Token.new_borrow_pos("LBRACE", "{", token)
        result[closer] = Token.new_borrow_pos("RBRACE", "}", last)
    return result


def _body(stream: Sequence[Token], index: int) -> int | None:
    """Where a bracket that holds a body is closed; None where it holds none."""
    first = index
    while first > max(0, index - 3) and stream[first - 1].type not in ("_SEP", "LBRACE", "VBAR", "RBRACE"):
        first -= 1
    if first == index or index - first > 2 or stream[first].type != "NAME" or statement_name(stream[first]) not in BODIES:
        return None
    depth = parted = 0
    for at in range(index, min(len(stream), index + _FURTHEST)):
        depth += (stream[at].type in _PAIRS) - (stream[at].type in _PAIRS.values())
        parted += stream[at].type == "_SEP" and stream[at] == ";"
        if depth == 0:
            inner = stream[index + 1]
            words = parted or (
                inner.type == "NAME" and at > index + 2 and stream[index + 2].type in ("NUMBER", "ARROW", "SIZE")
            )
            return at if words else None
    return None


def _on_their_lines(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """A brace that opens on the next line put where its statement ends."""
    result: list[Token] = []
    for token in stream:
        if token.type == "LBRACE" and result and result[-1].type == "_SEP":
            begins = next((before for before in reversed(result) if before.type != "_SEP"), None)
            if begins is not None and begins.type in ("LBRACE", "VBAR", "RBRACE"):
                begins = None
            lines = begins is not None and ";" not in source.text[begins.end_pos : token.start_pos]
            if begins is not None and lines:
                while result[-1].type == "_SEP":
                    result.pop()
                gap = Span(source, begins.end_pos or 0, token.end_pos or 0)
                at = Span(source, token.start_pos or 0, token.end_pos or 0)
                problems.report("E101", "`{` stands on a line of its own", at, also=[(_line(source, begins), "its statement")],
                                fixes=[f"write `{_line(source, begins).text} {{`"],
                                edits=() if "#" in gap.text else instead(gap, " {"))  # fmt: skip
        result.append(token)
    return result


def _line(source: Source, token: Token) -> Span:
    """A token's line up to its end, without what is before its statement."""
    first, _ = source.ends(source.position(token.start_pos or 0)[0])
    text = source.text[first : token.end_pos]
    start = first + max(text.rfind(";"), text.rfind("{"), text.rfind("|")) + 1
    while source.text[start] in " \t":
        start += 1
    return Span(source, start, token.end_pos or start)


def _closed(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """A brace that is never closed ends where a line stands no further in than that of the brace."""
    open_: list[int] = []
    for index, token in enumerate(stream):
        if token.type == "LBRACE":
            open_.append(index)
        elif token.type == "RBRACE" and open_:
            open_.pop()
    if len(open_) != 1:
        return list(stream)
    opener = stream[open_[0]]
    number, _ = source.position(opener.start_pos or 0)
    for index in range(open_[0] + 2, len(stream)):
        token, before = stream[index], stream[index - 1]
        line, column = source.position(token.start_pos or 0)
        first = before.type == "_SEP" and before != ";" and line > number and token.type not in ("_SEP", "VBAR", "RBRACE")
        if first and column - 1 <= _indent(source, number) and index - 1 > open_[0] + 1:
            return [*stream[:index], _missing(source, opener, token, problems), before, *stream[index:]]
    return list(stream)


def _missing(source: Source, opener: Token, token: Token, problems: Problems) -> Token:
    """The brace that should stand before a token's line, which is reported."""
    start = source.ends(source.position(token.start_pos or 0)[0])[0]
    opened = Span(source, opener.start_pos or 0, opener.end_pos or 0)
    indent = " " * _indent(source, opened.line)
    problems.report("E102", "`{` is never closed", opened, "opened here",
                    also=[(Span(source, token.start_pos or 0, token.end_pos or 0),
                    "stands no further in: the body ends before it")],
                    fixes=[f"add `}}` before line {source.position(start)[0]}"],
                    edits=instead(Span(source, start, start), f"{indent}}}{line_end(source)}"))  # fmt: skip
    return Token("RBRACE", "}", start_pos=start, end_pos=start)


def _indent(source: Source, number: int) -> int:
    first, last = source.ends(number)
    line = source.text[first:last]
    return len(line) - len(line.lstrip())


def _bars(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """Bars outside of braces as what parts statements: ``linear 2->8 | tanh``."""
    result: list[Token] = []
    depth, spoken = 0, 0
    for token in stream:
        depth = max(0, depth + (token.type == "LBRACE") - (token.type == "RBRACE"))
        if token.type == "MORETHAN" and result and result[-1] == "|" and result[-1].end_pos == token.start_pos:
            continue
        if token.type == "VBAR" and depth == 0:
            number = source.position(token.start_pos or 0)[0]
            if number != spoken:
                _report_bar(source, token, number, problems)
            spoken = number
            token = Token.new_borrow_pos("_SEP", "|", token)
        result.append(token)
    return result


def _report_bar(source: Source, token: Token, number: int, problems: Problems) -> None:
    line = Span(source, *source.ends(number))
    at = Span(source, token.start_pos or 0, token.end_pos or 0)
    fixes = ["put the branches in braces: `sum { … | … }`"]
    edits: tuple[Edit, ...] = ()
    if not set(line.text) & set("{}#"):
        ours = re.sub(r"\s*\|>?\s*", "; ", line.text.strip()).strip("; ")
        fixes, edits = [f"`;` parts layers: `{ours}`", *fixes], instead(line, ours)
    problems.report("E101", "`|` stands between branches, inside `{ }`", at, fixes=fixes, edits=edits)
