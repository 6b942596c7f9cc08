"""Text to syntax tree, with recovery: each wrong statement gives one diagnostic, and the rest is still read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lark import Lark, Token
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from lampc import limits, resources
from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead, rewritten
from lampc.source import Source, Span
from lampc.syntax import tree
from lampc.syntax.apart import apart
from lampc.syntax.build import Build
from lampc.syntax.rephrase import said
from lampc.syntax.tokens import Lexical, place, tokens


def parse(source: Source, problems: Problems) -> tree.Body:
    """The tree of a source; what cannot be read is reported and stands in it as ``Broken``."""
    if len(source.text) > limits.SOURCE_BYTES:
        problems.report("E002", f"the source has {len(source.text):,} characters; the limit is {limits.SOURCE_BYTES:,}",
                        Span(source, 0, 0))  # fmt: skip
        return tree.Body((), Span(source, 0, 0))
    with _parser(source, problems) as lark:
        return _parsed(lark, source, problems)


def _parsed(lark: Lark, source: Source, problems: Problems) -> tree.Body:
    stream = apart(source, tokens(lark, source, problems), problems)
    if any(found.code == "E107" for found in problems.errors):  # brackets have been left out: nothing can be said of the rest
        return tree.Body((tree.Broken(Span(source, 0, 0)),), Span(source, 0, 0))
    faults = [found.labels[0].span.start for found in problems.errors if found.labels and found.code in _BRACKETS]
    reader = lark.parse_interactive()
    index = 0
    recovered = -1
    while index < len(stream):
        token = stream[index]
        try:
            reader.feed_token(token)
            index += 1
        except UnexpectedToken as unexpected:
            if index == recovered:  # an ERROR before this token did not help: leave the token out
                index += 1
                continue
            if not _reported(stream, index, faults):
                _report(source, stream, index, unexpected, problems)
            index = recovered = _recover(reader, source, stream, index)
    end = Token("$END", "", start_pos=len(source.text), end_pos=len(source.text))
    try:
        body = reader.feed_token(end)
    except UnexpectedToken as unexpected:
        if not _reported(stream, len(stream), faults):
            _report(source, [*stream, end], len(stream), unexpected, problems)
        _recover(reader, source, stream, len(stream))
        body = reader.feed_token(end)
    assert isinstance(body, tree.Body)
    return body


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
_EDGES = ("_SEP", "LBRACE", "VBAR", "RBRACE")
"""Tokens that statements end at."""


def _reported(stream: list[Token], index: int, faults: list[int]) -> bool:
    """Whether a bracket of the statement around a token has been reported; what else is wrong there follows from it."""
    first, last = _statement(stream, index)
    start = stream[first - 1].end_pos or 0 if first else 0
    stop = stream[last].start_pos if last < len(stream) else None
    return any(start <= fault and (stop is None or fault <= stop) for fault in faults)


def _statement(stream: list[Token], index: int) -> tuple[int, int]:
    """Where the statement around a token begins and ends."""
    first = last = index
    while first > 0 and stream[first - 1].type not in _EDGES:
        first -= 1
    while last < len(stream) and stream[last].type not in (*_EDGES, "$END"):
        last += 1
    return first, last


_FREE: list[tuple[Lark, Build]] = []
"""Parsers that nobody uses now: each is lent to one text at a time, for its reductions know that text."""


@contextmanager
def _parser(source: Source, problems: Problems) -> Iterator[Lark]:
    """A parser that is this text's alone, in whatever thread."""
    try:
        lark, build = _FREE.pop()
    except IndexError:
        lark, build = _made()
    build.source, build.problems = source, problems
    try:
        yield lark
    finally:
        build.source, build.problems = Source("", ""), Problems()
        _FREE.append((lark, build))


def _made() -> tuple[Lark, Build]:
    build = Build()
    grammar = resources.text("grammars", "lamp.lark")
    lark = Lark(grammar, parser="lalr", lexer="basic", transformer=build, postlex=Lexical(), keep_all_tokens=True,
                maybe_placeholders=False)  # fmt: skip
    return lark, build


def _recover(reader: InteractiveParser, source: Source, stream: list[Token], index: int) -> int:
    """Give up the statement being read: back to where one may begin, an ERROR in its place, on to its end.

    The parser's stacks are lark's internals (``lark`` is bounded in pyproject.toml, and tests hold this down).
    """
    state = reader.parser_state
    states = state.parse_conf.states
    start = index
    depth = 0  # of braces that the statement has already closed
    while len(state.state_stack) > 1 and (depth or "ERROR" not in states[state.state_stack[-1]]):
        state.state_stack.pop()
        kind = getattr(state.value_stack.pop(), "type", None)
        depth += (kind == "RBRACE") - (kind == "LBRACE")
    depth = 0
    while index < len(stream):
        kind = stream[index].type
        if depth == 0 and kind in ("_SEP", "VBAR", "RBRACE"):
            break
        depth += (kind == "LBRACE") - (kind == "RBRACE")
        index += 1
    if "ERROR" in states[state.state_stack[-1]]:
        first = place(source, stream[start]) if start < len(stream) else Span(source, len(source.text), len(source.text))
        reader.feed_token(Token("ERROR", "", start_pos=first.start, end_pos=first.end))
    elif index == start and index < len(stream):
        index += 1  # nothing to give up and nothing to skip: leave this token out
    return index


def _report(source: Source, stream: list[Token], index: int, unexpected: UnexpectedToken, problems: Problems) -> None:
    token = stream[index]
    before = stream[index - 1] if index else None
    span = _where(source, token, before)
    if token.type == "ELLIPSIS":
        problems.report("E106", "`...` stands for omitted text, it is not a statement", span,
                        fixes=["write out what it stands for, or `repeat n { … }` for more of the same"])  # fmt: skip
    elif token.type == "BADNUMBER":
        fixes = ["a size has whole numbers joined by `x`, as in 3x3"] if "x" in token else []
        problems.report("E104", f"`{token}` is not a number", span, fixes=fixes)
    elif token.type == "BADSTRING":
        if "\\" in token:
            closed = source.text[span.end : span.end + 1] == '"'
            path, whole = token.replace("\\", "/"), Span(source, span.start, span.end + closed)
            problems.report("E105", "a string has no backslashes", whole, fixes=[f'write paths with `/`: `{path}"`'],
                            edits=instead(whole, f'{path}"') if closed else ())  # fmt: skip
        else:
            problems.report("E105", "this string has no closing quote on its line", span, fixes=['add `"`'])
    elif token.type == "UNKNOWN":
        ours, why = _instead(source, stream, index, problems), _character(token)
        problems.report("E101", f"the character {_shown(token)} has no meaning here", span, why[0] if why and ours else "",
                        fixes=ours.fixes if ours else why,
                        edits=ours.edits if ours else instead(span, _OURS.get(token)))  # fmt: skip
    else:
        what = "end of the file" if token.type == "$END" else "end of the line" if token in ("\n", "\r") else f"`{token}`"
        after = f" after `{_short(before)}`" if before is not None and before.type not in ("_SEP",) else ""
        message = f"unexpected {what}{after}"
        early = token.type == "LBRACE" and index > 1 and stream[index - 2].type == "AS"
        edits: tuple[Edit, ...] = ()
        if early:
            fixes, text = [f"`as` stands after the braces: `{{ … }} as {before}`"], ""
        elif _doubled(stream, index):
            fixes, text = ["a comment begins with `#`"], ""
            edits = _as_comment(source, stream, index)
        else:
            ours = _instead(source, stream, index, problems)
            text = _why(stream, index) if ours else _expectation(unexpected.expected)
            fixes = ours.fixes if ours else _hints(token, before)
            edits = ours.edits if ours else ()
        problems.report("E101", message, span, text, fixes=fixes, edits=edits)


def _why(stream: list[Token], index: int) -> str:
    """What to say at a token of a statement that another language writes."""
    token = stream[index]
    after = stream[index + 1].type if index + 1 < len(stream) else ""
    if token.type == "COMMA":
        decimal = index > 1 and stream[index - 2].type == "EQUAL" and after == "NUMBER"
        return "decimals have a point" if decimal else "no commas: `;` parts layers, a space arguments"
    if token.type == "EQUAL":
        first = index == 1 or stream[index - 2].type in _EDGES
        return "the arrow is `->`" if after == "MORETHAN" else "`let` defines constants, `as` names values" if first else ""
    return ""


_TRANSLATED = 100
"""Mistakes of a file that are looked at as another language's; nobody reads more, and a hostile file has many."""


@dataclass(frozen=True)
class _Ours:
    """A statement as lampc has it."""

    fixes: list[str]
    edits: tuple[Edit, ...]


def _instead(source: Source, stream: list[Token], index: int, problems: Problems) -> _Ours | None:
    """What to write for the statement around a token, where another language has it so."""
    first, last = _statement(stream, index)
    if first == last or problems.count > _TRANSLATED:
        return None
    span = place(source, stream[first]).to(place(source, stream[last - 1]))
    ours = said(span.text)
    return _Ours([f"write `{ours}`"], rewritten(span, ours)) if ours is not None and readable(ours) else None


def _as_comment(source: Source, stream: list[Token], index: int) -> tuple[Edit, ...]:
    """Two slashes made the mark of a comment."""
    first = index - 1 if index and stream[index - 1].type == "SLASH" else index
    second = first + 1
    if second >= len(stream) or stream[second].type != "SLASH" or stream[first].end_pos != stream[second].start_pos:
        return ()
    return (Edit(place(source, stream[first]).to(place(source, stream[second])), "#"),)


def _doubled(stream: list[Token], index: int) -> bool:
    """Whether two slashes, or a slash and a star, meet at a token."""
    kinds = [token.type for token in stream[max(0, index - 1) : index + 2]]
    return any(pair in (["SLASH", "SLASH"], ["SLASH", "STAR"]) for pair in (kinds[:2], kinds[1:]))


def _where(source: Source, token: Token, before: Token | None) -> Span:
    """A token's place; where a line or the file ended too early, just after what stands before."""
    here = place(source, token)
    if before is None or (token.type not in ("_SEP", "$END") and "\n" not in source.text[before.end_pos : here.start]):
        return here
    assert before.end_pos is not None
    return Span(source, before.end_pos, before.end_pos)


def _shown(token: Token) -> str:
    return f"`{token}`" if token.isprintable() else f"U+{ord(token[0]):04X}"


def _short(token: Token) -> str:
    return str(token) if len(token) <= 24 else f"{token[:24]}…"


_WORDS = {
    "NAME": "a name", "NUMBER": "a number", "EQUAL": "`=`", "LPAR": "`(`", "RPAR": "`)`", "LBRACE": "`{`",
    "RBRACE": "`}`", "STRING": "a string", "RSQB": "`]`", "COMMA": "`,`", "AS": "`as`", "MORETHAN": "`>`",
}  # fmt: skip


def _expectation(expected: set[str]) -> str:
    """What could stand there, if that is short to say."""
    if {"NAME", "LPAR", "NUMBER"} <= expected and "EQUAL" not in expected and "LBRACE" not in expected:
        return "expected a value"
    if len(expected) > 4:
        return ""
    words = sorted(_WORDS[kind] for kind in expected if kind in _WORDS)
    return "expected " + " or ".join(words) if words else ""


_QUOTES = 'strings take double quotes: "…"'
_FOREIGN = {"'": _QUOTES, "“": _QUOTES, "”": _QUOTES,
            "−": "the minus sign is `-`", "→": "the arrow is `->`", "×": "sizes are joined by the letter x: 3x3",
            "!": "`!` is no operator here", "@": "decorators have no place here"}  # fmt: skip
_OURS = {"“": '"', "”": '"', "−": "-", "→": "->", "×": "x"}
"""Characters that have one of ours in their place."""


def _character(token: Token) -> list[str]:
    return [_FOREIGN[token]] if token in _FOREIGN else []


def _hints(token: Token, before: Token | None) -> list[str]:
    if token.type == "COMMA":
        return ["arguments stand side by side: `linear 2->25 xavier`"]
    if token.type == "LBRACE":
        return ["`{` follows a statement's name and arguments on the same line"]
    if token.type == "EQUAL" and before is not None and before.type in ("NUMBER", "SIZE"):
        return ["an option is `name=value`"]
    if token.type in ("LET", "FN", "BLOCK", "USE", "AS"):
        return [f"`{token}` is a keyword and cannot be a name"]
    return []
