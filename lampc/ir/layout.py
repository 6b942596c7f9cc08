"""The network as its author sees it: layers used one after another, in groups. Pictures and tables are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from lampc.ir.graph import Value
from lampc.ir.types import Type
from lampc.source import Span


@dataclass(frozen=True)
class Group:
    """One copy of a part that was written once: of a ``repeat``, a branch of a ``sum``, a ``block``'s body."""

    id: int
    """The same for all copies of one statement where it was expanded, different for any other."""
    title: str
    """``repeat 2``, ``residual``, ``sum``, ``res 16``."""
    copy: int
    """Which copy or branch, from 1."""
    copies: int
    """How many there are."""
    span: Span


@dataclass(frozen=True)
class LayerUse:
    """One layer in the expanded network."""

    name: str
    """Unique: ``linear1``, or the label given with ``as``."""
    kind: str
    """What was called: ``linear``, ``tanh``, ``residual`` (the sum at its end), ``concat``."""
    text: str
    """How it was written: ``linear 2->25 xavier``."""
    span: Span
    inputs: tuple[Value, ...]
    output: Value
    input_types: tuple[Type, ...]
    output_type: Type
    parameters: tuple[tuple[str, Type], ...]
    """Names (``linear1.weight``) and types."""
    path: tuple[Group, ...]
    """The groups that it lies in, outermost first."""

    @property
    def parameter_count(self) -> int:
        """How many numbers it learns."""
        return sum(type.elements(1) for _, type in self.parameters)
