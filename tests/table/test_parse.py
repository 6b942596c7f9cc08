"""A later table's cells as the schema has them, or one message that names those that are not."""

from __future__ import annotations

import pyarrow as pa
import pytest
from columns_of_cells import cells, column, table, target

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.parse import parse, whole
from lampc.table.schema import Column, Target


def parsed(written: list[str | None], known: Column | Target, decimal: str = ".") -> list[object]:
    found = table({known.name: written}, decimal)
    return cells(parse(found.columns[known.name], known, found))


def refused(written: list[str | None], known: Column | Target) -> DataError:
    with pytest.raises(DataError) as raised:
        parsed(written, known)
    return raised.value


def test_numbers() -> None:
    plain = Column("x", "number")
    assert parsed(["1", "-2.5e3", "", "NA", "?", "inf"], plain) == [1, -2500, None, None, None, None]
    assert parsed(["1,5", "2"], plain, decimal=",") == [1.5, 2], "what begins decimals is the table's own"
    assert (
        str(refused(["1", "abc", "", "abd", "2"], plain)) == "t.csv, line 3, 5, column `x`: `abc` is not a number, nor is `abd`"
    )
    for word in ("1_000", "1,000", "0x10", "$5"):
        assert refused(["1", word], plain).code == "E602"


def test_numbers_with_marks_are_read_with_and_without() -> None:
    known, _ = column(["$1,234.50", "$7.00", "$12.25"])
    assert parsed(["$1,000", "1,000", "7.5", "-$3", "($2)", ""], known) == [1000, 1000, 7.5, -3, -2, None]
    assert refused(["€5"], known).code == "E602"
    known, _ = column(["1.234,5", "7,25", "12"])
    assert parsed(["2.000,5", "3,5"], known) == [2000.5, 3.5]


def test_yes_and_no_in_other_words() -> None:
    known = Column("x", "yesno", values=("no", "yes"))
    assert parsed(["YES", "no", "true", "0", "", "NA"], known) == [1, 0, 1, 0, None, None]
    error = refused(["yes", "maybe", "perhaps"], known)
    assert str(error) == "t.csv, line 3, 4, column `x`: `maybe` is not `yes` or `no`, nor is `perhaps`"
    assert parsed(["-", "+", ""], Column("x", "yesno", values=("-", "+"))) == [0, 1, None]
    truth = pa.chunked_array([pa.array([True, None, False])])
    assert cells(parse(truth, known, Table("t.parquet", {"x": truth}))) == [1, None, 0]


def test_dates() -> None:
    known = Column("x", "date", written="%d/%m/%Y")
    assert parsed(["31/1/2020", ""], known) == [18292 * 86400.0, None]
    assert str(refused(["1/31/2020"], known)) == "t.csv, line 2, column `x`: `1/31/2020` is not a date (%d/%m/%Y)"
    stamps = pa.chunked_array([pa.array([18292], pa.date32())])
    assert cells(parse(stamps, known, Table("t.parquet", {"x": stamps}))) == [18292 * 86400.0]


def test_categories_that_training_never_saw_are_words_like_others() -> None:
    known = Column("x", "category", values=("b", "a"))
    found = table({"x": ["new", "a", " b ", "", "NA"]})
    values = parse(found.columns["x"], known, found)
    assert (cells(values), values.words) == (["new", "a", "b", None, None], ("b", "a", "new"))  # type: ignore[union-attr]
    assert parsed(["None", "a"], Column("x", "category", values=("None", "a"))) == ["None", "a"]


def test_categories_of_numbers_are_the_same_in_any_spelling() -> None:
    known = Column("x", "category", written="number", values=("1", "2"))
    assert parsed(["1.0", "2", "01", "3.50", "x"], known) == ["1", "2", "1", "3.5", "x"]
    whole_numbers = pa.chunked_array([pa.array([2, 1, None])])
    assert cells(parse(whole_numbers, known, Table("t.parquet", {"x": whole_numbers}))) == ["2", "1", None]


def test_a_class_that_is_not_known_is_named() -> None:
    known, _ = target(["setosa", "virginica", "setosa"])
    assert parsed(["virginica", "", "setosa"], known) == ["virginica", None, "setosa"]
    error = refused(["setosa", "virginca", "rose"], known)
    assert (error.code, error.fixes) == ("E604", ("did you mean `virginica`?",))
    assert str(error) == "t.csv, line 3, column `y`: `virginca` is no class that was trained on (nor is 1 more)"
    known, _ = target(["5%", "10%", "5%"], classes=True)
    assert parsed(["10%", "5%"], known) == ["10%", "5%"]
    known, _ = target(["0", "1", "2"], classes=True)
    assert parsed(["2.0", "1", "0"], known) == ["2", "1", "0"]


def test_all_bad_cells_of_a_table_are_one_message_with_a_line_to_paste() -> None:
    known = [Column("age", "number"), Column("my day", "date", written="iso"), Column("z", "number")]
    with pytest.raises(DataError) as raised:
        whole(table({"age": ["1", "x", "y"], "my day": ["2020-01-01", "soon", ""], "z": ["1", "2", "3"]}), known)
    assert str(raised.value) == (
        "t.csv, line 3, 4, column `age`: `x` is not a number, nor is `y`; "
        "line 3, column `my day`: `soon` is not a date (2020-01-31)"
    )
    assert raised.value.fixes == ("correct the cells, or leave them empty: then they are missing",)


def test_what_is_left_out_is_as_it_stands() -> None:
    assert parsed(["7", "NA", None], Column("x", "id")) == ["7", "NA", None]
    lists = pa.chunked_array([pa.array([[1], None])])
    assert cells(parse(lists, Column("x", "out"), Table("t.parquet", {"x": lists}))) == [None, None]


def test_a_table_without_rows() -> None:
    for known in (Column("x", "number"), Column("x", "number", written="$"), Column("x", "date", written="%d/%m/%Y"),
                  Column("x", "category", values=("a",)), Column("x", "yesno", values=("no", "yes")),
                  Target("x", "class", ("a",)), Column("x", "text")):  # fmt: skip
        assert parsed([], known) == []
