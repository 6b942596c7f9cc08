"""Settings from outside that override the file's: ``--set optimizer.lr=0.1``, ``width=64``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import category

from lampc.diagnostics import Problems
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.constants import LARGEST, Evaluator
from lampc.layers.signature import Choice, OneOf, Refused, Signature, Text, Written
from lampc.source import Source, Span
from lampc.syntax import parse, tree

LONGEST = 4096
"""Characters of a word or a path."""


@dataclass(frozen=True)
class Setting:
    """A value and where it was given."""

    value: Written
    span: Span


class Settings:
    """What was given, and what of it has found its place."""

    def __init__(self, given: Mapping[str, object], problems: Problems) -> None:
        self._problems = problems
        self._given: dict[str, Setting] = {}
        self._known: dict[str, tuple[str, ...]] = {}
        self._used: set[str] = set()
        for name, value in given.items():
            setting = _setting(name, value, problems)
            if setting is not None:
                self._given[name] = setting

    @property
    def known(self) -> dict[str, tuple[str, ...]]:
        """The settings that there are, and the words that one may be, where it is one of some."""
        return dict(self._known)

    def constant(self, name: str) -> Setting | None:
        """The value given for ``let name``."""
        return self._take(name)

    def apply(self, statement: str, signature: Signature, arguments: dict[str, object]) -> None:
        """Put the values given for a statement's options in place of the file's."""
        for param in signature.params:
            setting = self._option(statement, param.name, param.kind.words if isinstance(param.kind, OneOf) else ())
            if setting is None:
                continue
            value = setting.value
            if isinstance(param.kind, Text) and isinstance(value, Choice):
                value = value.name  # a path without quotes, as a shell passes it
            try:
                arguments[param.name] = param.kind.convert(value)
            except Refused as refused:
                code = refused.code if refused.code != "E304" else "E802"
                self._problems.report(code, f"`{param.name}`: {refused}", setting.span)

    def places(self, statement: str, signature: Signature) -> dict[str, Span]:
        """Where a statement's options were given."""
        wanted = ((name, self._option(statement, name)) for name in signature.names)
        return {name: setting.span for name, setting in wanted if setting is not None}

    def report_unknown(self) -> None:
        """Report what has found no place."""
        for name, setting in self._given.items():
            if name not in self._used:
                near = nearest(name, self._known) or nearest(name, [known.split(".")[-1] for known in self._known])
                fixes = [f"did you mean `{near}`?"] if near else [f"known here: {', '.join(sorted(self._known))}"]
                self._problems.report("E801", f"there is no setting `{name}`", setting.span, fixes=fixes)

    def _option(self, statement: str, option: str, words: tuple[str, ...] = ()) -> Setting | None:
        """The value given for an option by its full name or its own; the last one counts."""
        found = {name: self._take(name, words) for name in (f"{statement}.{option}", option)}
        return next((setting for name in reversed(self._given) if (setting := found.get(name)) is not None), None)

    def _take(self, name: str, words: tuple[str, ...] = ()) -> Setting | None:
        self._known[name] = self._known.get(name, ()) or words
        if name in self._given:
            self._used.add(name)
        return self._given.get(name)


def _setting(name: str, value: object, problems: Problems) -> Setting | None:
    if isinstance(value, Setting):
        return value
    source = Source("setting", f"{name}={_text(value)}".encode(errors="backslashreplace").decode())
    span = Span(source, 0, len(source.text))
    try:
        if isinstance(value, tuple):
            return Setting(tuple(number(item) for item in value), span)
        if isinstance(value, str):
            return Setting(_word(value), span)
        return Setting(number(value), span)
    except Refused as refused:
        problems.report(refused.code, f"`{name}`: {refused}", span)
        return None


def _text(value: object) -> str:
    if isinstance(value, int) and abs(value) > LARGEST:
        return "…"  # Python does not write out numbers of thousands of digits
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:40]}…"


def number(value: object) -> float:
    """A setting's number; numpy's and other libraries' scalars are as good as Python's."""
    if not isinstance(value, bool | int | float) and getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float):
        wanted = "a number" if isinstance(value, str) else "a number or a word"
        raise Refused(f"{wanted} is wanted, not a {type(value).__name__}", "E802")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise Refused(f"whole numbers reach from -2⁵³ to 2⁵³, {LARGEST:,}", "E305")
    if math.isnan(value):
        raise Refused("nan is no number", "E305")
    return value


def _word(value: str) -> Written:
    """A setting's word, or a string, such as a path."""
    if len(value) > LONGEST:
        raise Refused(f"this is longer than {LONGEST:,} characters", "E802")
    if any(category(character) in ("Cc", "Cs") for character in value):
        raise Refused("there are control characters in it", "E802")
    simple = value.replace("_", "").isalnum() and not value[:1].isdigit()
    return Choice(value) if simple else value


def parse_setting(text: str, problems: Problems) -> tuple[str, Setting] | None:
    """``optimizer.lr=0.1`` as its name and value; None if it cannot be read, which has been reported."""
    source = Source("--set", text)
    whole = Span(source, 0, len(text))
    name, equals, written = text.partition("=")
    if not equals or not name.strip():
        problems.report("E802", "a setting is written `name=value`", whole)
        return None
    quiet = Problems()
    body = parse(Source("--set", f"set {text}"), quiet)
    statement = body.statements[0] if len(body.statements) == 1 else None
    if quiet.errors or not isinstance(statement, tree.Layer) or len(statement.options) != 1 or statement.arguments:
        # What is no expression is taken as a string: a path, say.
        return name.strip(), Setting(written.strip().strip('"'), whole)
    value = Evaluator({}, problems).argument(statement.options[0].value)
    return None if value is None else (name.strip(), Setting(value, whole))
