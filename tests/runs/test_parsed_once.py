"""A table is read, understood and encoded once in a training, however often it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lampc.cli import run
from lampc.data import samples, understood


def test_a_training_parses_its_table_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{i * 7 % 11},{'uvw'[i % 3]},{i % 2}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    program = 'data csv "t.csv" target=y validation=0.2; linear 1 xavier; sigmoid; loss bce; train epochs=3'
    (tmp_path / "t.lamp").write_text(program)
    calls: list[str] = []

    def counted(module: Any, name: str) -> None:
        plain = getattr(module, name)

        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            return plain(*args, **options)

        monkeypatch.setattr(module, name, call)

    for module, name in ((understood, "read"), (understood, "understand"), (samples, "_drawn")):
        counted(module, name)
    assert run(["train", str(tmp_path / "t.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    assert sorted(calls) == ["_drawn", "read", "understand"]
