"""Exports that take a table's raw rows as C, judged by a compiler against rows encoded value by value."""

from __future__ import annotations

import csv
import ctypes
import io
import random
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from raw_tables import ANSWERS, Made, chosen, classified, network, table, written

from lampc.export.c_source import source
from lampc.table.bad import BadCells
from lampc.table.cells import Form, Table
from lampc.table.parse import parse
from lampc.table.parsed import Moments, Numbers
from lampc.table.schema import Column, Schema, Target

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def built(text: str, folder: Path, *flags: str) -> Path:
    assert COMPILER is not None
    (folder / "net.c").write_text(text, encoding="utf-8")
    strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", *flags]
    done = subprocess.run([COMPILER, *strict, str(folder / "net.c"), "-o", str(folder / "net"), "-lm"], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "net"


def library(text: str, folder: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(built(text, folder, "-shared", "-fPIC")))


def row_of(cells: list[str | None]) -> Any:
    return (ctypes.c_char_p * len(cells))(*(None if cell is None else cell.encode() for cell in cells))


def texts(made: Made) -> list[list[str]]:
    dice = random.Random(1)
    return [[written(column, row[column.name], dice) for column in made.schema.taken] for row in made.rows]


WRONG = {
    "number": ["12 apples", "1e", "--1", "1,2,3", "(3", "0x10", "1 2"],
    "yesno": ["maybe", "yes!"],
    "date": ["2021-02-30 00:00:00", "31.4.2020", "soon", "1.1.20"],
    "category": [],
}
"""By kind, cells that are none."""


def test_cells_become_slots(tmp_path: Path) -> None:
    """Of a cell that is not what its column is its place is told; one that is missing may also be no cell at all."""
    made = table(300)
    model = network(made, "bias; train precision=f64")
    encode = library(source(model, schema=made.schema), tmp_path).predict_encode
    x = (ctypes.c_double * made.schema.width)()
    rows = texts(made)
    for cells, slots in zip(rows, made.slots, strict=True):
        assert encode(row_of([*cells]), x) == 0
        np.testing.assert_allclose(list(x), slots, rtol=1e-12, atol=1e-12)
    assert encode(row_of([None] * len(rows[0])), x) == 0
    for place, column in enumerate(made.schema.taken):
        for cell in WRONG[column.kind]:
            assert encode(row_of([*rows[0][:place], cell, *rows[0][place + 1 :]]), x) == place + 1, cell


@pytest.mark.parametrize("layers", ANSWERS)
def test_names_classes(layers: str, tmp_path: Path) -> None:
    made = table(40)
    model, answer = classified(made, layers)
    code = library(source(model, schema=made.schema, answer=answer), tmp_path)
    names = [name.decode() for name in (ctypes.c_char_p * len(answer.classes)).in_dll(code, "predict_classes")]
    assert names == list(answer.classes)
    raw = model(torch.tensor(made.slots))
    wanted = ANSWERS[layers](raw).double().numpy()
    said = (ctypes.c_double * wanted.shape[1])()
    for cells, shares, label in zip(texts(made), wanted, chosen(raw), strict=True):
        assert code.predict_row(row_of([*cells]), said) == label
        np.testing.assert_allclose(list(said), shares, rtol=1e-5, atol=1e-6)


def answers_of(program: Path, given: str) -> list[list[str]]:
    done = subprocess.run([str(program)], input=given.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))


def sheet(names: list[str], rows: list[list[str]], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([names, *rows])
    return out.getvalue()


def test_answers_a_table(tmp_path: Path) -> None:
    """Columns in any order, others beside them, names and texts that CSV has to quote."""
    made = table(30)
    model, answer = classified(made, next(iter(ANSWERS)))
    program = built(source(model, schema=made.schema, answer=answer), tmp_path, "-DLAMP_MAIN")
    names = ["no", *reversed([column.name for column in made.schema.taken])]
    header, *found = answers_of(program, "\ufeff" + sheet(names, [["7", *reversed(cells)] for cells in texts(made)]))
    assert header == ["kind", *(f"p_{name}" for name in answer.classes)]
    shares = model(torch.tensor(made.slots)).softmax(1)
    assert [row[0] for row in found] == [answer.classes[i] for i in shares.argmax(1).tolist()]
    np.testing.assert_allclose([[float(cell) for cell in row[1:]] for row in found], shares, rtol=1e-5, atol=1e-6)
    assert answers_of(program, sheet(names, [])) == [header]


def test_refuses_a_table_without_a_column(tmp_path: Path) -> None:
    made = table(1)
    program = built(source(network(made, "linear 1 xavier"), schema=made.schema), tmp_path, "-DLAMP_MAIN")
    names = [column.name for column in made.schema.taken]
    for given, said in {
        sheet(names[1:], []): "has no `age`",
        sheet(names, [["x y", *texts(made)[0][1:]]]): "row 1: `x y` is not what the column `age` holds",
        sheet(names, [["1"]]): "row 1 has 1 cells",
    }.items():
        done = subprocess.run([str(program)], input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert said in done.stderr


def test_answers_in_the_targets_own_unit(tmp_path: Path) -> None:
    schema = Schema((Column("x", "number", fill=(0.0,)), Column("y", "number", fill=(0.0,))), (Target("z", "number"),),
                    Form(delimiter=";", decimal=","))  # fmt: skip
    made = Made(schema, [{"x": 1.5, "y": -2.25}, {"x": 0.0, "y": None}])
    model = network(made, "linear 1 xavier")
    program = built(source(model, unit=[[1e8], [2.0]], schema=schema), tmp_path, "-DLAMP_MAIN")
    found = answers_of(program, "x;y\r\n1,5;-2,25\r\n\r\n0;NA")
    assert found[0] == ["z"]
    np.testing.assert_allclose(
        [float(row[0]) for row in found[1:]], model(torch.tensor(made.slots)).double()[:, 0] * 2 + 1e8, rtol=1e-15, atol=1e-6
    )


NUMBERS_WRITTEN = {
    "": {"1": 1, "-2.5e3": -2500, "+.5": 0.5, "7.": 7, "1e-300": 1e-300, "0.1": 0.1, "−4": -4, "(12)": -12, "inf": None,
         "123456789012345678901234567890": 123456789012345678901234567890.0, "9007199254740993": 2**53},
    "thousands=%2C": {"\ufeff1,234,567.5\u200b": 1234567.5, "12": 12, "1234": 1234, "-1,000": -1000},
    "thousands=%C2%A0 comma": {"1\u00a0234,5": 1234.5, "0,1": 0.1},
    "$ thousands=%2C": {"$1,000": 1000, "-$5": -5, "$-5": -5, "5 $": 5, "5": 5, "($2.50)": -2.5},
    "percent": {"12%": 12, "3.5 %": 3.5, "-1%": -1, "4": 4},
    "gap=tbd": {"tbd": None, "3": 3},
    "loose": {"about 3": None, "3": 3},
}  # fmt: skip
DATES_WRITTEN = {
    "iso": {"2020-02-29": (2020, 2, 29), "2020-2-9 07:08": (2020, 2, 9, 7, 8),
            "1969-12-31T23:59:58.25": (1969, 12, 31, 23, 59, 58.25),
            "2020-01-01 00:30:00+01:00": (2019, 12, 31, 23, 30), "2020-01-01T12:00Z": (2020, 1, 1, 12),
            "0001-01-01": (1, 1, 1), "9999-12-31": (9999, 12, 31)},
    "%d/%m/%y": {"31/12/99": (1999, 12, 31), "1/2/68": (2068, 2, 1)},
    "%d. %b %Y": {"3. March 1987": (1987, 3, 3), "12. sept 2001": (2001, 9, 12)},
    "%m/%d/%Y %I:%M %p": {"07/04/2021 12:05 AM": (2021, 7, 4, 0, 5), "07/04/2021 1:05pm": (2021, 7, 4, 13, 5)},
    "%a, %d %b %Y": {"Wed, 01 Jan 2020": (2020, 1, 1), "Saturday, 29 Feb 2020": (2020, 2, 29)},
    "%Y%m%d": {"20210304": (2021, 3, 4)}, "%d%m%Y": {"1012020": (2020, 1, 10)}, "%H:%M": {"23:59": (1970, 1, 1, 23, 59)},
    "%Y.%j gap=never": {"2020.366": (2020, 12, 31), "never": None},
}  # fmt: skip
"""Cells by how their column is written, and what they are; None is missing."""


def moment(parts: tuple[float, ...]) -> float:
    whole, second = [int(part) for part in parts[:5]], parts[5] if len(parts) > 5 else 0.0
    return datetime(*whole, tzinfo=UTC).timestamp() + second


FORMS = [*((form, cells, "number") for form, cells in NUMBERS_WRITTEN.items()),
         *((form, cells, "date") for form, cells in DATES_WRITTEN.items())]  # fmt: skip
COLUMNS = tuple(Column(form or "plain", "date" if kind == "date" else "number", written=form, fill=(-77.0,),
                       parts=("days",) if kind == "date" else ()) for form, _, kind in FORMS)  # fmt: skip
Read = Callable[[int, str], float | None]
"""A column's place and a cell to its number, NaN where it is missing, or to nothing where it is none."""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """As C does."""
    schema = Schema(COLUMNS, (Target("y", "number"),))
    code = source(network(Made(schema, []), "bias; train precision=f64"), schema=schema)
    encode = library(code, tmp_path_factory.mktemp("c")).predict_encode
    x = (ctypes.c_double * len(COLUMNS))()

    def found(place: int, cell: str) -> float | None:
        if encode(row_of([cell if i == place else None for i in range(len(COLUMNS))]), x):
            return None
        return np.nan if x[place] == -77.0 else x[place]

    return found


def trained(place: int, cell: str) -> float | None:
    """The same as training does."""
    try:
        found = parse(pa.chunked_array([[cell]]), COLUMNS[place], Table("t.csv", {}))
    except BadCells:
        return None
    assert isinstance(found, Moments | Numbers)
    return float(found.seconds[0] / 86400 if isinstance(found, Moments) else found.values[0])


def test_reads_what_people_write(read: Read) -> None:
    """Each cell is its number, or days since 1970, for training and for C."""
    for place, (_, cells, _) in enumerate(FORMS):
        for cell, wanted in cells.items():
            known = np.nan if wanted is None else moment(wanted) / 86400 if isinstance(wanted, tuple) else wanted
            np.testing.assert_equal([read(place, cell), trained(place, cell)], [known, known], cell)


def test_reads_and_refuses_as_training_does(read: Read) -> None:
    """Of cells as people write them with some characters more, less, or others."""
    dice = random.Random(0)
    for _ in range(200):
        place = dice.randrange(len(FORMS))
        cell = [*dice.choice([*FORMS[place][1]])]
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(cell) + 1)
            cell[at : at + dice.randint(0, 1)] = dice.choice(["", *"0123456789.,-+eE()$% /:TZaM"])
        np.testing.assert_equal(read(place, "".join(cell)), trained(place, "".join(cell)), "".join(cell))
