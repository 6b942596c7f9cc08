"""Two processes train each program of a folder; run by torchrun: ``python -m generator.together FOLDER``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import torch
from courses import Course

import lampc.compile
from lampc.runtime.group import join

TESTS = Path(__file__).parents[1]


def trained(folder: Path, workers: int = 2) -> dict[str, Course]:
    """What so many processes make of a folder's programs, by their names."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={workers}",
               "-m", "generator.together", str(folder)]  # fmt: skip
    paths = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {name: Course(*fields) for name, fields in json.loads((folder / "courses.json").read_text()).items()}


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    group, found = join(), {}
    for path in sorted(folder.glob("*.lamp")):
        model = lampc.compile.file(path, **{"train.workers": group.size}).model()
        model.group = group
        model.random.seed(model.seed + 1_000_003 * group.rank)
        course = Course.of(model.train(), model.parameters)
        found[path.stem] = [course.epochs, course.best, course.measured, course.chosen]
    if group.rank == 0:
        (folder / "courses.json").write_text(json.dumps(found))
    group.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
