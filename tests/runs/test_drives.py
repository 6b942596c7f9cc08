"""Where a run's sources lie on a system with drives, and a file that may be opened twice there."""

from __future__ import annotations

import atexit
from pathlib import Path
from pathlib import PureWindowsPath as Windows
from typing import Any

import pytest

from lampc import files
from lampc.runs.config import placed, shared


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["C:/net/a.lamp"], ["a.lamp"]),
        (["C:/net/a.lamp", "C:/net/parts/b.lamp"], ["a.lamp", "parts/b.lamp"]),
        (["C:/net/a.lamp", "C:/other/b.lamp"], ["net/a.lamp", "other/b.lamp"]),
        (["C:/net/a.lamp", "D:/parts/b.lamp"], ["a.lamp", "D/parts/b.lamp"]),
        (["C:/net/a.lamp", "//server/parts/b.lamp"], ["a.lamp", "server/parts/b.lamp"]),
    ],
)
def test_sources_lie_as_they_did_and_are_named_with_slashes(sources: list[str], names: list[str]) -> None:
    paths = [Windows(source) for source in sources]
    base = shared([path.parent for path in paths])
    assert base is not None
    assert [placed(path, base).as_posix() for path in paths] == names


def test_a_file_of_this_process_alone_may_be_opened_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows opens none again that goes when it is closed."""
    at_the_end: list[tuple[Any, ...]] = []
    monkeypatch.setattr(atexit, "register", lambda *call: at_the_end.append(call))
    kept = files.scratch(".rows")
    kept.write(b"rows")
    kept.flush()
    assert not getattr(kept, "delete", getattr(kept._closer, "delete", False))
    with open(kept.name, "rb") as again:
        assert again.read() == b"rows"
    ((end, *given),) = at_the_end
    end(*given)
    assert not Path(kept.name).exists()
