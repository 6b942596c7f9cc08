"""JSON: an object a line, a list of objects, or an object of columns."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.schema import parse as parse_json
from lampc.table.cells import Asked, Form, Table
from lampc.table.read_encoding import Text, text_of
from lampc.table.read_objects import Objects, array_of
from lampc.table.read_source import Source
from lampc.table.read_typed import named, typed

_WHOLE = 256_000_000
"""The largest file that is read as one value; one object a line may be more."""


def is_json(source: Source) -> bool:
    """Whether a file of another ending holds JSON all the same: its first line is an object, or begins a list of them."""
    head = source.head(1 << 16).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith((b"{", b"[")):
        return False
    first = head.partition(b"\n")[0]
    try:
        return isinstance(parse_json(first), dict | list)
    except (ValueError, RecursionError):
        return b'"' in head[:200] and head[1:].lstrip()[:1] in (b"{", b'"')


def read_json(source: Source, asked: Asked) -> Table:
    """A file's table.

    Raises:
        DataError: if it is no JSON, or none that is a table.
    """
    text = text_of(source, asked.encoding)
    notes = [f'the text is not UTF-8: encoding="{text.encoding}"'] * (text.encoding != "utf-8" and asked.encoding is None)
    lines: array[int] = array("Q")
    try:
        found = _by_lines(text, lines) if _has_lines(text) else _whole(text)
    except RecursionError:
        raise DataError("E601", f"cannot read {source.name}: values within values, too deep") from None
    table = typed(named(found), source.name, Form("jsonl", encoding=text.encoding), notes)
    if not lines:
        return table
    return Table(table.name, table.columns, table.form, lambda row: f"line {lines[row]}", table.notes)


def _has_lines(text: Text) -> bool:
    """Whether the first line is an object of its own, and no table of columns."""
    with text.source.binary() as file:
        file.seek(text.begin)
        first = next((line for line in file if line.strip()), b"")
        more = any(line.strip() for line in file)
    if not first:
        raise DataError("E603", f"{text.source.name} is empty: an object a line is wanted")
    try:
        value = parse_json(first)
    except ValueError:
        return False
    return isinstance(value, dict) and (more or not _columns_of(value))


def _by_lines(text: Text, lines: array[int]) -> dict[str, Any]:
    objects, decode = Objects(text.source.name), json.JSONDecoder().decode
    with text.source.binary() as file:
        file.seek(text.begin)
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = decode(line.decode())
            except json.JSONDecodeError as error:
                raise DataError("E601", f"{text.source.name}, line {number}, character {error.pos + 1}: {error.msg}") from None
            if not isinstance(value, dict):
                raise DataError("E601", f"{text.source.name}, line {number}: an object is wanted, such as "
                                        '{"height": 1.5, "kind": "a"}')  # fmt: skip
            objects.add(value)
            lines.append(number)
    return objects.columns()


def _whole(text: Text) -> dict[str, Any]:
    name = text.source.name
    with text.source.binary() as file:
        file.seek(text.begin)
        raw = file.read(_WHOLE + 1)
    if len(raw) > _WHOLE:
        raise DataError("E601", f"{name} is one value of more than {_WHOLE:,} bytes; an object a line is read",
                        (f'jq -c ".[]" {name} > table.jsonl',))  # fmt: skip
    try:
        value = parse_json(raw)
    except ValueError as error:
        raise DataError("E601", f"cannot read {name}: {error}") from None
    if isinstance(value, dict):
        if columns := _columns_of(value):
            return {column: array_of(list(cells)) for column, cells in columns.items()}
        value = value.get("data", [value])
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise DataError("E601", f"{name} is no table: a list of objects is wanted, or an object a line, such as "
                                '{"height": 1.5, "kind": "a"}')  # fmt: skip
    objects = Objects(name)
    for row in value:
        objects.add(row)
    return objects.columns()


def _columns_of(value: Mapping[str, Any]) -> dict[str, Iterator[Any]]:
    """The columns of an object of lists or, as pandas writes them, of objects by row; nothing if it is none."""
    parts = list(value.values())
    if parts and all(isinstance(part, list) for part in parts) and len({len(part) for part in parts}) == 1:
        return {name: iter(part) for name, part in value.items()}
    if parts and all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts) and len(parts[0]) > 1:
        return {name: iter(part.values()) for name, part in value.items()}
    return {}
