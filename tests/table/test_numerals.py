"""Numbers as people write them, judged by Python's Decimal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from columns_of_cells import cells, column
from hypothesis import given, settings
from hypothesis import strategies as st

FORMS = {
    "plain": ("", "", "", "."),
    "decimal comma": ("", "", "", ","),
    "thousands": ("", "", ",", "."),
    "thousands by points": ("", "", ".", ","),
    "thousands by spaces": ("", "", " ", "."),
    "thousands by thin spaces, decimal comma": ("", "", "\u202f", ","),
    "thousands by marks": ("", "", "'", "."),
    "percent": ("", "%", "", "."),
    "percent after a space": ("", " %", "", ","),
    "dollars": ("$", "", ",", "."),
    "euros after": ("", " €", ".", ","),
    "crowns": ("", " kr", " ", ","),
    "a code before": ("EUR ", "", ",", "."),
}
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


def spell(number: Decimal, form: str) -> str:
    """A number in a form, with two decimals."""
    before, after, thousands, point = FORMS[form]
    digits = f"{abs(number):,.2f}".replace(".", ";").replace(",", thousands).replace(";", point)
    return f"{'-' if number < 0 else ''}{before}{digits}{after}"


@settings(max_examples=100, deadline=None)
@given(form=st.sampled_from(list(FORMS)), numbers=st.lists(AMOUNTS, min_size=3, max_size=30, unique=True))
def test_numbers_of_one_form_are_read_exactly(form: str, numbers: list[Decimal]) -> None:
    found, values = column([spell(number, form) for number in numbers])
    assert found.kind == "number", found
    assert cells(values) == [float(number) for number in numbers]


@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=30, unique=True))
def test_what_python_writes_is_read_to_the_last_bit(numbers: list[float]) -> None:
    found, values = column([repr(number + 0.0) for number in [*numbers, 0.5, 2.25]])
    assert (found.kind, found.written) == ("number", "")
    assert cells(values) == [*numbers, 0.5, 2.25]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (["+3", "-4", "5.5"], [3, -4, 5.5]),
        (["−3", "4.5", "2"], [-3, 4.5, 2]),
        (["(12)", "7.5", "(1,000)"], [-12, 7.5, -1000]),
        (["($5)", "$7.50", "$1,000"], [-5, 7.5, 1000]),
        (["$-5", "-$7.50", "$1"], [-5, -7.5, 1]),
        (["1e3", "2.5E-1", ".5", "7."], [1000, 0.25, 0.5, 7]),
        (["1,234", "560", "12"], [1234, 560, 12]),
        (["1,23", "5,6", "12"], [1.23, 5.6, 12]),
        (["0,123", "1,234", "12"], [0.123, 1.234, 12]),
        (["1.234.567", "1.234", "3,5"], [1234567, 1234, 3.5]),
    ],
    ids=lambda cells: " ".join(map(str, cells)),
)
def test_a_form_is_of_all_cells(written: list[str], wanted: list[float]) -> None:
    found, values = column([*written, ""])
    assert found.kind == "number"
    assert cells(values) == [*wanted, None]


@pytest.mark.parametrize(
    "written", [["1_000", "2_000", "1_000"], ["0x10", "0x11", "0x10"], ["$5", "€6", "$5"], ["1,23,4", "5", "5"]]
)
def test_what_has_no_one_form_is_no_number(written: list[str]) -> None:
    assert column(written)[0].kind == "category"


def test_codes_begin_with_zeros() -> None:
    found, values = column(["007", "010", "007", "123"])
    assert (found.kind, cells(values)) == ("category", ["007", "010", "007", "123"])
    assert column(["0.5", "0", "00.5", "0e1"])[0].kind == "number"


def test_what_nobody_sees_is_no_part_of_a_number() -> None:
    assert cells(column(["1.5", "2.5\x1a", "\u200b3", "\u00a04"])[1]) == [1.5, 2.5, 3, 4]


def test_what_is_infinite_is_missing_and_said() -> None:
    found, values = column(["1.5", "inf", "-Infinity", "2", "1e999"])
    assert cells(values) == [1.5, None, None, 2, None]
    assert found.note == "3 infinite: missing"
