"""What each column of a table is: the small tables that people have, then rules one by one, then tables that are drawn."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest
from columns_of_cells import cells, column, kinds, read, table, target
from hypothesis import given, settings
from hypothesis import strategies as st

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Table
from lampc.table.kinds import understand
from lampc.table.parse import whole
from lampc.table.parsed import Codes, Parsed
from lampc.table.schema import Column, Target
from lampc.table.statement import Override


def of(text: str, *targets: str, classes: bool = False) -> tuple[dict[str, Column], dict[str, Target], Parsed]:
    """A file's columns and targets, by name; the last is the target where none is named."""
    found = read(text)
    columns, learnt, parsed = understand(found, {}, targets or tuple(found.columns)[-1:], classes, ())
    return {each.name: each for each in columns}, {each.name: each for each in learnt}, parsed


CASES = {
    "almost": ("c,x,y\n0.1,0.3,1.6\n0.1,0.8,2.6\n0.1,-1.3,-1.6\n", "out number -> number"),
    "bigid": ("x,z,y\n" + "".join(f"{10**17 + i},{i % 3 - 1.5},{'ab'[i % 2]}\n" for i in range(9)), "id number -> class"),
    "bool_feature": ("x,z,y\nTrue,-1.3,b\nFalse,0.3,b\nFalse,1.5,a\n", "yesno number -> class"),
    "bool_target": ("x,z,y\n0.9,-1.3,False\n-0.6,0.3,True\n-1.0,2,True\n", "number number -> yesno"),
    "carseats": ("p,Bad,Good,y\n1.5,1.0,0.0,9.5\n4,0.0,1.0,8.1\n2.5,1.0,0.0,3\n", "number yesno yesno -> number"),
    "date": ("x,z,y\n2020-01-01,-1.3,b\n2020-01-02,0.3,b\n2020-01-03,2,a\n", "date number -> class"),
    "hugetarget": ("x,y\n0.9,-4.55e+24\n-0.6,-3.09e+24\n0.1,1e25\n", "number -> number"),
    "index": (",x,z,y\n0,0.9,-1.3,b\n1,-0.6,0.3,b\n2,0.1,3,a\n", "id number number -> class"),
    "iris_id": ('"id","L","S"\n"1",5.1,"setosa"\n"2",4.9,"setosa"\n"3",4.7,"virginica"\n', "id number -> class"),
    "mixlabel": ("x,y\n0.9,0\n-0.6,1\n0.5,1.0\n", "number -> yesno"),
    "money": ("x,z,y\n$0.942,-1.3,b\n$0.68,0.3,b\n$1.01,1,a\n", "number number -> class"),
    "na_feature": ("x,z,y\n0.942,-1.3,b\nNA,0.3,b\n1.01,1,a\n", "number number -> class"),
    "percent": ("x,z,y\n0.942%,-1.3,b\n-0.68%,0.3,b\n1.01%,1,a\n", "number number -> class"),
    "semicolon": ("x;z;y\n0.942;-1.3;b\n-0.68;0.3;b\n1.01;1;a\n", "number number -> class"),
    "stamp": ("unix_time,b,y\n1700000510,1.35,3.45\n1700000382,0.02,0.82\n1700000306,-0.8,-0.7\n", "number number -> number"),
    "thousands": ('x,z,y\n"9,420",-1.3,b\n"-6,800",0.3,b\n"560",1,a\n', "number number -> class"),
    "yesno": ("x,z,y\nyes,-1.3,b\nno,0.3,b\nno,1,a\n", "yesno number -> class"),
}


@pytest.mark.parametrize("case", CASES)
def test_tables_that_people_have(case: str) -> None:
    text, wanted = CASES[case]
    columns, targets, _ = of(text)
    assert f"{' '.join(each.kind for each in columns.values())} -> {' '.join(each.kind for each in targets.values())}" == wanted


def test_labels_that_are_missing_are_no_classes() -> None:
    for word in ("NA", "?", "", "nan", "null", "N/A"):
        _, targets, parsed = of(f"x,y\n0.9,{word}\n0.6,b\n0.7,a\n0.1,b\n")
        assert (targets["y"].values, targets["y"].missing, cells(parsed.columns["y"])) == (("a", "b"), 1, [None, "b", "a", "b"])


def test_spaces_around_labels_make_no_classes() -> None:
    assert of("x, z, y\n0.9, -1.3, b \n-0.6, 0.3, b\n-1, 2, a\n")[1]["y"].values == ("a", "b")


def test_one_and_one_point_nought_are_one_class() -> None:
    found, values = target(["0", "2", "1.0", "1", "10"], classes=True)
    assert (found.kind, found.values, cells(values)) == ("class", ("0", "1", "2", "10"), ["0", "2", "1", "1", "10"])
    assert target(["0", "1", "1.0"], classes=True)[0].values == ("0", "1")
    assert target(["b", "a", "10", "9"])[0].values == ("10", "9", "a", "b"), "text by letters"


def test_targets() -> None:
    assert target(["1.5", "2", "NA"])[0] == Target("y", "number", missing=1, low="1.5", high="2")
    assert target(["no", "yes", "yes", ""])[0] == Target("y", "yesno", ("no", "yes"), missing=1)
    assert target(["$1", "$2,500", "$3"])[0].written == "thousands=%2C $"
    for wrong, code in ((["", "NA"], "E603"), ([f"2020-01-{day:02}" for day in range(1, 31)], "E602")):
        with pytest.raises(DataError) as raised:
            target(wrong)
        assert raised.value.code == code


def test_what_is_said_of_a_target_counts() -> None:
    made = table({"x": ["1.5", "2", "0"] * 8, "y": [*(f"{i / 7:.3f}" for i in range(22)), "12 or 13", "n/k"]})
    with pytest.raises(DataError, match="line 24, 25, column `y`"):
        understand(made, {}, ["y"], False, ())
    _, (found,), _ = understand(made, {"y": Override("y", "number")}, ["y"], False, ())
    assert (found.kind, found.missing) == ("number", 2)
    whole_numbers = table({"x": ["1.5", "2", "0"], "y": ["7", "3", "7"]})
    _, (found,), _ = understand(whole_numbers, {"y": Override("y", "category")}, ["y"], False, ())
    assert (found.kind, found.values) == ("class", ("3", "7"))


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        ("no", "yes"),
        ("N", "Y"),
        ("False", "True"),
        ("f", "t"),
        ("Nein", "Ja"),
        ("non", "oui"),
        ("no", "si"),
        ("off", "ON"),
        ("0", "1"),
    ],
)
def test_yes_and_no(no: str, yes: str) -> None:
    found, values = column([yes, no, "NA", yes])
    assert (found.kind, found.values, cells(values)) == ("yesno", (no, yes), [1, 0, None, 1])


def test_a_minus_beside_a_plus_is_a_word() -> None:
    found, values = column(["+", "-", "+", "?"])
    assert (found.kind, cells(values)) == ("yesno", [1, 0, 1, None])


def test_two_words_that_do_not_say_so_are_categories() -> None:
    assert column(["male", "female", "male"])[0].kind == "category"
    assert column(["1", "2", "1"])[0].kind == "number"


@pytest.mark.parametrize(
    ("name", "written", "kind"),
    [
        ("x", ["1", "2", "3", "4"], "id"),  # counts
        ("x", [str(7 * i * i) for i in range(12)], "id"),  # grows, and stands first
        ("id", ["3", "5", "9"], "id"),
        ("x", ["3", "1", "2", "9"], "number"),
        ("row number", ["3", "1", "2", "9"], "id"),
        ("customer_id", ["3", "1", "2", "9"], "id"),
        ("passengerId", ["3", "1", "2", "9"], "id"),
        ("covid", ["3", "1", "2", "9"], "number"),
        ("customer_id", ["3", "1", "1", "9"], "number"),
        ("year", [str(1900 + i) for i in range(20)], "number"),
        ("x", ["1.5", "2.5", "3.5", "4.5"], "number"),
        ("x", [str(2**60 + i) for i in (5, 1, 9)], "id"),  # which float64 does not tell apart
        ("x", ["ab3", "zz9", "q17"], "id"),
    ],
)
def test_what_names_rows(name: str, written: list[str], kind: str) -> None:
    made = table({name: written, "z": ["0.5", "0.25"] * 6, "y": ["0.5"] * len(written)})
    (found, _), _, parsed = understand(made, {}, ["y"], False, ())
    assert found.kind == kind
    if kind == "id":
        assert found.note and cells(parsed.columns[name]) == written


def test_the_only_column_is_learnt_from_though_it_counts() -> None:
    assert of("x,y\n1,2.5\n2,4\n3,6\n")[0]["x"].kind == "number"
    assert of("id,y\n1,2.5\n2,4\n3,6\n")[0]["id"].kind == "id"


@pytest.mark.parametrize(
    ("written", "kind", "note"),
    [
        (["", "NA", None], "out", "all missing"),
        (["7", "7", "7"], "out", "7 everywhere"),
        (["a", "a", "a"], "out", "`a` everywhere"),
        (["a", "a", ""], "category", ""),
        (["7", "7", ""], "number", ""),
        (["a", "b", "None", "-"], "category", "`-`, `None` counts as missing"),
        ([f"the {word} was a long sentence that nobody wrote twice" for word in "abcdefgh"], "out", "text, all different"),
        ([f"w{i}" for i in range(40)] + ["w1"], "out", "40 of 41 different"),
        ([f"w{i % 7}" for i in range(40)], "category", ""),
    ],
)
def test_other_columns(written: list[str | None], kind: str, note: str) -> None:
    found, _ = column(written)
    assert found.kind == kind
    assert note in found.note if note else not found.note


def test_few_odd_words_among_numbers_are_all_named_with_lines_that_mend_it() -> None:
    written = [f"{i / 7:.3f}" for i in range(100)]
    written[5], written[10], written[40], written[41] = "abc", "n/k", "abc", "12 or 13"
    with pytest.raises(DataError) as raised:
        column(written)
    assert raised.value.code == "E602"
    assert str(raised.value) == "line 7, 12, 42 and 1 more, column `x`: `abc` is not a number, nor is `n/k`, `12 or 13`"
    assert "column x number" in raised.value.fixes[0] and "drop=[x]" in raised.value.fixes[-1]
    found, values = column(written, Override("x", "number"))
    assert (found.kind, found.note) == ("number", "4 that are no numbers: missing")
    assert cells(values)[4:7] == [4 / 7 // 0.001 / 1000, None, 0.857]
    assert column(written, Override("x", "category"))[0].kind == "category"


def test_bad_cells_of_several_columns_are_one_message() -> None:
    good = [f"{i / 7:.3f}" for i in range(60)]
    made = table({"a": ["x y", "x z", *good], "b": [*good, "q 1", "q 2"], "y": ["1", *good, "2.5"]})
    with pytest.raises(DataError, match=r"line 2, 3, column `a`: .*; line 62, 63, column `b`: ") as raised:
        understand(made, {}, ["y"], False, ())
    assert "drop=[a, b]" in raised.value.fixes[-1]


def test_an_unnamed_first_column_of_different_whole_numbers_names_rows() -> None:
    assert of(",x,y\n7,0.5,1\n3,1.5,0\n5,2,1\n")[0]["column1"].kind == "id"


def test_codes_of_digits_and_letters_are_no_numbers_with_mistakes() -> None:
    found, values = column([*(str(120 + i // 3) for i in range(90)), "136A", "137B", "136A"])
    assert (found.kind, found.note) == ("category", "codes, such as `136A`")
    assert cells(values)[-1] == "136A"


def test_what_grows_beside_others_is_a_number() -> None:
    assert [each.kind for each in of("a,b,y\n" + "".join(f"{i % 3},{i * i},{i % 5}\n" for i in range(30)))[0].values()] == [
        "number",
        "number",
    ]


def test_one_word_among_numbers_says_that_they_are_missing() -> None:
    found, values = column([*(f"{i / 7:.3f}" for i in range(30)), "not known", "not known"])
    assert (found.kind, found.note) == ("number", "`not known` counts as missing")
    assert cells(values)[-1] is None
    again = whole(table({"x": ["1.5", "not known"]}), [found])
    assert cells(again.columns["x"]) == [1.5, None]
    with pytest.raises(DataError, match="`unheard` is not a number"):
        whole(table({"x": ["1.5", "unheard"]}), [found])


def test_what_is_said_of_a_column_counts() -> None:
    assert column(["1", "2", "1.0"], Override("x", "category"))[1].words == ("1", "2")  # type: ignore[union-attr]
    assert column(["a", "b", "a"], Override("x", "yesno"))[0].values == ("a", "b")
    assert column(["1", "2", "2"], Override("x", "yesno"))[0].values == ("1", "2")
    assert column(["3", "1", "2"], Override("x", embed=4))[0].embed == 4
    assert column(["a b", "b c", "NA"], Override("x", "text", length=5))[0].length == 5
    assert column(["1", "2", "4"], Override("x", "out"))[0].kind == "out"
    assert column(["20200131", "20200201"], Override("x", written="%Y%m%d"))[0].kind == "date"
    for wrong in (Override("x", "number"), Override("x", "yesno"), Override("x", "date")):
        with pytest.raises(DataError) as raised:
            column(["red", "green", "blue"], wrong)
        assert (raised.value.code, raised.value.option) == ("E602", "kind")
    with pytest.raises(DataError, match="line 3, column `x`: the cell is missing"):
        column(["1.5", "NA", "2"], Override("x", missing="refuse"))


def test_columns_that_are_used_otherwise_are_parsed_as_what_they_are() -> None:
    made = table({"w": ["1", "2", "3"], "g": [str(2**60), str(2**60 + 1), str(2**60)], "t": ["2020-01-01"] * 3,
                  "p": ["train", "test", "train"], "x": ["0.5", "1", "2"], "y": ["1", "2", "4"]})  # fmt: skip
    columns, _, parsed = understand(made, {}, ["y"], False, ("w", "g", "t", "p"))
    assert [each.name for each in columns] == ["x"]
    assert [cells(parsed.columns[name])[1] for name in "wgtp"] == [2, str(2**60 + 1), 18262 * 86400.0, "test"]


def test_types_of_parquet() -> None:
    from decimal import Decimal

    made = {
        "whole": pa.array([3, None, 1], pa.int64()), "half": pa.array([0.5, float("nan"), float("inf")], pa.float32()),
        "money": pa.array([Decimal("1.50"), None, Decimal("2")]), "truth": pa.array([True, False, None]),
        "day": pa.array([date(2020, 1, 31), None, date(1969, 12, 31)]),
        "wait": pa.array([timedelta(minutes=1), None, timedelta(0)]),
        "sort": pa.array(["a", "b", "a"]).dictionary_encode(), "written": pa.array([" 1.5", "NA", "2"], pa.large_string()),
        "list": pa.array([[1], [2], None]), "none": pa.nulls(3), "raw": pa.array([b"a", b"b", b"c"]),
        "counts": pa.array([10**18, 10**18 + 1, 10**18 + 2]), "flag": pa.array([0, 1, 1], pa.int8()),
        "y": pa.array([1.5, 2.5, 3.0]),
    }  # fmt: skip
    found = Table("t.parquet", {name: pa.chunked_array([values]) for name, values in made.items()})
    columns, targets, parsed = understand(found, {}, ["y"], False, ())
    assert kinds(columns) == {
        "whole": "number", "half": "number", "money": "number", "truth": "yesno", "day": "date", "wait": "number",
        "sort": "category", "written": "number", "list": "out", "none": "out", "raw": "out", "counts": "id", "flag": "yesno",
    }  # fmt: skip
    assert cells(parsed.columns["day"]) == [18292 * 86400.0, None, -86400.0]
    assert cells(parsed.columns["wait"]) == [60, None, 0]
    assert cells(parsed.columns["half"]) == [0.5, None, None]
    again = whole(found, [*columns, *targets])
    assert all(cells(again.columns[each.name]) == cells(parsed.columns[each.name]) for each in columns if each.taken)


TYPED = {
    "number": st.floats(-1e9, 1e9).map(repr),
    "whole": st.integers(-(10**6), 10**6).map(str),
    "category": st.sampled_from(["red", "green", "blue", "x y"]),
    "yesno": st.sampled_from(["no", "yes"]),
    "date": st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(date.isoformat),
}
ANCHORS = {"number": ["2.5", "-7.25", "2.5"], "whole": ["7", "-3", "7"], "category": ["red", "green", "red"],
           "yesno": ["no", "yes", "no"], "date": ["2001-02-03", "1999-12-31", "2001-02-03"]}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data(), wanted=st.lists(st.sampled_from(list(TYPED)), min_size=1, max_size=6), rows=st.integers(0, 12))
def test_a_drawn_table_is_understood_as_what_it_was_written_from(data: st.DataObject, wanted: list[str], rows: int) -> None:
    drawn = {
        f"c{place}": ANCHORS[kind]
        + data.draw(st.lists(TYPED[kind] | st.sampled_from(["", "NA"]), min_size=rows, max_size=rows))
        for place, kind in enumerate(wanted)
    }
    text = (
        ",".join([*drawn, "y"])
        + "\n"
        + "".join(f"{','.join(row)},{i % 5 / 4}\n" for i, row in enumerate(zip(*drawn.values(), strict=True)))
    )
    made = read(text)
    columns, targets, parsed = understand(made, {}, ["y"], False, ())
    assert [each.kind for each in columns] == ["number" if kind == "whole" else kind for kind in wanted]
    for name, kind in zip(drawn, wanted, strict=True):
        here = [None if cell in ("", "NA") else cell for cell in drawn[name]]
        assert cells(parsed.columns[name]) == [None if cell is None else meant(cell, kind) for cell in here]
    again = whole(made, [*columns, *targets])
    assert all(cells(again.columns[name]) == cells(parsed.columns[name]) for name in made.columns)


def meant(cell: str, kind: str) -> object:
    """What a written cell means."""
    match kind:
        case "category":
            return cell
        case "yesno":
            return float(cell == "yes")
        case "date":
            return (date.fromisoformat(cell) - date(1970, 1, 1)).days * 86400.0
        case _:
            return float(cell)


def test_categories_come_by_letters() -> None:
    _, values = column(["b", "a", "c", "a"])
    assert isinstance(values, Codes)
    assert (values.words, values.codes.tolist()) == (("a", "b", "c"), [1, 0, 2, 0])
