"""Predictions of a run, as a table that a person reads: numbers, or classes with their probabilities."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from lampc import files
from lampc.diagnostics import failure
from lampc.ops.normalise import LogSoftmax, Softmax

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.runs.load import Run
    from lampc.runtime.model import Model

FORMATS = (".csv", ".npz", ".parquet", ".jsonl")


@dataclass(frozen=True)
class Predictions:
    """Of some samples: a column for each name."""

    names: tuple[str, ...]
    columns: tuple[Any, ...]
    raw: NDArray[np.generic]
    """What the network made."""

    def labelled(self, name: str, labels: Sequence[str]) -> Predictions:
        """With another column before them."""
        return Predictions((name, *self.names), (list(labels), *self.columns), self.raw)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """A sample each."""
        return zip(*self.columns, strict=True)


def predict(run: Run, model: Model, x: Any) -> Predictions:
    """The network's output for samples that are not normalised yet.

    A network that scores classes gives ``class`` and each class's probability; any other its numbers.
    """
    import numpy as np

    made = model(run.normalised(x)).double().cpu()
    classes = run.classes
    raw = made.numpy()
    if classes is None or made.dim() != 2 or made.shape[1] < len(classes):
        flat = raw.reshape(len(raw), -1)
        name = _target(run)
        names = (name,) if flat.shape[1] == 1 else tuple(f"{name}{i}" for i in range(flat.shape[1]))
        return Predictions(names, tuple(flat.T.tolist()), raw)
    op = run.program.simplified[run.program.simplified.outputs["prediction"].node].op
    shares = made if isinstance(op, Softmax) else made.exp() if isinstance(op, LogSoftmax) else made.softmax(-1)
    known = list(classes) + [str(i) for i in range(len(classes), made.shape[1])]
    chosen = np.asarray(known)[raw.argmax(-1)].tolist()
    return Predictions((_target(run), *(f"p_{c}" for c in known)), (chosen, *shares.numpy().T.tolist()), raw)


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
                self._csv.writerow(found.names)
            self._csv.writerows(found.rows())
        else:
            for row in found.rows():
                self.file.write(json.dumps(dict(zip(found.names, row, strict=True))) + "\n")
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
