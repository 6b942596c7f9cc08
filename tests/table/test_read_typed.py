"""Tables that have types: Parquet, Arrow, JSON, frames of pandas and polars, columns of Python's."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.read import of_bytes, of_frame, read

DAY = datetime.date(2020, 2, 29)
NOON = datetime.datetime(2020, 2, 29, 12)


def parquet(table: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, **options)
    return file.getvalue()


def arrow(table: Any) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def cells(found: Table) -> dict[str, list[Any]]:
    return {name: column.to_pylist() for name, column in found.columns.items()}


def types(found: Table) -> dict[str, str]:
    return {name: str(column.type) for name, column in found.columns.items()}


TYPES: list[tuple[Any, str, list[Any]]] = [
    (pa.array([1, None], pa.int8()), "int8", [1, None]),
    (pa.array([1, 2**63], pa.uint64()), "uint64", [1, 2**63]),
    (pa.array([0.5, None], pa.float16()), "float", [0.5, None]),
    (pa.array([0.5, 2.0], pa.float64()), "double", [0.5, 2.0]),
    (pa.array([Decimal("1.25"), None]), "double", [1.25, None]),
    (pa.array([True, None]), "bool", [True, None]),
    (pa.array(["é", None]), "string", ["é", None]),
    (pa.array(["é", None], pa.large_string()), "string", ["é", None]),
    (pa.array(["é", None]).dictionary_encode(), "string", ["é", None]),
    (pa.array([3, 3]).dictionary_encode(), "int64", [3, 3]),
    (pa.array(["é".encode(), None]), "string", ["é", None]),
    (pa.array([b"ab", b"cd"], pa.binary(2)), "string", ["ab", "cd"]),
    (pa.array([b"\xff", None]), "binary", [b"\xff", None]),
    (pa.array([NOON, None], pa.timestamp("ms")), "timestamp[ms]", [NOON, None]),
    (pa.array([DAY, None], pa.date32()), "date32[day]", [DAY, None]),
    (pa.array([DAY, None], pa.date64()), "date32[day]", [DAY, None]),
    (pa.nulls(2), "null", [None, None]),
    (pa.array([[1], []]), "list<element: int64>", [[1], []]),
    (pa.array([{"a": 1}, None]), "struct<a: int64>", [{"a": 1}, None]),
]


@pytest.mark.parametrize(("column", "kind", "wanted"), TYPES, ids=lambda value: str(getattr(value, "type", "")))
def test_types_come_down_to_few(column: Any, kind: str, wanted: list[Any]) -> None:
    found = of_bytes(parquet(pa.table({"c": column, "y": [1, 2]})), "t.parquet")
    assert (found.form.source, found.rows, types(found)["c"], cells(found)["c"], found.notes) == (
        "parquet",
        2,
        kind,
        wanted,
        (),
    )
    assert found.place(1) == "row 1 (from 0)"


def test_views_of_strings_are_strings() -> None:
    table = pa.table({"c": pa.array(["a", None, "a text that is longer than twelve"], pa.string_view())})
    assert types(of_bytes(arrow(table), "t.arrow")) == {"c": "string"}


def test_times_are_seconds_and_zones_are_said() -> None:
    noon = pa.array([NOON], pa.timestamp("us", "Europe/Paris"))
    lasts = pa.array([datetime.timedelta(milliseconds=1500)], pa.duration("ns"))
    found = of_bytes(parquet(pa.table({"at": noon, "lasts": lasts, "time": [datetime.time(1, 0, 1)]})), "t.parquet")
    assert cells(found) == {"at": [NOON], "lasts": [1.5], "time": [3601.0]}
    assert found.notes == (
        "`at`: times of the zone Europe/Paris are taken as UTC has them",
        "`lasts`: times are taken as seconds",
        "`time`: times are taken as seconds",
    )


def test_what_a_file_promises_is_checked() -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")])
    for raw in (parquet(pa.table({"c": broken})), arrow(pa.table({"c": broken}))):
        with pytest.raises(DataError, match="cannot read t: "):
            of_bytes(raw, "t")


def test_a_small_file_that_unpacks_to_much_is_refused() -> None:
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3000, np.int32)), pa.array(["x" * 1_000_000]))
    many = pa.table({f"c{place}": pa.nulls(11_000_000) for place in range(100)})
    for table, says in ((pa.table({"c": long}), "larger than memory"), (many, "more cells than the 1,000,000,000")):
        with pytest.raises(DataError, match=says):
            of_bytes(arrow(table), "t")


@pytest.mark.parametrize("names", [[], ["c"]], ids=["columns", "rows"])
def test_a_table_without_cells_is_refused(names: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        of_bytes(parquet(pa.table({name: pa.array([], pa.int64()) for name in names})), "t")
    assert caught.value.code == "E603"


def test_names_are_made_different() -> None:
    table = pa.Table.from_arrays([pa.array([place]) for place in range(4)], names=["a", "a", "a_2", ""])
    found = of_bytes(parquet(table), "t")
    assert cells(found) == {"a": [0], "a_3": [1], "a_2": [2], "column4": [3]}
    assert found.notes == ("several columns are called `a`; a later one is `a_3` now",)


JSON = {
    "an object a line": '{"x": 1, "y": "a"}\n\n{"y": "b", "x": 2.5}\n',
    "a list": '[{"x": 1, "y": "a"},\n {"x": 2.5, "y": "b"}]',
    "lists by column": '{"x": [1, 2.5], "y": ["a", "b"]}',
    "as pandas writes it": '{"x": {"0": 1, "1": 2.5}, "y": {"0": "a", "1": "b"}}',
    "data beside other things": '{"schema": {"fields": []},\n "data": [{"x": 1, "y": "a"}, {"x": 2.5, "y": "b"}]}',
}


@pytest.mark.parametrize("how", JSON)
def test_json_is_a_table(how: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(JSON[how], encoding="utf-16")
    found = read(tmp_path / "t.json", "t.json")
    assert (cells(found), found.form.source) == ({"x": [1.0, 2.5], "y": ["a", "b"]}, "jsonl")
    assert cells(of_bytes(JSON[how].encode(), "stdin")) == cells(found)


def test_objects_in_objects_are_columns_and_what_is_of_two_kinds_is_text() -> None:
    rows = [{"a": {"b": 1, "c": [1]}, "d": 1, "e": True}, {"a": {"b": None}, "d": "x", "e": None}, {"d": 2.5, "f": 2**70}]
    found = of_bytes("".join(json.dumps(row) + "\n\n" for row in rows).encode(), "t")
    assert cells(found) == {"a.b": [1, None, None], "a.c": [[1], None, None], "d": ["1", "x", "2.5"], "e": [True, None, None],
                            "f": [None, None, 2.0**70]}  # fmt: skip
    assert found.place(2) == "line 5"


def test_json_of_many_rows_is_one_type_a_column() -> None:
    rows = [{"whole": row, "mixed": row if row < 15_000 else "x", "late": None} for row in range(20_000)]
    rows[-1] |= {"whole": 0.5, "late": "y"}
    found = of_bytes("\n".join(map(json.dumps, rows)).encode(), "t")
    assert types(found) == {"whole": "double", "mixed": "string", "late": "string"}
    assert cells(found)["mixed"][14_999:15_001] == ["14999", "x"] and cells(found)["late"][-2:] == [None, "y"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}\n{"a": \n', "t, line 2, character 8: Expecting value"),
        ('{"a": 1}\n[2]\n', "t, line 2: an object is wanted"),
        ('["a", "b"]', "t is no table: a list of objects is wanted"),
        ('{"a": ' + "[" * 100_000 + "\n", "too deep"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n{}", "too deep"),
        ("\n".join(f'{{"a{row}": 1}}' for row in range(30_000)), "so many different names"),
    ],
)
def test_json_that_is_no_table_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says) as caught:
        read(tmp_path / "t.jsonl", "t")
    assert caught.value.code == "E601"


FRAMES = {
    "a dict of lists": {"x": [1.5, None], "y": ["a", "b"]},
    "a dict of arrays": {"x": np.array([1.5, np.nan]), "y": np.array(["a", "b"])},
    "a structured array": np.array([(1.5, "a"), (np.nan, "b")], dtype=[("x", ">f8"), ("y", "U1")]),
    "rows": [{"x": 1.5, "y": "a"}, {"y": "b"}],
    "a table of pyarrow": pa.table({"x": [1.5, None], "y": ["a", "b"]}),
    "a batch of pyarrow": pa.record_batch({"x": [1.5, None], "y": ["a", "b"]}),
}


@pytest.mark.parametrize("what", FRAMES)
def test_columns_that_a_program_has_are_a_table(what: str) -> None:
    found = of_frame(FRAMES[what], "data")
    assert (cells(found), found.form.source) == ({"x": [1.5, None], "y": ["a", "b"]}, "frame")


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (3, "data is no table: a frame, or a dict of columns, is wanted, not int"),
        (np.zeros((3, 2)), "data is no table"),
        ({"x": [1, 2], "y": [1]}, "columns have different lengths: 1, 2"),
        ({"x": np.zeros((2, 2))}, "a column has one axis, not 2"),
        ({"x": "abc"}, "a column is a list or an array, not str"),
        ({}, "data has no columns"),
        ({"x": []}, "data has no rows"),
    ],
)
def test_what_is_no_frame_is_refused(frame: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        of_frame(frame, "data")


@pytest.mark.parametrize("rows", [[[1.5, 2], (3.5, 4)], np.array([[1.5, 2], [3.5, 4]])], ids=["lists", "an array"])
def test_rows_without_names_get_those_given(rows: object) -> None:
    assert cells(of_frame(rows, "the input", ["x", "y"])) == {"x": [1.5, 3.5], "y": [2, 4]}
    with pytest.raises(DataError, match="the input has a row of 2 cells, and 1 are wanted"):
        of_frame(rows, "the input", ["x"])
    with pytest.raises(DataError, match="the input is no table: rows of cells are wanted"):
        of_frame([1.5, 2], "the input", ["x", "y"])


def test_pandas_frames_are_tables() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "x": [1.5, None],
            "y": pandas.Categorical(["a", "b"]),
            "z": ["1", 2],
            "at": pandas.to_datetime(["2020-02-29 12:00", None]),
        }
    )
    wanted = {"x": [1.5, None], "y": ["a", "b"], "z": ["1", "2"], "at": [NOON, None]}
    assert cells(of_frame(frame, "data")) == wanted
    assert cells(of_frame(frame.drop(columns="z").sample(2, random_state=1).sort_values("x"), "data")).keys() == {
        "x",
        "y",
        "at",
    }
    index = frame.set_index(pandas.Index(["p", "q"], name="who"))
    assert cells(of_frame(index, "data"))["who"] == ["p", "q"]
    assert cells(of_frame(index.drop(columns="z"), "data"))["who"] == ["p", "q"]
    for sort in (index, frame):
        file = io.BytesIO()
        sort.drop(columns="z").to_parquet(file)
        assert ("who" in of_bytes(file.getvalue(), "t").columns) == (sort is index)


def test_polars_frames_are_tables() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"x": [1.5, None], "y": ["a", "b"], "z": [1, 2], "d": [DAY, None], "l": [[1], []]})
    frame = frame.with_columns(polars.col("y").cast(polars.Categorical))
    found = of_frame(frame, "data")
    assert cells(found) == {"x": [1.5, None], "y": ["a", "b"], "z": [1, 2], "d": [DAY, None], "l": [[1], []]}
    assert types(found)["y"] == "string"
