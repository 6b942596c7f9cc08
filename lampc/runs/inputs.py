"""Samples for a trained network: read from a file or from lines, in the order and shape that it was trained on."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lampc.data.columns import places
from lampc.data.reading import reading
from lampc.data.source import DataError
from lampc.data.whole import in_array, refuse_strange
from lampc.diagnostics import failure
from lampc.schema import Unfit, parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.runs.load import Run

FORMATS = (".csv", ".npz", ".npy", ".parquet", ".jsonl", ".json")
CHUNK = 1024
"""Samples that are read, and predicted, at once."""

Array = Any


def chunks(run: Run, path: Path) -> Iterator[NDArray[np.generic]]:
    """A file's samples, as the run's network takes them but for normalising, some at a time.

    Raises:
        LampError: if the file cannot be read, or does not hold such samples.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise failure("E601", f"{path}: what `{kind or path.name}` holds is not known", f"there are {', '.join(FORMATS)}")
    if not os.path.isfile(path):
        raise failure("E601", f"cannot read {path}: there is no such file")
    read = _arrays if kind in (".npz", ".npy") else _parquet if kind == ".parquet" else _lines
    source = read(run, path)
    while True:
        try:
            with reading(path):
                found = next(source, None)
        except DataError as error:
            raise failure(error.code, str(error), *error.fixes) from None
        if found is None:
            return
        yield found


def _lines(run: Run, path: Path) -> Iterator[NDArray[np.generic]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        samples = records(run, file, path.suffix.lower() == ".csv", str(path))
        first = next(samples, None)
        if first is None:
            raise failure("E603", f"{path} has no samples")
        yield from grouped(run, chain([first], samples))


def images(run: Run, path: Path) -> Iterator[tuple[list[str], NDArray[np.generic]]]:
    """An image, or a folder of them, for a network that was trained on images: their names and samples, some at a time.

    Raises:
        LampError: if the network takes none, or one cannot be read.
    """
    from lampc.data.images import files_below, read_images

    shape = run.program.elaborated.input_type.sample
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise failure("E605", f"{path} holds images, and the network takes samples of {'x'.join(map(str, shape))}")
    try:
        files = files_below(path)
        for begin in range(0, len(files), CHUNK // 8):
            part = files[begin : begin + CHUNK // 8]
            names = [file.relative_to(path).as_posix() if path.is_dir() else str(file) for file in part]
            yield names, read_images(part, shape)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None


def are_images(path: Path) -> bool:
    """Whether a path is an image's, by its name, or a folder's."""
    from lampc.data.images import ENDINGS

    return os.path.isdir(path) or path.suffix.lower() in ENDINGS


def records(run: Run, file: Iterable[str], table: bool, name: str) -> Iterator[list[float]]:
    """Each line's numbers: of CSV, with or without a header, or a JSON list or object.

    Raises:
        LampError: if a line does not hold a sample, with its number.
    """
    size = math.prod(run.program.elaborated.input_type.sample)
    if table:
        yield from _table(run, csv.reader(file, strict=True, delimiter=delimiter(run)), size, name)
        return
    columns = _columns(run)
    for number, line in enumerate(file, 1):
        if line.strip():
            yield _named(run, _sample(line, columns, size, f"{name}, line {number}"), f"{name}, line {number}")


def _table(run: Run, rows: Iterator[list[str]], size: int, name: str) -> Iterator[list[float]]:
    chosen: list[int] | None = None
    number = cells_wanted = 0
    try:
        for number, row in enumerate(rows, 1):
            if not row:
                continue
            if number == 1 and not all(_is_number(cell) for cell in row):
                chosen, cells_wanted = _choose(run, [cell.strip() for cell in row], size, name), len(row)
                continue
            if chosen is not None and len(row) != cells_wanted:
                raise failure("E602", f"{name}, line {number} has {len(row)} cells, the header {cells_wanted}")
            cells = row if chosen is None else [row[i] for i in chosen]
            yield _named(run, _numbers(cells, size, f"{name}, line {number}"), f"{name}, line {number}")
    except csv.Error as error:
        raise failure("E601", f"{name}, line {number + 1}: {error}") from None


def _choose(run: Run, header: list[str], size: int, name: str) -> list[int]:
    """Where the columns are that the network was trained on; the others are not looked at."""
    columns = _columns(run)
    if columns is None:
        if len(header) != size:
            raise failure("E605", f"{name} has {len(header)} columns, and the network takes {size}")
        return list(range(size))
    data = run.program.experiment.data
    try:
        return places(header, columns, name, data.description.name if data is not None and data.description else "")
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None


def _sample(line: str, columns: Sequence[str] | None, size: int, where: str) -> list[float]:
    """A line of JSON, or of numbers between commas or spaces."""
    text = line.strip()
    if text[0] not in "[{":
        return _numbers(text.replace(",", " ").split(), size, where)
    try:
        value = parse(text)
    except Unfit as error:
        raise failure("E602", f"{where}: {error}") from None
    if isinstance(value, dict):
        names = columns or list(value)
        missing = [name for name in names if name not in value]
        if missing:
            raise failure("E602", f"{where}: there is no `{missing[0]}`")
        value = [value[name] for name in names]
    return _numbers(list(_flat(value)), size, where)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _numbers(cells: Sequence[Any], size: int, where: str) -> list[float]:
    if len(cells) != size:
        raise failure("E605", f"{where} has {len(cells)} numbers, and the network takes {size}")
    found = []
    for place, cell in enumerate(cells, 1):
        if isinstance(cell, bool) or cell is None or not _is_number(cell) or not math.isfinite(float(cell)):
            shown = str(cell).strip()[:30]
            raise failure("E602", f"{where}, number {place}: " + (f"`{shown}` is no number" if shown else "the cell is empty"))
        found.append(float(cell))
    return found


def _named(run: Run, row: list[float], where: str) -> list[float]:
    """A line's numbers, if they are names of things where the network takes such."""
    below = run.program.elaborated.input_below
    for place, value in enumerate(row, 1):
        if below and not (0 <= value < below and value.is_integer()):
            raise failure("E604", f"{where}, number {place}: {value:g} is not one of the whole numbers 0 to {below - 1} that "
                          "the network takes")  # fmt: skip
    return row


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str) and "_" in cell:
        return False
    try:
        float(cell)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def grouped(run: Run, rows: Iterable[list[float]], size: int = CHUNK) -> Iterator[NDArray[np.generic]]:
    """Rows of numbers as arrays of samples."""
    import numpy as np

    gathered: list[list[float]] = []
    for row in rows:
        gathered.append(row)
        if len(gathered) == size:
            yield shaped(run, np.array(gathered), "the input")
            gathered = []
    if gathered:
        yield shaped(run, np.array(gathered), "the input")


def cells(path: Path) -> Iterator[NDArray[np.generic]]:
    """An archive's numbers as a table's cells [n, columns], for a network that was trained on a table, some at a time.

    Raises:
        LampError: if the file cannot be read, or holds no numbers.
    """
    import numpy as np

    if not os.path.isfile(path):
        raise failure("E601", f"cannot read {path}: there is no such file")
    try:
        with reading(path):
            x = np.atleast_2d(_array(path))
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    yield from (x[start : start + CHUNK] for start in range(0, len(x), CHUNK))


def _arrays(run: Run, path: Path) -> Iterator[NDArray[np.generic]]:
    x = _array(path)
    for start in range(0, len(x) if x.ndim else 1, CHUNK):
        yield shaped(run, x[start : start + CHUNK] if x.ndim else x, str(path), start)


def _array(path: Path) -> NDArray[np.generic]:
    """The samples of an archive.

    Raises:
        LampError: if it holds no arrays, or no numbers.
    """
    import numpy as np

    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.ndarray) and not loaded.files:
            raise failure("E603", f"{path} has no arrays")
        x = np.asarray(loaded if isinstance(loaded, np.ndarray) else loaded["x" if "x" in loaded.files else loaded.files[0]])
    if x.dtype.kind not in "fiub":
        raise failure("E602", f"{path} holds {x.dtype}, not numbers")
    return x


def _parquet(run: Run, path: Path) -> Iterator[NDArray[np.generic]]:
    import numpy as np

    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise failure("E508", "reading Parquet needs pyarrow", 'pip install "lampc[parquet]"') from None
    file = parquet.ParquetFile(path)
    size = math.prod(run.program.elaborated.input_type.sample)
    names = file.schema_arrow.names
    wanted = [names[i] for i in _choose(run, names, size, str(path))]
    start = 0
    for batch in file.iter_batches(CHUNK, columns=wanted):
        columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in wanted]
        yield shaped(run, np.column_stack(columns), str(path), start)
        start += len(batch)


def shaped(run: Run, x: Array, name: str, first: int = 0) -> NDArray[np.generic]:
    """An array of samples as the network takes them; the first is the file's row ``first``, from 0.

    Raises:
        LampError: if it has another shape, or a number that is none.
    """
    import numpy as np

    type = run.program.elaborated.input_type
    found = np.asarray(x)
    if found.ndim < 1 or math.prod(found.shape[1:]) != math.prod(type.sample):
        wanted = ", ".join(["n", *map(str, type.sample)])
        raise failure("E605", f"{name} has shape {list(found.shape)}, and [{wanted}] is wanted")
    found = found.reshape(len(found), *type.sample)
    if not np.isfinite(found).all():
        row = first + int(np.argwhere(~np.isfinite(found))[0][0])
        raise failure("E602", f"{name} has a number that is none in row {row} (counted from 0)")
    if type.dtype == "i64":
        try:
            refuse_strange(found, run.program.elaborated.input_below, in_array(name, first))
        except DataError as error:
            raise failure(error.code, str(error)) from None
        return found.astype(np.int64)
    return found.astype(np.float64)


def _columns(run: Run) -> tuple[str, ...] | None:
    data = run.program.experiment.data
    return data.description.columns if data is not None and data.description is not None else None


def delimiter(run: Run) -> str:
    """What stands between cells, as in the table that the network was trained on."""
    data = run.program.experiment.data
    if run.schema is not None:
        return run.schema.form.delimiter
    return str(data.request.arguments.get("delimiter") or ",") if data is not None else ","


def open_lines(stream: IO[str]) -> Iterator[str]:
    """Standard input, a line as soon as it is there."""
    return iter(stream.readline, "")


def with_header(run: Run, lines: Iterator[str]) -> tuple[bool, Iterator[str]]:
    """Whether the first of some lines names the columns that the network was trained on; and the lines, that one among them."""
    first = next(lines, "")
    cells = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter(run)), [])]
    columns = _columns(run)
    return bool(columns) and set(columns or ()) <= set(cells), chain([first] if first else [], lines)
