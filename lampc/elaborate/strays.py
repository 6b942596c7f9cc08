"""Options of the experiment that stand as statements: ``epochs 5``, ``seed 42``."""

from __future__ import annotations

from collections.abc import Container, Sequence

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead, removed
from lampc.elaborate.foreign import judge
from lampc.layers import LAYERS
from lampc.source import Span
from lampc.syntax import elsewhere, tree

Statements = list[tree.Layer | tree.Broken]


def without_strays(layers: Statements, about: Sequence[tree.Layer], known: Container[str], problems: Problems) -> Statements:
    """The layers. What is an option of a statement about the experiment is reported, once for each such statement."""
    strays: dict[str, list[tuple[tree.Layer, str]]] = {}
    others: Statements = []
    there = {statement.name.name: statement for statement in about}
    for statement in layers:
        option = _option(statement, known)
        home = elsewhere.HOMES[option.partition("=")[0]] if option else ""
        if option and isinstance(statement, tree.Layer) and (home in there or home in _BEGINNINGS):
            strays.setdefault(home, []).append((statement, option))
        else:
            others.append(statement)
    for home, found in strays.items():
        _report(home, found, there.get(home), problems)
    return others


_BEGINNINGS = {"train": "train", "optimizer": "optimizer sgd"}
"""What statements begin with that a program may leave out."""


def _report(home: str, found: list[tuple[tree.Layer, str]], there: tree.Layer | None, problems: Problems) -> None:
    names = " and ".join(f"`{_said(statement)}`" for statement, _ in found)
    are, statements = ("are options", "statements") if len(found) > 1 else ("is an option", "a statement")
    options = [_in_our_words(option) for _, option in found]
    also = [(statement.span, "and here") for statement, _ in found[1:]]
    also += [(there.head, f"the `{home}` statement")] if there else []
    line = " ".join([there.head.phrase if there else _BEGINNINGS[home], *options])
    chosen = any(
        name == "patience=5" and "5" not in statement.span.text for (statement, _), name in zip(found, options, strict=True)
    )
    edits = () if chosen else _moved([statement for statement, _ in found], there, line, options)
    if not judge(LAYERS)(line, frozenset()):
        bare = [f"{option.partition('=')[0]}=…" for option in options]
        line, edits = " ".join([*line.split()[: -len(options)], *bare]), ()
    fixes = [f"write, in their place: `{line}`" if also else f"write `{line}`"]
    problems.report(
        "E201", f"{names} {are} of `{home}`, not {statements}", found[0][0].span, also=also, fixes=fixes, edits=edits
    )


def _said(statement: tree.Layer) -> str:
    """What a statement begins with, as it is written."""
    name, given = _name(statement)
    return name if given == statement.arguments else f"{statement.name.name} {statement.arguments[0].span.text}"


def _moved(strays: list[tree.Layer], there: tree.Layer | None, line: str, options: list[str]) -> tuple[Edit, ...]:
    """The strays left out, and their options put where they belong."""
    if there is None:
        first, *others = strays
        return *instead(first.span, line), *(edit for other in others for edit in removed(other.span))
    end = Span(there.head.source, there.head.end, there.head.end)
    return *(edit for stray in strays for edit in removed(stray.span)), Edit(end, "".join(f" {option}" for option in options))


def _in_our_words(option: str) -> str:
    """An option with a value that we have."""
    name, sign, value = option.partition("=")
    if not sign:
        return name
    if name == "patience" and value in ("true", "True", "on"):
        value = "5"
    return f"{name}={elsewhere.WORDS.get(value.lower(), value)}"


def _option(statement: tree.Layer | tree.Broken, known: Container[str]) -> str | None:
    """``epochs=5`` of ``epochs 5``, ``patience=3`` of ``early_stopping patience=3``."""
    if not isinstance(statement, tree.Layer) or statement.branches is not None or statement.name.name in known:
        return None
    words, given = _name(statement)
    name = elsewhere.at_home(words)
    if name is None or len(given) + len(statement.options) > 1:
        return None
    if given:
        value = given[0].operand if isinstance(given[0], tree.Negative) else given[0]
        plain = isinstance(value, tree.Number) or (value is given[0] and isinstance(value, tree.Word | tree.String))
        return f"{name}={given[0].span.text}" if plain else None
    if not statement.options:
        return name if name in _FLAGS else f"{name}=5" if name == "patience" else None
    option = statement.options[0]
    return f"{name}={option.value.span.text}" if elsewhere.at_home(option.name.name) == name else None


def _name(statement: tree.Layer) -> tuple[str, tuple[tree.Argument, ...]]:
    """What a statement begins with, and its other arguments; ``learning rate 0.1`` begins with two words."""
    first, given = statement.name.name, statement.arguments
    if given and isinstance(given[0], tree.Word) and f"{first}_{given[0].name}".lower() in elsewhere.OPTIONS:
        return f"{first}_{given[0].name}", given[1:]
    return first, given


_FLAGS = ("shuffle", "normalize")
