"""A run as somebody finds it: its program, its weights, and how samples are read for it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.split import normalised
from lampc.diagnostics import Problems, failure
from lampc.elaborate import parse_setting
from lampc.elaborate.definitions import read_source
from lampc.elaborate.given import Given
from lampc.ops.activations import Sigmoid
from lampc.runs import checkpoint as checkpoints
from lampc.runs import state
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.config import data_folder, description
from lampc.runs.directory import BEST, LAST, damaged, find, read_config, source_of
from lampc.runtime.train import load_data
from lampc.runtime.turns import Turn
from lampc.schema import Unfit
from lampc.table.schema import Schema
from lampc.table.stored import schema_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lampc.compile import Program
    from lampc.data import Dataset
    from lampc.runs.predict import Predictions
    from lampc.runtime.model import Model


@dataclass(frozen=True, repr=False)
class Run:
    """A run directory, read."""

    path: Path
    config: dict[str, Any]
    program: Program
    file: Path
    """The checkpoint that the weights are taken from."""
    kept: Checkpoint
    threshold: float | None = None
    """Where something else is said than ½: what the probability of yes is above if the answer is yes."""

    def model(self, device: str | None = None) -> Model:
        """The network with the checkpoint's weights.

        Raises:
            LampError: if they are another network's.
        """
        model = self.program.model(device=device)
        state.restore(model, self.kept, str(self.file))
        return model

    def predict(self, x: str | os.PathLike[str] | ArrayLike, device: str | None = None) -> Predictions:
        """What the network answers, as `lampc predict` does.

        ``x`` is a file that `lampc predict` reads, a folder of images, or samples as the data has them, not normalised, of
        shape ``(B, *sample)``. Of a run on a table they are rows of raw cells: a pandas or polars frame, columns by name, or
        lists in the order of the schema's columns. The answer has a column for each class's probability or each number,
        ``found["p_setosa"]``, and ``found.raw`` is what the network made, of shape ``(B, *prediction)``.

        Raises:
            LampError: if there are no samples, or they are not such as the network takes.
        """
        from lampc.runs import predict, rows

        model = self.model(device)
        if isinstance(x, str | os.PathLike):
            parts = list(predict.of_file(self, model, Path(x)))
            if not parts:
                raise failure("E603", f"{x} has no samples")
            return predict.joined(parts)
        if self.schema is not None:
            return predict.joined(list(predict.of_rows(self, model, rows.of_values(self, x))))
        return predict.predict(self, model, x)

    def at(self, threshold: float) -> Run:
        """The run, so that it answers yes where the probability is above a threshold from 0 to 1; of two classes the second
        means yes. `lampc eval RUN --threshold f1` finds one.

        Raises:
            LampError: if it is none, or the network does not answer with the probability of yes.
        """
        if not 0.0 <= threshold <= 1.0:
            raise failure("E305", f"a threshold is from 0 to 1, and not {threshold:g}")
        if not self._says_yes():
            raise failure("E506", "a threshold is of the probability of yes, and this network does not answer with one",
                          f"leave it out: `lampc predict {self.path} INPUT`")  # fmt: skip
        return replace(self, threshold=float(threshold))

    def _says_yes(self) -> bool:
        """Whether the network makes the probability of yes, alone or beside that of no."""
        elaborated, data = self.program.elaborated, self.program.experiment.data
        last = elaborated.graph.outputs["prediction"]
        shape, end = elaborated.graph.type(last).sample, elaborated.graph[last.node].op
        bits = data is None or data.description is None or data.description.bits is not False
        one = shape == (1,) and isinstance(end, Sigmoid) and bits
        two = shape == (2,) and elaborated.target_type is not None and elaborated.target_type.dtype == "i64"
        return (one or two) and [head.label for head in elaborated.heads] == [""]

    def __repr__(self) -> str:
        return f"<Run {self.path}, {self.file.stem} weights, {Turn(self.seed, self.fold)}>"

    @property
    def seed(self) -> int:
        """The seed that the weights were trained from, which split the data."""
        return int(self.kept.about["seed"])

    @cached_property
    def schema(self) -> Schema | None:
        """Of a run on a table: its columns, with the numbers of its training part."""
        kept = self.kept.about.get("schema")
        return None if kept is None else schema_of(kept)

    @property
    def fold(self) -> tuple[int, int] | None:
        """Of a cross-validation the fold that tests the weights, from 0, and how many there are."""
        found = self.kept.about.get("fold")
        return None if found is None else (int(found[0]), int(found[1]))

    def data(self) -> Dataset:
        """What the weights were trained on and are measured on, as it was split then.

        Raises:
            LampError: if it cannot be had.
        """
        return load_data(self.program, self.seed, self.fold)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes' names, where the targets are labels."""
        data = self.program.experiment.data
        if self.schema is not None:
            return self.schema.classes
        return data.description.classes if data is not None and data.description is not None else None

    def normalised(self, x: Any) -> Any:
        """Samples ``x`` of shape ``(B, *sample)`` as the network takes them: normalised by the training data, if it was."""
        import numpy as np

        normal = self.kept.about["normal"]
        if normal is None:
            return x
        return normalised(x, *(np.asarray(part) for part in normal))


def load(run: str | Path, which: str = "best", *, allow_python: bool = False, settings: dict[str, Any] | None = None,
         program: Program | None = None) -> Run:  # fmt: skip
    """Open a run, a directory, ``disc/3`` or ``disc`` (its latest), at its best epoch or its ``last``.

    The program is the one that the run keeps, if it is not at hand; the data it was trained on need not be there any more.

    Raises:
        LampError: if there is no such run, or it is damaged.
    """
    path = find(str(run))
    config = read_config(path)
    program = program or _program(path, config, allow_python, settings or {})
    checkpoint = path / (BEST if which == "best" and (path / BEST).exists() else LAST)
    if not checkpoint.exists():
        raise failure("E611", f"{path} holds no weights: its training diverged, or was stopped, before any had been saved",
                      f"go on with it: `lampc train --resume {path}`, with a smaller `lr` if it diverged")  # fmt: skip
    kept = checkpoints.read(checkpoint)
    _see_schema(kept, program.elaborated.input_type.sample, checkpoint)
    _see_normal(kept, program.elaborated.input_type.sample, checkpoint)
    state.unit_of(program, kept.about, str(checkpoint))
    return Run(path, config, program, checkpoint, kept)


def _see_normal(kept: Checkpoint, sample: tuple[int, ...], file: Path) -> None:
    """See that samples can be normalised as the checkpoint says."""
    import numpy as np

    for part in kept.about.get("normal") or ():
        try:
            found = np.asarray(part, np.float64)
            fits = np.broadcast_shapes(found.shape, sample) == tuple(sample) and bool(np.isfinite(found).all())
        except ValueError:  # rows of several lengths, or of another width
            fits = False
        if not fits:
            raise damaged(file, f"`normal` is not of samples of {'x'.join(map(str, sample))}")


def _see_schema(kept: Checkpoint, sample: tuple[int, ...], file: Path) -> None:
    """See that a table's columns make samples of the network's size."""
    try:
        schema = None if kept.about.get("schema") is None else schema_of(kept.about["schema"])
    except Unfit as error:
        raise damaged(file, str(error)) from None
    if schema is not None and schema.width != math.prod(sample):
        raise damaged(file, f"`schema` makes samples of {schema.width} numbers, and the network takes {math.prod(sample)}")


def _program(path: Path, config: dict[str, Any], allow_python: bool, settings: dict[str, Any]) -> Program:
    """The program that a run keeps."""
    problems = Problems()
    file = source_of(path, config)
    overrides = dict(found for text in config["settings"] if (found := parse_setting(text, problems)) is not None)
    described = None if config["data"] is None else description(config["data"]["description"])
    source = read_source(file, str(file), problems, None)
    problems.raise_errors()
    assert source is not None
    from lampc.compile import compile_source

    return compile_source(source, Given(file.parent, {**overrides, **settings}, allow_python, described, data_folder(config)))
