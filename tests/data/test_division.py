"""What a table's statement says of its parts, and what of it clashes."""

from __future__ import annotations

from typing import Any

import pytest

from lampc.data.parts import GROUP, SPLIT_OF_TABLE, STRATIFY, TIME, Division, divided
from lampc.data.split import VALIDATION
from lampc.diagnostics.unplaced import DataError
from lampc.layers.signature import Choice, Refused, Signature
from lampc.table.parts import Manner, Shares

DEFAULTS = Signature((SPLIT_OF_TABLE, VALIDATION, GROUP, TIME, STRATIFY)).defaults


def said(classes: bool = True, **arguments: Any) -> tuple[Shares, Manner]:
    return divided({**DEFAULTS, **arguments}, classes)


def near(shares: Shares) -> object:
    return pytest.approx((shares.train, shares.validation, shares.test))


@pytest.mark.parametrize(
    ("arguments", "shares", "manner"),
    [
        ({}, (0.8, 0, 0.2), "stratified"),
        ({"classes": False}, (0.8, 0, 0.2), "random"),
        ({"stratify": False}, (0.8, 0, 0.2), "random"),
        ({"split": 0.8, "validation": 0.25}, (0.6, 0.2, 0.2), "stratified"),
        ({"split": 1.0}, (1, 0, 0), "stratified"),
        ({"split": (0.7, 0.3)}, (0.7, 0, 0.3), "stratified"),
        ({"split": (0.7, 0.1, 0.2)}, (0.7, 0.1, 0.2), "stratified"),
        ({"group": "patient"}, (0.8, 0, 0.2), "group by patient"),
        ({"time": "day", "split": (0.7, 0.1, 0.2)}, (0.7, 0.1, 0.2), "time by day"),
        ({"split": "part"}, (1, 0, 0), "column by part"),
        ({"split": "part", "validation": 0.25}, (0.75, 0.25, 0), "column by part"),
    ],
)
def test_shares_and_manner(arguments: dict[str, Any], shares: tuple[float, float, float], manner: str) -> None:
    found, how = said(**arguments)
    assert shares == near(found)
    assert str(how) == manner


@pytest.mark.parametrize(
    ("arguments", "option", "fix"),
    [
        ({"split": (0.8, 0.2), "validation": 0.25}, "validation", "leave `validation=` out, as in `split=[0.6, 0.2, 0.2]`"),
        ({"split": (0.5, 0.3, 0.2), "validation": 0.5}, "validation", "leave `validation=` out, as in `split=[0.4, 0.4, 0.2]`"),
        ({"group": "who", "time": "day"}, "group", "leave `group=who` out"),
        ({"split": "part", "group": "who"}, "group", "leave `group=who` out"),
        ({"split": "part", "time": "day"}, "time", "leave `time=day` out"),
    ],
)
def test_what_clashes_says_what_to_write(arguments: dict[str, Any], option: str, fix: str) -> None:
    with pytest.raises(DataError) as raised:
        said(**arguments)
    assert (raised.value.code, raised.value.option, raised.value.fixes) == ("E305", option, (fix,))


@pytest.mark.parametrize(
    ("written", "held"),
    [
        (0.8, 0.8), (1, 1.0), ((0.7, 0.15, 0.15), (0.7, 0.15, 0.15)), ((1, 0), (1.0, 0.0)),
        (Choice("part"), "part"), ("the part", "the part"), ((1 / 3, 1 / 3, 1 / 3), (1 / 3, 1 / 3, 1 / 3)),
    ],
)  # fmt: skip
def test_split_is_a_share_or_shares_or_a_column(written: Any, held: object) -> None:
    assert Division().takes(written)
    assert Division().convert(written) == held


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        (0, "E305", "0 is not between 0 and 1"),
        (80, "E305", "80 is not between 0 and 1"),
        ((80, 20), "E305", r"the shares come to 100, not to 1: `\[0.8, 0.2\]`"),
        ((0.7, 0.2), "E305", r"the shares come to 0.9, not to 1: `\[0.7778, 0.2222\]`"),
        ((0.5,), "E305", "two or three shares are wanted"),
        ((0.4, 0.2, 0.2, 0.2), "E305", "two or three shares are wanted"),
        ((0.0, 0.5, 0.5), "E305", "0 is no share"),
        ((1.5, -0.5), "E305", "-0.5 is no share"),
        (True, "E304", "a number is wanted"),
    ],
)
def test_what_is_no_split_is_refused(written: Any, code: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as raised:
        Division().convert(written)
    assert raised.value.code == code
