"""The statements about the experiment: input, data, loss, optimizer, schedule, metrics, train, init."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lampc.data import SOURCES, DataError, DataSource, Description, Request
from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import before, instead, removed
from lampc.diagnostics.suggest import nearest, only
from lampc.elaborate.bind import bind
from lampc.elaborate.columns import overrides
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.data_mistakes import no_data, report_data_error, report_number, without_path
from lampc.elaborate.definitions import EXPERIMENT
from lampc.elaborate.foreign import translate
from lampc.elaborate.settings import Settings
from lampc.elaborate.statements import INIT, INPUT, TRAIN
from lampc.elaborate.tried import tried
from lampc.ir.leaves import Initialiser
from lampc.layers import LAYERS
from lampc.layers.initialisers import INITIALISERS, Init
from lampc.layers.losses import LOSSES, LossType
from lampc.layers.metrics import METRICS, MetricType
from lampc.layers.optimizers import OPTIMIZERS, OptimizerType
from lampc.layers.schedules import SCHEDULES, ScheduleType
from lampc.layers.signature import Choice, Refused, Signature, shown
from lampc.source import Span
from lampc.syntax import elsewhere, tree

T = TypeVar("T")
_NUMBERS = (tree.Number, tree.Negative)


@dataclass(frozen=True)
class Data:
    """A bound ``data`` statement."""

    source: DataSource
    request: Request
    span: Span
    description: Description | None


@dataclass(frozen=True)
class Loss:
    """A bound ``loss`` statement: a named one, or a formula."""

    span: Span
    type: LossType | None
    arguments: Mapping[str, Any]
    function: tree.Function | tree.Fn | None = None
    sum: tree.Option | None = None
    """``total = mse(a, x) + 0.1 * kl(b)``: what named values come to."""

    @property
    def name(self) -> str:
        """What to call it."""
        if self.type is not None:
            return self.type.name
        if self.sum is not None:
            return self.sum.name.name
        return self.function.name.name if isinstance(self.function, tree.Fn) else "fn"


@dataclass(frozen=True)
class Optimizer:
    """A bound ``optimizer`` statement."""

    type: OptimizerType
    arguments: Mapping[str, Any]
    span: Span | None = None


@dataclass(frozen=True)
class Schedule:
    """A bound ``schedule`` statement."""

    type: ScheduleType
    arguments: Mapping[str, Any]
    span: Span


@dataclass(frozen=True)
class Train:
    """A bound ``train`` statement."""

    epochs: int
    batch: int
    shuffle: bool
    seed: int
    runs: int
    device: str
    backend: str
    precision: str
    accumulate: int = 1
    recompute: bool = False
    patience: int = 0
    best: str = ""
    workers: int = 1
    weights: str = ""
    folds: int = 0
    span: Span | None = None
    places: Mapping[str, Span] = field(default_factory=dict)
    """Where its options were given."""

    def where(self, option: str) -> Span | None:
        """The place to name for an option."""
        return self.places.get(option, self.span)

    @property
    def trainings(self) -> int:
        """How many networks are trained: one for each seed and fold."""
        return self.runs * max(1, self.folds)

    @property
    def dtype(self) -> str:
        """``f32`` or ``f64``: of the parameters."""
        return "f64" if self.precision in ("f64", "float64") else "f32"

    @property
    def mixed(self) -> bool:
        """Whether products are in bfloat16."""
        return self.precision in ("bf16", "bfloat16")


@dataclass(frozen=True)
class Part:
    """One of several inputs, or one with a name: ``input 3x8x8 as image``."""

    shape: tuple[int, ...]
    statement: tree.Layer


@dataclass(frozen=True)
class Asked:
    """A metric that the file asks for: ``accuracy``, or ``kind.accuracy`` of the value that `as kind` names."""

    metric: MetricType
    label: str
    span: Span


@dataclass(frozen=True)
class Experiment:
    """What is known of the experiment before the network is built."""

    input: tuple[int, ...] | None
    input_below: int
    input_span: Span | None
    data: Data | None
    loss: Loss | None
    optimizer: Optimizer
    schedule: Schedule | None
    metrics: tuple[Asked, ...] | None
    train: Train
    parts: tuple[Part, ...] = ()
    """The inputs that have names, in order; samples hold them flat, one after another, where they are several."""
    init: Initialiser | None = None
    """How the weights of layers that state none begin; None: as each layer has it."""


_USUAL = {"optimizer": "adam", "schedule": "cosine"}
"""What most programs have."""


class Experimenter:
    """Binds the experiment's statements."""

    def __init__(self, evaluator: Evaluator, functions: Mapping[str, tree.Fn], settings: Settings, folder: Path,
                 allow_python: bool, problems: Problems, described: Description | None = None) -> None:  # fmt: skip
        self.evaluator = evaluator
        self.functions = functions
        self.settings = settings
        self.folder = folder
        self.allow_python = allow_python
        self.problems = problems
        self.described = described

    def bind(self, statements: list[tree.Layer]) -> Experiment:
        """The experiment that the statements describe; what they leave out has its default."""
        by_name: dict[str, tree.Layer] = {}
        named = [s for s in statements if s.name.name == "input" and s.label is not None]
        columns = [s for s in statements if s.name.name == "column"]
        for statement in statements:
            name = statement.name.name
            self._plain(statement)
            if statement in columns:
                continue
            if name in by_name and not (statement in named and by_name[name] in named):
                same = statement.head.phrase == by_name[name].head.phrase
                fixes = ["leave this one out" if same else f"leave one out, or make one of both: `{name}` stands once"]
                fixes += ["or name each: `input 4 as a`"] if name == "input" else []
                self.problems.report("E502", f"there are two `{name}` statements", statement.head,
                                     also=[(by_name[name].head, "the first is here")], fixes=fixes,
                                     edits=removed(statement.span) if same else ())  # fmt: skip
            elif name in by_name:
                continue
            else:
                by_name[name] = statement
        train = self._tried(self._train, by_name.get("train")) or self._train(None)
        shape, below = self._tried(self._input, by_name.get("input")) or (None, 0)
        parts = self._parts(named)
        if len(parts) > 1:
            shape, below = (sum(math.prod(part.shape) for part in parts),), 0
        metrics = by_name.get("metrics")
        return Experiment(
            shape,
            below,
            by_name["input"].head if "input" in by_name else None,
            self._tried(partial(self._data, train=train, below=below, columns=columns), by_name.get("data")),
            self._tried(self._loss, by_name.get("loss")),
            self._tried(self._optimizer, by_name.get("optimizer")) or self._optimizer(None),
            self._tried(partial(self._schedule, train=train), by_name.get("schedule")),
            self._tried(self._metrics, metrics),
            train,
            parts,
            self._tried(self._init, by_name.get("init")),
        )

    def _tried(self, bound: Callable[[tree.Layer | None], T | None], statement: tree.Layer | None) -> T | None:
        """What a statement is bound to; None where it is to be written anew."""
        if statement is None:
            return bound(None)

        def attempt(problems: Problems) -> T | None:
            before = self.problems, self.evaluator
            self.problems, self.evaluator = problems, Evaluator(self.evaluator.names, problems)
            try:
                return bound(statement)
            finally:
                self.problems, self.evaluator = before

        return tried(attempt, statement, lambda: (), LAYERS, self.problems)

    def _parts(self, named: list[tree.Layer]) -> tuple[Part, ...]:
        parts = []
        for statement in named:
            shape, below = self._input(statement)
            if below and len(named) > 1:
                self.problems.report("E304", "several inputs hold numbers, not whole numbers that name things", statement.head)
            if shape is not None:
                parts.append(Part(shape, statement))
        return tuple(parts)

    def _plain(self, statement: tree.Layer) -> None:
        if statement.branches is not None:
            self.problems.report("E308", f"`{statement.name.name}` has no branches", statement.branches[0].span)
        if statement.label is not None and statement.name.name != "input":
            self.problems.report("E208", f"`{statement.name.name}` makes no value to name", statement.label.span)

    def _arguments(
        self, name: str, signature: Signature, statement: tree.Layer | None, given: tuple[tree.Argument, ...]
    ) -> dict[str, Any] | None:
        if statement is None:
            arguments: dict[str, Any] | None = dict(signature.defaults)
        else:
            arguments = bind(f"`{name}`", signature, statement.head, given, statement.options, self.evaluator,
                             self.problems)  # fmt: skip
        self.settings.apply(name.split()[0], signature, arguments if arguments is not None else {})
        return arguments

    def _train(self, statement: tree.Layer | None) -> Train:
        arguments = self._arguments("train", TRAIN, statement, statement.arguments if statement else ())
        assert arguments is not None, "every parameter has a default"
        places = {option.name.name: option.span for option in statement.options} if statement else {}
        places |= self.settings.places("train", TRAIN)
        found = Train(**arguments, span=statement.head if statement else None, places=places)
        if found.folds == 1:
            self.problems.report("E305", "`folds=1`: what one fold tests was trained on the others, so there are at least 2",
                                 found.where("folds"), fixes=["`folds=5`, or leave it out"])  # fmt: skip
        return found

    def _see_folds(self, train: Train, source: DataSource) -> None:
        if train.folds and not source.folds:
            self.problems.report("E305", f"`data {source.name}` has no samples to cut into folds: its test is its own",
                                 train.where("folds"), fixes=["`train runs=5` trains from five seeds"])  # fmt: skip

    def _init(self, statement: tree.Layer | None) -> Initialiser | None:
        arguments: dict[str, Any] = dict(INIT.defaults)
        if statement is not None:
            arguments["init"] = self._initialiser(statement)
        self.settings.apply("init", INIT, arguments)
        initialiser: Initialiser | None = arguments["init"]
        return initialiser

    def _initialiser(self, statement: tree.Layer) -> Initialiser | None:
        """What ``init normal std=0.02`` says, as ``normal(std=0.02)`` in a layer; None if nothing, which has been reported."""
        parts = [*statement.arguments, *(option.value for option in statement.options)]
        chosen, *numbers = self.evaluator.arguments(statement) or (None,)
        if not statement.arguments:
            self.problems.report("E301", "`init` needs an initialiser", statement.head,
                                 fixes=[f"one of {', '.join(INITIALISERS)}"])  # fmt: skip
            return None
        for number, part in zip(numbers, parts[1:], strict=True):
            if number is not None and not isinstance(number, int | float):
                self.problems.report("E304", f"`init`: a number is wanted, not {shown(number)}", part.span)
        given = [float(number) for number in numbers if isinstance(number, int | float)]
        if chosen is None or len(given) < len(numbers):
            return None
        if isinstance(chosen, Choice):
            split = len(statement.arguments) - 1
            named = dict(zip([option.name.name for option in statement.options], given[split:], strict=True))
            chosen = Choice(chosen.name, (*chosen.numbers, *given[:split]), {**chosen.options, **named})
        try:
            return Init().convert(chosen)
        except Refused as refused:
            near = nearest(chosen.name, refused.known) if isinstance(chosen, Choice) else None
            word = statement.arguments[0]
            edits = instead(word.span, near) if isinstance(word, tree.Word) else ()
            self.problems.report(refused.code, f"`init`: {refused}", statement.head,
                                 fixes=[f"did you mean `{near}`?"] if near else [], edits=edits)  # fmt: skip
        return None

    def _input(self, statement: tree.Layer | None) -> tuple[tuple[int, ...] | None, int]:
        if statement is None:
            return None, 0
        arguments = self._arguments("input", INPUT, statement, statement.arguments)
        return (None, 0) if arguments is None else (arguments["shape"], arguments["type"])

    def _choose(self, statement: tree.Layer, known: Mapping[str, object]) -> str | None:
        """The statement's first argument, a word among ``known``."""
        kind = statement.name.name
        first = statement.arguments[0] if statement.arguments else None
        listed = ", ".join(known)
        if not isinstance(first, tree.Word):
            where = statement.head if first is None else first.span
            fixes: list[str] = [f"one of {listed}"]
            edits: tuple[Edit, ...] = ()
            if kind == "data" and isinstance(first, tree.String):
                fixes = [f"say what it is first: `data csv {first.span.text}`"]
                edits = before(first.span, "csv ") if first.span.text.endswith('.csv"') else ()
            self.problems.report("E301", f"`{kind}` needs a name first", where, fixes=fixes, edits=edits)
            return None
        if first.name in known:
            return first.name
        foreign, _ = translate(first.name)
        near = foreign if foreign in known else nearest(first.name, known)
        fixes = [f"did you mean `{near}`?"] if near else [f"there are {listed}"]
        edits = instead(first.span, near if near == foreign else only(first.name, known))
        if kind == "data" and near is None:
            fixes, edits = no_data(first, listed, self.folder)
        elif near is None and kind in _USUAL:
            fixes = [f"write `{kind} {_USUAL[kind]}`, or another: {listed}"]
        self.problems.report("E201", f"unknown {kind} `{first.name}`", first.span, fixes=fixes, edits=edits)
        return None

    def _data(self, statement: tree.Layer | None, train: Train, below: int, columns: list[tree.Layer]) -> Data | None:
        name = self._choose(statement, SOURCES) if statement else None
        said = overrides(columns, self.evaluator, self.problems)
        if columns and (name is None or "drop" not in SOURCES[name].signature.names):
            code = "E501" if statement is None else "E304"
            self.problems.report(code, "`column` says something of a table's column, and there is no table", columns[0].head,
                                 fixes=['name one: `data csv "table.csv" target=NAME`'])  # fmt: skip
        if statement is None or name is None:
            return None
        source = SOURCES[name]
        if without_path(source, statement, self.folder, self.problems) or self._by_number(source, statement):
            return None
        arguments = self._arguments(f"data {name}", source.signature, statement, statement.arguments[1:])
        if arguments is None:
            return None
        fold = (0, train.folds) if train.folds > 1 and source.folds else None
        request = Request(arguments, self.folder, train.seed, self.allow_python, below=below, fold=fold, overrides=said)
        self._see_folds(train, source)
        try:
            description = self.described or source.describe(request)
        except DataError as error:
            about = next((s for s in columns if s.arguments and error.option == f"column {_first(s)}"), None)
            report_data_error(error, about or statement, self.problems)
            return None
        return Data(source, request, statement.head, description)

    def _by_number(self, source: DataSource, statement: tree.Layer) -> bool:
        """Whether the target's column is given by its number, which is reported with its name."""
        option = next((option for option in statement.options if option.name.name == "target"), None)
        number = self.evaluator.number(option.value) if option and isinstance(option.value, _NUMBERS) else None
        if option is None or number is None or "path" not in source.signature.names:
            return False
        others = tuple(other for other in statement.options if other is not option)
        arguments = self._arguments(f"data {source.name}", source.signature, replace(statement, options=others),
                                    statement.arguments[1:])  # fmt: skip
        names: tuple[str, ...] = ()
        with suppress(DataError):
            description = None if arguments is None else source.describe(Request(arguments, self.folder, 0))
            names = () if description is None else (*(description.columns or ()), description.name)
        report_number(option, number, names, self.problems)
        return True

    def _loss(self, statement: tree.Layer | None) -> Loss | None:
        if statement is None:
            return None
        first = statement.arguments[0] if statement.arguments else None
        option = statement.options[0].value if len(statement.options) == 1 else None
        if first is None and isinstance(option, tree.Word) and option.name in LOSSES:
            self.problems.report("E301", "`loss` needs a name first", statement.options[0].span, "a name, not an option")
            return None
        if first is None and isinstance(option, tree.Expression):
            return Loss(statement.head, None, {}, sum=statement.options[0])
        if isinstance(first, tree.Function):
            self._arguments("loss", Signature(), statement, statement.arguments[1:])
            return self._formula(first, first.parameters, statement)
        if isinstance(first, tree.Word) and first.name in self.functions and first.name not in LOSSES:
            self._arguments("loss", Signature(), statement, statement.arguments[1:])
            fn = self.functions[first.name]
            return self._formula(fn, fn.parameters, statement)
        name = self._choose(statement, LOSSES)
        if name is None:
            return None
        arguments = self._arguments(f"loss {name}", LOSSES[name].signature, statement, statement.arguments[1:])
        return None if arguments is None else Loss(statement.head, LOSSES[name], arguments)

    def _formula(
        self, function: tree.Function | tree.Fn, parameters: tuple[tree.Parameter, ...], statement: tree.Layer
    ) -> Loss | None:
        required = sum(parameter.default is None for parameter in parameters)
        if required > 2 or len(parameters) < 2:
            self.problems.report("E505", "a loss is a function of two: prediction and target", function.span,
                                 fixes=["write `loss fn(p, y) = mean((p - y)^2)`"])  # fmt: skip
            return None
        return Loss(statement.head, None, {}, function)

    def _optimizer(self, statement: tree.Layer | None) -> Optimizer:
        name = (self._choose(statement, OPTIMIZERS) if statement else None) or "sgd"
        given = statement.arguments[1:] if statement else ()
        type = OPTIMIZERS[name]
        arguments = self._arguments(f"optimizer {name}", type.signature, statement, given)
        assert arguments is not None, "every parameter has a default"
        if arguments.get("nesterov") and not arguments["momentum"] and statement:
            self.problems.report("E305", "`nesterov` looks ahead along the momentum, and there is none", statement.head,
                                 fixes=["add `momentum=0.9`"])  # fmt: skip
        if arguments.get("nesterov") and arguments.get("dampening") and statement:
            self.problems.report("E305", "`nesterov` takes no `dampening`", statement.head, fixes=["leave out one of them"])
        return Optimizer(type, arguments, statement.head if statement else None)

    def _schedule(self, statement: tree.Layer | None, train: Train) -> Schedule | None:
        name = self._choose(statement, SCHEDULES) if statement else None
        if statement is None or name is None:
            return None
        type = SCHEDULES[name]
        arguments = self._arguments(f"schedule {name}", type.signature, statement, statement.arguments[1:])
        assert arguments is not None, "every parameter has a default"
        warmup = arguments.get("warmup", 0.0)
        if warmup >= train.epochs:
            also = [(train.span, f"trains for {train.epochs}")] if train.span else []
            self.problems.report("W404", f"the warm-up takes {warmup:g} epochs, and training {train.epochs}: "
                                 f"`{name}` never begins", statement.head, also=also,
                                 fixes=["make `warmup` shorter, or train for more epochs"])  # fmt: skip
        return Schedule(type, arguments, statement.head)

    def _metrics(self, statement: tree.Layer | None) -> tuple[Asked, ...] | None:
        if statement is None:
            return None
        found: dict[str, Asked] = {}
        for argument in statement.arguments:
            name = argument.name if isinstance(argument, tree.Word) else ""
            label, _, metric = name.rpartition(".")
            if metric in METRICS:
                found[name] = Asked(METRICS[metric], label, statement.head if len(statement.arguments) == 1 else argument.span)
                continue
            theirs, _ = translate(metric) if metric else (None, False)
            theirs = elsewhere.METRICS.get(metric.lower(), theirs)
            near = theirs if theirs in METRICS else nearest(metric, METRICS) if metric else None
            fixes = [f"did you mean `{near}`?" if near else f"there are {', '.join(METRICS)}"]
            sure = near if near == theirs else only(metric, METRICS)
            edits = instead(argument.span, f"{label}.{sure}" if label else sure) if sure else ()
            self.problems.report("E201", f"unknown metric `{argument.span.text}`", argument.span, fixes=fixes, edits=edits)
        for option in statement.options:
            self.problems.report("E303", "`metrics` takes no options", option.span)
        return tuple(found.values())


def _first(statement: tree.Layer) -> str:
    """The column that a statement is of."""
    first = statement.arguments[0]
    return first.value if isinstance(first, tree.String) else first.span.text


assert set(EXPERIMENT) == {"input", "data", "loss", "optimizer", "schedule", "metrics", "train", "init", "column"}
