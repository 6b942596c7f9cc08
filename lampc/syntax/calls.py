"""The calls and lists in a statement of another language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lampc.syntax.scan import Token, scan

LONGEST = 2000
"""Characters of a statement that is looked at."""
_DEEPEST = 20


class Strange(Exception):
    """Nothing is known of such a text."""


@dataclass
class Call:
    """``name(given, name=value)``."""

    name: str
    given: list[str | Call | list[str | Call]] = field(default_factory=list)
    named: dict[str, str | Call | list[str | Call]] = field(default_factory=dict)


Value = str | Call | list[str | Call]


class Cursor:
    """Goes through the tokens of a text, and reads the calls and values that begin where it stands."""

    def __init__(self, text: str) -> None:
        self.tokens = scan(text)
        self.at = 0
        self.depth = 0

    def _look(self, ahead: int = 0) -> Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else Token("end", "", -1, -1)

    def _kind(self, ahead: int = 0) -> str:
        return self._look(ahead).kind

    def _is(self, *texts: str, ahead: int = 0) -> bool:
        return self._look(ahead).text in texts and self._kind(ahead) in ("mark", "arrow")

    def _next(self) -> Token:
        token = self._look()
        if token.kind == "end":
            raise Strange
        self.at += 1
        return token

    def _call(self) -> Call:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Strange
        call = Call(self._next().text)
        self.at += 1
        while not self._is(")"):
            if self._kind() == "name" and self._is("=", ahead=1):
                name = self._next().text
                self.at += 1
                call.named[name] = self._value()
            else:
                call.given.append(self._value())
            if self._is(","):
                self.at += 1
            elif not self._is(")"):
                raise Strange
        self.at += 1
        self.depth -= 1
        return call

    def _value(self) -> Value:
        if self._kind() == "name" and self._is("(", ahead=1):
            return self._call()
        if self._is("(", "["):
            return self._list()
        sign = "-" if self._is("-") else ""
        self.at += bool(sign)
        token = self._next()
        if token.kind == "mark" or (sign and token.kind != "number"):
            raise Strange
        return sign + plain(token)

    def _list(self) -> list[str | Call]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Strange
        closer = ")" if self._next().text == "(" else "]"
        items: list[str | Call] = []
        while not self._is(closer):
            item = self._value()
            if isinstance(item, list):
                raise Strange
            items.append(item)
            if self._is(","):
                self.at += 1
            elif not self._is(closer):
                raise Strange
        self.at += 1
        self.depth -= 1
        return items


_PYTHON = {"True": "on", "False": "off", "None": ""}


def plain(token: Token) -> str:
    """A token in our spelling; words lose their quotes, paths keep them."""
    if token.kind == "string":
        inner = token.text[1:-1].replace("\\", "/")
        return inner if re.fullmatch(r"[A-Za-z_]\w*|\d+(\.\d+)?(e[+-]?\d+)?", inner) else f'"{inner}"'
    if token.kind == "arrow":
        return "->"
    return _PYTHON.get(token.text, token.text)


def spelled(value: Value) -> str:
    """A value in our spelling: tuples are sizes."""
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str) and item]
        if not texts or not all(text.isdigit() for text in texts):
            raise Strange
        return "x".join(texts)
    if isinstance(value, Call):
        given = [*map(spelled, value.given), *(f"{name}={spelled(given)}" for name, given in value.named.items())]
        return f"{value.name}({', '.join(given)})"
    return value
