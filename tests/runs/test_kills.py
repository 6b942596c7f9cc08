"""Killed at any moment and begun again: several seeds, sweeps, shared searches, eight processes on one cache of code."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills")
SEEDS = (
    "linear 2->20 xavier; tanh; linear 1 xavier; sigmoid\ndata disc train=300 validation=100 test=100\nloss bce\n"
    "optimizer adam lr=0.02\ntrain epochs=1500 batch=50 shuffle runs=3 best=loss"
)
ROWS = (
    "linear 2->8 xavier; tanh; linear 1 xavier; sigmoid\ndata disc train=200 validation=100 test=100\nloss bce\n"
    "optimizer adam lr=0.02\ntrain epochs=300 batch=50 shuffle"
)
TIMES = ("seconds", "run", "started", "ended", "us_per_step")
RATES = [0.001 * (1 + index) for index in range(12)]


def lampc(folder: Path, *arguments: str, said: str = "said.txt", **environment: str) -> subprocess.Popen[bytes]:
    """The command, whose words go to a file."""
    with (folder / said).open("ab") as out:
        return subprocess.Popen([sys.executable, "-W", "ignore", "-m", "lampc", *arguments], cwd=folder, stdout=out,
                                stderr=subprocess.STDOUT, env={**os.environ, **environment})  # fmt: skip


def killed(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it was still there to be killed after so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def rows_said(path: Path) -> list[dict[str, Any]]:
    """The whole lines of JSON in a file; the last one may be half a line."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in found if isinstance(row, dict)]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in TIMES}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def outcome(run: Path) -> tuple[Any, Any, Any]:
    """What a run came to, but for how long it took."""
    lines = [without_times(json.loads(line)) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best = {name: tensor.tolist() for name, tensor in load_file(run / "best.safetensors").items()}
    return without_times(json.loads((run / "summary.json").read_text())), sorted(lines, key=json.dumps), best


def seeds_killed(folder: Path, times: int) -> int:
    """A training of three seeds is killed and resumed so often, and then comes to what it would have come to."""
    (folder / "a.lamp").write_text(SEEDS)
    assert lampc(folder, "train", "a.lamp", "--run-dir", "whole").wait() == 0
    wanted, kills, drawn = outcome(folder / "whole" / "a" / "1"), 0, random.Random(times)
    run = folder / "runs" / "a" / "1"
    while kills < times:
        begin = ("--resume", "a/1") if (run / "config.json").exists() else ("a.lamp",)
        process = lampc(folder, "train", *begin, "--run-dir", "runs", "--save-every", "0")
        kills += killed(process, drawn.uniform(0.6, 2.5))
        if process.returncode == 0:
            assert outcome(run) == wanted
            for file in sorted(run.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            run.rmdir()
    if run.exists():
        begin = ("--resume", "a/1") if (run / "config.json").exists() else ("a.lamp",)
        assert lampc(folder, "train", *begin, "--run-dir", "runs").wait() == 0, (folder / "said.txt").read_text()[-2000:]
        found = sorted(run.parent.iterdir())[-1]
        assert outcome(found) == wanted
        assert not [*found.glob(".writing-*")]
    return kills


def rows_killed(folder: Path, times: int) -> int:
    """What a sweep has said is in its table when it is killed, with the numbers of one that nobody kills."""
    (folder / "b.lamp").write_text(ROWS)
    grid = ("sweep", "b.lamp", "--json", "--grid", f"optimizer.lr={','.join(map(str, RATES))}")
    assert lampc(folder, *grid, "-o", "whole", said="whole.txt").wait() == 0
    wanted = {row["settings"]["optimizer.lr"]: row["measures"] for row in rows_said(folder / "whole.txt")}
    assert len(wanted) == len(RATES)
    kills, drawn = 0, random.Random(times)
    for trial in range(10 * times):
        said = folder / f"said{trial}.txt"
        kills += killed(lampc(folder, *grid, "-o", f"table{trial}", said=said.name), drawn.uniform(0.8, 3.0))
        rows, table = rows_said(said), folder / f"table{trial}" / "table.csv"
        lines = list(csv.DictReader(table.read_text().splitlines())) if table.exists() else []
        assert len(rows) <= len(lines) <= len(rows) + 1
        assert all(row["measures"] == wanted[row["settings"]["optimizer.lr"]] for row in rows)
        assert [line["optimizer.lr"] for line in lines] == [str(rate) for rate in RATES[: len(lines)]]
        assert all(float(line["loss mean"]) == wanted[float(line["optimizer.lr"])]["loss"]["mean"] for line in lines)
        if kills >= times:
            break
    return kills


def searches_killed(folder: Path, times: int) -> int:
    """Of a shared search no row that was said is lost, whichever of two processes is killed."""
    (folder / "c.lamp").write_text(ROWS)
    search = ("sweep", "c.lamp", "--json", "--search", "optimizer.lr=0.001..0.1:log", "--storage", "shared.log")
    kills, drawn = 0, random.Random(times)
    while kills < times:
        both = [lampc(folder, *search, "--trials", "50", "-o", f"out{i}", said=f"said{i}.txt") for i in range(2)]
        time.sleep(drawn.uniform(1.0, 3.0))
        for process in both:
            kills += killed(process, drawn.uniform(0.0, 0.5))
    assert lampc(folder, *search, "--trials", "1", "-o", "last", said="last.txt").wait() == 0
    known = [row["measures"] for row in rows_said(folder / "last.txt")]
    said = [row for i in range(2) for row in rows_said(folder / f"said{i}.txt")]
    assert all(row["measures"] in known for row in said)
    return kills


def caches_killed(folder: Path, times: int) -> int:
    """Eight processes compile into one new cache; after the kills what is in it is right, and nothing half written stays."""
    (folder / "d.lamp").write_text(ROWS.replace("epochs=300", "epochs=2"))
    train = ("train", "d.lamp", "--no-save", "--json", "--backend", "native")
    assert lampc(folder, *train, said="whole.txt", LAMPC_CACHE=str(folder / "own")).wait() == 0
    wanted = [without_times(row) for row in rows_said(folder / "whole.txt") if row.get("event") in ("epoch", "end")]
    kills, drawn = 0, random.Random(times)
    for trial in range(10 * times):
        cache = str(folder / f"cache{trial}")
        eight = [lampc(folder, *train, said=f"said{trial}-{i}.txt", LAMPC_CACHE=cache) for i in range(8)]
        time.sleep(drawn.uniform(2.0, 8.0))
        kills += sum(killed(process, drawn.uniform(0.0, 0.3)) for process in eight)
        assert lampc(folder, *train, said=f"after{trial}.txt", LAMPC_CACHE=cache).wait() == 0
        found = rows_said(folder / f"after{trial}.txt")
        assert [without_times(row) for row in found if row.get("event") in ("epoch", "end")] == wanted
        if kills >= times:
            break
    return kills


EACH = {"seeds": seeds_killed, "rows": rows_killed, "searches": searches_killed, "caches": caches_killed}


@pytest.mark.parametrize("what", ["seeds", "searches"])
def test_a_few_kills(what: str, tmp_path: Path) -> None:
    assert EACH[what](tmp_path, 2) >= 2


@pytest.mark.long
@pytest.mark.parametrize("what", EACH)
def test_fifty_kills(what: str, tmp_path: Path) -> None:
    assert EACH[what](tmp_path, 50) >= 50
