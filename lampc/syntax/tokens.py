"""From text to the token stream that the grammar describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lark import Lark, Token

from lampc import limits
from lampc.diagnostics import Problems
from lampc.source import Source, Span
from lampc.syntax.braces import in_place
from lampc.syntax.comments import without_comments

_CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_OPENER = {closer: opener for opener, closer in _CLOSER.items()}
_CHARACTER = {"LPAR": "(", "LSQB": "[", "LBRACE": "{", "RPAR": ")", "RSQB": "]", "RBRACE": "}"}
_OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "CIRCUMFLEX", "LESSTHAN", "MORETHAN"})


class Lexical:
    """Names the terminals that no rule takes, so that lark keeps them; the stream itself is left alone."""

    always_accept = ("ELLIPSIS", "BADNUMBER", "BADSTRING", "UNKNOWN", "ERROR")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Leave the stream as it is."""
        return stream


def place(source: Source, token: Token) -> Span:
    """Where a token stands."""
    assert token.start_pos is not None and token.end_pos is not None
    return Span(source, token.start_pos, token.end_pos)


def tokens(lark: Lark, source: Source, problems: Problems) -> list[Token]:
    """The normalised tokens of a source, the brackets in it balanced.

    Newlines inside ``( )`` and ``[ ]`` are dropped, runs of separators are one, and there is none beside ``{ | }``
    or the ends. A bracket without its partner is reported; a missing one is put in, a surplus one left out. A `|`
    outside of braces is reported, and separates statements.
    """
    lexed = without_comments(source, lark.lex(source.text), problems)
    lexed = _short_statements(source, in_place(source, lexed, problems), problems)
    result: list[Token] = []
    for token in _Balancer(source, problems).balance(lexed):
        if token.type == "_SEP" and (not result or result[-1].type in ("_SEP", "LBRACE", "VBAR")):
            continue
        if token.type in ("RBRACE", "VBAR") and result and result[-1].type == "_SEP":
            result.pop()
        result.append(token)
    if result and result[-1].type == "_SEP":
        result.pop()
    return result


def _short_statements(source: Source, stream: Iterable[Token], problems: Problems) -> list[Token]:
    """The tokens, less the operators of a statement that has too many: what walks an expression may recurse."""
    kept: list[Token] = []
    operators = 0
    for token in stream:
        if token.type in _OPERATORS:
            operators += 1
            if operators == limits.OPERATORS + 1:
                problems.report("E108", f"a statement has more than {limits.OPERATORS} operators", place(source, token),
                                fixes=["name parts of it with `let` or `fn`"])  # fmt: skip
            if operators > limits.OPERATORS:
                continue
        elif token.type in ("_SEP", "VBAR", "LBRACE"):
            operators = 0
        kept.append(token)
    return kept


class _Balancer:
    """Pairs brackets. A ``( )`` or ``[ ]`` may span lines, but not a ``;``, ``|``, ``{`` or ``}``."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.open: list[tuple[Token, bool]] = []  # the bracket, and whether its partner comes
        self.too_deep = 0
        self.gave_up = False

    def balance(self, stream: list[Token]) -> Iterator[Token]:
        paired = _paired(stream)
        for index, token in enumerate(stream):
            kind = token.type
            if kind == "_SEP" and token != ";" and self.open and self.open[-1][0].type != "LBRACE":
                if self.open[-1][1]:
                    continue
                yield from self._close_round(token)
            elif kind in ("_SEP", "VBAR", "LBRACE", "RBRACE"):
                yield from self._close_round(token)
            if kind in _CLOSER:
                if not self._push(token, index in paired):
                    continue
            elif kind in _OPENER and not self._pop(token):
                continue
            yield token
        yield from self._close_all()

    def _push(self, token: Token, paired: bool) -> bool:
        if len(self.open) < limits.NESTING and not self.too_deep:
            self.open.append((token, paired))
            return True
        if not self.too_deep:
            self.problems.report("E107", f"brackets are nested more than {limits.NESTING} deep",
                                 place(self.source, token),
                                 fixes=["name the inner part with `block`, `fn` or `let`"])  # fmt: skip
        self.too_deep += 1
        self.gave_up = True
        return False

    def _pop(self, token: Token) -> bool:
        if self.too_deep:
            self.too_deep -= 1
            return False
        if self.open and self.open[-1][0].type == _OPENER[token.type]:
            self.open.pop()
            return True
        opener = _CHARACTER[_OPENER[token.type]]
        self.problems.report("E103", f"`{token}` closes nothing", place(self.source, token),
                             f"there is no open `{opener}` before it",
                             fixes=[f"remove it, or add the missing `{opener}`"])  # fmt: skip
        return False

    def _close_round(self, at: Token) -> Iterator[Token]:
        while self.open and self.open[-1][0].type != "LBRACE":
            yield self._missing(place(self.source, at), "the statement ends here")

    def _close_all(self) -> Iterator[Token]:
        end = len(self.source.text)
        while self.open:
            yield self._missing(Span(self.source, end, end), "the file ends here")

    def _missing(self, stop: Span, text: str) -> Token:
        opened, _ = self.open.pop()
        closer = _CLOSER[opened.type]
        if self.gave_up:
            return Token(closer, _CHARACTER[closer], start_pos=stop.start, end_pos=stop.start)
        self.problems.report("E102", f"`{opened}` is never closed", place(self.source, opened), "opened here",
                             also=[(stop, text)], fixes=[f"add `{_CHARACTER[closer]}`"])  # fmt: skip
        return Token(closer, _CHARACTER[closer], start_pos=stop.start, end_pos=stop.start)


def _paired(stream: list[Token]) -> set[int]:
    """The indices of the round and square brackets that are closed within their statement."""
    found: set[int] = set()
    waiting: list[int] = []
    for index, token in enumerate(stream):
        if token.type in ("LPAR", "LSQB"):
            waiting.append(index)
        elif token.type in ("RPAR", "RSQB"):
            if waiting and stream[waiting[-1]].type == _OPENER[token.type]:
                found.add(waiting.pop())
        elif token.type in ("LBRACE", "RBRACE", "VBAR") or token == ";":
            waiting.clear()
    return found
