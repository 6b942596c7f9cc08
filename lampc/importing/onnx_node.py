"""A node of an ONNX graph, which knows what of it has been read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from lampc.importing.text import NoLayer, refused

STANDARD = ("", "ai.onnx")
"""Domains of the operators that onnx itself describes."""


FLOATS = (1, 10, 11, 16)
"""ONNX's numbers of the element types that keep a value what it is: 32, 16, 64 bits, and bfloat16."""


class Node:
    """A node: options by name, as they are where it does not give them, and inputs by number.

    Whoever says what the node becomes reads all that bears on it. What was given and not read must be as it would be anyway,
    so that no option is dropped silently.
    """

    def __init__(self, proto: Any, versions: Mapping[str, int], number: int = 0) -> None:
        from onnx import defs, helper

        self.proto = proto
        self.op = str(proto.op_type)
        self.number = number
        """Its place in the graph."""
        self.inputs = list(proto.input)
        self.outputs = list(proto.output)
        self.name = str(proto.name or next((name for name in self.outputs if name), self.op))
        self.options = {attribute.name: helper.get_attribute_value(attribute) for attribute in proto.attribute}
        self._read: set[str | int] = set()
        self.schema: Any = None
        with contextlib.suppress(defs.SchemaError):
            self.schema = defs.get_schema(self.op, versions.get(proto.domain, 1), proto.domain)

    def __str__(self) -> str:
        return f"`{self.op}` (node `{self.name}`)"

    def __getitem__(self, option: str) -> Any:
        """An option's value, or what its operator says it is otherwise; None if it says nothing."""
        self._read.add(option)
        return self.options.get(option, self._plain(option))

    def __contains__(self, option: str) -> bool:
        return option in self.options

    def ignore(self, *parts: str | int) -> None:
        """Options and inputs that say nothing of what is predicted."""
        self._read.update(parts)

    def read_all(self) -> None:
        """Whoever runs the node as it is minds all of it."""
        self._read.update(self.options, range(len(self.inputs)))

    def given(self, number: int) -> bool:
        """Whether there is an input of a number."""
        return len(self.inputs) > number and bool(self.inputs[number])

    def input(self, number: int) -> str:
        """The name of an input.

        Raises:
            NoLayer: if there is none.
        """
        self._read.add(number)
        if not self.given(number):
            raise NoLayer
        return str(self.inputs[number])

    def check(self) -> None:
        """See that nothing has been left out that is not as it would be anyway.

        Raises:
            LampError: otherwise.
        """
        for option, value in self.options.items():
            plain = self._plain(option)
            if option not in self._read and (plain is None or value != plain):
                raise refused(f"{self} has {option}={_shown(value)}, which has no counterpart here"
                              + (f"; {_shown(plain)} has" if plain is not None else ""))  # fmt: skip
        for number, name in enumerate(self.inputs):
            if name and number not in self._read:
                raise refused(f"{self} takes `{name}` as its input {number + 1}, which has no counterpart here")

    def _plain(self, option: str) -> Any:
        from onnx import helper

        described = self.schema.attributes.get(option) if self.schema is not None else None
        if described is None or not described.default_value.name:
            return None
        return helper.get_attribute_value(described.default_value)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")[:60]
    return f"{value:g}" if isinstance(value, float) else str(value)[:60].split("\n")[0]
