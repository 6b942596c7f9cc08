"""Judge many programs: ``cd tests; python -m generator 50000 --jobs 2 --seed 0``.

Programs are judged in order, from ``--start``; each that fails is made smaller and printed, with its number.
``--only`` judges one, and ``--whole`` each by everything.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import torch

from generator.draw import draw
from generator.judge import Judge, failure
from generator.program import Program, used
from generator.shrink import shrunk
from generator.text import text

STEP = 100
"""Programs that a process judges before it tells."""


def kind(message: str) -> str:
    """What two failures of the same kind share."""
    return re.sub(r"`[^`]*`|[\d.+-]+(e-?\d+)?|\[.*|value\d+\S*|\w+\.\w+", "#", message)[:70]


def outcome(number: int, seed: int, judge: Judge) -> tuple[str, Counter[str]]:
    """What is to be said of a program, and what was looked at."""
    program = draw(number, seed)
    counts = parts(program)
    message = failure(program, judge, counts)
    if not message:
        return "", counts
    small = shrunk(program, lambda other: kind(failure(other, judge)) == kind(message))
    return f"== program {number} of seed {seed}: {message}\n{text(small)}-- {failure(small, judge)}\n", counts


def parts(program: Program) -> Counter[str]:
    """Layers and options of a program, each once."""
    training = program.training
    found = {f"layer {each.name}" for each in used(program) if not each.name.startswith(("part", "shape"))}
    found |= {f"loss {training.loss.choice}", f"optimizer {training.optimizer.choice}"}
    found |= {f"metric {name}" for name in training.metrics} | {f"train {name}" for name, _ in training.options}
    return Counter(found | ({f"schedule {training.schedule.choice}"} if training.schedule else set()))


def several(numbers: range, seed: int, whole: bool) -> tuple[list[str], Counter[str], int]:
    """What is said of some programs, what was looked at, and the longest milliseconds."""
    torch.set_num_threads(1)
    said, counts, longest = [], Counter[str](), 0
    for number in numbers:
        message, found = outcome(number, seed, Judge() if whole else Judge.of(number))
        said += [message] if message else []
        longest = max(longest, found.pop("milliseconds", 0))
        counts += found
    return said, counts, longest


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.only is not None:
        message, _ = outcome(asked.only, asked.seed, Judge())
        print(text(draw(asked.only, asked.seed)), message or "right", sep="\n")
        return bool(message)
    begin, done, failed, slowest, counts = time.monotonic(), 0, 0, 0, Counter[str]()
    end = asked.start + asked.count
    work = [range(number, min(number + STEP, end)) for number in range(asked.start, end, STEP)]
    with ProcessPoolExecutor(asked.jobs) as pool:
        each = pool.map(several, work, [asked.seed] * len(work), [asked.whole] * len(work))
        for numbers, (said, found, longest) in zip(work, each, strict=True):
            done, failed, counts, slowest = done + len(numbers), failed + len(said), counts + found, max(slowest, longest)
            print(*said, sep="\n", end="")
            print(f"{done} programs, {counts['compiled']} compiled, {counts['checks']} checks, {failed} wrong, "
                  f"{slowest / 1e3:.1f} s the slowest, {time.monotonic() - begin:.0f} s; go on with --start {numbers[-1] + 1}",
                  flush=True)  # fmt: skip
    for name, number in sorted(counts.items()):
        print(f"{number:8} {name}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
