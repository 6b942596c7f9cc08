"""The pipeline: from source text to op lists, in named steps.

>>> import lampc.compile
>>> program = lampc.compile.text("linear 2->3 xavier; tanh; linear 1; sigmoid")
>>> print(program.inference)
%1 = affine(x, linear1.weight, linear1.bias) : f32[B, 3]
%2 = tanh(%1) : f32[B, 3]
%3 = affine(%2, linear2.weight, linear2.bias) : f32[B, 1]
%4 = sigmoid(%3) : f32[B, 1]
"""

from __future__ import annotations

import gc
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx

from lampc import examples
from lampc.advice import advise
from lampc.diagnostics import Diagnostic, LampError, Problems, failure
from lampc.elaborate import Elaborated, Experiment, elaborate
from lampc.elaborate.definitions import decode, read_source
from lampc.elaborate.foreign import judge
from lampc.elaborate.given import Given, as_path
from lampc.elaborate.minibatches import lone_batchnorm
from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.keys import Key
from lampc.ir.layout import LayerUse
from lampc.ir.leaves import Parameter
from lampc.ir.program import OpList, Routine
from lampc.ir.types import Type, sample_text
from lampc.layers.metrics import MetricType
from lampc.layers.signature import Param
from lampc.ops.activations import Relu, Sigmoid, Tanh
from lampc.ops.arithmetic import Mul
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.passes.cse import share_common
from lampc.passes.dce import remove_dead
from lampc.passes.differentiate import differentiate
from lampc.passes.distribute import distribute
from lampc.passes.fuse import fuse
from lampc.passes.gains import find_gains, warn_of_saturation
from lampc.passes.guard import drop_guards
from lampc.passes.inference import for_inference
from lampc.passes.lower import lower
from lampc.passes.mixed import mix_precision
from lampc.passes.optimise import optimise, parameters_of
from lampc.passes.recompute import recompute
from lampc.passes.rewrite import subgraph
from lampc.passes.simplify import simplify
from lampc.passes.stabilise import stabilise
from lampc.passes.totals import MEAN, Totals, total_up
from lampc.passes.verified import checked, checked_routine
from lampc.printable import printable, printable_lines
from lampc.source import Source
from lampc.syntax import parse

if TYPE_CHECKING:
    import torch

    from lampc.data import Dataset
    from lampc.native.program import Native
    from lampc.runtime.history import History
    from lampc.runtime.model import Model

Pass = Callable[[Graph], Graph]
_log = logging.getLogger("lampc")


@dataclass(frozen=True, repr=False)
class Program:
    """A compiled ``.lamp`` program."""

    source: Source
    elaborated: Elaborated
    simplified: Graph
    """Prediction and loss as they are differentiated."""
    whole: Graph
    """Forward, backward and update in one graph."""
    totals: Totals = MEAN
    """How the loss of all samples comes of minibatches'."""
    warnings: tuple[Diagnostic, ...] = ()

    @cached_property
    def training(self) -> Routine:
        """Forward, backward and update."""
        return lowered(self.whole)

    @cached_property
    def evaluation(self) -> Routine:
        """Prediction and loss, without dropout."""
        return lowered(self.evaluated)

    @cached_property
    def predicting(self) -> Routine:
        """Prediction alone, without dropout."""
        return lowered(subgraph(self.evaluated, {"prediction": self.evaluated.outputs["prediction"]}))

    def valued(self, label: str) -> Routine:
        """What computes a value that the file names with `as`, for prediction; under the output ``prediction``.

        Raises:
            KeyError: if there is none of that name.
        """
        if label not in self._valued:
            graph = self.elaborated.graph.with_outputs({"prediction": self.elaborated.labels[label]})
            with without_collection():
                graph = run_passes(for_inference(run_passes(graph, FORWARD)), WHOLE)
            self._valued[label] = lowered(graph)
        return self._valued[label]

    def answering(self, label: str) -> Program:
        """A program of the same network that predicts a value which the file names with `as`; it has no loss.

        Raises:
            LampError: if there is none of that name.
        """
        whole = self.elaborated
        if not isinstance(label, str) or label not in whole.labels:
            raise failure("E203", f"the file names no value `{label}`", f"there are {', '.join(whole.labels)}")
        graph = whole.graph.with_outputs({"prediction": whole.labels[label]})
        experiment = replace(whole.experiment, loss=None, metrics=None)
        other = replace(whole, graph=graph, experiment=experiment, target_type=None, metrics=(), heads=(), limits=())
        return build(self.source, other)

    @cached_property
    def _valued(self) -> dict[str, Routine]:
        return {}

    @cached_property
    def units(self) -> Routine:
        """What computes the hidden activations that may come to a standstill, by their layers' names, and the prediction."""
        graph, prediction = self.elaborated.graph, self.elaborated.graph.outputs["prediction"]
        live = graph.live(graph.outputs.values())
        chosen: dict[Key, Value] = {"prediction": prediction}
        for use in self.layers:
            gates = any(isinstance(user.op, Mul) for user in graph.users(use.output.node))
            hidden = use.output.node in live and use.output != prediction and not gates
            if hidden and use.name != "prediction" and isinstance(graph[use.output.node].op, Relu | Tanh | Sigmoid):
                chosen[use.name] = use.output
        with without_collection():
            return lowered(run_passes(for_inference(run_passes(graph.with_outputs(chosen), FORWARD)), WHOLE))

    @cached_property
    def native(self) -> Native:
        """The same as machine code, where it has such a form."""
        from lampc.native.program import Native

        double = self.elaborated.dtype == "f64"
        return Native(self.whole, lambda: self.evaluated, double, self.batch, self.totals)

    @cached_property
    def evaluated(self) -> Graph:
        """Prediction and loss as they are for use: without dropout, with running statistics; and what metrics ask for."""
        heads = {metric.head.output: metric.head.label for metric in self.metrics if metric.head.label}
        graph = self.simplified
        with without_collection():
            if heads:
                whole = self.elaborated.graph
                named: dict[Key, Value] = {output: self.elaborated.labels[label] for output, label in heads.items()}
                graph, _ = total_up(run_passes(whole.with_outputs({**whole.outputs, **named}), FORWARD))
            graph = for_inference(graph)
            for metric in self.metrics:
                end = graph[graph.outputs[metric.head.output].node]
                if metric.of_scores and isinstance(end.op, ENDS):
                    graph.outputs[metric.head.scores] = end.operands[0]
            return run_passes(graph, WHOLE)

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """The outputs that evaluation needs."""
        heads = [output for metric in self.metrics for output in (metric.head.output, metric.head.scores)]
        return tuple(dict.fromkeys(name for name in ("prediction", "loss", *heads) if name in self.evaluated.outputs))

    @property
    def ignored(self) -> int | None:
        """The label of samples that the loss leaves out."""
        loss = self.experiment.loss
        ignore: int | None = None if loss is None else loss.arguments.get("ignore")
        return ignore

    @property
    def graph(self) -> nx.DiGraph:
        """The whole computation graph; each node's attribute ``node`` has its op, operands, types, places and stage."""
        return self.whole.nx

    @property
    def forward(self) -> OpList:
        """The instructions that compute prediction and loss."""
        return self.training.stage(Stage.FORWARD)

    @property
    def backward(self) -> OpList:
        """The instructions that compute the gradients."""
        return self.training.stage(Stage.BACKWARD)

    @property
    def update(self) -> OpList:
        """The instructions that take the optimiser's step."""
        return self.training.stage(Stage.UPDATE)

    @property
    def inference(self) -> OpList:
        """The instructions that compute a prediction, without dropout and without what only a gradient needs."""
        return self.predicting.stage(Stage.FORWARD)

    @property
    def evaluated_type(self) -> Type:
        """A prediction's type."""
        return self.simplified.type(self.simplified.outputs["prediction"])

    @cached_property
    def footprints(self) -> dict[object, Any]:
        """The memory that trainings take, as it has been worked out."""
        return {}

    @property
    def batch(self) -> int:
        """Samples of a training minibatch, the last one apart: as many as are asked for, or as there are."""
        data, asked = self.experiment.data, self.experiment.train.batch
        return asked if data is None or data.description is None else min(asked, max(1, data.description.train))

    @cached_property
    def least_batch(self) -> int:
        """How many samples a training minibatch must have: 2 where a batchnorm sees one number of each."""
        return 1 if lone_batchnorm(self.simplified) is None else 2

    @property
    def layers(self) -> tuple[LayerUse, ...]:
        """The network's layers in order."""
        return self.elaborated.layers

    @property
    def experiment(self) -> Experiment:
        """The experiment's statements."""
        return self.elaborated.experiment

    @property
    def metrics(self) -> tuple[MetricType, ...]:
        """What is measured beside the loss."""
        return self.elaborated.metrics

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters' types and initialisers by name, in the order in which they were declared."""
        return parameters_of(self.whole)

    def lacks(self, statement: str, *fixes: str) -> LampError:
        """The error that a statement is missing, placed where the network ends (E501)."""
        problems = Problems()
        span = self.layers[-1].span if self.layers else None
        problems.report("E501", f"the program has no `{statement}`", span, fixes=fixes)
        return LampError(problems.errors)

    def setting(self, name: str) -> Param:
        """What a number that may change without recompiling takes: ``lr``, ``dropout1.rate``."""
        if name.startswith("lr="):  # of the layers that were given this one
            return self.experiment.optimizer.type.signature["lr"]
        layer, _, parameter = name.rpartition(".")
        kind = next((use.kind for use in self.layers if use.name == layer), None)
        signature = self.elaborated.types[kind].signature if kind else self.experiment.optimizer.type.signature
        return signature[parameter]

    def check_gradients(self) -> None:
        """Compare the gradients that layers in Python have of their own with differences, once.

        Raises:
            LampError: if one is wrong.
        """
        if not self._checked:
            from lampc.runtime.own_gradients import check_own_gradients

            check_own_gradients(self)
            self._checked.append(True)

    @cached_property
    def _checked(self) -> list[bool]:
        return []

    def data(self, seed: int | None = None) -> Dataset:
        """The data that the program names: ``train`` and ``test``, each with ``x`` [n, …sample] and ``y`` [n, …target].

        Raises:
            LampError: if it names none, or they cannot be had.
        """
        from lampc.runtime.train import load_data

        return load_data(self, seed)

    def model(self, seed: int | None = None, device: str | None = None, backend: str | None = None) -> Model:
        """The program with parameters, ready to run: ``backend`` is ``auto``, ``torch`` or ``native``.

        Raises:
            LampError: if the device or the backend is not available.
        """
        from lampc.runtime.model import Model

        return Model(self, seed=seed, device=device, backend=backend)

    def load(self, path: str | os.PathLike[str], device: str | None = None, backend: str | None = None) -> Model:
        """A model with what ``model.save(path)``, or a run's checkpoint, holds of the same network.

        Settings such as ``lr`` are this program's; ``lampc.load(path)`` needs no program, and takes the file's.

        Raises:
            LampError: if it is no such file, is damaged, or of another network.
        """
        from lampc.runs.saved import load_into

        return load_into(self, path, device, backend)

    @property
    def outline(self) -> str:
        """What it is in a few words: its name, the shapes of a sample and of a prediction, how many numbers it learns."""
        shapes = " → ".join(sample_text(type.sample) for type in (self.elaborated.input_type, self.evaluated_type))
        count = sum(layer.parameter_count for layer in self.layers)
        return f"{printable(self.source.name)}: {shapes}, {count:,} parameter{'s' * (count != 1)}"

    def __deepcopy__(self, memo: object) -> Program:
        """Itself: nothing changes it."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """As a pickle has it: its text and what it was compiled with, of which it is compiled again."""
        from lampc.runs.saved import encode_program, unpickled_program

        return unpickled_program, (encode_program(self), str(self.elaborated.given.folder.absolute()))

    def __repr__(self) -> str:
        return f"<Program {self.outline}>"

    def _repr_html_(self) -> str:
        """What notebooks show: the network, and its op lists."""
        import html

        from lampc import draw

        loss = self.experiment.loss
        inputs = {self.elaborated.input: ("x", self.elaborated.input_type)}
        picture = draw.svg(draw.network(self.layers, inputs, loss.name if loss else None))
        lists = [(name, str(getattr(self, name))) for name in ("forward", "backward", "update")]
        listed = {name: html.escape(printable_lines(text)) for name, text in lists if text}
        shown = (f"<details><summary>{name}</summary><pre>{text}</pre></details>" for name, text in listed.items())
        return f"<div>{picture}{''.join(shown)}</div>"

    def to_torch(self, model: Model) -> torch.nn.Module:
        """The network as a readable PyTorch module with the model's weights; see ``lampc.export.torch_source``.

        Raises:
            LampError: if an op of the network has no form in PyTorch source.
        """
        from lampc.export.torch_source import to_torch

        return to_torch(model)

    def train_many(self, seeds: Sequence[int], settings: Sequence[Mapping[str, float]] = ({},)) -> list[list[History]]:
        """Train from every seed with each of some optimiser settings, on all cores; a list of histories for each.

        Each run equals the same run trained alone, bit for bit. Nothing is compiled anew. Only the end is evaluated.
        """
        from lampc.runtime.runs import train_runs

        return [train_runs(self, seeds, settings=chosen, every=math.inf) for chosen in settings]


def file(path: str | os.PathLike[str], *, allow_python: bool = False, **settings: Any) -> Program:
    """Compile a ``.lamp`` file, or the example of that name; ``settings`` override constants and options: ``epochs=5``.

    Its warnings are in ``program.warnings``, and told to the logger ``lampc``.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    place, name = examples.located(os.fspath(as_path("path", path)))
    return told(from_file(place, name, Given(place.parent, settings, allow_python)))


def text(source: str | bytes, *, name: str = "<text>", folder: str | os.PathLike[str] = ".",
         allow_python: bool = False, **settings: Any) -> Program:  # fmt: skip
    """Compile a program given as text; relative paths in it begin at ``folder``.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    return told(from_text(source, name, Given(as_path("folder", folder), settings, allow_python)))


def told(program: Program) -> Program:
    """The program, once the logger ``lampc`` knows what it was warned of."""
    for warning in program.warnings:
        _log.warning("%s", warning)
    return program


def from_file(path: Path, name: str, given: Given) -> Program:
    """The program that a file holds, under a name for messages.

    Raises:
        LampError: if the file cannot be read, or the program, its data or a setting is wrong.
    """
    problems = Problems()
    source = read_source(path, name, problems, None, examples.hints(path))
    problems.raise_errors()
    assert source is not None
    return compile_source(source, given, problems)


def from_text(text: str | bytes, name: str, given: Given) -> Program:
    """The program that a text is, under a name for messages.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    problems = Problems()
    if not isinstance(text, str | bytes):
        raise failure("E802", f"`source`: a text is wanted, not a {type(text).__name__}")
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    decoded = decode(raw, str(name), problems)
    problems.raise_errors()
    assert decoded is not None
    return compile_source(decoded, given, problems)


def check(
    source: Source, folder: Path, settings: Mapping[str, Any], allow_python: bool, problems: Problems
) -> Elaborated | None:
    """A program's checked forward graph, or None; mistakes are reported to ``problems``."""
    return examine(source, Given(folder, settings, allow_python), problems)


def examine(source: Source, given: Given, problems: Problems) -> Elaborated | None:
    """The pipeline's first half, up to a checked forward graph; mistakes are reported to ``problems``."""
    return _checked(source, given, problems)[0]


def _checked(source: Source, given: Given, problems: Problems) -> tuple[Elaborated | None, Graph | None]:
    """A checked program, and its forward graph as training begins, where that has been made."""
    tree = parse(source, problems, judge(given.layers))
    elaborated = elaborate(tree, given, problems)
    graph = None
    if elaborated is not None and not problems.errors:
        advise(elaborated, problems)
        if given.described is None:  # else it has been trained
            graph = _warn_of_growth(elaborated, problems)
        warn_of_saturation(elaborated.graph, problems)
    return elaborated, graph


def _warn_of_growth(elaborated: Elaborated, problems: Problems) -> Graph | None:
    from lampc.advice.growth import LARGE, warn_of_growth  # numpy, which takes a while to import

    if "loss" not in elaborated.graph.outputs or len(elaborated.graph) > LARGE:
        return None
    graph = beginning(elaborated)
    warn_of_growth(elaborated, graph, problems)
    return graph


def beginning(elaborated: Elaborated) -> Graph:
    """The forward graph as a training begins: initialisers with their gains, formulas in stable forms."""
    return run_passes(elaborated.graph, BEGIN)


def compile_source(source: Source, given: Given, problems: Problems | None = None) -> Program:
    """The whole pipeline.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    problems = problems or Problems()
    with without_collection():
        elaborated, begun = _checked(source, given, problems)
        problems.raise_errors()
        assert elaborated is not None
        return build(source, elaborated, problems.warnings, begun)


def build(source: Source, elaborated: Elaborated, warnings: tuple[Diagnostic, ...] = (), begun: Graph | None = None) -> Program:
    """The pipeline's second half: from a checked forward graph to op lists. ``begun``: its ``beginning``, where it is known."""
    forward, totals = total_up(run_passes(beginning(elaborated) if begun is None else begun, FORWARD[len(BEGIN) :]))
    experiment = elaborated.experiment
    train = experiment.train
    if train.mixed:
        forward = run_passes(forward, (mix_precision, share_common))
    whole = forward
    if "loss" in forward.outputs:
        whole = run_passes(forward, (differentiate,))
        if train.workers > 1:
            whole = run_passes(whole, (distribute,))
        whole = checked("optimise", optimise(whole, experiment.optimizer, experiment.schedule, train.accumulate))
    whole = run_passes(whole, WHOLE)
    if train.recompute:
        whole = run_passes(whole, (recompute,))
    return Program(source, elaborated, forward, whole, totals, warnings)


ENDS = (Sigmoid, Softmax, LogSoftmax)
"""The activations that make probabilities of scores."""

BEGIN: tuple[Pass, ...] = (find_gains, stabilise)
"""What is done to the forward graph before its numbers are followed."""

FORWARD: tuple[Pass, ...] = (*BEGIN, simplify, share_common, remove_dead)
"""What is done to the forward graph before it is differentiated."""

WHOLE: tuple[Pass, ...] = (drop_guards, simplify, share_common, remove_dead, fuse, remove_dead)
"""What is done to the whole graph before it is lowered."""


@contextmanager
def without_collection() -> Iterator[None]:
    """Put off garbage collection: a compilation makes many objects and drops few, and would look at them repeatedly."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def lowered(graph: Graph) -> Routine:
    """The op lists of a graph."""
    return checked_routine(lower(graph))


def run_passes(graph: Graph, passes: tuple[Pass, ...]) -> Graph:
    """Apply passes in order."""
    for step in passes:
        graph = checked(step.__name__, step(graph))
    return graph
