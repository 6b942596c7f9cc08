"""What is said of a statement that begins with an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lampc.diagnostics import Edit
from lampc.diagnostics.edits import instead, removed, rewritten
from lampc.diagnostics.suggest import near
from lampc.elaborate.definitions import known_statements
from lampc.elaborate.foreign import said, translate
from lampc.elaborate.scope import Flow, Scope
from lampc.source import Span
from lampc.syntax import tree
from lampc.syntax.rephrase import certain
from lampc.syntax.strangers import HOLDERS, stranger

if TYPE_CHECKING:
    from lampc.elaborate.network import Network

_READ = 200
"""Mistakes whose mend is sought; nobody reads more."""
Mend = tuple[list[str], tuple[Edit, ...]]
"""What to do about a mistake, and what that changes."""


def unknown(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """Report a statement of a name that nobody knows; the value after it, where that can be told."""
    name = statement.name.name
    if name in network.definitions.lost:
        return None
    if statement.branches is not None and name.lower() in HOLDERS:
        network.problems.report("E201", f"there is no layer `{name}`", statement.name.span, "layers need nothing around them",
                                fixes=[f"leave `{name} {{` and its `}}` out"], edits=_unwrapped(statement))  # fmt: skip
        return network.body(statement.branches[0].statements, x, scope)
    known = None if name in network.definitions.constants else stranger(statement.span.text)
    if known is not None:
        network.problems.report("E201", f"there is no statement `{name}`", statement.span, known.why, fixes=[known.fix],
                                edits=removed(statement.span) if known.left_out else ())  # fmt: skip
        return x if known.left_out else None
    fixes, edits = _instead(network, statement)
    network.problems.report("E201", f"there is no layer `{name}`", statement.name.span, fixes=fixes, edits=edits)
    return None


def _unwrapped(statement: tree.Layer) -> tuple[Edit, ...]:
    """What stands in a statement's braces, alone."""
    span = statement.span
    if not span.text.endswith("}"):  # which has been reported
        return ()
    opened = span.start + span.text.index("{") + 1
    while span.source.text[opened : opened + 1] in (" ", "\n", "\r"):
        opened += 1
    closed = span.start + span.text.rindex("}")
    parted = closed - len(span.source.text[:closed]) + len(span.source.text[:closed].rstrip(" \t"))
    last = removed(Span(span.source, closed, closed + 1)) or (Edit(Span(span.source, parted, closed + 1), ""),)
    return Edit(Span(span.source, span.start, opened), ""), *last


def _instead(network: Network, statement: tree.Layer) -> Mend:
    name = statement.name.name
    foreign, planned = translate(name, network.definitions.layers)
    known = known_statements(network.definitions)
    if planned:
        return ["lampc does not have this layer yet; `docs/language.md` lists those it has"], ()
    if network.problems.count > _READ:
        return [], ()
    if statement.arguments or statement.options:
        ours = said(statement.span, known, network.definitions.layers)
        if ours is not None:
            return mend(statement, ours)
    if foreign == "linear":
        return ["lampc calls it `linear in->out`"], ()
    if foreign:
        return [f"lampc calls it `{foreign}`"], instead(statement.name.span, foreign)
    if name in network.definitions.constants:
        return [f"`{name}` is a constant; a statement begins with a layer"], ()
    found = near(name, known)
    if found:
        listed = " or ".join(f"`{each}`" for each in found[:3])
        return [f"did you mean {listed}?"], instead(statement.name.span, found[0] if len(found) == 1 else None)
    return ["`docs/language.md` lists all layers and statements"], ()


def mend(statement: tree.Layer, ours: str) -> Mend:
    """A statement in our words, to be written in its place; of one with braces only what stands before them."""
    if statement.branches is not None and "{" in ours:
        head = ours.partition("{")[0].strip()
        return [f"write `{head} {{ … }}`"], instead(statement.head, head)
    return [f"write `{ours}`"], rewritten(statement.span, ours) if certain(statement.span.text, ours) else ()
