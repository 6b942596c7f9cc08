"""Judge many programs: ``python -m generator 50000 --jobs 2 --seed 0``, in ``tests/``.

Programs are judged in order, from ``--start``; each that fails is made smaller and printed, with its number.
``--only`` judges one.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import torch

from generator.draw import draw
from generator.judge import Judge, failure
from generator.program import Program, statements
from generator.shrink import shrunk
from generator.text import text

STEP = 100
"""Programs that a process judges before it tells."""


def kind(message: str) -> str:
    """What two failures of the same kind share."""
    return re.sub(r"`[^`]*`|[\d.+-]+(e-?\d+)?|\[.*|value\d+\S*|\w+\.\w+", "#", message)[:70]


def outcome(number: int, seed: int, share: bool) -> tuple[str, Counter[str]]:
    """What is to be said of a program, and what was looked at."""
    judge = Judge.of(number) if share else Judge()
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
    bodies = [program.body, *(each.body for each in program.definitions)]
    found = {f"layer {each.name}" for body in bodies for each in statements(body) if not re.search(r"\d+$", each.name)
             or each.name.endswith(("1d", "2d", "3d"))}  # fmt: skip
    found |= {f"loss {training.loss.choice}", f"optimizer {training.optimizer.choice}"}
    found |= {f"metric {name}" for name in training.metrics} | {f"train {name}" for name, _ in training.options}
    return Counter(found | ({f"schedule {training.schedule.choice}"} if training.schedule else set()))


def several(numbers: range, seed: int) -> tuple[list[str], Counter[str]]:
    torch.set_num_threads(1)
    said, counts = [], Counter[str]()
    for number in numbers:
        message, found = outcome(number, seed, True)
        said += [message] if message else []
        counts += found
    return said, counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int)
    asked = parser.parse_args()
    if asked.only is not None:
        print(text(draw(asked.only, asked.seed)), outcome(asked.only, asked.seed, True)[0] or "right", sep="\n")
        return
    begin, done, failed, counts = time.monotonic(), 0, 0, Counter[str]()
    end = asked.start + asked.count
    work = [range(number, min(number + STEP, end)) for number in range(asked.start, end, STEP)]
    with ProcessPoolExecutor(asked.jobs) as pool:
        for numbers, (said, found) in zip(work, pool.map(several, work, [asked.seed] * len(work)), strict=True):
            done, failed, counts = done + len(numbers), failed + len(said), counts + found
            print(*said, sep="\n", end="", flush=True)
            print(f"{done} programs, {failed} wrong, {time.monotonic() - begin:.0f} s; go on with --start {numbers[-1] + 1}",
                  flush=True)  # fmt: skip
    for name, number in sorted(counts.items()):
        print(f"{number:8} {name}")


if __name__ == "__main__":
    main()
