"""What flows through a body, and the names that the body sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lampc.ir.layout import Group
from lampc.layers.signature import Written
from lampc.ops.term import Term
from lampc.source import Span

Flow = Term | None
"""The value that flows through the statements; None once a mistake has made it unknown."""


@dataclass
class Scope:
    """Names that a body sees."""

    constants: Mapping[str, Written]
    labels: dict[str, tuple[Flow, Span]] = field(default_factory=dict)
    path: tuple[Group, ...] = ()
    blocks: tuple[str, ...] = ()
    """The blocks whose bodies it lies in."""
    layers: dict[str, str] = field(default_factory=dict)
    """The names of labelled layers, which differ where a body is expanded several times."""

    def inner(self, group: Group) -> Scope:
        """A scope for a body inside this one."""
        return replace(self, labels=dict(self.labels), layers=dict(self.layers), path=(*self.path, group))

    def blind(self) -> Scope:
        """The same names, the values unknown."""
        return replace(self, labels={label: (None, span) for label, (_, span) in self.labels.items()})
