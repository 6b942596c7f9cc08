"""Tables: CSV and what else is text, Parquet, JSON lines. All is inferred, all is shown, and statements insist.

What reads them is imported when one is read: most of it is for tables alone.
"""

from __future__ import annotations

from lampc.data.parts import GROUP, SPLIT_OF_TABLE, STRATIFY, TIME
from lampc.data.source import Dataset, DataSource, Description, Request, source
from lampc.data.split import SCALE, VALIDATION
from lampc.layers.signature import Flag, Name, Names, OneOf, Param, Signature, Text

_PATH = Param("path", Text(), doc="the file, from the .lamp file's folder")
_COLUMNS = (
    Param("target", Names(), None, "the target's column, or several; the last where left out", positional=False),
    Param("classes", Flag(), False, "take a target of numbers for classes"),
    Param("drop", Names(), (), "columns that are left out", positional=False),
    Param("only", Names(), (), "the columns that are taken, and no others", positional=False),
    Param("missing", OneOf(("mean", "median", "zero", "own", "refuse")), "",
          "what a missing cell stands for, of columns that say nothing else; `refuse`: a mistake", positional=False),
    SPLIT_OF_TABLE,
    VALIDATION,
    Param("weight", Name(), None, "a column: how much each row counts in the loss, a number of 0 or more", positional=False),
    GROUP,
    TIME,
    STRATIFY,
    Param("normalize", Flag(), None, "numbers to mean 0 and deviation 1, fitted on the training part; on where left out"),
    SCALE,
)  # fmt: skip
_TEXT = (
    Param(
        "delimiter",
        Name(),
        None,
        "between cells: in quotes, or `tab`, `comma`, `semicolon`, `space`, `pipe`; found where left out",
        positional=False,
    ),
    Param("decimal", Text(), None, "what begins decimals, `.` or `,`; found where left out", positional=False),
    Param("encoding", Name(), None, "of the text; found where left out", positional=False),
    Param("header", Flag(), None, "whether the first line names the columns; found where left out"),
)


def _load(request: Request) -> Dataset:
    from lampc.data.samples import dataset
    from lampc.data.understood import understood

    return dataset(request, understood(request))


def _describe(request: Request) -> Description:
    from lampc.data.remarks import described

    return described(_load(request))


def _of_parquet(request: Request) -> Dataset:
    from lampc.data import parquet

    return parquet.load(request) if parquet.stays_on_disk(request) else _load(request)


def _describe_parquet(request: Request) -> Description:
    from lampc.data.remarks import described

    return described(_of_parquet(request))


source(
    DataSource(
        "csv",
        "a table: what stands between cells, kinds of columns, missing cells are found and said",
        'data csv "iris.csv" target=species split=0.8',
        Signature((_PATH, *_COLUMNS, *_TEXT)),
        _describe,
        _load,
    )
)
source(
    DataSource(
        "parquet",
        "a table as csv has it, from a Parquet file",
        'data parquet "iris.parquet" target=species',
        Signature((_PATH, *_COLUMNS, Param("stream", Flag(), False, "unpack it to the disk, as files above 512 MB are"))),
        _describe_parquet,
        _of_parquet,
    )
)
source(
    DataSource(
        "jsonl",
        "a table as csv has it, from a file with a JSON object a line",
        'data jsonl "iris.jsonl" target=species',
        Signature((_PATH, *_COLUMNS)),
        _describe,
        _load,
    )
)
