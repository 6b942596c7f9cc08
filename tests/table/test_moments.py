"""Dates and times as people write them, judged by Python's datetime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from columns_of_cells import cells, column
from hypothesis import given, settings
from hypothesis import strategies as st

from lampc.diagnostics.unplaced import DataError
from lampc.table.moments import ISO, PATTERNS
from lampc.table.statement import Override

MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))
SHORT = st.datetimes(datetime(1970, 1, 1), datetime(2060, 12, 31))


def stamp(moment: datetime) -> float:
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def kept(moment: datetime, pattern: str) -> datetime:
    """What of a moment a pattern tells."""
    return datetime.strptime(moment.strftime(pattern), pattern)


@settings(max_examples=60, deadline=None)
@given(pattern=st.sampled_from([pattern for pattern in PATTERNS if pattern != ISO and "%z" not in pattern]), data=st.data())
def test_a_pattern_is_found_and_read(pattern: str, data: st.DataObject) -> None:
    moments = data.draw(st.lists(SHORT if "%y" in pattern else MOMENTS, min_size=4, max_size=20))
    anchor = datetime(1999, 1, 31, 13, 59, 7, 250000)  # no other order of day and month has it
    moments = [kept(moment, pattern) for moment in [*moments, anchor, anchor.replace(month=3, hour=1)]]
    found, values = column([moment.strftime(pattern) for moment in moments])
    assert found.kind == "date", found
    epoch = 0.0 if "%Y" in pattern or "%y" in pattern else stamp(datetime(1900, 1, 1))  # where strptime has times alone
    assert cells(values) == pytest.approx([stamp(moment) - epoch for moment in moments], abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    moments=st.lists(MOMENTS, min_size=3, max_size=30, unique=True),
    minutes=st.integers(-12 * 60, 14 * 60),
    width=st.integers(0, 2),
)
def test_what_isoformat_writes_is_read(moments: list[datetime], minutes: int, width: int) -> None:
    zone = (None, UTC, timezone(timedelta(minutes=minutes)))[width]
    moments = [moment.replace(tzinfo=zone) for moment in moments if 1001 < moment.year < 9998]
    moments += [datetime(2020, 1, day, tzinfo=zone) for day in (1, 2, 3)]
    found, values = column([moment.isoformat() for moment in moments])
    assert (found.kind, found.written) == ("date", "iso")
    assert cells(values) == pytest.approx([stamp(moment) for moment in moments], abs=1e-4)


@pytest.mark.parametrize(
    "written",
    [
        ("2020-01-31", "%Y-%m-%d"), ("2020-01-31 23:59", "%Y-%m-%d %H:%M"), ("2020-01-31T23:59:07Z", "%Y-%m-%dT%H:%M:%S%z"),
        ("2020-01-31 23:59:07.123456789", "%Y-%m-%d %H:%M:%S.%f"), ("31.1.2020", "%d.%m.%Y"), ("January 31, 2020", "%B %d, %Y"),
        ("31-JAN-2020", "%d-%b-%Y"), ("1/31/2020 11:59 pm", "%m/%d/%Y %I:%M %p"), ("12/31/2020 12:05 AM", "%m/%d/%Y %I:%M %p"),
        ("Fri, 31 Jan 2020 23:59:07 +0200", "%a, %d %b %Y %H:%M:%S %z"), ("2020-01", "%Y-%m"),
    ],
)  # fmt: skip
def test_dates_of_many_forms(written: tuple[str, str]) -> None:
    """Each as Python's own pattern reads it."""
    text, pattern = written
    moment = datetime.strptime(text.replace("456789", "456"), pattern)
    found, values = column([text, text, "", text.replace("2020", "2019").replace("20", "19")])
    assert found.kind in ("date", "out")
    assert cells(values)[0] == pytest.approx(stamp(moment), abs=1e-4)


def test_which_is_the_day_the_data_decide() -> None:
    day_first, values = column(["1/2/2020", "13/2/2020", "3/2/2020"])
    assert (day_first.written, cells(values)[0]) == ("%d/%m/%Y", stamp(datetime(2020, 2, 1)))
    month_first, values = column(["1/2/2020", "2/13/2020", "3/2/2020"])
    assert (month_first.written, cells(values)[0]) == ("%m/%d/%Y", stamp(datetime(2020, 1, 2)))
    assert column(["1/1/2020", "2/2/2020", "3/3/2020"])[0].kind == "date", "the same either way"


def test_where_they_do_not_decide_nothing_is_guessed() -> None:
    few, _ = column(["1/2/2020", "2/3/2020", "1/2/2020"])
    assert few.kind == "category"
    many, _ = column([f"{1 + i % 12}/{1 + i // 12}/2020" for i in range(100)])
    assert many.kind == "out"
    for found in (few, many):
        assert 'column x date written="%d/%m/%Y"' in found.note
    said, values = column(["1/2/2020", "2/3/2020"], Override("x", "date", written="%d/%m/%Y"))
    assert (said.kind, cells(values)) == ("date", [stamp(datetime(2020, 2, 1)), stamp(datetime(2020, 3, 2))])
    with pytest.raises(DataError, match="day and month may be either"):
        column(["1/2/2020", "2/3/2020"], Override("x", "date"))


@pytest.mark.parametrize(
    "day", ["2020-02-30", "2021-02-29", "2020-13-01", "2020-00-10", "2020-01-01 24:00", "2020-01-01 10:60"]
)
def test_days_that_the_calendar_has_not(day: str) -> None:
    with pytest.raises(DataError, match=f"line 22, column `x`: `{day}` is not a date"):
        column([*(f"2020-01-{place:02}" for place in range(1, 21)), day, *(f"2020-03-{place:02}" for place in range(1, 21))])


@pytest.mark.parametrize("pattern", ["%d/%m", "%Q", "%Y-%Y", "year"])
def test_a_pattern_that_says_nothing_of_dates(pattern: str) -> None:
    with pytest.raises(DataError) as raised:
        column(["1/2/2020", "2/3/2020"], Override("x", "date", written=pattern))
    assert (raised.value.code, raised.value.option) == ("E305", "written")
