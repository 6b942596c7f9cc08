"""Which calls a result depends on, where some change what others have made in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lampc.importing.aten import MOVES, Call, Ref


def in_place(call: Call) -> bool:
    """Whether a call changes its first argument."""
    name = call.op.split(".")[1] if call.op.startswith("aten.") else ""
    return name.endswith("_") and not name.startswith("_")


def first(call: Call) -> str:
    """The name of a call's first argument that is one."""
    return next((ref.name for ref in refs(list(call.arguments.values()))), "")


def refs(values: Any) -> list[Ref]:
    """All that arguments name."""
    if isinstance(values, Ref):
        return [values]
    return [ref for value in values for ref in refs(value)] if isinstance(values, list) else []


@dataclass
class Uses:
    """Calls, what may share its numbers with what, and when each name is used last."""

    calls: list[Call]
    roots: dict[str, str] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, call in enumerate(self.calls):
            if call.op in MOVES or in_place(call):
                root = self.root(first(call))
                self.roots.update(dict.fromkeys(call.results, root))
            for ref in refs(list(call.arguments.values())):
                self.last[ref.name] = number

    def root(self, name: str) -> str:
        """The value that a name is a view of, or itself."""
        return self.roots.get(name, name)

    def alike(self, name: str) -> list[str]:
        """All names that may share a name's numbers."""
        root = self.root(name)
        return [root, *(other for other, its in self.roots.items() if its == root)]


def needed(calls: Sequence[Call], result: str) -> Uses:
    """The calls that a result depends on, in order; one that changes what it depends on is such."""
    whole = Uses(list(calls))
    wanted, roots, found = {result}, {whole.root(result)}, []
    for call in reversed(whole.calls):
        if wanted.intersection(call.results) or (in_place(call) and whole.root(first(call)) in roots):
            found.append(call)
            names = {ref.name for ref in refs(list(call.arguments.values()))}
            wanted |= names
            roots |= {whole.root(name) for name in names}
    uses = Uses(found[::-1])
    uses.last[result] = len(found)
    return uses
