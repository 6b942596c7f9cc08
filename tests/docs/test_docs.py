"""The documents say what is: tables are the code's, programs compile, commands run, output is real, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest
from tables import TABLES
from warm import python

import lampc.compile
from lampc.elaborate.definitions import EXPERIMENT

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def fences(page: Path, *kinds: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind in kinds]


def test_the_reference_has_the_codes_tables(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "language.md"
    text = page.read_text(encoding="utf-8")
    wanted = MARK.sub(lambda found: f"<!-- table: {found[1]} -->\n{TABLES[found[1]]}\n<!-- end -->", text)
    assert set(MARK.findall(text)) == set(TABLES)
    if request.config.getoption("--update-golden"):
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted, "run pytest --update-golden"


def test_the_reference_names_every_statement() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    for name in (*EXPERIMENT, "let", "fn", "block", "use"):
        assert f"`{name}" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_programs_compile(page: Path) -> None:
    """All but those that show a mistake, which a console block then checks."""
    for source in fences(page, "lamp"):
        if "tahn" not in source:
            lampc.compile.text(source, folder=ROOT / "models", allow_python=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A documented command, with all it says as a terminal shows it; `lampc` is this project's."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    del env["LAMPC_RUNS"]
    command = re.sub(r"(^|\| )lampc ", rf"\1{shlex.join(python())} -m lampc ", command)
    return subprocess.run(command, shell=True, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)  # fmt: skip


def commands(page: Path) -> list[tuple[str, str]]:
    """Each `$ command` of a page with the block of text after it, if there is one."""
    blocks = FENCE.findall(page.read_text(encoding="utf-8"))
    found = []
    for index, (kind, text) in enumerate(blocks):
        if kind == "console":
            after = blocks[index + 1][1] if index + 1 < len(blocks) and blocks[index + 1][0] == "text" else ""
            found += [(line[2:], after) for line in text.splitlines() if line.startswith("$ ")]
    return found


def normal(text: str, numbers: bool) -> list[str]:
    """Lines without spaces at their ends; numbers that differ from machine to machine made alike."""
    lines = [line.rstrip() for line in textwrap.dedent(text).splitlines() if line.strip()]
    return [NUMBER.sub("#", re.sub(r"\s+", " ", line)) if numbers else line for line in lines]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader has it: empty but for the README's wrong example; what one command makes the next may use."""
    tmp_path = tmp_path_factory.mktemp("project")
    for page in PAGES:
        for source in fences(page, "lamp"):
            if "tahn" in source:
                (tmp_path / "wrong.lamp").write_text(source)
    return tmp_path


COMMANDS = [(page, *found) for page in PAGES for found in commands(page)]


@pytest.mark.parametrize(("page", "command", "output"), COMMANDS, ids=[f"{page.stem}: {c}" for page, c, _ in COMMANDS])
def test_commands_print_what_the_page_shows(page: Path, command: str, output: str, project: Path) -> None:
    done = shell(command, project)
    printed = done.stdout
    assert "Traceback" not in printed
    assert done.returncode == (1 if "wrong" in command else 0), printed
    if output:
        # What is trained ends in numbers that depend on the machine; everything else is shown to the letter.
        numbers = command.startswith(("lampc train", "lampc eval", "lampc predict", "echo", "./"))
        assert normal(printed, numbers) == normal(output, numbers)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs(page: Path, project: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{project}"}
    del env["LAMPC_RUNS"]  # a page's program may open a run that a command before it has made
    for source in fences(page, "python"):
        done = subprocess.run(
            [*python(), "-c", source], cwd=project, capture_output=True, text=True, check=False, env=env,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), source
        shown = re.search(
            rf"```python\n{re.escape(source)}```\n\n```text\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
        )
        assert shown is None or done.stdout.strip() == shown[1].strip()


def test_the_readme_has_two_set_up_commands_and_one_for_a_small_torch() -> None:
    (train,), (tests,), (small,) = ([line for line in text.splitlines() if line] for text in fences(ROOT / "README.md", "sh"))
    assert train.endswith("lampc train models/disc.lamp")
    assert tests.endswith("-m pytest")
    assert small.endswith("pip install torch --index-url https://download.pytorch.org/whl/cpu")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '-e ".[test]"' in tests
    assert '-e ".[test]"' in ci


def test_the_picture_is_todays(project: Path) -> None:
    done = shell("lampc graph residual --svg", project)
    assert done.stdout.strip() == (ROOT / "docs" / "residual.svg").read_text(encoding="utf-8").strip()
