"""What a program says of single columns of its table, ``column age missing=mean``; and vectors that are learnt for some."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lampc.diagnostics import LampError, Problems
from lampc.elaborate.bind import bind
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.statements import COLUMN
from lampc.source import Source
from lampc.syntax import parse, tree
from lampc.table.schema import Schema
from lampc.table.statement import Override


def overrides(statements: Sequence[tree.Layer], evaluator: Evaluator, problems: Problems) -> tuple[Override, ...]:
    """The bound ``column`` statements; those that are wrong have been reported."""
    found: dict[str, tuple[Override, tree.Layer]] = {}
    for statement in statements:
        arguments = bind("`column`", COLUMN, statement.head, _named(statement), statement.options, evaluator, problems)
        if arguments is None:
            continue
        unit = {"words": "word", "characters": "character"}.get(arguments.pop("of"), "")
        override = Override(**{**arguments, "unit": unit})
        if override.name in found:
            problems.report("E502", f"there are two `column` statements of `{override.name}`", statement.head,
                            also=[(found[override.name][1].head, "the first is here")], fixes=["make one of both"])  # fmt: skip
        found[override.name] = (override, statement)
    return tuple(override for override, _ in found.values())


def said(text: str) -> tuple[Override, ...]:
    """What a text of ``column`` statements alone says.

    Raises:
        LampError: if it is wrong.
    """
    problems = Problems()
    statements: list[tree.Layer] = []
    for statement in parse(Source("columns", text), problems).statements:
        if isinstance(statement, tree.Layer) and statement.name.name == "column":
            statements.append(statement)
        else:
            problems.report(
                "E501", "what columns are is said by `column`", statement.span, fixes=["such as `column age number`"]
            )
    found = overrides(statements, Evaluator({}, problems), problems)
    if problems.errors:
        raise LampError(problems.errors)
    return found


def _named(statement: tree.Layer) -> tuple[tree.Argument, ...]:
    """The statement's arguments, the first of which is the column's name, whatever constant is called so."""
    first = statement.arguments[0] if statement.arguments else None
    if not isinstance(first, tree.Word):
        return statement.arguments
    return (tree.String(first.name, first.span), *statement.arguments[1:])


def embedded(schema: Schema | None, problems: Problems) -> tuple[tree.Layer, ...]:
    """Layers that make of columns with ``embed=`` their vectors, beside the others; none where there are no such columns."""
    text = embedding(schema)
    if not text:
        return ()
    body = parse(Source("columns", text), problems)
    return tuple(statement for statement in body.statements if isinstance(statement, tree.Layer))


def embedding(schema: Schema | None) -> str:
    """The same as text. A vector for each value is a product with its one-hot slots, a layer without a bias."""
    chosen = [column for column in schema.taken if column.embed] if schema is not None else []
    if schema is None or not chosen:
        return ""
    parts, begin = [], 0
    for column in chosen:
        place = schema.places[column.name]
        if place.start > begin:
            parts.append(f"slice {begin} {place.start}")
        parts.append(f"slice {place.start} {place.stop}; linear {column.embed} bias=off normal as {_label(column.name, begin)}")
        begin = place.stop
    if begin < schema.width:
        parts.append(f"slice {begin} {schema.width}")
    return f"concat {{ {' | '.join(parts)} }}" if len(parts) > 1 else parts[0]


def _label(name: str, place: int) -> str:
    """What to call a column's layer: by the column where that is a name."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)[:40]
    return f"embed_{word}" if word == name else f"embed_{word}_{place}"
