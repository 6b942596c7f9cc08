"""Arguments stand side by side: where one ends and the next begins, as the spaces between tokens say."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from lampc.diagnostics import Problems
from lampc.source import Source
from lampc.syntax.tokens import place

_ENDS = frozenset({"NAME", "NUMBER", "SIZE", "STRING", "RPAR", "RSQB"})
"""Tokens that an argument may end in."""
_FORMULAS = frozenset({"LET", "FN", "BLOCK", "USE"})
"""Tokens that begin statements without arguments side by side."""
_OPENS, _CLOSES = ("LPAR", "LSQB"), ("RPAR", "RSQB")


def apart(source: Source, stream: Sequence[Token], problems: Problems) -> list[Token]:
    """The tokens, with the minus signs that begin an argument as NEGATIVE; what could be read in two ways is reported.

    ``slice 0 -1`` has two arguments, ``slice 0-1`` and ``slice 0 - 1`` have one. Inside brackets and in formulas nothing
    stands side by side.
    """
    result: list[Token] = []
    first: Token | None = None
    depth = 0
    for index, token in enumerate(stream):
        before = stream[index - 1] if index else None
        after = stream[index + 1] if index + 1 < len(stream) else None
        depth += (token.type in _OPENS) - (token.type in _CLOSES)
        if token.type in ("_SEP", "VBAR", "LBRACE", "RBRACE"):
            first, depth = None, 0
        elif first is None:
            first = token
        elif first.type not in _FORMULAS and first != "loss" and before is not first and _parted(source, before, token):
            if depth == 0 and token.type == "MINUS" and _touches(token, after):
                token = Token.new_borrow_pos("NEGATIVE", token.value, token)
            elif depth == 0 and token.type in ("PLUS", "ARROW"):
                if _touches(token, after):
                    _ambiguous(source, token, before, after, problems)
            elif depth == 1 and token.type == "LPAR" and before is not None and before.type == "NAME":
                _ambiguous(source, token, before, after, problems)
        result.append(token)
    return result


def _parted(source: Source, before: Token | None, token: Token) -> bool:
    """Whether a token comes after a space that follows what may be an argument."""
    return (
        before is not None and before.type in _ENDS and source.text[before.end_pos : token.start_pos][:1] in (" ", "\t", "\\")
    )


def _touches(token: Token, after: Token | None) -> bool:
    return after is not None and after.type != "_SEP" and token.end_pos == after.start_pos


def _ambiguous(source: Source, token: Token, before: Token | None, after: Token | None, problems: Problems) -> None:
    if token.type == "LPAR":
        message, one, two = f"`{before} (…)`", f"a call: `{before}(…)`", f"({before}) (…)"
    elif token.type == "PLUS":
        message, one, two = f"`{before} +{after}`", f"a sum: `{before}+{after}`", f"{before} {after}"
    else:
        message, one, two = f"`{before} ->{after}`", f"one pair of sizes: `{before}->{after}`", f"->{after} {before}"
    fixes = [f"without the space it is {one}", f"two arguments are written `{two}`"]
    message = f"{message} could be one argument or two"
    problems.report("E109", message, place(source, token), fixes=fixes)
