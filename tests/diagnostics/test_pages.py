"""Every code has a page; the pages' programs do what the pages say, and their messages are the real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lampc.compile
from lampc.diagnostics import Diagnostic, LampError
from lampc.diagnostics.codes import TITLES
from lampc.diagnostics.render import render

PAGES = Path(__file__).parents[2] / "docs" / "errors"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_PROGRAMS = [code for code in TITLES if "```lamp" in (PAGES / f"{code}.md").read_text(encoding="utf-8")]

# Codes that no short program shows; each is triggered in the test that is named.
TRIGGERED_ELSEWHERE = {
    "E001": "test_triggers.py", "E002": "test_triggers.py", "E003": "test_triggers.py", "E107": "test_triggers.py",
    "E108": "test_triggers.py", "E402": "test_triggers.py", "E508": "test_triggers.py", "E510": "test_triggers.py",
    "E408": "test_triggers.py", "E604": "test_triggers.py",
    "E605": "test_triggers.py", "E701": "test_triggers.py", "E702": "test_triggers.py", "E703": "test_triggers.py",
    "E704": "test_triggers.py", "E705": "test_triggers.py", "E706": "test_triggers.py", "E610": "test_triggers.py",
    "E611": "test_triggers.py", "E612": "test_triggers.py",
    "E613": "test_triggers.py", "E614": "test_triggers.py",
    "E801": "test_triggers.py", "E811": "test_triggers.py",
    "W423": "test_triggers.py", "W424": "test_triggers.py", "W425": "test_triggers.py", "W426": "test_triggers.py",
    "W431": "test_triggers.py", "W432": "test_triggers.py", "W433": "test_triggers.py", "W434": "test_triggers.py",
    "W435": "test_triggers.py", "E812": "test_triggers.py", "E813": "test_triggers.py", "E814": "test_triggers.py",
    "E802": "test_triggers.py", "E900": "test_triggers.py", "W502": "test_triggers.py",
}  # fmt: skip


def fences(code: str) -> list[tuple[str, str, str]]:
    return FENCE.findall((PAGES / f"{code}.md").read_text(encoding="utf-8"))


def written(code: str, folder: Path) -> list[tuple[str, str, str]]:
    """What a page shows, and its tables in a folder."""
    parts = fences(code)
    for kind, name, text in parts:
        if kind == "csv":
            (folder / name).write_text(text, encoding="utf-8")
    return parts


def diagnose(program: str, folder: Path) -> tuple[Diagnostic, ...]:
    try:
        return lampc.compile.text(program, name="example.lamp", folder=folder).warnings
    except LampError as error:
        return error.diagnostics


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(TITLES)
    for code, title in TITLES.items():
        assert (PAGES / f"{code}.md").read_text(encoding="utf-8").startswith(f"# {code}: {title}\n")


def test_every_code_is_triggered() -> None:
    assert set(WITH_PROGRAMS) | set(TRIGGERED_ELSEWHERE) == set(TITLES)
    triggers = (Path(__file__).parent / "test_triggers.py").read_text(encoding="utf-8")
    for code in TRIGGERED_ELSEWHERE:
        assert f'"{code}"' in triggers, code


@pytest.mark.parametrize("code", WITH_PROGRAMS)
def test_the_first_program_gives_the_message(code: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    parts = written(code, tmp_path)
    wrong = next(text for kind, _, text in parts if kind == "lamp")
    found = diagnose(wrong, tmp_path)
    assert code in [diagnostic.code for diagnostic in found]
    assert all(diagnostic.labels for diagnostic in found)
    message = "\n\n".join(map(render, found)) + "\n"
    if request.config.getoption("--update-golden"):
        path = PAGES / f"{code}.md"
        page = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"```text\n.*?```", lambda _: f"```text\n{message}```", page, flags=re.DOTALL), "utf-8")
        return
    assert next(text for kind, _, text in parts if kind == "text") == message


@pytest.mark.parametrize("code", WITH_PROGRAMS)
def test_the_last_program_is_right(code: str, tmp_path: Path) -> None:
    right = [text for kind, _, text in written(code, tmp_path) if kind == "lamp"][-1]
    assert code not in [diagnostic.code for diagnostic in diagnose(right, tmp_path)]
    lampc.compile.text(right, folder=tmp_path)
