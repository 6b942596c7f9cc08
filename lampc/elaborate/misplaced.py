"""Options in a statement about the experiment that another one takes: ``train epochs=5 lr=0.1``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import line_end
from lampc.elaborate.foreign import signature_of
from lampc.source import Span
from lampc.syntax import elsewhere, tree
from lampc.syntax.forms import statement_name

_OWN = frozenset({"optimizer", "loss", "metrics", "schedule"})
"""Statements that stand as options in other libraries."""


def in_place(about: Sequence[tree.Layer], problems: Problems) -> list[tree.Layer]:
    """The statements without options that belong to others, each of which is reported."""
    there = {statement.name.name: statement for statement in about}
    result = []
    for statement in about:
        known = signature_of(statement)
        wrong = [] if known is None else [o for o in statement.options if o.name.name not in known.names]
        moved = [option for option in wrong if known is not None and _moved(option, statement, known.names, there, problems)]
        kept = tuple(option for option in statement.options if option not in moved)
        result.append(replace(statement, options=kept) if moved else statement)
    return result


def _moved(option: tree.Option, statement: tree.Layer, known: tuple[str, ...], there: dict[str, tree.Layer],
           problems: Problems) -> bool:  # fmt: skip
    """Whether an option belongs elsewhere, which is reported."""
    if elsewhere.option(option.name.name, known) is not None:
        return False
    name, value, own = option.name.name, option.value.span.text, statement.name.name
    ours = elsewhere.at_home(name)
    if ours is not None and elsewhere.HOMES[ours] != own:
        home, text, whole = elsewhere.HOMES[ours], f"{ours}={value}", elsewhere.homed(ours, value)
    elif statement_name(name) in _OWN and statement_name(name) != own:
        home = statement_name(name)
        text = whole = f"{home} {statement_name(value.strip(chr(34)))}"
    else:
        return False
    other = there.get(home)
    if other is not None:
        whole = f"{other.head.phrase} {text}" if "=" in text else f"leave it out: there is `{other.head.phrase}`"
    shown = f"`{whole}`" if not whole.startswith("leave") else whole
    problems.report("E303", f"`{own}` has no option `{name}`", option.name.span,
                    also=[(other.head, f"the `{home}` statement")] if other is not None else [],
                    fixes=[f"`{ours or home}` belongs to `{home}`: {shown}" if "=" in text else
                           f"`{home}` is a statement of its own: {shown}"],
                    edits=() if "…" in whole else _edits(option, statement, other, text, whole))  # fmt: skip
    return True


def _edits(option: tree.Option, statement: tree.Layer, other: tree.Layer | None, text: str, whole: str) -> tuple[Edit, ...]:
    """The option taken out, and put where it belongs."""
    source, start = option.span.source, option.span.start
    while source.text[start - 1 : start] in (" ", "\t"):
        start -= 1
    out = Edit(Span(source, start, option.span.end), "")
    if other is None:
        return out, Edit(Span(source, statement.span.end, statement.span.end), f"{line_end(source)}{whole}")
    end = other.head.end
    return (out, Edit(Span(source, end, end), f" {text}")) if "=" in text else (out,)
