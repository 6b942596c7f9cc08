"""From the syntax tree to the forward graph and the experiment around it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from lampc import limits
from lampc.data.whole import names_in
from lampc.diagnostics import Problems
from lampc.elaborate.bind import bind
from lampc.elaborate.blocks import block_arguments, check_uncalled
from lampc.elaborate.columns import embedded
from lampc.elaborate.comparison import Limit
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.definitions import EXPERIMENT, Definitions, Reader, known_statements
from lampc.elaborate.experiment import Data, Experiment, Experimenter
from lampc.elaborate.given import Given
from lampc.elaborate.heads import Compared, find_heads
from lampc.elaborate.measured import Measurable, check_best, choose_metrics
from lampc.elaborate.minibatches import check_minibatches
from lampc.elaborate.misplaced import in_place
from lampc.elaborate.network import Network
from lampc.elaborate.scope import Flow, Scope
from lampc.elaborate.settings import Settings, parse_setting
from lampc.elaborate.strays import without_strays
from lampc.elaborate.target import attach_loss
from lampc.elaborate.unused import drop_unused, warn_of_unused
from lampc.elaborate.weighed import WEIGHT
from lampc.elaborate.weights import begin_with
from lampc.ir.budget import TooLarge
from lampc.ir.graph import Graph, Value
from lampc.ir.layout import LayerUse
from lampc.ir.leaves import Input, Parameter, State
from lampc.ir.types import B, DType, Type
from lampc.layers import LayerType
from lampc.layers.metrics import MetricType
from lampc.ops.shape import Reshape, Slice
from lampc.ops.term import Term
from lampc.source import Source, Span
from lampc.syntax import tree

__all__ = ["Data", "Elaborated", "Experiment", "elaborate", "parse_setting"]


@dataclass(frozen=True)
class Elaborated:
    """A checked program: ``graph`` has the outputs ``prediction`` and, where there is a loss, ``loss``."""

    graph: Graph
    layers: tuple[LayerUse, ...]
    experiment: Experiment
    input: Value
    input_type: Type
    input_below: int
    """What the input's whole numbers stay below; 0 where it holds any numbers."""
    dtype: DType
    """Of parameters and arithmetic."""
    target_type: Type | None
    metrics: tuple[MetricType, ...]
    labels: Mapping[str, Value]
    """The values that `as` names. Where a name has several, in copies of a body, they are `h[1]`, `h[2]`, …"""
    heads: tuple[Compared, ...] = ()
    """The values that the loss compares with the targets."""
    limits: tuple[Limit, ...] = ()
    """What the losses take of targets."""
    used: tuple[Source, ...] = ()
    """The files that it uses, but for the standard library's."""
    weights: Path | None = None
    """A file that parameters begin with."""
    weighted: bool = False
    """Whether samples have weights, the input ``w`` beside ``x`` and ``y``."""
    given: Given = field(default_factory=Given, repr=False)
    """What it was compiled with, beside its text."""

    @property
    def types(self) -> Mapping[str, LayerType]:
        """The layers that there were."""
        return self.given.layers

    @property
    def kept(self) -> frozenset[str]:
        """The names of parameters, and of what layers keep beside them."""
        return frozenset(node.op.label for node in self.graph if isinstance(node.op, Parameter | State))


def elaborate(body: tree.Body, given: Given, problems: Problems) -> Elaborated | None:
    """Expand and check a program; None if mistakes, which have been reported, leave no graph.

    Before: ``body`` may hold ``Broken`` statements. After: where no error was reported, every value is typed.
    """
    overrides = Settings(given.settings, problems)
    reader = Reader(body.span.source, given, overrides, problems)
    statements = reader.collect(body, given.folder)
    definitions = reader.found
    about = [s for s in statements if isinstance(s, tree.Layer) and s.name.name in EXPERIMENT]
    layers = [s for s in statements if not (isinstance(s, tree.Layer) and s.name.name in EXPERIMENT)]
    evaluator = Evaluator(definitions.constants, problems)
    experimenter = Experimenter(evaluator, definitions.functions, overrides, given.place, given.allow_python, problems,
                                given.described)  # fmt: skip
    about = in_place(about, problems)
    experiment = experimenter.bind(about)
    overrides.report_unknown()
    layers = without_strays(layers, about, known_statements(definitions), problems)
    if not layers:
        if not problems.errors:
            problems.report("E501", "there is no network here", body.span,
                            fixes=["a network is layers in sequence: `linear 2->25 xavier; tanh; linear 1`"])  # fmt: skip
        return None
    try:
        found = _expand(layers, experiment, definitions, given.place, given.described is not None, problems)
    except TooLarge as error:
        problems.report("E406", f"the network expands to more than {limits.NODES:,} operations, the limit",
                        error.span or layers[0].span, "the limit is passed here", fixes=["repeat less"])  # fmt: skip
        return None
    if found is not None and not problems.errors:
        warn_of_unused(body, definitions, problems)
    return None if found is None else replace(found, used=tuple(reader.used), given=given)


def settings_of(body: tree.Body, given: Given) -> dict[str, tuple[str, ...]]:
    """The constants and options of a program that may be set, and the words that one may be, where it is one of some.

    Its mistakes are nobody's business here, and its network is not looked at.
    """
    problems = Problems()
    known = Settings({}, problems)
    reader = Reader(body.span.source, given, known, problems)
    about = [s for s in reader.collect(body, given.folder) if isinstance(s, tree.Layer) and s.name.name in EXPERIMENT]
    found = reader.found
    Experimenter(Evaluator(found.constants, problems), found.functions, known, given.place, given.allow_python, problems,
                 given.described).bind(about)  # fmt: skip
    return known.known


def _expand(layers: Sequence[tree.Layer | tree.Broken], experiment: Experiment, definitions: Definitions, place: Path,
            known: bool, problems: Problems) -> Elaborated | None:  # fmt: skip
    """The network and its loss. ``place``: where the paths of data begin; ``known``: whether a run is opened.

    Raises:
        TooLarge: if they have more operations than the limit.
    """
    dtype: DType = "f64" if experiment.train.dtype == "f64" else "f32"
    network = Network(definitions, dtype, problems, init=experiment.init)
    if experiment.data is not None:
        network.names_in_data = partial(names_in, experiment.data.source, experiment.data.request)
    x = _input(network, layers, experiment, definitions, problems)
    scope = Scope(definitions.constants)
    first = x if x is None else _divide(network, x, experiment, scope)
    described = None if experiment.data is None else experiment.data.description
    learnt = embedded(None if described is None else described.schema, problems)
    prediction = network.body([*learnt, *layers], first, scope)
    check_uncalled(network)
    if x is None and not problems.errors and isinstance(layers[0], tree.Layer):
        problems.report("E403", "the size of the input is not known", layers[0].head,
                        fixes=[_sized(layers[0])])  # fmt: skip
    if x is None or prediction is None:
        return None
    if prediction.type.dtype == "i64":
        problems.report("E402", "the network ends in whole numbers, which cannot be trained", layers[-1].span,
                        fixes=["put `embedding` and what follows it after the input"])  # fmt: skip
        return None
    named = {label: value for label, (value, _) in scope.labels.items() if value is not None}
    attached = attach_loss(network, x, prediction, experiment, definitions, named, problems)
    if attached is not None:
        experiment = replace(experiment, data=attached.data, loss=attached.statement)
    weighted = any(isinstance(node.op, Input) and node.op.label == WEIGHT for node in network.graph)
    check_minibatches(network, experiment, problems)
    network.graph.outputs["prediction"] = prediction.value
    if attached is not None:
        network.graph.outputs["loss"] = attached.loss.value
    target = attached.target.type if attached else None
    heads: tuple[Compared, ...] = ()
    metrics: tuple[MetricType, ...] = ()
    if attached is not None and experiment.loss is not None:
        heads = find_heads(experiment.loss, attached, prediction, named)
        made_by = network.producer(prediction)
        measurable = Measurable(experiment, prediction, attached.target.type, named, heads, made_by)
        metrics = choose_metrics(measurable, problems)
    check_best(experiment, metrics, target, problems)
    drop_unused(network, problems)
    weights = None if known else begin_with(experiment, place, network.graph, network.layers, problems)
    labels = _names(network, {label: term.value for label, term in named.items()})
    return Elaborated(network.graph, tuple(network.layers), experiment, x.value, x.type, _below(x), dtype, target, metrics,
                      labels, heads, () if attached is None else attached.limits, weights=weights,
                      weighted=weighted)  # fmt: skip


def _divide(network: Network, x: Term, experiment: Experiment, scope: Scope) -> Term:
    """Give the inputs that have names theirs; what the first layer takes."""
    if len(experiment.parts) == 1:
        label = experiment.parts[0].statement.label
        assert label is not None
        scope.labels[label.name] = (x, label.span)
    if len(experiment.parts) < 2:
        return x
    values, start = [], 0
    for part in experiment.parts:
        label, size = part.statement.label, math.prod(part.shape)
        assert label is not None
        name = network.name(part.statement)
        with network.build.at(spans=(part.statement.head,), layer=name):
            value = network.build(Slice(1, start, start + size), x)
            value = value if len(part.shape) == 1 else network.build(Reshape((B, *part.shape)), value)
        start += size
        if label.name in scope.labels:
            network.problems.report("E202", f"`{label.name}` names two values", label.span,
                                    also=[(scope.labels[label.name][1], "first here")])  # fmt: skip
        scope.labels[label.name] = (value, label.span)
        network.record(part.statement, name, "input", (x,), value, (), scope)
        values.append(value)
    return values[0]


def _names(network: Network, outside: Mapping[str, Value]) -> dict[str, Value]:
    """Every named value: by its name alone where the file gives it outside bodies or once, else by name and number."""
    inside: dict[str, Value] = {}
    for label, values in network.named.items():
        numbered = {f"{label}[{number}]": value for number, value in enumerate(values, 1)}
        inside.update(numbered if len(values) > 1 else {label: values[0]})
    return {**inside, **outside}


def _below(x: Term) -> int:
    assert isinstance(x.node.op, Input)
    return x.node.op.below


def _input(
    network: Network, layers: Sequence[tree.Layer | tree.Broken], experiment: Experiment, definitions: Definitions,
    problems: Problems,
) -> Flow:  # fmt: skip
    """The input's leaf: its shape is written, or the data's, or what the first layer takes."""
    data = experiment.data
    described = data.description.input if data and data.description else None
    shape, span, below = experiment.input, experiment.input_span, experiment.input_below
    if data is not None and described is not None and span is not None:
        _check_names(below, data, span, problems)
    if below == 0 and data is not None and data.description is not None:
        below = len(data.description.vocabulary or ())
    if described is not None and data is not None:
        if shape is not None and shape != described and span is not None:
            problems.report("E504", f"the input is written as {_text(shape)}, but the data's samples are {_text(described)}",
                            span, f"says {_text(shape)}", also=[(data.span, f"gives {_text(described)}")],
                            fixes=[f"write `input {_text(described)}`, or leave `input` out"])  # fmt: skip
        elif shape is None:
            shape, span = described, data.span
    first = layers[0]
    if shape is None:
        with suppress(TooLarge):  # which will be said where it is expanded
            shape = _promised(layers, network.trial(Problems()), Scope(definitions.constants))
        span = first.head if isinstance(first, tree.Layer) else first.span
    return None if shape is None or span is None else network.input(shape, (span,), below=below)


def _check_names(below: int, data: Data, span: Span, problems: Problems) -> None:
    """Report whole numbers in the data that the input is not written for."""
    names = None if data.description is None else data.description.vocabulary
    if below and data.description is not None and data.description.below == below:
        return
    if below and names is None:
        problems.report("E504", f"the input is written as whole numbers below {below}, but the data's samples hold any numbers",
                        span, also=[(data.span, "the data")])  # fmt: skip
    elif names is not None and below and below < len(names):
        problems.report("E504", f"the input is written as whole numbers below {below}, but the data has {len(names)} names",
                        span, also=[(data.span, f"{len(names)} names")])  # fmt: skip


def _promised(statements: Sequence[tree.Statement], trial: Network, scope: Scope) -> tuple[int, ...] | None:
    """The input shape that the first layer which has one is written for.

    Raises:
        TooLarge: if it is sought in too many places.
    """
    definitions, constants = trial.definitions, scope.constants
    for statement in statements:
        trial.budget.step(statement.span)
        if not isinstance(statement, tree.Layer) or len(scope.blocks) > limits.NESTING:
            return None
        name = statement.name.name
        if name in definitions.layers and statement.branches is None:
            layer = definitions.layers[name]
            arguments = bind(name, layer.takes, statement.head, statement.arguments, statement.options,
                             Evaluator(constants, Problems()), Problems())  # fmt: skip
            shape = layer.input_shape(arguments) if arguments is not None else None
            if shape is not None or not layer.keeps_shape:
                return shape
        elif name in definitions.blocks:
            inner = block_arguments(trial, statement, definitions.blocks[name], scope)
            within = None if inner is None or name in scope.blocks else Scope(inner, blocks=(*scope.blocks, name))
            return None if within is None else _promised(definitions.blocks[name].body.statements, trial, within)
        elif name == "repeat" and Evaluator(constants, Problems()).arguments(statement) == [0]:
            continue
        elif statement.branches:
            found = (_promised(branch.statements, trial, scope) for branch in statement.branches)
            shape = next((shape for shape in found if shape is not None), None)
            if shape is not None:
                return shape
        elif name not in definitions.functions and name != "pass":
            return None
    return None


def _sized(first: tree.Layer) -> str:
    """How the input's size is written, in the first layer where that can be."""
    size = first.arguments[0] if first.arguments else None
    if first.name.name == "linear" and isinstance(size, tree.Number):
        return f"write how many numbers a sample has, before it, `input 2`, or in it, `linear 2->{size.span.text}`"
    return "write it: `input 2`, or `2->25` in the first layer"


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
