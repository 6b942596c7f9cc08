"""A table from a file."""

from __future__ import annotations

from pathlib import Path

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked, Form, Table


def read(path: Path, name: str, asked: Asked | None = None) -> Table:
    """A table's cells.

    Raises:
        DataError: if it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv
    import pyarrow.parquet

    asked = asked or Asked()
    try:
        if path.suffix == ".parquet":
            found = pyarrow.parquet.read_table(path)
            return Table(name, dict(zip(found.column_names, found.columns, strict=True)), Form("parquet"))
        delimiter = asked.delimiter or ("\t" if path.suffix == ".tsv" else ",")
        with path.open("rb") as file:
            header = file.readline().decode("utf-8-sig").rstrip("\r\n").split(delimiter)
        names = [cell.strip().strip('"') for cell in header]
        found = pyarrow.csv.read_csv(
            path,
            pyarrow.csv.ReadOptions(column_names=names, skip_rows=1),
            pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError("E601", f"cannot read {name}: {error}") from None
    columns = {name: pc.utf8_trim_whitespace(found.column(name)) for name in names}
    return Table(name, columns, Form("csv", delimiter), lambda row: f"line {row + 2}")
