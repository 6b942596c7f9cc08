"""What is said of a token that stands where none like it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lark import Token

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead, line_end, removed, rewritten
from lampc.source import Source, Span
from lampc.syntax.indented import below, indented, laid_out
from lampc.syntax.rephrase import certain, said
from lampc.syntax.scan import LOOKALIKES
from lampc.syntax.strangers import HOLDERS, stranger
from lampc.syntax.strays import EDGES
from lampc.syntax.tokens import place

Judge = Callable[[str, frozenset[str]], bool]
"""Whether statements could stand in a program that defines some names."""
_FURTHEST = 200
"""Tokens of a definition that are looked at."""
_TRANSLATED = 100
"""Mistakes of a file that are looked at as another language's; nobody reads more, and a hostile file has many."""


def statement(stream: Sequence[Token], index: int) -> tuple[int, int]:
    """Where the statement around a token begins and ends."""
    first = last = index
    while first > 0 and stream[first - 1].type not in EDGES:
        first -= 1
    while last < len(stream) and stream[last].type not in (*EDGES, "$END"):
        last += 1
    return first, last


@dataclass(frozen=True)
class _Ours:
    """How a statement is mended."""

    fixes: Sequence[str]
    edits: tuple[Edit, ...] = ()
    text: str = ""
    """What is said under the place."""
    end: int = 0
    """Where what is mended ends, if that is after the statement."""


@dataclass(frozen=True)
class Unexpected:
    """Reports tokens of a source that stand where none like them can."""

    source: Source
    stream: Sequence[Token]
    problems: Problems
    holds: Judge

    def report(self, index: int, expected: set[str]) -> int:
        """Report a token; gives where what has been spoken of ends."""
        token = self.stream[index]
        before = self.stream[index - 1] if index else None
        span = _where(self.source, token, before)
        ours = self._ours(index)
        if token.type == "ELLIPSIS" or token == "…":
            self.problems.report("E106", f"`{token}` stands for omitted text, it is not a statement", span,
                                 fixes=["write out what it stands for, or `repeat n { … }` for more of the same"])  # fmt: skip
        elif token.type == "BADNUMBER":
            fixes = ["a size has whole numbers joined by `x`, as in 3x3"] if "x" in token else []
            ours = ours or self._definition(index, span)
            self.problems.report("E104", f"`{token}` is not a number", span, ours.text if ours else "",
                                 fixes=ours.fixes if ours else fixes, edits=ours.edits if ours else ())  # fmt: skip
        elif token.type == "BADSTRING":
            self._string(span, token, index)
        else:
            message = (
                f"the character {_shown(token)} has no meaning here" if token.type == "UNKNOWN" else _message(token, before)
            )
            ours = ours or self._hint(index, span, expected)
            self.problems.report("E101", message, span, ours.text, fixes=ours.fixes, edits=ours.edits)
        return ours.end if ours else 0

    def _string(self, span: Span, token: Token, index: int) -> None:
        if "\\" in token:
            closed = self.source.text[span.end : span.end + 1] == '"'
            path, whole = token.replace("\\", "/"), Span(self.source, span.start, span.end + closed)
            if token == '"\\t' and index > 1 and self.stream[index - 1] == "=":
                option = place(self.source, self.stream[index - 2]).to(whole)
                self.problems.report("E105", "a string has no backslashes", whole,
                                     fixes=["a tab between cells: `delimiter=tab`"],
                                     edits=instead(option, "delimiter=tab") if closed else ())  # fmt: skip
                return
            self.problems.report("E105", "a string has no backslashes", whole, fixes=[f'write paths with `/`: `{path}"`'],
                                 edits=instead(whole, f'{path}"') if closed else ())  # fmt: skip
            return
        words = token.split(" ")
        last = next((at for at, word in enumerate(words) if at and "=" in word), len(words))
        path = " ".join(words[:last]).rstrip()
        end = Span(self.source, span.start + len(path), span.start + len(path))
        fixes = [f'add `"`: `{path}"`'] if len(path) > 1 else ['add `"`']
        edits = instead(end, '"') if last < len(words) or "." in path else ()
        self.problems.report("E105", "this string has no closing quote on its line", span, fixes=fixes, edits=edits)

    def _ours(self, index: int) -> _Ours | None:
        """How the statement around a token is mended, where another language has it so."""
        first, last = statement(self.stream, index)
        if first == last or self.problems.count > _TRANSLATED:
            return None
        span = place(self.source, self.stream[first]).to(place(self.source, self.stream[last - 1]))
        if self.stream[index] == ":":
            body = indented(self.source, span.start, self.stream[index].start_pos or 0)
            if body is not None and self._stands("; ".join(body.statements)):
                whole, ours = Span(self.source, span.start, body.end), "; ".join(body.statements)
                text = laid_out(body.statements, self.source.position(span.start)[1] - 1, line_end(self.source))
                edits = () if "#" in whole.text else instead(whole, text)
                why = "bodies stand in braces" if "{" in ours else _why(self.stream, index)
                return _Ours([f"write `{ours}`"], edits, why, body.end)
        known = stranger(span.text)
        if known is not None:
            end = below(self.source, span.start) if self.stream[index] == ":" else 0
            return _Ours([known.fix], removed(span) if known.left_out and not end else (), known.why, end)
        if self.stream[index] == ":" and last - first == 2 and str(self.stream[first]).lower() in HOLDERS:
            return _Ours(["leave this line out"], removed(span), "layers need nothing around them")
        braces = last < len(self.stream) and self.stream[last].type == "LBRACE"
        spoken = said(span.text)
        if spoken is None or not self._stands(f"{spoken} {{ pass }}" if braces else spoken):
            return None
        edits = rewritten(span, spoken) if certain(span.text, spoken) else ()
        return _Ours([f"write `{spoken}`"], edits, _why(self.stream, index))

    def _stands(self, text: str) -> bool:
        defined = {"LET", "FN", "BLOCK", "AS"}
        names = (str(after) for word, after in zip(self.stream, self.stream[1:], strict=False) if word.type in defined)
        return self.holds(text, frozenset(names))

    def _hint(self, index: int, span: Span, expected: set[str]) -> _Ours:
        """What else can be said of a token."""
        token, before = self.stream[index], self.stream[index - 1] if index else None
        if token.type == "LBRACE" and index > 1 and self.stream[index - 2].type == "AS":
            return _Ours([f"`as` stands after the braces: `{{ … }} as {before}`"])
        valued = before is not None and before.type in ("ARROW", "EQUAL") and index + 2 < len(self.stream)
        if token.type == "LBRACE" and valued and self.stream[index + 2].type == "RBRACE":  # linear 2->{width}
            edits = Edit(span, ""), Edit(place(self.source, self.stream[index + 2]), "")
            return _Ours([f"a constant stands by its name alone: `{self.stream[index + 1]}`"], edits)
        definition = self._definition(index, span)
        if definition is not None:
            return definition
        if token.type == "UNKNOWN":
            sign: str | None = LOOKALIKES.get(str(token))
            why = _FOREIGN.get(str(token), "")
            if sign is not None and not why:
                why = "write a space" if sign == " " else f"write `{sign}`" if sign else "leave it out: it cannot be seen"
            return _Ours([why] if why else [f"leave {_shown(token)} out"], instead(span, sign))
        if token.type == "NAME" and before is not None and before.type in ("AS", "LET", "FN", "BLOCK"):
            return _Ours([f"`{before}` is a keyword and cannot be a name"])
        return _Ours(_hints(token, before), (), _expectation(expected))

    def _definition(self, index: int, span: Span) -> _Ours | None:
        """What can be said of a token in a definition."""
        token = self.stream[index]
        first, _ = statement(self.stream, index)
        kind, before = self.stream[first].type, self.stream[index - 1] if index else None
        after = self.stream[index + 1] if index + 1 < len(self.stream) else None
        if kind == "BLOCK" and token.type == "EQUAL" and after is not None and after.type == "LBRACE":
            gap = Span(self.source, span.start, after.start_pos or span.end)
            return _Ours([f"leave `=` out: `{self._text(first, index)} {{ … }}`"], (Edit(gap, ""),))
        closer = next(
            (at for at in range(index, min(len(self.stream), index + _FURTHEST)) if self.stream[at].type == "RBRACE"), None
        )
        if kind == "FN" and token.type == "LBRACE" and closer is not None:
            body = self._text(index + 1, closer)
            last = place(self.source, self.stream[closer - 1])
            closed = Span(self.source, last.end, place(self.source, self.stream[closer]).end)
            return _Ours(
                [f"write `{self._text(first, index)} = {body}`"], (Edit(span, "="), Edit(closed, "")), "a formula follows `=`"
            )
        if before is not None and before.type == "AS" and token.type in ("_SEP", "$END"):
            return _Ours(["name the value, `as h`, or leave `as` out"], (), "expected a name")
        if before is not None and before.type == "BLOCK" and token.type in ("_SEP", "$END"):
            return _Ours(["name the block and give it a body: `block name { … }`; it is called by its name alone"])
        if before is not None and before.type in ("LET", "FN", "BLOCK", "AS") and token.type in ("BADNUMBER", "NUMBER"):
            return _Ours([f"a name begins with a letter: `{before} n{token}`"])
        return None

    def _text(self, first: int, last: int) -> str:
        """The source from one token up to before another."""
        return place(self.source, self.stream[first]).to(place(self.source, self.stream[last - 1])).phrase


def _message(token: Token, before: Token | None) -> str:
    what = "end of the file" if token.type == "$END" else "end of the line" if token in ("\n", "\r") else f"`{token}`"
    after = f" after `{_short(before)}`" if before is not None and before.type not in ("_SEP",) else ""
    return f"unexpected {what}{after}"


def _why(stream: Sequence[Token], index: int) -> str:
    """What to say at a token of a statement that another language writes."""
    token = stream[index]
    after = stream[index + 1] if index + 1 < len(stream) else None
    if token.type == "COMMA":
        number = index > 1 and stream[index - 2].type == "EQUAL" and after is not None and after.type == "NUMBER"
        thousands = number and after is not None and len(after) == 3
        return "a number has no commas" if thousands else "decimals have a point" if number else _COMMA
    if token.type == "EQUAL":
        first = index == 1 or stream[index - 2].type in EDGES
        arrow = after is not None and after.type == "MORETHAN"
        return "the arrow is `->`" if arrow else "`let` defines constants, `as` names values" if first else ""
    if token == "%":
        return "a share is written from 0 to 1"
    if token == ":":
        return "no colon: a space parts a name from what follows, `=` an option from its value"
    if token.type == "STAR" and index and stream[index - 1].type == "STAR":
        return "a power is written with `^`"
    if token == "@":
        return ""
    return _FOREIGN.get(token, "") or (f"this is not `{LOOKALIKES[token].strip() or 'a space'}`" if token in LOOKALIKES else "")


_COMMA = "no commas: `;` parts layers, a space arguments"


def _where(source: Source, token: Token, before: Token | None) -> Span:
    """A token's place; where a line or the file ended too early, just after what stands before."""
    here = place(source, token)
    if before is None or (token.type not in ("_SEP", "$END") and "\n" not in source.text[before.end_pos : here.start]):
        return here
    assert before.end_pos is not None
    return Span(source, before.end_pos, before.end_pos)


def _shown(token: Token) -> str:
    return f"`{token}`" if token.isprintable() and not token.isspace() else f"U+{ord(token[0]):04X}"


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
            "!": "`!` is no operator here", "@": "decorators have no place here",
            "$": "a constant stands by its name alone"}  # fmt: skip
"""Characters of other languages, and what to say of them."""


def _hints(token: Token, before: Token | None) -> list[str]:
    if token.type == "COMMA":
        return ["arguments stand side by side: `linear 2->25 xavier`"]
    if token.type == "LBRACE":
        return ["`{` follows a statement's name and arguments on the same line"]
    if token.type == "EQUAL" and before is not None and before.type in ("NUMBER", "SIZE"):
        return ["an option is `name=value`"]
    if token.type in ("LET", "FN", "BLOCK", "USE", "AS"):
        return [f"`{token}` is a keyword and cannot be a name: take another, such as `{token}1`"]
    if token.type == "LSQB" and (before is None or before.type in EDGES):
        return ["layers stand without brackets, one a line, and `repeat 3 { … }` has more of the same"]
    return []
