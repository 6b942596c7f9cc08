"""What a training has come to, as JSON and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lampc.cli.say import say, tell
from lampc.printable import printable

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runs.train import Kept
    from lampc.runtime.history import History


def summed(finished: list[History], seconds: float, backend: str, folds: int = 0) -> dict[str, Any]:
    """The last line of JSON: measures of all seeds and folds, and the time that they took."""
    from lampc.runtime.runs import divergences, finite, summary

    ended = finite(finished)
    steps = sum(history.steps for history in finished)
    training = sum(history.seconds for history in finished)
    return {
        "event": "end",
        "seconds": seconds,
        "steps": steps,
        "us_per_step": 1e6 * training / steps if steps else 0.0,
        "backend": backend,
        "runs": len(ended),
        **({"folds": folds} if folds else {}),
        **({"diverged": divergences(finished)} if len(ended) < len(finished) else {}),
        "train": summary([history.train for history in ended]),
        **({"validation": summary([history.validation for history in ended])} if any(h.validation for h in ended) else {}),
        "test": summary([history.test for history in ended]),
        "tables": {name: _added([history.tables[name] for history in ended]) for name in ended[0].tables} if ended else {},
    }  # fmt: skip


def _added(tables: list[list[list[float]]]) -> list[list[float]]:
    """The runs' tables, added cell by cell."""
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def print_tables(program: Program, tables: dict[str, list[list[float]]]) -> None:
    """Counts with the classes' names: what is true by rows, what was predicted by columns."""
    data = program.experiment.data
    classes = data.description.classes if data is not None and data.description is not None else None
    for name, rows in tables.items():
        names = [printable(name) for name in classes or map(str, range(len(rows)))][:20]
        names += [""] * (min(len(rows), 20) - len(names))
        width = max(5, *(len(label) for label in names))
        say(f"{name} (rows are true, columns predicted)")
        say(" " * (width + 2) + " ".join(f"{label:>{width}}" for label in names))
        for label, row in zip(names, rows, strict=False):
            say(f"  {label:{width}}" + " ".join(f"{count:{width}.0f}" for count in row[:20]))


def print_end(end: dict[str, Any], finished: list[History]) -> None:
    """Measures, seeds and folds that have diverged, and the time."""
    from lampc.runtime.runs import outcomes
    from lampc.runtime.turns import counted

    over = counted(end["runs"], end.get("folds", 0))
    spread = f" over {over}" if over else ""
    parts = [part for part in ("train", "validation", "test") if end.get(part)]
    width = max((5, *map(len, parts)))
    for part in parts:
        measures = ", ".join(f"{name} {measure(name, found)}" for name, found in end[part].items())
        tell(f"{part:{width}} {measures}{spread}")
    if len(finished) == 1 and finished[0].ended == "patience":
        tell(f"ended after epoch {len(finished[0])}: no better {_looked_at(finished[0])} for as long as `patience` says")
    if outcomes(finished):
        tell(outcomes(finished))
    tell(f"{end['steps']:,} steps in {end['seconds']:.2f} s, {_microseconds(end['us_per_step'])} µs a step "
               f"(backend {end['backend']})")  # fmt: skip


def _looked_at(history: History) -> str:
    """What patience looked at."""
    return "training loss" if history.best is None else f"validation {history.best.metric}"


def _microseconds(number: float) -> str:
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}"


def measure(name: str, found: dict[str, Any]) -> str:
    """A measure for people: accuracy in per cent, mean ± std where there are several runs."""
    several = len(found["values"]) > 1
    if name == "accuracy":
        return f"{100 * found['mean']:.1f} %" + (f" ± {100 * found['std']:.1f}" if several else "")
    return f"{found['mean']:.4g}" + (f" ± {found['std']:.2g}" if several else "")


def print_run(kept: Kept, found: dict[str, Any]) -> None:
    """Where it is kept, and what to do with it."""
    from lampc.runs.example import command
    from lampc.runtime.turns import turns

    best, each = found["best"], turns(kept.program)
    if best is not None:
        value = measure(best["metric"], {"mean": best["value"], "values": [best["value"]]})
        of = next((f"{turn.among(len(each))}, " for turn in each if turn.json().items() <= best.items()), "")
        chosen = f"best validation {best['metric']} {value} in {of}epoch {best['epoch']}"
    else:
        ended = (turn for turn in each if not any(turn.json().items() <= entry.items() for entry in found["diverged"]))
        of = next((f" of {turn.among(len(each))}" for turn in ended), "") if len(each) > 1 else ""
        chosen = f"the last epoch{of} (there is no validation part to choose by)"
    tell(f"run   {kept.path}, {chosen}")
    say(f"      {command(kept.program, kept.path, each[0])}")
