"""Predictions of a run, as a table that a person reads: numbers, or classes with their probabilities."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from lampc import files
from lampc.diagnostics import failure
from lampc.ir.graph import Value
from lampc.ops.activations import Sigmoid
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.printable import cell, json_line
from lampc.runs import inputs, rows
from lampc.runtime.own_unit import in_own_unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lampc.runs.load import Run
    from lampc.runtime.model import Model

FORMATS = (".csv", ".npz", ".parquet", ".jsonl")


@dataclass(frozen=True)
class Predictions:
    """Of some samples: a column for each name."""

    names: tuple[str, ...]
    columns: tuple[Any, ...]
    raw: NDArray[np.generic]
    """What the network made, in the targets' own unit."""

    def beside(self, columns: Mapping[str, Sequence[Any]]) -> Predictions:
        """With other columns before them; where one has an answer's name, the answer is ``predicted_`` so."""
        names = tuple(f"predicted_{name}" if name in columns else name for name in self.names)
        return Predictions((*columns, *names), (*columns.values(), *self.columns), self.raw)

    def labelled(self, name: str, labels: Sequence[str]) -> Predictions:
        """With another column before them."""
        return Predictions((name, *self.names), (list(labels), *self.columns), self.raw)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """A sample each."""
        return zip(*self.columns, strict=True)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, name: str) -> Any:
        """A column, a value for each sample."""
        if name not in self.names:
            raise KeyError(f"there is no column {name!r}; there are {', '.join(self.names)}")
        return self.columns[self.names.index(name)]

    def __repr__(self) -> str:
        return f"<Predictions of {len(self):,} sample{'' if len(self) == 1 else 's'}: {', '.join(self.names)}>"


def of_file(
    run: Run, model: Model, path: Path, tell: Callable[[rows.Rows], object] = lambda found: None
) -> Iterator[Predictions]:
    """For a file's samples, or for an image, or a folder of them, some at a time; ``tell`` is told of a table's rows.

    Raises:
        LampError: if it cannot be read, or does not hold such samples.
    """
    if inputs.are_images(path):
        for names, x in inputs.images(run, path):
            yield predict(run, model, x).labelled("file", names)
        return
    if run.schema is not None and path.suffix.lower() not in (".npz", ".npy"):
        found = rows.of_file(run, path)
        tell(found)
        yield from of_rows(run, model, found)
        return
    if run.schema is not None:
        for x in inputs.cells(path):
            found = rows.of_values(run, x)
            tell(found)
            yield from of_rows(run, model, found, beside=False)
        return
    for x in inputs.chunks(run, path):
        yield predict(run, model, x)


def of_rows(run: Run, model: Model, found: rows.Rows, beside: bool = True) -> Iterator[Predictions]:
    """For a table's rows, some at a time: their columns, as they came, if answers are to stand ``beside`` them, and those."""
    cells = found.columns
    for start in range(0, len(found), inputs.CHUNK):
        part = slice(start, start + inputs.CHUNK)
        made = predict(run, model, found.encoded.x[part])
        yield made.beside({name: column[part] for name, column in cells.items()} if beside else {})


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Predictions in one, of at least one part."""
    import numpy as np

    columns = [[value for part in parts for value in part.columns[i]] for i in range(len(parts[0].names))]
    return Predictions(parts[0].names, tuple(columns), np.concatenate([part.raw for part in parts]))


def predict(run: Run, model: Model, x: Any) -> Predictions:
    """The network's output for samples that are not normalised yet, in the targets' own unit.

    A network that scores classes gives ``class`` and each class's probability, or, where it scores them for each place of
    a sample, each place's class; any other its numbers. Where the loss compares values that the file names, each has columns
    of its name, and so has the last value.
    """
    elaborated = run.program.elaborated
    x, last = run.normalised(x), elaborated.graph.outputs["prediction"]
    heads = {head.label: head.part for head in elaborated.heads}
    made = model(x).double()
    made = (in_own_unit(model.unit, made, heads[""]) if "" in heads else made).cpu()
    if not any(heads) and _several(run, made):
        return _of_targets(run, made.numpy(), scored="" in heads and isinstance(elaborated.graph[last.node].op, Sigmoid))
    if not any(heads):
        return _predictions(run, made, last, _target(run), "p_", "" in heads)
    own = next((label for label, value in elaborated.labels.items() if value == last), "prediction")
    parts = {}
    for label in (*heads, own):
        found = made
        if label in elaborated.labels:
            found = model.value(label, x).double()
            found = (in_own_unit(model.unit, found, heads[label]) if label in heads else found).cpu()
        value = elaborated.labels.get(label, last)
        parts[label or own] = _predictions(run, found, value, label or own, f"{label or own}.p_", label in heads)
    every = list(parts.values())
    names, columns = (tuple(v for part in every for v in getattr(part, field)) for field in ("names", "columns"))
    return Predictions(names, columns, made.numpy())


def _predictions(run: Run, made: Tensor, value: Value, name: str, prefix: str, scored: bool) -> Predictions:
    """Columns for one value; ``scored``: the loss takes it for scores where the targets are classes."""
    import numpy as np

    classes = run.classes if run.threshold is None else run.classes or ("0", "1")
    above = 0.5 if run.threshold is None else run.threshold
    raw = made.numpy()
    op = run.program.elaborated.graph[value.node].op
    if classes is not None and len(classes) == 2 and scored and raw.shape[1:] == (1,) and isinstance(op, Sigmoid):
        said = np.asarray(classes)[(raw[:, 0] > above).astype(int)]
        return Predictions((name, f"{prefix}{classes[1]}"), (said.tolist(), raw[:, 0].tolist()), raw)
    if classes is None or not scored or made.dim() < 2 or made.shape[-1] < len(classes):
        return _each(raw, name, raw)
    known = list(classes) + [str(i) for i in range(len(classes), made.shape[-1])]
    chosen = np.asarray(known)[raw.argmax(-1)]
    if made.dim() > 2:
        return _each(chosen, name, raw)
    shares = made if isinstance(op, Softmax) else made.exp() if isinstance(op, LogSoftmax) else made.softmax(-1)
    if run.threshold is not None:
        chosen = np.asarray(known)[(shares[:, 1].numpy() > above).astype(int)]
    names = (name, *(f"{prefix}{c}" for c in known))
    return Predictions(names, (chosen.tolist(), *shares.numpy().T.tolist()), raw)


def _several(run: Run, made: Tensor) -> bool:
    """Whether a table's several targets are predicted, a number each."""
    return run.schema is not None and len(run.schema.targets) > 1 and made.shape[1:] == (len(run.schema.targets),)


def _of_targets(run: Run, raw: NDArray[np.generic], scored: bool) -> Predictions:
    """Columns for each of a table's targets; of yes or no, if they are ``scored`` by shares, the word and the share of yes."""
    import numpy as np

    assert run.schema is not None
    above = 0.5 if run.threshold is None else run.threshold
    columns: dict[str, list[Any]] = {}
    for target, made in zip(run.schema.targets, raw.T, strict=True):
        if target.kind == "yesno" and scored:
            columns[target.name] = np.asarray(target.values)[(made > above).astype(int)].tolist()
            columns[f"p_{target.name}"] = made.tolist()
        else:
            columns[target.name] = made.tolist()
    return Predictions(tuple(columns), tuple(columns.values()), raw)


def _each(found: NDArray[Any], name: str, raw: NDArray[np.generic]) -> Predictions:
    """A column for each number, or class, of a sample."""
    flat = found.reshape(len(found), -1)
    names = (name,) if flat.shape[1] == 1 else tuple(f"{name}{i}" for i in range(flat.shape[1]))
    return Predictions(names, tuple(flat.T.tolist()), raw)


def _target(run: Run) -> str:
    data = run.program.experiment.data
    found = data.description.name if data is not None and data.description is not None else ""
    return found or ("class" if run.classes is not None else "prediction")


class Writer(Protocol):
    """Takes predictions in order."""

    def write(self, found: Predictions) -> None:
        """Some more."""


@contextmanager
def writer(path: Path) -> Iterator[Writer]:
    """For a file, by its ending; it is there once the block has ended well, and as it was if not.

    Raises:
        LampError: if the ending is not known, what writes it is not installed, or it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise failure("E601", f"{path}: how to write `{kind or path.name}` is not known", f"there are {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise failure("E601", f"cannot write {path}: there is no folder {path.parent}")
    try:
        with files.writing(path) as file:
            if kind in (".csv", ".jsonl"):
                lines = io.TextIOWrapper(file, encoding="utf-8", newline="")
                yield Lines(lines, kind == ".csv")
                lines.detach()
            else:
                whole = _Whole(kind)
                yield whole
                whole.save(file)
    except OSError as error:
        raise failure("E003", f"cannot write {path}: {error.strerror or error}") from None


class Lines:
    """A line a sample, as CSV, with a header if there is to be one, or as JSON."""

    def __init__(self, file: IO[str], table: bool, header: bool = True) -> None:
        self.file = file
        self._csv = csv.writer(file, lineterminator="\n") if table else None
        self._begun = not header

    def write(self, found: Predictions) -> None:
        if self._csv is not None:
            if not self._begun:
                self._csv.writerow([cell(name) for name in found.names])
            self._csv.writerows([cell(value) for value in row] for row in found.rows())
        else:
            for row in found.rows():
                self.file.write(json_line(dict(zip(found.names, row, strict=True))) + "\n")
        self._begun = True
        self.file.flush()


class _Whole:
    """NumPy's or Parquet's file, written once all is there."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.found: list[Predictions] = []
        if kind == ".parquet":
            try:
                import pyarrow  # noqa: F401
            except ImportError:
                raise failure("E508", "writing Parquet needs pyarrow", 'pip install "lampc[parquet]"') from None

    def write(self, found: Predictions) -> None:
        self.found.append(found)

    def save(self, file: IO[bytes]) -> None:
        import numpy as np

        names = self.found[0].names if self.found else ()
        columns = {name: [v for part in self.found for v in part.columns[i]] for i, name in enumerate(names)}
        if self.kind == ".npz":
            arrays = {name: np.asarray(column) for name, column in columns.items()}
            if self.found:
                arrays["prediction"] = np.concatenate([part.raw for part in self.found])
            np.savez(file, allow_pickle=False, **arrays)
            return
        import pyarrow
        import pyarrow.parquet as parquet

        parquet.write_table(pyarrow.table(columns), file)
