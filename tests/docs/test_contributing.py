"""The examples of CONTRIBUTING.md are held to what the page says of them; that they run, and what they print, is test_docs'."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from warm import python

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

CONTRACT = """
import test_contract as contract
from judges import JUDGES

JUDGES["bump"] = {judge}
for sample in Bump.samples:
    for test in (
        contract.test_results_have_the_inferred_types_and_are_fully_written,
        contract.test_values_are_torchs,
        contract.test_float32_is_within_three_times_torchs_own_error,
        contract.test_gradient_is_autograds_and_that_of_finite_differences,
    ):
        test(sample)
print("held")
"""


def section(title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^### {title}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@pytest.mark.parametrize("title", ["An op", "A layer", "A pass", "A backend", "A diagnostic"])
def test_each_has_an_example_and_what_it_prints(title: str) -> None:
    assert re.search(r"^```python\n.+?^```\n\n```text\n.+?^```$", section(title), re.MULTILINE | re.DOTALL)


def test_the_op_keeps_the_contract() -> None:
    """By the judge that the page gives."""
    text = section("An op")
    (source,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (judge,) = re.findall(r'`"bump": (lambda .*?)`', text)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "ops")))
    done = subprocess.run([*python(), "-c", source + CONTRACT.format(judge=judge)], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": path})  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["held"], done.stderr


def test_its_commands_are_those_of_continuous_integration() -> None:
    """Whoever has run what the page says is not surprised."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    for command in ("ruff check .", "mypy", "lint-imports", "pytest"):
        assert command in ci
        assert re.search(rf"(^|&& ){re.escape(command)}( |$)", PAGE, re.MULTILINE), command
