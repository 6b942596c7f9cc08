"""No word of others', of a program, data, a model or a run, drives a terminal, hides, or is a spreadsheet's formula."""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lampc.cli import run
from lampc.printable import cell, json_line, printable, printable_lines

CLI = Path(__file__).parents[2] / "lampc" / "cli"
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
PROGRAMS = (f'use "{ESCAPES}.lamp"; linear 2->2',
            f'linear 2->2; data csv "{ESCAPES}.csv"; loss mse; train weights="\x1b[31m.safetensors"',
            f"linear 2->2; {ESCAPES}", f"linear 2->2 {ESCAPES}=1", f"linear 2->2; relu # {ESCAPES}\u202e\nlinear 3->1",
            f'input 2; linear 2\n"{ESCAPES}" \x9b31m')  # fmt: skip
ODD = st.text(st.one_of(st.characters(), st.sampled_from("\x1b\x07\x9b\x7f\u202e\u2066\u200b\ufeff\u2028=+-@\t")), min_size=1,
              max_size=8)  # fmt: skip


def harmful(text: str) -> list[str]:
    """Control characters but for the ends of lines and tabs, marks of direction, what is not seen."""
    marks = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u2060\ufeff\u2028\u2029"
    return [char for char in text if (unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t") or char in marks]


def test_what_is_shown_is_seen() -> None:
    assert printable("a\x1b[2J\u202eb\n\x9b\x7f\ufeff\U000e0041") == r"a\x1b[2J\u202eb\n\x9b\x7f\ufeff\U000e0041"
    assert (
        printable("caf\u00e9 \u65e5\u672c \N{NO-BREAK SPACE}\U0001f600")
        == "caf\u00e9 \u65e5\u672c \N{NO-BREAK SPACE}\U0001f600"
    )
    assert printable_lines("a\tb\n\rc") == "a\tb\n\\rc"
    assert printable("\udcff") == r"\udcff"  # of a file's name that is not UTF-8


@given(st.text())
def test_nothing_harmful_is_left(text: str) -> None:
    assert not harmful(printable(text))
    assert printable(printable(text)) == printable(text)
    assert "\n" not in printable(text)


FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "-")
UNSEEN = (("\t=1", r"'\t=1"), ("\r=1", r"'\r=1"), ("=\x1b[2J", r"'=\x1b[2J"), ("a\nb\u202e", r"a\nb\u202e"))
NONE = ("-1", "+2.5e3", "a=1", "", -1.5, 7)


@pytest.mark.parametrize(
    ("given", "kept"), [*((text, f"'{text}") for text in FORMULAS), *UNSEEN, *zip(NONE, NONE, strict=True)]
)
def test_cells_that_are_formulas_are_texts(given: object, kept: object) -> None:
    assert cell(given) == kept


NOTHING = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("none", NOTHING)
def test_json_has_no_number_that_is_none(none: float) -> None:
    assert json_line({"a": [1.5, none, (none,)], "b": {"c": none}, "NaN": "NaN", "d": True}) == (
        '{"a": [1.5, null, [null]], "b": {"c": null}, "NaN": "NaN", "d": true}'
    )
    assert json_line(none) == "null"
    assert json_line("\u20ac\x1b") == '"\\u20ac\\u001b"'


@pytest.mark.parametrize("verb", ["check", "train", "graph --dot", "graph --svg", "graph", "ops", "data", "sample", "predict"])
@pytest.mark.parametrize("source", PROGRAMS, ids=range(len(PROGRAMS)))
def test_a_program_drives_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, source: str,
                                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.lamp").write_text(source)
    assert run([*verb.split(), "x.lamp"]) in (0, 1)
    said = capsys.readouterr()
    assert not harmful(said.out + said.err)
    assert said.err


def test_nor_does_an_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("check", "train", "eval", "predict", "data", "runs", "plot", "import", "explain", ESCAPES, f"--{ESCAPES}"):
        run([verb, ESCAPES])
        run([verb, "--set", f"{ESCAPES}={ESCAPES}", ESCAPES])
    said = capsys.readouterr()
    assert not harmful(said.out + said.err)


def test_all_that_is_said_goes_through_one_gate() -> None:
    """`lampc.cli.say` is the only file of the command line that writes to a terminal; what JSON says is ASCII."""
    for file in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or file.name == "say.py":
                continue
            called = ast.unparse(node.func)
            diagnostics = file.name == "report.py" and called == "click.echo"  # painted, and cleaned by `render`
            assert (
                called not in ("click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write") or diagnostics
            ), file
    assert not harmful(json.dumps("".join(map(chr, range(0x3000)))))


VERBS = ("data data.csv", "data x.lamp", "eval x", "runs", "compare x x", "plot x", "predict x", "predict x data.csv",
         "predict x --json data.csv", "predict x data.csv -o out.csv")  # fmt: skip


def trained(folder: Path, columns: tuple[str, str, str], classes: tuple[str, str]) -> None:
    """A run on a table whose names are somebody else's."""
    with (folder / "data.csv").open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows([index % 7, index % 5, classes[index % 2]] for index in range(40))
    (folder / "x.lamp").write_text(
        'linear 2->2\ndata csv "data.csv"\nloss crossentropy\ntrain epochs=1 batch=8\nmetrics confusion'
    )
    assert run(["train", "x.lamp", "--backend", "torch"]) in (0, 1)


@settings(deadline=None, derandomize=True, max_examples=25, suppress_health_check=list(HealthCheck))
@given(columns=st.tuples(ODD, ODD, ODD), classes=st.tuples(ODD, ODD))
def test_whatever_columns_and_classes_are_called(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str],
                                                 columns: tuple[str, str, str], classes: tuple[str, str]) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LAMPC_RUNS", "runs")
        trained(folder, columns, classes)
        patch.setattr(sys, "stdin", io.StringIO("1,2\n"))
        for verb in VERBS:
            assert run(verb.split()) in (0, 1), verb
        said = capsys.readouterr()
        assert not harmful(said.out + said.err)
        assert "E900" not in said.err
        for page in (folder / "runs").rglob("report.html"):
            assert not harmful(page.read_text(encoding="utf-8"))
        if (folder / "out.csv").exists():
            with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            assert all(text == cell(text) for row in rows for text in row)
