"""What JSON of somebody else's is to hold, as plain functions, and the only way in which it is read.

A schema is a function of a value and of its field's name; it raises `Unfit`, which says which field is wrong. A record
may have fields that it does not name: a later version's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Schema = Callable[[Any, str], None]
_SHOWN = 40
"""Characters of a wrong value that are shown."""


class Unfit(ValueError):
    """JSON that is none, or holds something else than it is to."""


def parse(raw: bytes | str, schema: Schema | None = None) -> Any:
    """JSON, held to its schema.

    Raises:
        Unfit: if it is none, or has a field that is wrong.
    """
    try:
        value = json.loads(raw)
    except RecursionError:
        raise Unfit("it is nested too deeply") from None
    except ValueError as error:
        raise Unfit(f"it is no JSON: {error}") from None
    if schema is not None:
        schema(value, "")
    return value


def text(most: int = 4096, nul: bool = False) -> Schema:
    """A text of at most so many characters: a name or a path, if not said otherwise, in which no NUL stands."""

    def check(value: Any, where: str) -> None:
        _see(isinstance(value, str) and len(value) <= most and (nul or "\0" not in value), value, where, "a text")

    return check


def whole(least: int = 0, most: int = 2**63 - 1) -> Schema:
    """A whole number."""

    def check(value: Any, where: str) -> None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        _see(fits, value, where, f"a whole number from {least}" + (f" to {most}" if most < 2**63 - 1 else ""))

    return check


def number(value: Any, where: str) -> None:
    """A number of any kind, infinite ones and no number among them: measures may be."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and (isinstance(value, float) or abs(value) < 2**63)
    _see(fits, value, where, "a number")


def flag(value: Any, where: str) -> None:
    """True or false."""
    _see(isinstance(value, bool), value, where, "true or false")


def plain(value: Any, where: str) -> None:
    """What a statement's option may be: a text, a number, true, false, null, or lists of those."""
    _plain(value, where, 4)


def _plain(value: Any, where: str, deep: int) -> None:
    if isinstance(value, list) and deep:
        for index, part in enumerate(value):
            _plain(part, f"{where}[{index}]", deep - 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number(value, where)
    else:
        fits = isinstance(value, bool | None) or (isinstance(value, str) and len(value) <= 100_000)
        _see(fits, value, where, "an option's value")


def listed(item: Schema, least: int = 0, most: int = 2**31) -> Schema:
    """A list."""

    def check(value: Any, where: str) -> None:
        _see(isinstance(value, list) and least <= len(value) <= most, value, where,
             "a list" + (f" of {least}" if least == most else ""))  # fmt: skip
        for index, part in enumerate(value):
            item(part, f"{where}[{index}]")

    return check


def nested(item: Schema, deep: int = 8) -> Schema:
    """An item, or lists of such, as deep as an array has axes."""

    def check(value: Any, where: str) -> None:
        if isinstance(value, list) and deep:
            for index, part in enumerate(value):
                nested(item, deep - 1)(part, f"{where}[{index}]")
        else:
            item(value, where)

    return check


def each(item: Schema) -> Schema:
    """An object with fields of any name, all of a kind."""
    name = text()

    def check(value: Any, where: str) -> None:
        _see(isinstance(value, dict), value, where, "an object")
        for key, part in value.items():
            name(key, where)
            item(part, f"{where}.{key}" if where else key)

    return check


def maybe(item: Schema) -> Schema:
    """An item, or null."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            item(value, where)

    return check


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with fields that it must have, and such as it may have."""
    known = {**required, **(optional or {})}

    def check(value: Any, where: str) -> None:
        _see(isinstance(value, dict), value, where, "an object")
        for name in required:
            if name not in value:
                raise Unfit(f"there is no `{f'{where}.{name}' if where else name}`")
        for name, part in value.items():
            if name in known:
                known[name](part, f"{where}.{name}" if where else name)

    return check


def _see(fits: bool, value: Any, where: str, wanted: str) -> None:
    if not fits:
        shown = value if isinstance(value, str) else repr(value)
        shown = shown[:_SHOWN] + "…" if len(shown) > _SHOWN else shown
        raise Unfit(f"`{where}` is {shown!r}, and {wanted} is wanted" if where else f"it is {shown!r}, and {wanted} is wanted")
