"""The status of every verb, and where it says what: the table of docs/output.md."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import ROOT, Command
from warm import python

from lampc.cli import VERBS, run

GOOD = "linear 2->3 xavier; tanh; linear 1 xavier; sigmoid\ndata disc train=40 test=20\nloss mse\ntrain epochs=2\n"
CSV = 'linear 2->3 xavier; tanh; linear 1 xavier\ndata csv "a.csv" validation=0.2 normalize\nloss mse\ntrain epochs=2\n'
DIVERGES = "data disc; linear 9 xavier; relu; linear 1 xavier; loss mse; optimizer sgd lr=1e20\n"
FILES = {
    "good.lamp": GOOD,
    "table.lamp": CSV,
    "warned.lamp": "linear 2->3; tanh\n",
    "mendable.lamp": "linear 2->3 xavier; tahn\n",
    "broken.lamp": "linear 2->3 xavier; linear 4->1\n",
    "lost.lamp": DIVERGES,
    "a.csv": "a,b,y\n" + "".join(f"{i * 7 % 20},{i % 3},{i % 2}\n" for i in range(20)),
    "other.csv": "a,c\n1,2\n",
}


@dataclass(frozen=True)
class Case:
    """A command, its status, whether it says something on standard output, and words on standard error."""

    command: str
    status: int
    says: bool = True
    err: str = ""
    stdin: str | None = None


CASES = (
    Case("--help", 0),
    Case("--version", 0),
    Case("chekc", 2, False, "There is no verb"),
    Case("check good.lamp", 0),
    Case("check warned.lamp", 0, err="warning[W401]"),
    Case("check broken.lamp good.lamp", 1, err="error[E401]"),
    Case("check --format concise broken.lamp", 1, err="1 error"),
    Case("check --format github broken.lamp", 1),
    Case("check --format sarif good.lamp", 0),
    Case("check --json broken.lamp", 1),
    Case("check --json warned.lamp", 0),
    Case("check --json good.lamp", 0, False),
    Case("check --diff good.lamp", 0, False, "fine"),
    Case("check --diff warned.lamp", 0, False, "fine"),
    Case("check --diff mendable.lamp", 1, err="would mend"),
    Case("check --diff broken.lamp", 1, False, "error[E401]"),
    Case("check --fix", 0, err="mended", stdin="linear 2->3 xavier; tahn"),
    Case("check --fix --format sarif", 1, err='"runs"', stdin="linear 2->3 xavier; linear 4->1"),
    Case("check --fix broken.lamp", 1, False, "error[E401]"),
    Case("check none.lamp", 1, False, "error[E003]"),
    Case("check --format xml good.lamp", 2, False, "xml"),
    Case("ops good.lamp", 0),
    Case("ops broken.lamp", 1, False, "error[E401]"),
    Case("ops --stage none good.lamp", 2, False, "none"),
    Case("graph good.lamp", 0),
    Case("graph good.lamp -o good.svg", 0, False),
    Case("graph good.lamp -o none/good.svg", 1, False, "error[E003]"),
    Case("graph --none good.lamp", 2, False, "--none"),
    Case("explain", 0),
    Case("explain E401", 0),
    Case("explain E999", 2, False, "There is no code"),
    Case("examples", 0),
    Case("examples all", 2, False, "all"),
    Case("new mine", 0),
    Case("new good", 1, False, "is there already"),
    Case("new a/b", 2, False, "is no name"),
    Case("train good.lamp --set seed=1", 0),
    Case("train lost.lamp", 1, err="error[E701]"),
    Case("train broken.lamp --json", 1, err="error[E401]"),
    Case("train none.lamp", 1, False, "error[E003]"),
    Case("train good.lamp --runs none", 2, False, "--runs"),
    Case("train --resume none", 1, False, "error[E610]"),
    Case("sweep table.lamp --grid optimizer.lr=0.01,0.1", 0),
    Case("sweep good.lamp --grid optimizer.lr=0.01,0.1", 0, err="none is chosen"),
    Case("sweep lost.lamp --grid optimizer.lr=0.0001,1e20", 0, err="none is chosen"),
    Case("sweep lost.lamp --grid optimizer.lr=1e20,1e21", 1, err="every setting has diverged"),
    Case("sweep table.lamp --search loss.delta=1,2 --trials 1", 1, False, "error[E801]"),
    Case("sweep broken.lamp --grid optimizer.lr=0.1", 1, False, "error[E401]"),
    Case("sweep good.lamp", 2, False, "--grid"),
    Case("runs", 0),
    Case("runs none", 0),
    Case("runs --json none", 0, False),
    Case("runs --run-dir damaged", 1, False, "error[E611]"),
    Case("runs --none", 2, False, "--none"),
    Case("eval table", 0),
    Case("eval table --data other.csv", 1, False, "error["),
    Case("eval none", 1, False, "error[E610]"),
    Case("eval", 2, False, "RUN"),
    Case("predict table a.csv", 0),
    Case("predict table", 0, stdin="1,2\n3,4\n"),
    Case("predict table", 0, False, stdin=""),
    Case("predict table", 1, err="line 2", stdin="1,2\n3\n"),
    Case("predict table a.csv -o out.csv", 0, False),
    Case("predict table a.csv -o out.xyz", 1, False, "error[E601]"),
    Case("predict none a.csv", 1, False, "error[E610]"),
    Case("predict table a.csv b.csv", 2, False, "b.csv"),
    Case("compare good/1 good/1", 0),
    Case("compare good/1 table/1", 0),
    Case("compare good/1 none", 1, False, "error[E610]"),
    Case("compare good/1", 2, False, "B"),
    Case("plot table", 0),
    Case("plot none", 1, False, "error[E610]"),
    Case("plot table -o table.png", 2, False, ".svg or .html"),
    Case("export table --to c", 0),
    Case("export none --to c", 1, False, "error[E610]"),
    Case("export table --to jax", 2, False, "jax"),
    Case("import good.onnx -o back.lamp", 0),
    Case("import table.onnx -o table_back.lamp", 1, False, "error[E812]"),  # an input for each column
    Case("import a.csv", 1, False, "error[E812]"),
    Case("import", 2, False, "FILE"),
    Case("data a.csv", 0),
    Case("data good.lamp", 0),
    Case("data none.csv", 1, False, "error[E601]"),
    Case("data", 2, False, "FILE"),
    Case("sample good.lamp", 1, False, "error[E504]"),
    Case("sample good.lamp --length none", 2, False, "--length"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Programs, and a run of two of them."""
    path = tmp_path_factory.mktemp("verbs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setenv("LAMPC_RUNS", "runs")
        for name, text in FILES.items():
            (path / name).write_text(text)
        (path / "damaged" / "good" / "1").mkdir(parents=True)
        (path / "damaged" / "good" / "1" / "config.json").write_text("{}")
        for command in ("train good.lamp", "train table.lamp", "export good --to onnx", "export table --to onnx"):
            assert run(command.split()) == 0
        yield path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_the_status(case: Case, lampc: Command, folder: Path) -> None:
    done = lampc(*shlex.split(case.command), stdin=case.stdin)
    assert done.status == case.status, done
    assert bool(done.out) == case.says, done
    assert case.err in done.err if case.err else not done.err, done


def test_every_verb_is_there_with_each_status_that_it_may_have() -> None:
    seen = {(case.command.split()[0], case.status) for case in CASES}
    never = {("explain", 1), ("examples", 1), ("sample", 0)}  # a text takes a while: see runtime/test_sample.py
    assert {(verb, status) for verb in VERBS for status in (0, 1, 2)} - seen == never


def test_the_page_names_every_verb() -> None:
    text = (ROOT / "docs" / "output.md").read_text(encoding="utf-8").partition("## What is printed where")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    assert sorted(name.strip("`") for row in rows for name in row.split(", ")) == sorted(VERBS)


POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and pipes are POSIX's")


@POSIX
@pytest.mark.parametrize(
    ("command", "number", "status"),
    [
        ("check -", signal.SIGINT, 130),
        ("check -", signal.SIGTERM, -15),  # which a shell says as 143
        ("predict table", signal.SIGTERM, 143),
        ("sweep good.lamp --json --grid epochs=1,100000000", signal.SIGTERM, 143),
    ],
)
def test_who_is_interrupted(command: str, number: int, status: int, folder: Path) -> None:
    """Trainings are in test_status.py and test_terminated.py."""
    with started([sys.executable], command, folder) as going:
        assert going.stdin is not None and going.stdout is not None
        if command.startswith("check"):  # it reads once a pipe's worth of text has gone
            going.stdin.write("#" * 1_000_000)
            going.stdin.flush()
        else:
            if command.startswith("predict"):
                going.stdin.write("1,2\n")
                going.stdin.flush()
            assert going.stdout.readline()
        going.send_signal(number)
        _, err = going.communicate(timeout=60)
    assert going.returncode == status, err
    assert err.splitlines()[-1:] == (["interrupted"] if status > 0 else [])


@POSIX
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("ops good.lamp --json", 0),
        ("predict table", 0),
        ("train good.lamp --set epochs=100000", 141),
        ("train good.lamp --no-save --json --runs 2 --set epochs=100000", 141),
        ("sweep good.lamp --json --grid epochs=1,2,3,4,5,6", 141),
    ],
)
def test_nobody_reads_what_is_printed(command: str, status: int, folder: Path) -> None:
    """Who only shows ends well; a training that is not at its end does not."""
    with started(python(), command, folder) as going:
        assert going.stdin is not None and going.stdout is not None and going.stderr is not None
        going.stdout.close()
        going.stdin.write("1,2\n" * 100)
        going.stdin.close()
        err = going.stderr.read()
    assert going.returncode == status, err
    assert [line for line in err.splitlines() if line.startswith("interrupted")] == (
        ["interrupted: nobody reads what is printed"] if status else []
    )


def started(python: list[str], command: str, folder: Path) -> subprocess.Popen[str]:
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*python, "-m", "lampc", *command.split()], cwd=folder, text=True, env=environment,
                            stdin=pipe, stdout=pipe, stderr=pipe)  # fmt: skip
