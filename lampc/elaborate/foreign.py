"""What other frameworks call things, for people who come from them; and whether what is said of them could stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from lampc.data import SOURCES, DataSource
from lampc.diagnostics import Problems
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.bind import bind
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.statements import COLUMN, INIT, INPUT, TRAIN
from lampc.layers import LAYERS, LayerType
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.losses import LOSSES, LossType
from lampc.layers.metrics import METRICS
from lampc.layers.optimizers import OPTIMIZERS, OptimizerType
from lampc.layers.schedules import SCHEDULES, ScheduleType
from lampc.layers.signature import Signature, Written
from lampc.source import Source, Span
from lampc.syntax import elsewhere, parse, tree
from lampc.syntax.rephrase import said as rephrased
from lampc.syntax.unexpected import Judge
from lampc.syntax.words import BODIES

PLANNED = frozenset({"transformer"})
"""Layers that people will look for and that lampc does not have."""
_CHOSEN: dict[str, Mapping[str, LossType | OptimizerType | ScheduleType | DataSource]] = {
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "data": SOURCES,
}
"""Statements that name a kind first, and the kinds."""
_EXPERIMENT = {"train": TRAIN, "input": INPUT, "init": INIT, "column": COLUMN}
_LIKELY = ("E206", "E202")
"""Codes of mistakes that are the program's, not the statement's: names that it lacks, or has twice."""


def translate(name: str, layers: Collection[str] = LAYERS) -> tuple[str | None, bool]:
    """Our name for another framework's, and whether the thing is known but missing."""
    short = name.lower().rsplit(".", 1)[-1]
    ours = short if short in layers and short != name else elsewhere.NAMES.get(short)
    return ours, short in PLANNED


def said(statement: Span, known: Collection[str], layers: Mapping[str, LayerType] = LAYERS) -> str | None:
    """A statement of another framework as lampc has it, where that could stand in a program that defines ``known``."""
    opened = statement.text.count("(") - statement.text.count(")")  # a statement's place leaves out the brackets at its end
    text = rephrased(statement.text + ")" * opened)
    return text if text is not None and judge(layers)(text, frozenset(known)) else None


def judge(layers: Mapping[str, LayerType]) -> Judge:
    """Whether statements could stand in a program with these layers that defines some names."""

    def holds(text: str, names: frozenset[str]) -> bool:
        problems = Problems()
        body = parse(Source("", text), problems, lambda *_: False)
        return not problems.errors and all(_stands(statement, names, layers) for statement in body.statements)

    return holds


def _stands(statement: tree.Statement, names: Collection[str], layers: Mapping[str, LayerType]) -> bool:
    if not isinstance(statement, tree.Layer):
        return not isinstance(statement, tree.Broken)
    name, given, kinds = statement.name.name, statement.arguments, _CHOSEN.get(statement.name.name)
    if name in layers and statement.branches is None:
        return _binds(layers[name].takes, given, statement)
    if name in BODIES or name == "pass":
        bodies = statement.branches or ()
        counted = [*map(type, given)] == [tree.Number] if name == "repeat" else not given
        return (
            counted and len(bodies) > 0 and all(_all_stand(body.statements, names, layers) for body in bodies)
        ) or name == "pass"
    if name == "from":
        return len(given) == 1 and isinstance(given[0], tree.Word)
    if kinds is not None:
        if name == "loss" and (not given or isinstance(given[0], tree.Function)):
            return bool(given)
        first = given[0] if given else None
        return (
            isinstance(first, tree.Word) and first.name in kinds and _binds(kinds[first.name].signature, given[1:], statement)
        )
    if name == "metrics":
        return bool(given) and all(isinstance(word, tree.Word) and word.name in METRICS for word in given)
    if name == "init":
        return bool(given) and isinstance(given[0], tree.Word | tree.Call) and given[0].span.text.split("(")[0] in INITIALISERS
    if name in _EXPERIMENT:
        return _binds(_EXPERIMENT[name], given, statement)
    slip = len(name) > 3 and name not in layers and nearest(name, layers) is not None  # is reported once this is mended
    return name in names or (slip and statement.branches is None)


def signature_of(statement: tree.Layer) -> Signature | None:
    """What a statement about the experiment takes after its kind; None where that is not known."""
    name, given = statement.name.name, statement.arguments
    kinds = _CHOSEN.get(name)
    if kinds is None:
        return _EXPERIMENT.get(name)
    first = given[0] if given else None
    return kinds[first.name].signature if isinstance(first, tree.Word) and first.name in kinds else None


def _all_stand(statements: Iterable[tree.Statement], names: Collection[str], layers: Mapping[str, LayerType]) -> bool:
    return all(_stands(statement, names, layers) for statement in statements)


def _binds(signature: Signature, given: Sequence[tree.Argument], statement: tree.Layer) -> bool:
    problems = Problems()
    nothing: Mapping[str, Written] = {}
    bind("`it`", signature, statement.head, given, statement.options, Evaluator(nothing, problems), problems)
    return all(found.code in _LIKELY for found in problems.errors)
