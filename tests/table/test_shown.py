"""A schema as it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from columns_of_cells import read

from lampc.cli import run
from lampc.table.cells import Table
from lampc.table.fit import fitted
from lampc.table.kinds import understand
from lampc.table.parsed import Parsed
from lampc.table.schema import Schema
from lampc.table.shown import rows, shown

TEXT = """id,age,paid,sort,when,good,y
1,22,$1.50,a,31/1/2020,yes,0.5
2,,"$1,234.00",b,1/2/2020,no,1
3,40.5,$7,,13/2/2020,no,
4,7,$8,a,13/2/2020,yes,3
"""


def understood(text: str) -> tuple[Schema, Parsed]:
    found: Table = read(text)
    columns, targets, parsed = understand(found, {}, ["y"], False, ())
    return Schema(fitted(columns, parsed, standardise=True), targets, found.form), parsed


def test_each_column_has_a_row_that_says_what_becomes_of_it() -> None:
    schema, parsed = understood(TEXT)
    assert rows(shown(schema, parsed)) == [
        ("id", "id", "", "", "left out: counts the rows"),
        ("age", "numbers", "7 to 40.5", "1", "standardised; missing: the mean, and a slot that says so"),
        ("paid", "numbers (thousands, $)", "1.5 to 1234", "", "standardised"),
        ("sort", "categories", "a 2, b 1", "1", "one-hot, 2; missing: a slot of its own"),
        ("when", "dates (%d/%m/%Y)", "2020-01-31 to 2020-02-13", "", "month, weekday, days"),
        ("good", "yes/no", "no 2, yes 2", "", "0 or 1"),
        ("y", "numbers", "0.5 to 3", "1", "the target; rows without it are left out"),
    ]
    assert rows(shown(schema, parsed, scaled=True))[-1][-1] == "the target, standardised; rows without it are left out"


@pytest.mark.parametrize(("option", "said"), [("", "the target, standardised"), ("scale=off", "the target")])
def test_a_training_says_whether_the_target_is_standardised(
    option: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i % 7},{i % 5}\n" for i in range(40)))
    (tmp_path / "t.lamp").write_text(f'data csv "t.csv" {option}\nlinear 1 xavier\nloss mse\ntrain epochs=1')
    assert run(["train", str(tmp_path / "t.lamp"), "--no-save"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[:2] == ["y", "numbers"]]
    assert row.rstrip().endswith(f" {said}")


def test_without_the_table_a_schema_says_what_it_knows() -> None:
    schema, _ = understood(TEXT)
    found = {row[0]: row for row in rows(shown(schema))}
    assert found["age"] == ("age", "numbers", "7 to 40.5", "1", "standardised; missing: the mean, and a slot that says so")
    assert found["sort"][2] == "a, b"


def test_many_values_are_counted() -> None:
    schema, parsed = understood("c,x,y\n" + "".join(f"w{i % 9},{i % 3 - 0.5},{i % 2}\n" for i in range(90)))
    assert rows(shown(schema, parsed))[0][2] == "w0 10, w1 10, w2 10, w3 10, and 5 more"
