"""The first ten minutes, walked through."""

from __future__ import annotations

from pathlib import Path

import pytest
import walk


def test_the_first_ten_minutes(wheel: Path, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """With what lampc depends on installed already; each step's seconds go to the report."""
    took = walk.walk(wheel, tmp_path, beside=True)
    for title, seconds in took:
        record_property(title, round(seconds, 2))
    assert [title for title, _ in took[1:]] == [step.title for step in walk.STEPS]


@pytest.mark.long
def test_the_first_ten_minutes_with_everything_that_is_downloaded(wheel: Path, tmp_path: Path) -> None:
    walk.walk(wheel, tmp_path, beside=False)
