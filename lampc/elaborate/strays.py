"""Options of the experiment that stand as statements: ``epochs 5``, ``seed 42``."""

from __future__ import annotations

from collections.abc import Container, Sequence

from lampc.diagnostics import Problems
from lampc.syntax import elsewhere, tree

Statements = list[tree.Layer | tree.Broken]


def without_strays(layers: Statements, about: Sequence[tree.Layer], known: Container[str], problems: Problems) -> Statements:
    """The layers. What is an option of a statement about the experiment is reported, once for each such statement."""
    strays: dict[str, list[tuple[tree.Layer, str]]] = {}
    others: Statements = []
    there = {statement.name.name: statement.head for statement in about}
    for statement in layers:
        option = _option(statement, known)
        home = elsewhere.HOMES[option.partition("=")[0]] if option else ""
        if option and isinstance(statement, tree.Layer) and (home in there or home in _BEGINNINGS):
            strays.setdefault(home, []).append((statement, option))
        else:
            others.append(statement)
    for home, found in strays.items():
        names = " and ".join(f"`{statement.name.name}`" for statement, _ in found)
        are, statements = ("are options", "statements") if len(found) > 1 else ("is an option", "a statement")
        also = [(statement.span, "and here") for statement, _ in found[1:]]
        also += [(there[home], f"the `{home}` statement")] if home in there else []
        line = " ".join([there[home].phrase if home in there else _BEGINNINGS[home], *(option for _, option in found)])
        problems.report("E201", f"{names} {are} of `{home}`, not {statements}", found[0][0].span, also=also,
                        fixes=[f"write, in their place: `{line}`" if also else f"write `{line}`"])  # fmt: skip
    return others


_BEGINNINGS = {"train": "train", "optimizer": "optimizer sgd"}
"""What statements begin with that a program may leave out."""


def _option(statement: tree.Layer | tree.Broken, known: Container[str]) -> str | None:
    """``epochs=5`` of ``epochs 5``, ``patience=3`` of ``early_stopping patience=3``."""
    if not isinstance(statement, tree.Layer) or statement.branches is not None or statement.name.name in known:
        return None
    name = elsewhere.at_home(statement.name.name)
    if name is None or len(statement.arguments) + len(statement.options) != 1:
        return None
    if statement.arguments:
        return f"{name}={statement.arguments[0].span.text}"
    option = statement.options[0]
    return f"{name}={option.value.span.text}" if elsewhere.at_home(option.name.name) == name else None
