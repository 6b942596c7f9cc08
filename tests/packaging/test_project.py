"""What a platform, pre-commit and contributors read: the workflow, the templates and the hooks are what their readers take."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from warm import python

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


HOOKS = {hook["id"]: hook for hook in read(".pre-commit-hooks.yaml")}


def called(entry: str, folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """A hook's entry, or a workflow's, as its reader calls it."""
    program, *arguments = shlex.split(entry)
    assert program in PROJECT["scripts"]
    command = [*python(), "-m", program, *arguments, *names]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("hook", "left"), [("lampc-check", 1), ("lampc-fix", 0)])
def test_the_hooks_that_others_use(hook: str, left: int, tmp_path: Path) -> None:
    """One finds mistakes, the other mends them, where that is certain."""
    found = HOOKS[hook]
    assert found["language"] == "python"
    (tmp_path / "right.lamp").write_text("linear 2->1 xavier\n")
    (tmp_path / "wrong.lamp").write_text("linear 2->1 xavier; tahn\n")
    (tmp_path / "open.lamp").write_text("linear 2->3 xavier; linear 4->1\n")
    assert all(re.search(found["files"], path.name) for path in tmp_path.iterdir())
    assert called(found["entry"], tmp_path, "right.lamp").returncode == 0
    done = called(found["entry"], tmp_path, "right.lamp", "wrong.lamp")
    assert done.returncode == left, done.stdout + done.stderr
    assert "did you mean `tanh`" in done.stdout + done.stderr
    assert (tmp_path / "wrong.lamp").read_text() == f"linear 2->1 xavier; {'tahn' if left else 'tanh'}\n"
    assert called(found["entry"], tmp_path, "open.lamp", "right.lamp").returncode == 1


def test_what_the_page_for_other_programs_has_them_do(tmp_path: Path) -> None:
    """The page's hooks are there, and its workflows call what they say."""
    text = (ROOT / "docs" / "output.md").read_text(encoding="utf-8")
    check, alerts, commits = [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]
    assert {hook["id"] for hook in commits["repos"][0]["hooks"]} <= HOOKS.keys()
    assert all(f"`{hook}`" in text for hook in HOOKS)
    (tmp_path / "wrong.lamp").write_text("linear 2->1 xavier; tahn\n")
    (shown,) = (step["run"] for step in check["jobs"]["check"]["steps"] if step.get("run", "").startswith("lampc"))
    done = called(shown.replace("*.lamp", "wrong.lamp"), tmp_path)
    assert (done.returncode, done.stdout.startswith("::error file=wrong.lamp,line=1,")) == (1, True)
    saved, upload = alerts["steps"]
    command, _, file = saved["run"].partition(" > ")
    done = called(command.replace("*.lamp", "wrong.lamp"), tmp_path)
    assert (done.returncode, saved["continue-on-error"]) == (1, True)
    assert json.loads(done.stdout)["version"] == "2.1.0"
    assert upload["with"]["sarif_file"] == file
    assert alerts["permissions"]["security-events"] == "write"
