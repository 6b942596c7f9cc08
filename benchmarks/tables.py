"""Tables read: seconds and memory of a process of its own, beside pandas and polars where they are installed."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SHAPES = {"flights": (336_776, 19), "ten million": (500_000, 20)}
"""Rows and columns: nycflights13's, and as many cells as are to be described in 3 seconds."""
FORMS = ("csv", "quoted csv", "semicolons, cp1252", "blanks", "parquet", "jsonl")
_WORDS = ("alpha", "beta", "gamma", "delta", "2013-01-01 05:00:00")
_CHILD = """
import json, sys, time
from pathlib import Path
path, who = sys.argv[1:]
if who == "lampc":
    from lampc.table.read import read
    import pyarrow.csv, pyarrow.parquet, pyarrow.compute
elif who == "pandas":
    import pandas
else:
    import polars
def most():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, begin, busy = most(), time.perf_counter(), time.process_time()
if who == "lampc":
    kept = read(Path(path), path)
elif who == "pandas":
    kept = pandas.read_csv(path)
else:
    kept = polars.read_csv(path)
print(json.dumps([time.perf_counter() - begin, time.process_time() - busy, before, most()]))
"""


def tables(rounds: int) -> Iterator[str]:
    """A table: seconds, those of all cores together, and the process's memory, of which its imports take a part (Linux)."""
    yield "| table | by | size | seconds | of cores | MiB at most | of imports |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    with tempfile.TemporaryDirectory() as folder:
        for shape, (rows, columns) in SHAPES.items():
            for form in FORMS:
                path = Path(folder) / f"table.{'parquet' if form == 'parquet' else 'jsonl' if form == 'jsonl' else 'csv'}"
                write(path, form, rows, columns)
                peers = [peer for peer in ("pandas", "polars") if form == "csv" and importlib.util.find_spec(peer)]
                for who in ("lampc", *peers):
                    figures = [_read(path, who) for _ in range(rounds)]
                    seconds, busy, before, most = (statistics.median(each) for each in zip(*figures, strict=True))
                    size = f"{path.stat().st_size / 1e6:.0f} MB"
                    yield f"| {shape}, {form} | {who} | {size} | {seconds:.2f} | {busy:.2f} | {most:.0f} | {before:.0f} |"
                path.unlink()


def _read(path: Path, who: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path), who], capture_output=True, text=True, check=True)
    figures: list[float] = json.loads(done.stdout)
    return figures


def write(path: Path, form: str, rows: int, columns: int) -> None:
    """A table of that form: of three columns two hold numbers, one words."""
    import numpy as np

    drawn = np.random.default_rng(0)
    names = [f"c{place}" for place in range(columns)]
    made = [_column(drawn, place, rows) for place in range(columns)]
    if form == "parquet":
        import pyarrow as pa
        import pyarrow.parquet

        pyarrow.parquet.write_table(pa.table(dict(zip(names, made, strict=True))), path)
        return
    divides = {"csv": ",", "quoted csv": ",", "blanks": "  "}.get(form, ";")
    with path.open("w", encoding="cp1252" if "cp1252" in form else "utf-8") as file:
        if form != "jsonl":
            file.write(divides.join(names) + "\n")
        texts = [column.tolist() for column in made]
        for row in zip(*texts, strict=True):
            if form == "jsonl":
                file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
            else:
                file.write(divides.join(_cell(cell, form) for cell in row) + "\n")


def _column(drawn: np.random.Generator, place: int, rows: int) -> Any:
    import numpy as np

    if place % 3 == 0:
        return drawn.normal(size=rows).round(4)
    if place % 3 == 1:
        return drawn.integers(0, 10_000, rows)
    return np.array(_WORDS)[drawn.integers(0, len(_WORDS), rows)]


def _cell(cell: object, form: str) -> str:
    if not isinstance(cell, str):
        return str(cell)
    return f'"{cell}"' if form in ("quoted csv", "blanks") else cell + "é" * ("cp1252" in form)
