"""What other frameworks call things, for people who come from them."""

from __future__ import annotations

from collections.abc import Container

from lampc.layers import LAYERS
from lampc.source import Span
from lampc.syntax import elsewhere
from lampc.syntax.parser import readable
from lampc.syntax.rephrase import said as rephrased

PLANNED = frozenset({"transformer"})
"""Layers that people will look for and that lampc does not have."""


def translate(name: str, layers: Container[str] = LAYERS) -> tuple[str | None, bool]:
    """Our name for another framework's, and whether the thing is known but missing."""
    short = name.lower().rsplit(".", 1)[-1]
    ours = short if short in layers and short != name else elsewhere.NAMES.get(short)
    return ours, short in PLANNED


def said(statement: Span, known: Container[str]) -> str | None:
    """A statement of another framework as lampc has it, if that can be read and begins with a known name."""
    opened = statement.text.count("(") - statement.text.count(")")  # a statement's place leaves out the brackets at its end
    text = rephrased(statement.text + ")" * opened)
    if text is None or not readable(text):
        return None
    return text if all(part.split(maxsplit=1)[0] in known for part in text.split("; ")) else None
