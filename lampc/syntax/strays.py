"""Options that stand as statements of their own, ``epochs = 5``, ``lr: 0.1``: read on as ``epochs 5``, to be reported once."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from lampc.syntax.elsewhere import at_home
from lampc.syntax.forms import FLOWING

EDGES = ("_SEP", "LBRACE", "VBAR", "RBRACE")
"""Tokens that statements end at."""


def stray(stream: Sequence[Token], index: int) -> bool:
    """Whether a token is the sign between such an option and its value."""
    token = stream[index]
    if token not in ("=", ":") or not 0 < index < len(stream) - 1 or stream[index - 1].type != "NAME":
        return False
    begins = index == 1 or stream[index - 2].type in EDGES
    ends = index + 2 == len(stream) or stream[index + 2].type in EDGES
    name, value = stream[index - 1], stream[index + 1]
    return begins and ends and value.type in ("NUMBER", "STRING", "NAME") and name not in FLOWING and at_home(name) is not None
