"""A statement of another language as loose tokens: signs that look like ours, numbers and names as we write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lampc.syntax.elsewhere import BEGINNINGS, NAMES, OPTIONS

LOOKALIKES: dict[str, str] = {
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " "), **dict.fromkeys("\u200b\u200c\u200d\ufeff", ""),
    **dict.fromkeys("−–—‐‑", "-"), **dict.fromkeys("“”„‟″＂", '"'), **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("→⇒➔⟶⭢", "->"), "×": "x", "÷": "/", "·": "*", "；": ";", "，": ",", "、": ",", "：": ":", "＝": "=",
    "（": "(", "）": ")",
    "［": "[", "］": "]", "｛": "{", "｝": "}", "｜": "|", "＃": "#", "．": ".",
}  # fmt: skip
"""Signs that look like ours, and ours."""

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:(?P<string>'[^'\n]*'|"[^"\n]*")|(?P<arrow>-{1,2}>|<-|=>|>>|\|>)
    |(?P<number>(?:\d+(?:x\d+)+(?!\w)|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?:[fFdDlL](?!\w)|[kKM](?!\w)|[ ]?%)?))
    |(?P<name>[A-Za-z_][\w.]*)|(?P<mark>\*\*|:=|\S))""",
    re.VERBOSE,
)
_LISTED = re.compile(r"\s*(?:[-*+•▪‣◦>]\s+|\d+[.)]\s+)")
"""What begins an item of a list."""


@dataclass(frozen=True)
class Token:
    """A token of any language: its kind (``string``, ``arrow``, ``number``, ``name``, ``mark``, ``end``) and its place."""

    kind: str
    text: str
    start: int
    end: int


def plain_signs(text: str) -> str:
    """A text with our signs in place of those that look like them."""
    return "".join(LOOKALIKES.get(character, character) for character in text)


def scan(text: str) -> list[Token]:
    """The tokens of a statement; what makes it an item of a list is left out."""
    text = plain_signs(text)
    listed = _LISTED.match(text)
    found = [Token(str(match.lastgroup), match[str(match.lastgroup)], match.start(str(match.lastgroup)), match.end())
             for match in _TOKEN.finditer(text, listed.end() if listed else 0)]  # fmt: skip
    return list(_phrases([replace(token, text=number(token.text)) if token.kind == "number" else token for token in found]))


def number(text: str) -> str:
    """A number as we write it: ``1e-3f``, ``50%``, ``1k``, ``1_000``."""
    digits = text.replace("_", "").rstrip("%fFdDlLkKM ")
    if text.endswith("%"):
        return f"{float(digits) / 100:g}"
    if text[-1] in "kKM":
        return f"{float(digits) * (1_000_000 if text[-1] == 'M' else 1000):.0f}"
    return digits.removesuffix(".") if re.fullmatch(r"\d+\.", digits) else digits


def _phrases(tokens: list[Token]) -> Iterator[Token]:
    """The tokens, several words that name one thing as one: ``learning rate``, ``cross-entropy``."""
    at = 0
    while at < len(tokens):
        for length in (3, 2):
            joined = _joined(tokens[at : at + 2 * length - 1], length)
            if joined is not None:
                yield joined[0]
                at += joined[1]
                break
        else:
            yield tokens[at]
            at += 1


def _joined(tokens: list[Token], length: int) -> tuple[Token, int] | None:
    """So many words at the beginning as one name, and how many tokens they were; None if they name nothing together."""
    words: list[Token] = []
    used = 0
    for token in tokens:
        hyphen = token.text == "-" and words and token.start == words[-1].end
        if token.kind == "name" and len(words) < length:
            words.append(token)
        elif not hyphen or len(words) == length:
            break
        used += 1
    if len(words) < length:
        return None
    for name in ("_".join(token.text for token in words), "".join(token.text for token in words)):
        if name.lower() in NAMES or name.lower() in OPTIONS or name.lower() in BEGINNINGS:
            return Token("name", name.lower(), words[0].start, words[-1].end), used
    return None
