"""What a schema of docs/schemas documents, point by point, and which of its points a line of output shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator as Validator

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def schema(verb: str) -> Any:
    """A verb's schema."""
    return json.loads((FOLDER / f"{verb}.json").read_text(encoding="utf-8"))


def parts(node: Any, at: str = "#") -> Iterator[tuple[str, Any]]:
    """Every schema within a schema, and where it stands."""
    yield at, node
    for group in ("properties", "$defs"):
        for name, part in node.get(group, {}).items():
            yield from parts(part, f"{at}/{group}/{name}")
    for group in ("items", "additionalProperties"):
        if isinstance(node.get(group), dict):
            yield from parts(node[group], f"{at}/{group}")
    for index, part in enumerate(node.get("oneOf", ())):
        yield from parts(part, f"{at}/oneOf/{index}")


def points(verb: str) -> set[str]:
    """All that is to be seen of a schema: each property there, and not there if it may be left out; each type, word, list."""
    found = set()
    for at, node in parts(schema(verb)):
        for name in node.get("properties", {}):
            found |= {f"{at}.{name}"} | ({f"{at}.{name} left out"} if name not in node["required"] else set())
        found |= {f"{at} is {kind}" for kind in node["type"]} if isinstance(node.get("type"), list) else set()
        found |= {f"{at} says {word}" for word in node.get("enum", ())}
        found |= {f"{at} has {group}" for group in ("items", "additionalProperties") if isinstance(node.get(group), dict)}
        found |= {f"{at} is the case {index}" for index, _ in enumerate(node.get("oneOf", ()))}
    return found


def shown(whole: Any, value: Any, node: Any = None, at: str = "#") -> Iterator[str]:
    """The points of a schema that a value shows."""
    node = whole if node is None else node
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        yield from shown(whole, value, whole["$defs"][name], f"#/$defs/{name}")
        return
    for index, case in enumerate(node.get("oneOf", ())):
        if Validator(whole).evolve(schema=case).is_valid(value):
            yield f"{at} is the case {index}"
            yield from shown(whole, value, case, f"{at}/oneOf/{index}")
    if isinstance(node.get("type"), list):
        kind = _TYPES[type(value)]
        yield f"{at} is {kind if kind in node['type'] else 'integer'}"
    if "enum" in node:
        yield f"{at} says {value}"
    for name, part in node.get("properties", {}).items() if isinstance(value, dict) else ():
        if name not in value:
            yield f"{at}.{name} left out"
            continue
        yield f"{at}.{name}"
        yield from shown(whole, value[name], part, f"{at}/properties/{name}")
    others = node.get("additionalProperties")
    if isinstance(value, dict) and isinstance(others, dict):
        yield from _each(whole, value.values(), others, f"{at}/additionalProperties", f"{at} has additionalProperties")
    if isinstance(value, list) and "items" in node:
        yield from _each(whole, value, node["items"], f"{at}/items", f"{at} has items")


def _each(whole: Any, values: Any, node: Any, at: str, point: str) -> Iterator[str]:
    for value in values:
        yield point
        yield from shown(whole, value, node, at)
