"""Searching for settings, by one process or by several."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import ROOT, Command
from warm import python

from lampc.runs.study import Span, parse

XOR = ROOT / "models" / "xor.lamp"
SHORT = ("--set", "train.epochs=20")


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_span_is_searched_and_the_same_seed_finds_the_same(lampc: Command, tmp_path: Path) -> None:
    arguments = ("sweep", XOR, "--search", "optimizer.lr=0.01..10:log", "--trials", 5, "--json", "-o", tmp_path, *SHORT)
    found = [rows(lampc(*arguments).out) for _ in range(2)]
    values = [row["settings"]["optimizer.lr"] for row in found[0]]
    assert len(set(values)) == 5
    assert all(0.01 <= value <= 10 for value in values)
    assert found[0] == found[1]
    assert (tmp_path / "table.csv").read_text().count("\n") == 6


def test_several_processes_share_a_study(tmp_path: Path) -> None:
    """Each tries what the others have not; together they try every combination once, and each shows all."""
    command = [*python(), "-m", "lampc", "sweep", str(XOR), "--grid", "optimizer.lr=0.1,1", "--grid", "train.batch=1,2,4",
               "--storage", str(tmp_path / "study.log"), *SHORT]  # fmt: skip
    running = [subprocess.Popen([*command, "-o", str(tmp_path / str(i))], cwd=ROOT, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for i in range(2)]  # fmt: skip
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    last = subprocess.run(
        [*command, "--json", "-o", str(tmp_path / "last")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tried = [tuple(row["settings"].values()) for row in rows(last.stdout)]
    assert {*tried} == {(lr, batch) for lr in (0.1, 1) for batch in (1, 2, 4)}


@pytest.mark.parametrize("shared", [False, True])
def test_a_setting_that_makes_no_program_is_an_outcome(shared: bool, lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text("let w = 4\nlinear 2->w xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=2\n")
    # What several processes search together is drawn anew each time: there the settings are tried one after another.
    way = ("--grid", "w=4,-3,8", "--storage", tmp_path / "study.log") if shared else ("--search", "w=4,-3,8", "--trials", 8)
    done = lampc("sweep", tmp_path / "a.lamp", *way, "--json", "-o", tmp_path / "o")
    assert done.status == 0
    found = {row["settings"]["w"]: row for row in rows(done.out)}
    assert set(found) == {4, -3, 8}
    assert found[-3]["refused"] == "`linear`, `sizes`: -3 is not between 1 and 2,147,483,648"
    assert found[-3]["measures"] == {}
    assert found[4]["measures"]["loss"]
    none = lampc("sweep", tmp_path / "a.lamp", "--search", "w=-3,-4", "--trials", 2, "-o", tmp_path / "o")
    assert none.status == 1
    assert "no setting has come to its end" in none.err


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("lr=1e-4..1e-1:log", ("lr", Span(1e-4, 1e-1, log=True))),
        ("width=4..64", ("width", Span(4, 64, whole=True))),
        ("a.b=0..1.5", ("a.b", Span(0, 1.5))),
        ("init=xavier, kaiming", ("init", ["xavier", "kaiming"])),
    ],
)
def test_what_is_searched_is_written_so(text: str, wanted: object) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize("text", ["lr", "lr=", "lr=2..1", "lr=0..1:log", "lr=a..b", "lr=1..2:lg", "=1..2", "lr=0..inf"])
def test_what_is_no_span_is_refused(text: str, lampc: Command) -> None:
    done = lampc("sweep", XOR, "--search", text, "--trials", 2)
    assert done.status == 1
    assert "error[E30" in done.err


def test_wrong_use(lampc: Command) -> None:
    assert lampc("sweep", XOR).status == 2
    assert lampc("sweep", XOR, "--search", "optimizer.lr=0..1").status == 2
    assert lampc("sweep", XOR, "--search", "optimizer.lr=0..1", "--grid", "train.batch=1,2", "--trials", 2).status == 2
    said = lampc("sweep", XOR, "--search", "optimizer.lrr=0..1", "--trials", 1).err
    assert "error[E801]" in said
    assert "Traceback" not in said


def test_a_study_that_cannot_be_opened(lampc: Command, tmp_path: Path) -> None:
    done = lampc("sweep", XOR, "--grid", "optimizer.lr=0.1,1", "--storage", f"sqlite:///{tmp_path}/no/such/folder.db")
    assert "error[E613]: the study cannot be opened" in done.err


DAMAGE = ({"digests": "x"}, {"digests": {"network": 1}}, {"row": {}}, {"row": None}, {"row": {"settings": []}})


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_what_others_have_written_into_a_study_is_held_to_a_schema(
    damage: dict[str, Any], lampc: Command, tmp_path: Path
) -> None:
    command = (
        "sweep",
        XOR,
        "--grid",
        "optimizer.lr=0.1,1",
        "--storage",
        tmp_path / "study.log",
        "-o",
        tmp_path / "table",
        *SHORT,
    )
    assert lampc(*command).status == 0
    (name,) = damage
    entries = rows((tmp_path / "study.log").read_text())
    for entry in entries:
        if name in entry.get("user_attr", {}):
            entry["user_attr"] = damage
    (tmp_path / "study.log").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    done = lampc(*command)
    assert done.status == 1
    assert "error[E611]" in done.err
    assert "is damaged" in done.err


@pytest.mark.parametrize("content", ["{", "[" * 10**5, "null\n", '{"op_code": 0}\n', '{"op_code": 99, "worker_id": "a"}\n'])
def test_a_file_that_is_no_study(content: str, lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "study.log").write_text(content)
    done = lampc(
        "sweep", XOR, "--grid", "optimizer.lr=0.1,1", "--storage", tmp_path / "study.log", "-o", tmp_path / "t", *SHORT
    )
    assert done.status in (0, 1)
    assert "E900" not in done.err
