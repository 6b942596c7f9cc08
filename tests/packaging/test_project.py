"""What a platform, pre-commit and contributors read: the workflow, the templates and the hooks are what their readers take."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMS = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]


def read(*parts: str) -> Any:
    return yaml.safe_load(ROOT.joinpath(*parts).read_text(encoding="utf-8"))


def test_the_workflow_runs_ci_for_every_python_that_is_promised() -> None:
    promised = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    job = read(".github", "workflows", "ci.yml")["jobs"]["run"]
    assert job["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_is_whole(form: Path) -> None:
    found = read(".github", "ISSUE_TEMPLATE", form.name)
    assert {"name", "description", "body"} <= found.keys()
    fields = [field for field in found["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) > 0
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_versions_that_a_bug_report_asks_for_are_printed() -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    (source,) = re.findall(r'python -c "(.*?)"', text)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=ROOT)
    assert PROJECT["version"] in done.stdout


def test_contributors_hooks_are_continuous_integrations() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (local,) = read(".pre-commit-config.yaml")["repos"]
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        command = hook["entry"].removesuffix(" --force-exclude")
        assert command in ci or command == "lampc check"


def test_the_hook_that_others_use_finds_mistakes(tmp_path: Path) -> None:
    (hook,) = read(".pre-commit-hooks.yaml")
    assert hook["language"] == "python"
    (tmp_path / "right.lamp").write_text("linear 2->1 xavier\n")
    (tmp_path / "wrong.lamp").write_text("linear 2->1 xavier; tahn\n")
    assert all(re.search(hook["files"], path.name) for path in tmp_path.iterdir())
    program, *arguments = shlex.split(hook["entry"])
    assert program in PROJECT["scripts"]
    for names, status in ((["right.lamp"], 0), (["right.lamp", "wrong.lamp"], 1)):
        command = [sys.executable, "-m", program, *arguments, *names]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
    assert "did you mean `tanh`" in done.stdout + done.stderr
