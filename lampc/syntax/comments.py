"""Comments of other languages, and marks around code: reported, and left out of what is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lark import Token

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import line_end, removed
from lampc.source import Source, Span


@dataclass(frozen=True)
class _Opening:
    """What begins a comment, what ends it, and whether it must be the first on its line."""

    sign: re.Pattern[str]
    closer: str = "\n"
    first: bool = True


_OPENINGS = (
    _Opening(re.compile(r"//+"), first=False), _Opening(re.compile(r"/\*+"), "*/", first=False), _Opening(re.compile(r'"""'),
    '"""'),
    _Opening(re.compile(r"'''"), "'''"), _Opening(re.compile(r"<!--"), "-->"), _Opening(re.compile(r"-{2,80}(?=[\sA-Za-z])")),
    _Opening(re.compile(r"%{1,80}(?=[\sA-Za-z]|$)", re.MULTILINE)), _Opening(re.compile(r"REM\b")),
    _Opening(re.compile(r"```\w*|~~~\w*")),
)  # fmt: skip
_BEGINNINGS = frozenset("/\"'<-%R`~")


def without_comments(source: Source, stream: Iterable[Token], problems: Problems) -> list[Token]:
    """The tokens, less those in comments of other languages, each of which is reported."""
    kept: list[Token] = []
    until = -1
    for token in stream:
        start = token.start_pos or 0
        if start < until and not token.isspace():
            continue
        found = _comment(source.text, start, kept) if token[0] in _BEGINNINGS and start >= until else None
        if found is None:
            kept.append(token)
            continue
        sign, until = found
        _report(source, sign, Span(source, start, until), problems)
    return kept


def _comment(text: str, start: int, before: list[Token]) -> tuple[str, int] | None:
    """A comment's sign and end, if one begins here."""
    first = not before or before[-1].type == "_SEP"
    for opening in _OPENINGS:
        found = opening.sign.match(text, start) if first or not opening.first else None
        if found:
            end = text.find(opening.closer, found.end())
            end = len(text) if end < 0 else end + len(opening.closer.strip())
            end -= opening.closer == "\n" and text[end - 1] == "\r"
            return found[0], end
    return None


def _report(source: Source, sign: str, span: Span, problems: Problems) -> None:
    at = Span(source, span.start, span.start + len(sign.rstrip("abcdefghijklmnopqrstuvwxyz")))
    if sign[0] in "`~":
        problems.report("E101", f"`{at.text}` stands around code, and is no part of it", at, fixes=["leave this line out"],
                        edits=removed(span))  # fmt: skip
        return
    problems.report("E101", f"`{at.text}` begins no comment here", at, fixes=["a comment begins with `#`"],
                    edits=(Edit(span, _ours(source, sign, span)),))  # fmt: skip


def _ours(source: Source, sign: str, span: Span) -> str:
    """The comment as it is written here."""
    text = span.text.removeprefix(sign)
    for closer in ("*/", '"""', "'''", "-->"):
        text = text.removesuffix(closer)
    lines = [line.strip().removeprefix("* ").strip() for line in text.strip().splitlines()]
    end = line_end(source)
    shown = end.join(f"# {line}" if line else "#" for line in lines or [""])
    rest = source.text[span.end : source.ends(source.position(span.end)[0])[1]].strip()
    return f"{shown}{end}" if rest else shown
