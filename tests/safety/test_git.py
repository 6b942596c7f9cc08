"""The commit is known without running git: a downloaded project's settings name programs that git would run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lampc.runs.git import commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repositories")


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.lamp").write_text("linear 2->1\n")
    (folder / ("long" * 20)).write_text("")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_the_commit_and_whether_files_differ(project: Path) -> None:
    head = git(project, "rev-parse", "HEAD")
    assert commit(project) == head
    (project / "below").mkdir()
    assert commit(project / "below") == head
    (project / "a.lamp").write_text("linear 3->1; relu\n")
    assert commit(project) == head + "+"
    git(project, "commit", "-qam", "second")
    assert commit(project) == git(project, "rev-parse", "HEAD") != head
    (project / "a.lamp").unlink()
    assert commit(project) == git(project, "rev-parse", "HEAD") + "+"


def test_packed_branches_detached_heads_and_work_trees(project: Path, tmp_path: Path) -> None:
    head = git(project, "rev-parse", "HEAD")
    git(project, "pack-refs", "--all")
    assert commit(project) == head
    git(project, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    assert commit(tmp_path / "tree") == head
    git(project, "checkout", "-q", "--detach")
    assert commit(project) == head


def test_nothing_outside_of_git(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert commit(tmp_path) is None


HEADS = ("ref: refs/../../../secret", "ref: refs/heads/x", "root:x:0:0:root", "", "ref: refs/heads/a\0b")


@pytest.mark.parametrize("head", HEADS)
def test_a_strange_head_names_nothing(tmp_path: Path, head: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "secret").write_text("0" * 40)
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit(tmp_path) is None


def test_a_damaged_index_and_a_pipe_for_a_head_end(project: Path) -> None:
    index = (project / ".git" / "index").read_bytes()
    for end in range(0, len(index), 7):
        (project / ".git" / "index").write_bytes(index[:end])
        commit(project)
    (project / ".git" / "HEAD").unlink()
    os.mkfifo(project / ".git" / "HEAD")
    assert commit(project) is None


def test_training_runs_nothing_that_git_settings_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`core.fsmonitor` names a program that `git status` runs; so do filters, hooks and pagers."""
    from lampc.cli import run

    (project / "x.lamp").write_text("linear 2->4 xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=1 batch=4\n")
    (project / ".gitattributes").write_text("*.lamp filter=f\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "x")
    for name in ("core.fsmonitor", "filter.f.clean", "core.pager", "diff.external", "core.sshCommand"):
        git(project, "config", name, f"touch {project}/RAN; false")
    os.utime(project / "x.lamp")  # a filter would have to be asked whether it differs
    monkeypatch.chdir(project)
    assert run(["train", "x.lamp", "--run-dir", "runs"]) == 0
    assert not (project / "RAN").exists()
    assert git(project, "rev-parse", "HEAD") in (project / "runs" / "x" / "1" / "config.json").read_text()


def test_no_other_program_is_run() -> None:
    """Nothing in the package starts a process; threads and torch's own group are enough."""
    package = Path(__file__).parents[2] / "lampc"
    starting = re.compile(r"import (subprocess|pty|multiprocessing)|\bos\.(system|popen|exec\w+|spawn\w+|posix_spawn|fork)\b")
    assert [file.name for file in package.rglob("*.py") if starting.search(file.read_text())] == []
