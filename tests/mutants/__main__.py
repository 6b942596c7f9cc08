"""Draw faults in the compiler's parts, and see that its tests fail on each."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.faults import Fault, faults

ROOT = Path(__file__).parents[2]
PARTS: dict[str, tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]] = {
    "derivatives": (("lampc/ops/*.py",), frozenset({"gradient"}), ("ops", "layers", "passes")),
    "shapes": (("lampc/ops/*.py",), frozenset({"infer"}), ("ops", "elaborate", "layers", "passes")),
    "memory": (("lampc/passes/plan_memory.py", "lampc/native/place.py"), frozenset(), ("passes", "native", "runtime")),
    "fusion": (("lampc/passes/fuse.py", "lampc/native/fuse.py", "lampc/passes/pattern.py"), frozenset(), ("passes", "native")),
    "native": (("lampc/native/code.py", "lampc/native/select.py", "lampc/native/spaces.py", "lampc/native/tile.py"),
               frozenset(), ("native", "ops")),
    "lowering": (("lampc/passes/lower.py", "lampc/passes/inference.py"), frozenset(), ("passes", "runtime", "native")),
    "checkpoints": (("lampc/passes/recompute.py", "lampc/runs/checkpoint.py", "lampc/runs/state.py"), frozenset(),
                    ("runtime", "runs", "passes", "cli")),
}  # fmt: skip
"""The files of each part, the functions in them if not all, and the folders of tests that are to notice first."""
LONGEST = 1200.0
"""Seconds after which a test that does not end has noticed."""


def drawn(count: int, seed: int) -> list[tuple[str, Fault]]:
    """So many faults, as many of each part."""
    chance = random.Random(seed)
    every = {part: list(_of(part)) for part in PARTS}
    for found in every.values():
        chance.shuffle(found)
    turns = [list(PARTS)[i % len(PARTS)] for i in range(count)]
    return [(part, every[part].pop()) for part in turns if every[part]]


def _of(part: str) -> list[Fault]:
    patterns, functions, _ = PARTS[part]
    files = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return [fault for path in files for fault in faults(path.relative_to(ROOT), path.read_text("utf-8"), functions)]


def noticed(part: str, fault: Fault, copy: Path, own: bool) -> str:
    """The first test that fails; nothing if all pass, or, with ``own``, if those of the part do."""
    path = copy / fault.file
    right = path.read_text("utf-8")
    path.write_text(fault.text, "utf-8")
    try:
        first = [f"tests/{folder}" for folder in PARTS[part][2]]
        rest = [
            str(p.relative_to(ROOT))
            for p in sorted((ROOT / "tests").glob("[a-z]*"))
            if p.is_dir() and p.name not in PARTS[part][2]
        ]
        found = _failing(copy, first)
        return found if found or own else _failing(copy, [r for r in rest if r not in ("tests/golden", "tests/mutants")])
    finally:
        path.write_text(right, "utf-8")


def _failing(copy: Path, tests: Sequence[str]) -> str:
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n", "0", *tests]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "does not end"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0] if lines else f"pytest ends with {done.returncode}"


def main() -> int:
    """Say of each fault which test noticed it; the status is 1 if fewer than 95 % were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=main.__doc__)
    parser.add_argument("count", type=int, nargs="?", default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own", action="store_true", help="only the tests of each fault's own part")
    parser.add_argument("--jobs", type=int, default=1, help="so many faults at a time, each in a copy of its own")
    options = parser.parse_args()
    found = drawn(options.count, options.seed)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for job in range(options.jobs):
            copies.put(Path(folder) / f"copy{job}")
            shutil.copytree(ROOT, Path(folder) / f"copy{job}", ignore=shutil.ignore_patterns(".*", "__pycache__"))
        survived = sum(pool.map(lambda turn: _survives(turn, copies, options.own), enumerate(found, 1)))
    print(f"{len(found) - survived} of {len(found)} noticed")
    return int(survived > 0.05 * len(found))


def _survives(turn: tuple[int, tuple[str, Fault]], copies: SimpleQueue[Path], own: bool) -> bool:
    number, (part, fault) = turn
    began, copy = time.monotonic(), copies.get()
    by = noticed(part, fault, copy, own)
    copies.put(copy)
    print(f"{number:3} {part:12} {fault}\n    {by or 'SURVIVES'} ({time.monotonic() - began:.0f} s)", flush=True)
    return not by


if __name__ == "__main__":
    sys.exit(main())
