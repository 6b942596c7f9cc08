"""`check`, `ops`, `graph` and `explain`: what they print, and in which form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command

from lampc.diagnostics.codes import TITLES

ROOT = Path(__file__).parents[2]


def test_check_as_json(lampc: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.lamp"
    file.write_text("linear 2->24; tanh\nlinear 25->1; sigmoud\n")
    done = lampc("check", "--json", file)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 1
    assert done.err == ""
    assert [d["code"] for d in found] == ["E401", "E201"]
    mismatch = found[0]
    assert mismatch["severity"] == "error"
    assert [(label["line"], label["column"]) for label in mismatch["labels"]] == [(2, 1), (1, 1)]
    assert found[1]["fixes"] == ["did you mean `sigmoid`?"]


def test_ops_as_json(lampc: Command, models: Path) -> None:
    found = json.loads(lampc("ops", "--json", models / "disc.lamp").out)
    assert list(found["stages"]) == ["forward", "backward", "update"]
    first = found["stages"]["forward"][0]
    assert first == {
        "name": "%1", "op": "affine", "call": "affine(x, linear1.weight, linear1.bias)",
        "inputs": ["x", "linear1.weight", "linear1.bias"], "type": "f32[B, 25]", "flops": 6250, "buffer": "@0",
        "layer": "linear1", "source": f"{models / 'disc.lamp'}:2:1", "line": 2, "note": "", "free": False,
    }  # fmt: skip
    every = [row for rows in found["stages"].values() for row in rows]
    assert found["totals"]["flops"] == sum(row["flops"] for row in every)
    assert found["totals"]["operations"] == sum(not row["free"] for row in every)
    assert found["totals"]["parameters"] == 1401
    assert found["totals"]["batch"] == 50


def test_ops_of_a_stage_and_a_batch(lampc: Command, models: Path) -> None:
    def flops(*arguments: object) -> int:
        return int(json.loads(lampc("ops", models / "disc.lamp", "--json", *arguments).out)["totals"]["flops"])

    assert flops("--stage", "inference", "--batch", 100) == 2 * flops("--stage", "inference", "--batch", 50)
    lines = lampc("ops", models / "disc.lamp", "--stage", "update", "--stage", "inference").out.splitlines()
    assert [line for line in lines if not line.startswith((" ", "total"))] == ["update", "inference"]


@pytest.mark.parametrize("name", ["disc", "xor", "residual", "swish", "iris", "digits"])
def test_every_model_in_every_form(name: str, lampc: Command, models: Path) -> None:
    file = models / f"{name}.lamp"
    assert lampc("check", file).status == 0
    for form in ("--dot", "--svg", "--text"):
        for more in ((), ("--backward",)):
            done = lampc("graph", file, form, *more)
            assert done.status == 0
            assert done.out.strip()


def test_graph_writes_the_form_that_the_name_says(lampc: Command, models: Path, tmp_path: Path) -> None:
    starts = {"a.svg": "<svg", "a.dot": "digraph", "a.gv": "digraph", "a.txt": "x "}
    for name, start in starts.items():
        done = lampc("graph", models / "disc.lamp", "-o", tmp_path / name)
        assert (done.status, done.out) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    lampc("graph", models / "disc.lamp", "--dot", "-o", tmp_path / "b.graph")
    assert (tmp_path / "b.graph").read_text(encoding="utf-8").startswith("digraph")


def test_explain(lampc: Command) -> None:
    assert lampc("explain", "e401").out == (ROOT / "docs" / "errors" / "E401.md").read_text(encoding="utf-8")
    assert len(lampc("explain").out.splitlines()) == len(TITLES)
