"""`SECURITY.md` promises nothing that no test holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_the_test_that_is_named_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def test_each_kind_of_input_has_a_promise_and_every_test_of_safety_a_mention() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    for section in sections[1:-1]:
        assert "tests/" in section, section.partition("\n")[0]
    files = {file for file, _ in NAMED}
    own = {f"tests/safety/{path.name}" for path in Path(__file__).parent.glob("test_*.py")} - {
        "tests/safety/test_threat_model.py"
    }
    assert own <= files
    assert len(PAGE.splitlines()) <= 120


def test_the_readme_leads_there() -> None:
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
