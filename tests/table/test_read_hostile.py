"""Tables that are damaged, endless or no tables: each is read or refused as one, soon, and nothing else is raised."""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from lampc.diagnostics.unplaced import DataError
from lampc.table import read_csv, read_source
from lampc.table.read import of_bytes, read


def packed(kind: str) -> bytes:
    table = pa.table({"a": [1.5, 2.5, None] * 20, "b": ["x", "y", "z"] * 20, "c": pa.array(["u", "v"] * 30).dictionary_encode(),
                      "d": [[1], [2, 3], []] * 20, "e": pa.array([b"q", None] * 30)})  # fmt: skip
    file = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, file)
    else:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return file.getvalue()


WHOLE = {
    "csv": 'a,b,c\n1,"x, y",é\n2,"z\nw",q\n'.encode() * 5,
    "decimal commas": b"x;y\n1,5;2\n" * 9,
    "blanks": b'a b c\n1 2 "3 4"\n' * 8,
    "utf-16": "a,b\n1,2\n3,4\n".encode("utf-16"),
    "gzip": gzip.compress(b"a,b\n1,2\n3,4\n"),
    "lines": b'{"a":1,"b":{"c":[1,2]},"d":"x"}\n' * 6,
    "json": b'[{"a":1},{"a":2,"b":"q"}]',
    "parquet": packed("parquet"),
    "arrow": packed("arrow"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_damaged_tables_are_read_or_refused(kind: str) -> None:
    drawn, refused = random.Random(0), 0
    for _ in range(150):
        raw = bytearray(WHOLE[kind])
        for _ in range(drawn.choice([1, 3, 10])):
            place = drawn.randrange(len(raw) or 1)
            if drawn.random() < 0.5:
                raw[place : place + 1] = [drawn.randrange(256)]
            elif drawn.random() < 0.5:
                raw[place : place + 1] = drawn.choices(b"\",;\n\r\t{}[]:\\#' \0\x1a", k=drawn.randrange(6))
            else:
                del raw[place + 1 :]
        try:
            found = of_bytes(bytes(raw), "t")
            assert {len(column) for column in found.columns.values()} == {found.rows} and found.rows
            found.place(found.rows - 1)
        except DataError as error:
            assert error.code in ("E601", "E602", "E603"), error
            refused += 1
    assert 0 < refused < 151


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    places = {"missing": "No such file", ".": "it is not a file"}
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        places |= {"pipe": "it is not a file", "/dev/zero": "it is not a file"}
    for place, says in places.items():
        with pytest.raises(DataError, match=says):
            read(tmp_path / place, "t")


def test_a_file_that_is_too_large_is_not_begun(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(2_000_000_001)
    with pytest.raises(DataError, match="t is larger than 2,000,000,000 bytes"):
        read(tmp_path / "t.csv", "t")


def test_what_unpacks_to_too_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_source, "FILE_BYTES", 5_000_000)
    with pytest.raises(DataError, match="t unpacks to more than 5,000,000 bytes"):
        of_bytes(gzip.compress(b"1,2\n" * 10_000_000), "t")


def test_a_line_without_an_end_is_no_table() -> None:
    with pytest.raises(DataError, match="its first lines are longer than"):
        of_bytes(b"a" * 20_000_000, "t")


def test_a_row_without_an_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b'a,b\n1,2\n3,"' + b"4,5\n" * 600_000
    with pytest.raises(DataError, match="t, line 3: a quote is opened there and not closed"):
        of_bytes(raw, "t")
    monkeypatch.setattr(read_csv, "CELL", 1 << 10)
    with pytest.raises(DataError, match="a row is longer than 1,024 bytes: is a quote left open"):
        of_bytes(raw, "t")


def test_a_long_row_is_read() -> None:
    long = "word " * 600_000
    found = of_bytes(f'a,b\n1,2\n3,"{long}"\n'.encode(), "t")
    assert found.columns["b"].to_pylist() == ["2", long.strip()]
