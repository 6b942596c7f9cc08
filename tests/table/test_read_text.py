"""Texts as people have them: how they are written is found, said and kept; what is insisted on is taken."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path

import pytest

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked, Form, Table
from lampc.table.read import forget, of_bytes, read


def table(text: str | bytes, **asked: object) -> Table:
    return of_bytes(text if isinstance(text, bytes) else text.encode(), "t.csv", Asked(**asked))  # type: ignore[arg-type]


def cells(found: Table) -> dict[str, list[object]]:
    return {name: column.to_pylist() for name, column in found.columns.items()}


def refused(text: str | bytes, **asked: object) -> DataError:
    with pytest.raises(DataError) as caught:
        table(text, **asked)
    return caught.value


PLAIN = {"x": ["1.5", "-2"], "y": ["a", "b"]}
NO_HEADER = "the first line is a row, not names: the columns are called column1, column2, …; header=on takes it for names"
BLANKS = 'cells are divided by blanks: delimiter=" "'

WRITTEN: dict[str, tuple[str | bytes, dict[str, list[str]], Form, tuple[str, ...]]] = {
    "as everybody writes it": ("x,y\n1.5,a\n-2,b\n", PLAIN, Form(), ()),
    "without a last line end": ("x,y\n1.5,a\n-2,b", PLAIN, Form(), ()),
    "by Windows": ("x,y\r\n1.5,a\r\n-2,b\r\n", PLAIN, Form(), ()),
    "by an old Macintosh": ("x,y\r1.5,a\r-2,b\r", PLAIN, Form(), ()),
    "by DOS, which ends it by a sign": ("x,y\r\n1.5,a\r\n-2,b\r\n\x1a", PLAIN, Form(), ()),
    "with blanks": ("x , y\n 1.5, a \n-2,b\t\n", PLAIN, Form(), ()),
    "with other blanks": ("x,y\n\u30001.5,a\xa0\n-2,b\n", PLAIN, Form(), ()),
    "with empty lines": ("\nx,y\n\n1.5,a\n   \n-2,b\n\n", PLAIN, Form(), ()),
    "with quotes": ('"x","y"\n"1.5","a"\n"-2","b"\n', PLAIN, Form(), ()),
    "with quotes behind blanks": ('"x", "y"\n"1.5", "a"\n"-2",  "b"\n', PLAIN, Form(), ()),
    "with quotes of R": ('x,y\n1,"say \\"a, b\\" once"\n2,"c"\n', {"x": ["1", "2"], "y": ['say "a, b" once', "c"]}, Form(), ()),
    "with a backslash at a cell's end": ('x,y\n1,"C:\\dir\\"\n2,c\n', {"x": ["1", "2"], "y": ["C:\\dir\\", "c"]}, Form(), ()),
    "with inches": ('x,y\n1,5" pipe\n2,6" pipe\n', {"x": ["1", "2"], "y": ['5" pipe', '6" pipe']}, Form(), ()),
    "with what divides cells in a cell": ('x,y\n1,"a, b"\n2,"c\nd"\n', {"x": ["1", "2"], "y": ["a, b", "c\nd"]}, Form(), ()),
    "with other quotes": ("x,y\n'1.5','a'\n'-2','b'\n", PLAIN, Form(), ("cells are quoted by '",)),
    "with semicolons": ("x;y\n1.5;a\n-2;b\n", PLAIN, Form(delimiter=";"), ('cells are divided by semicolons: delimiter=";"',)),
    "with tabs": ("x\ty\n1.5\ta\n-2\tb\n", PLAIN, Form(delimiter="\t"), ('cells are divided by tabs: delimiter=tab',)),
    "with bars": ("x|y\n1.5|a\n-2|b\n", PLAIN, Form(delimiter="|"), ('cells are divided by bars: delimiter="|"',)),
    "with colons": ("x:y\n1.5:a\n-2:b\n", PLAIN, Form(delimiter=":"), ('cells are divided by colons: delimiter=":"',)),
    "in columns": ("    x y\n  1.5 a\n   -2 b\n", PLAIN, Form(delimiter=" "), (BLANKS,)),
    "as Excel says it": ("sep=;\nx;y\n1.5;a\n-2;b\n", PLAIN, Form(delimiter=";"),
                         ('cells are divided by semicolons: delimiter=";"',)),
    "with decimal commas": ("x;y\n1,5;a\n2.000,25;b\n", {"x": ["1,5", "2.000,25"], "y": ["a", "b"]},
                            Form(delimiter=";", decimal=","),
                            ('cells are divided by semicolons: delimiter=";"', 'a comma begins decimals: decimal=","')),
    "with decimal commas in quotes": ('x,y\n"1,5",a\n"2,25",b\n', {"x": ["1,5", "2,25"], "y": ["a", "b"]}, Form(decimal=","),
                                      ('a comma begins decimals: decimal=","',)),
    "with thousands": ('x,y\n"1,500",a\n"-2,000",b\n', {"x": ["1,500", "-2,000"], "y": ["a", "b"]}, Form(), ()),
    "with a mark": ("\ufeffx,y\n1.5,a\n-2,b\n", PLAIN, Form(), ()),
    "in UTF-16": ("x,y\n1.5,a\n-2,b\n".encode("utf-16"), PLAIN, Form(encoding="utf-16"),
                  ('the text is not UTF-8: encoding="utf-16"',)),
    "in UTF-16 without a mark": ("x,y\n1.5,a\n-2,b\n".encode("utf-16-be"), PLAIN, Form(encoding="utf-16-be"),
                                 ('the text is not UTF-8: encoding="utf-16-be"',)),
    "by Windows in the West": ("x,y\n1,café\n2,10 €\n".encode("cp1252"), {"x": ["1", "2"], "y": ["café", "10 €"]},
                               Form(encoding="cp1252"), ('the text is not UTF-8: encoding="cp1252"',)),
    "in what Windows does not know": (b"x,y\n1,\x81\n2,b\n", {"x": ["1", "2"], "y": ["\x81", "b"]}, Form(encoding="latin-1"),
                                      ('the text is not UTF-8: encoding="latin-1"',)),
    "packed": (gzip.compress(b"x,y\n1.5,a\n", mtime=0) + gzip.compress(b"-2,b\n"), PLAIN, Form(), ()),
    "one column": ("time\n10:30\n\n11:45\n", {"time": ["10:30", "11:45"]}, Form(), ()),
    "without names": ("5.1,3.5,a\n4.9,3.0,b\n", {"column1": ["5.1", "4.9"], "column2": ["3.5", "3.0"], "column3": ["a", "b"]},
                      Form(header=False), (NO_HEADER,)),
    "letters without names": ("p,x,p\ne,x,s\np,b,p\n", {"column1": ["p", "e", "p"], "column2": ["x", "x", "b"],
                                                        "column3": ["p", "s", "p"]}, Form(header=False), (NO_HEADER,)),
    "words with names": ("name,town\nA,B\nC,D\n", {"name": ["A", "C"], "town": ["B", "D"]}, Form(), ()),
    "years for names": ("land,1990,1991\nA,1,2\n", {"land": ["A"], "1990": ["1"], "1991": ["2"]}, Form(), ()),
    "pandas' index": (",x,y\n0,1.5,a\n1,-2,b\n", {"column1": ["0", "1"], **PLAIN}, Form(),
                      ("a column without a name is called `column1`",)),
    "pandas' numbers for names": (",0,1\n0,5,6\n1,7,8\n", {"column1": ["0", "1"], "0": ["5", "7"], "1": ["6", "8"]}, Form(),
                                  ("a column without a name is called `column1`",)),
    "numbers for names": ('"","16.5","16.75"\n"71",0,1\n"70",1,5\n', {"column1": ["71", "70"], "16.5": ["0", "1"],
                                                                       "16.75": ["1", "5"]}, Form(),
                          ("a column without a name is called `column1`",)),
    "R's names of rows": ('"x" "y"\n"r 1" 1.5 "a"\n"r 2" -2 "b"\n', {"column1": ["r 1", "r 2"], **PLAIN}, Form(delimiter=" "),
                          (BLANKS, "a column without a name is called `column1`")),
    "a name twice": ("x,x,x_2\n1,2,3\n", {"x": ["1"], "x_3": ["2"], "x_2": ["3"]}, Form(),
                     ("several columns have one name; the later are called `x_3`",)),
    "a delimiter at each end": ("x,y,\n1.5,a,\n-2,b,\n", PLAIN, Form(),
                                ("a column that has neither a name nor cells is left out",)),
    "a delimiter at each row's end": ("x,y\n1.5,a,\n-2,b,\n", PLAIN, Form(),
                                      ("a column that has neither a name nor cells is left out",)),
    "comments": ("# made by hand, once\n#\nx,y\n1.5,a\n-2,b\n", PLAIN, Form(), ()),
    "names in a comment": ("# x y\n1.5 a\n-2 b\n", PLAIN, Form(delimiter=" "), (BLANKS,)),
    "names of many lines": ('"x\n(m)",y\n1.5,a\n-2,b\n', {"x (m)": ["1.5", "-2"], "y": ["a", "b"]}, Form(), ()),
    "a title": ("All of it\nx,y,z\n1,2,3\n4,5,6\n", {"x": ["1", "4"], "y": ["2", "5"], "z": ["3", "6"]}, Form(),
                ("a line above the table is left out",)),
    "what a bank writes above": ('"Source","Indicators",\n\n"Country","1960","1961","1962",\n"A",1,2,5,\n"B",3,,6,\n',
                                 {"Country": ["A", "B"], "1960": ["1", "3"], "1961": ["2", ""], "1962": ["5", "6"]}, Form(),
                                 ("2 lines above the table are left out",
                                  "a column that has neither a name nor cells is left out")),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITTEN)
def test_how_a_text_is_written_is_found(how: str) -> None:
    text, columns, form, notes = WRITTEN[how]
    found = table(text)
    assert (cells(found), found.form, found.notes) == (columns, form, notes)


@pytest.mark.parametrize(
    ("text", "asked", "columns"),
    [
        ("x;y,z\n1;2,3\n", {"delimiter": ","}, {"x;y": ["1;2"], "z": ["3"]}),
        ("x y\n1 2\n", {"delimiter": "space"}, {"x": ["1"], "y": ["2"]}),
        ("x\ty,z\n1\t2\n", {"delimiter": "tab"}, {"x": ["1"], "y,z": ["2"]}),
        ("x|y,z\n1|2\n", {"delimiter": "pipe"}, {"x": ["1"], "y,z": ["2"]}),
        ("x\ty\n1\t2\n", {"delimiter": "\\t"}, {"x": ["1"], "y": ["2"]}),
        ("x,y\n1,2\n", {"header": False}, {"column1": ["x", "1"], "column2": ["y", "2"]}),
        ("1,2\n3,4\n", {"header": True}, {"1": ["3"], "2": ["4"]}),
        ("x,y\n1,é\n".encode("cp437"), {"encoding": "cp437"}, {"x": ["1"], "y": ["é"]}),
        ("x,y\n1,2\n".encode("utf-16-le"), {"encoding": "UTF-16LE"}, {"x": ["1"], "y": ["2"]}),
    ],
)
def test_what_is_insisted_on_is_taken_and_needs_no_note(
    text: str | bytes, asked: dict[str, object], columns: dict[str, list[str]]
) -> None:
    found = table(text, **asked)
    assert (cells(found), found.notes) == (columns, ())


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "E603", "t.csv is empty"),
        (" \n\n", "E603", "t.csv is empty"),
        ("x,y\n", "E603", "t.csv has a header and no rows"),
        (
            "x,y\n1,2\n3\n4,5,6\n7,8\n9\n",
            "E602",
            "3 lines have another number of cells than the header, 2: line 3 has 1, line 4 has 3, line 6 has 1",
        ),
        ("1,2\n1,2\n3\n", "E602", "a line has another number of cells than most, 2: line 3 has 1"),
        ('x,y\n1,"2\n3,4\n5,6\n', "E601", "t.csv, line 2: a quote is opened there and not closed"),
        ('x,y,z\n1,"a,2\n3,"b,4\n', "E601", "t.csv, line 2: a quote is opened there and not closed"),
        ('"x,y\n' + "1,2\n" * 99, "E601", "a quote is opened in the first line"),
        ("x,y\n1,\0\n", "E601", "t.csv, line 2: a NUL"),
        (b"\xef\xbb\xbfx,y\n1,\xff\n", "E601", "t.csv, line 2: byte 0xff is not UTF-8"),
        (b"PK\3\4 and so on", "E601", "it is a sheet or an archive"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0)[:-9], "E601", "it cannot be unpacked"),
        (",".join("x" * 100_001), "E601", "t.csv has 100,001 columns; 100,000 are read"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(text: str | bytes, code: str, says: str) -> None:
    error = refused(text)
    assert error.code == code and says in str(error)


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"delimiter": "ab"}, "E305", "a delimiter is one character"),
        ({"delimiter": '"'}, "E305", "a delimiter is one character"),
        ({"encoding": "klingon"}, "E305", 'there is no encoding "klingon"'),
        ({"encoding": "base64"}, "E305", 'there is no encoding "base64"'),
        ({"encoding": "ascii"}, "E601", "byte 0xc3 is not ascii"),
    ],
)
def test_what_cannot_be_insisted_on_is_refused(asked: dict[str, object], code: str, says: str) -> None:
    error = refused("x,y\n1,é\n", **asked)
    assert error.code == code and says in str(error) and error.fixes and error.option == next(iter(asked))


def test_a_row_is_found_by_its_line() -> None:
    found = table('# of rows\n\nx,"a\nname"\n1,"one\n\ntwo"\n\n2,b\n3,"c\nd"\n')
    assert [found.place(row) for row in range(found.rows)] == ["line 5", "line 9", "line 10"]
    assert table("1,2\n3,4\n").place(1) == "line 2"
    assert table("\ufeffx,y\n\n1,2\n".encode("utf-16-le")).place(0) == "line 3"


def test_a_row_whose_file_is_gone_is_found_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"x,y\n\n1,2\n3,4\n")
    found = read(tmp_path / "t.csv", "t.csv")
    (tmp_path / "t.csv").write_bytes(b"another\n")
    assert found.place(1) == "row 1 (from 0)"


def test_a_table_is_parsed_once_while_its_file_is_the_same(tmp_path: Path) -> None:
    forget()
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,y\n1,2\n")
    first = read(path, "first")
    again = read(tmp_path / "." / "t.csv", "again", Asked())
    assert again.columns is first.columns and (first.name, again.name) == ("first", "again")
    assert read(path, "t.csv", Asked(header=False)).rows == 2
    path.write_bytes(b"x,y\n1,2\n3,4\n")
    assert read(path, "t.csv").rows == 2


def test_tabs_are_what_one_expects_of_a_file_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"x\ty\n1\ta, b\n2\tc, d\n")
    found = read(tmp_path / "t.tsv", "t.tsv")
    assert (cells(found), found.notes) == ({"x": ["1", "2"], "y": ["a, b", "c, d"]}, ())


WORDS = [
    "a",
    "x y",
    "O'Brien",
    "1.5",
    "-3",
    "",
    "NA",
    'say "hi"',
    "a,b",
    "c;d",
    "two\nlines",
    "é",
    "10:30",
    '5" pipe',
    " b ",
    "a\tb",
]


def test_texts_that_python_writes_are_read_as_python_reads_them() -> None:
    drawn = random.Random(0)
    for _ in range(150):
        delimiter, quoting = drawn.choice(",,;\t|"), drawn.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        names = [f"a name {place}" for place in range(drawn.randint(2, 6))]
        rows = [[f"{drawn.gauss(0, 10):.3f}", *drawn.choices(WORDS, k=len(names) - 1)] for _ in range(drawn.randint(3, 20))]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=drawn.choice(["\n", "\r\n"])).writerows(
            [names, *rows]
        )
        found = table(text.getvalue().encode(drawn.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"])))
        assert list(found.columns) == names
        assert cells(found) == {name: [row[place].strip() for row in rows] for place, name in enumerate(names)}, text.getvalue()
        reader, ends = csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter), [0]
        ends += [reader.line_num for _ in reader]
        assert [found.place(row) for row in range(found.rows)] == [f"line {end + 1}" for end in ends[1:-1]]
