"""A compiled program: its graphs and op lists, and the ways to its model and its data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import Diagnostic, LampError, Problems, failure
from lampc.elaborate import Elaborated, Experiment
from lampc.elaborate.minibatches import lone_batchnorm
from lampc.elaborate.weighed import weighed
from lampc.ir.graph import Graph, Stage
from lampc.ir.layout import LayerUse
from lampc.ir.leaves import Parameter
from lampc.ir.program import OpList, Routine
from lampc.ir.types import Type, sample_text
from lampc.layers.metrics import MetricType
from lampc.layers.signature import Param
from lampc.passes import uses
from lampc.passes.optimise import parameters_of
from lampc.passes.order import lowered
from lampc.passes.rewrite import subgraph
from lampc.passes.totals import MEAN, Totals
from lampc.printable import printable, printable_lines
from lampc.source import Source

if TYPE_CHECKING:
    import torch
    from networkx import DiGraph

    from lampc.data import Dataset
    from lampc.native.program import Native
    from lampc.runtime.history import History
    from lampc.runtime.model import Model


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
            self._valued[label] = lowered(uses.valued(self.elaborated, label))
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
        from lampc.compile import build

        return build(self.source, other)

    @cached_property
    def weighed(self) -> Program:
        """The program with an input for samples' weights, ``w``: itself, if its data has some.

        Raises:
            LampError: if there is no loss, or one that takes no weights.
        """
        if self.elaborated.weighted:
            return self
        if "loss" not in self.elaborated.graph.outputs:
            raise self.lacks("loss", "add a statement such as `loss mse`")
        from lampc.compile import build

        return build(self.source, weighed(self.elaborated))

    @cached_property
    def _valued(self) -> dict[str, Routine]:
        return {}

    @cached_property
    def units(self) -> Routine:
        """What computes the hidden activations that may come to a standstill, by their layers' names, and the prediction."""
        return lowered(uses.units(self.elaborated))

    @cached_property
    def native(self) -> Native:
        """The same as machine code, where it has such a form."""
        from lampc.native.program import Native

        double = self.elaborated.dtype == "f64"
        return Native(self.whole, lambda: self.evaluated, double, self.batch, self.totals)

    @cached_property
    def evaluated(self) -> Graph:
        """Prediction and loss as they are for use: without dropout, with running statistics; and what metrics ask for."""
        return uses.evaluated(self.elaborated, self.simplified, self.metrics)

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

    @cached_property
    def graph(self) -> DiGraph[int]:
        """The whole computation graph; each node's attribute ``node`` has its op, operands, types, places and stage."""
        return self.whole.nx()

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
            LampError: if an op of the network has no form in PyTorch source, or ``model`` is none.
        """
        from lampc.export.torch_source import to_torch
        from lampc.runtime.model import Model

        if not isinstance(model, Model):
            raise failure("E802", f"a model is wanted, not a {type(model).__name__}", "`program.to_torch(program.model())`")
        return to_torch(model)

    def train_many(self, seeds: Sequence[int], settings: Sequence[Mapping[str, float]] = ({},)) -> list[list[History]]:
        """Train from every seed with each of some optimiser settings, on all cores; a list of histories for each.

        Each run equals the same run trained alone, bit for bit. Nothing is compiled anew. Only the end is evaluated. With
        ``train folds=5`` each seed has five, a fold each, which ``History.fold`` names.

        Raises:
            LampError: if there is no loss or no data, or a seed or setting is none.
        """
        from lampc.runtime.runs import train_many

        return train_many(self, seeds, settings)
