"""Text as data: windows, targets, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lampc.compile
from lampc.data import SOURCES, DataError, Dataset, Request


def load(folder: Path, raw: bytes, **arguments: object) -> Dataset:
    (folder / "t.txt").write_bytes(raw)
    given = {"path": "t.txt", "context": 4, "stride": 0, "split": 0.8, "validation": 0.0, **arguments}
    found = SOURCES["text"].load(Request(given, folder, 0))
    described = SOURCES["text"].describe(Request(given, folder, 0))
    assert described == found.description
    assert (described.train, described.test) == (len(found.train), len(found.test))
    return found


def test_targets_are_the_characters_that_follow(tmp_path: Path) -> None:
    text = "häuser und bäume, " * 5
    found = load(tmp_path, text.encode())
    known = found.description.vocabulary
    assert known == tuple(sorted(set(text)))
    whole = np.array([known.index(c) for c in text])
    cut = round(0.8 * len(text))
    for i, (x, y) in enumerate(zip(found.train.x, found.train.y, strict=True)):
        assert x.tolist() == whole[4 * i : 4 * i + 4].tolist()
        assert y.tolist() == whole[4 * i + 1 : 4 * i + 5].tolist()
    assert found.test.x[0].tolist() == whole[cut : cut + 4].tolist()
    assert found.train.x.dtype == np.int64
    assert len(found.train) == (cut - 1) // 4


def test_stride_makes_windows_overlap(tmp_path: Path) -> None:
    found = load(tmp_path, b"abcdefghij" * 3, stride=1, split=1.0)
    assert len(found.train) == 26
    assert len(found.test) == 0


@pytest.mark.parametrize(
    ("raw", "arguments", "code"),
    [(b"abc", {}, "E603"), (b"abcd" * 4, {"split": 0.9}, "E603"), (b"ab\xff" * 9, {}, "E601"), (b"", {}, "E603")],
)
def test_wrong_text_is_refused(tmp_path: Path, raw: bytes, arguments: dict[str, object], code: str) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, raw, **arguments)
    assert caught.value.code == code


def test_a_missing_file_and_a_wrong_input_have_places(tmp_path: Path) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text('data text "no.txt"; embedding 4; linear 4; loss crossentropy', folder=tmp_path)
    assert [d.code for d in caught.value.diagnostics] == ["E601"]
    (tmp_path / "t.txt").write_bytes(b"abcdefghij" * 9)
    for written in ("input 4 int<3>", "input 5 int<10>"):
        source = f'{written}; data text "t.txt" context=4; embedding 4; linear 10; loss crossentropy'
        with pytest.raises(lampc.LampError) as caught:
            lampc.compile.text(source, folder=tmp_path)
        assert caught.value.diagnostics[0].code == "E504"


def test_a_byte_order_mark_does_not_move_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2"):
        load(tmp_path, b"\xef\xbb\xbfabc\n\xff" + b"x" * 50)


def test_tables_leave_something_held_out() -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text("data wine split=0.999; linear 3; loss crossentropy")
    assert [d.code for d in caught.value.diagnostics] == ["E603"]
