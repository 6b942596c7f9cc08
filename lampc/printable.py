"""The one way in which words of others, of programs, data, models and runs, reach a terminal, a picture, a table or JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: they move the cursor, paint, ask the terminal to answer
    "\xad\u061c\u180e\u200b-\u200f\u2060-\u206f\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # not seen
    "\u2028-\u202e"  # ends of lines and paragraphs; marks that change the order in which a line is shown
    "\ud800-\udfff]"  # halves of characters, as in names of files that are not UTF-8
)
_FORMULA = tuple("=+-@\t\r")
"""What begins a formula in a spreadsheet."""


def printable(text: str, kept: str = "") -> str:
    r"""A text in which whatever cannot be seen, or drives a terminal, is written out: ``\x1b``, ``\n``, ``\u202e``.

    ``kept``: characters that are meant, such as the newlines of a text of several lines.
    """
    if text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[0] if found[0] in kept else _escaped(found[0]), text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines, with its newlines and tabs."""
    return printable(text, "\n\t")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode()


def cell(value: Any) -> Any:
    """A table's cell: what cannot be seen is written out, and before a text that a spreadsheet would take for a formula stands
    a ``'``, as OWASP has it.

    Numbers, and texts that are numbers, such as ``-1`` or ``-1,5``, are as they are.
    """
    if not isinstance(value, str):
        return value
    shown = printable(value)
    if not value.startswith(_FORMULA):
        return shown
    try:
        float(value.replace(",", "."))
    except ValueError:
        return f"'{shown}"
    return shown


def json_line(value: Any) -> str:
    """A value as JSON for any program that reads it: ASCII, on one line, and a number that is none or infinite is ``null``.

    JSON has no such numbers, and what Python writes for them (``NaN``) most readers refuse.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
