"""The grammar's parser. Its automaton is kept beside the grammar: reading it takes a tenth of the time that making it does."""

from __future__ import annotations

import json
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from lampc import resources
from lampc.schema import Unfit, each, parse, record, text
from lampc.syntax.build import Build
from lampc.syntax.tokens import Lexical

_GRAMMAR, KEPT = ("grammars", "lamp.lark"), ("grammars", "lamp.json")
_GIVEN = ("transformer", "postlex", "lexer_callbacks")
"""Lark's options that are no part of an automaton."""


def _of_lark(value: Any, where: str) -> None:
    """Anything: which of Lark's versions made it is known."""


_FORM = record({"lark": text(), "grammar": text(100_000), "data": each(_of_lark), "memo": each(_of_lark)})


def parser(build: Build) -> Lark:
    """A parser whose reductions are ``build``'s: from the automaton that is kept, if it is this grammar's and this Lark's."""
    automaton = kept()
    if automaton is None:
        return made(build)
    # What Lark's standalone parsers call (``lark`` is bounded in pyproject.toml, and tests hold this down).
    read: Lark = Lark._load_from_dict(  # type: ignore[no-untyped-call]
        automaton["data"], automaton["memo"], transformer=build, postlex=Lexical()
    )
    return read


def made(build: Build) -> Lark:
    """The same from the grammar."""
    return Lark(resources.text(*_GRAMMAR), parser="lalr", lexer="basic", transformer=build, postlex=Lexical(),
                keep_all_tokens=True, maybe_placeholders=False)  # fmt: skip


def kept() -> dict[str, Any] | None:
    """The automaton that is kept; None if there is none, or it is of another grammar or of another version of Lark."""
    try:
        found = parse(resources.text(*KEPT), _FORM)
    except (FileNotFoundError, Unfit):
        return None
    same = found["lark"] == lark.__version__ and found["grammar"] == resources.text(*_GRAMMAR)
    return {name: _numbered(found[name]) for name in ("data", "memo")} if same else None


def written() -> str:
    """The grammar's automaton as it is kept: JSON, with all that it follows from."""
    data, memo = made(Build()).memo_serialize([TerminalDef, Rule])
    data["options"] = {name: value for name, value in data["options"].items() if name not in _GIVEN}
    found = {"lark": lark.__version__, "grammar": resources.text(*_GRAMMAR), "data": data, "memo": memo}
    return json.dumps(found, separators=(",", ":")) + "\n"


def _numbered(value: Any) -> Any:
    """A value whose objects have numbers for keys where they had some: JSON makes texts of them."""
    if isinstance(value, dict):
        return {int(key) if key.isdecimal() else key: _numbered(part) for key, part in value.items()}
    return [_numbered(part) for part in value] if isinstance(value, list) else value
