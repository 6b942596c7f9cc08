"""Training a program from several seeds, and what came of them together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lampc.runtime.history import Epoch, History

if TYPE_CHECKING:
    from lampc.compile import Program


def train_runs(
    program: Program,
    seeds: Sequence[int],
    device: str | None = None,
    on_epoch: Callable[[int, int, Epoch], object] | None = None,
    finished: list[History] | None = None,
) -> list[History]:
    """Train once a seed. A run is the whole experiment from its seed, data and split included, as if it were alone.

    ``on_epoch`` is told the run's number, from 0, its seed and the epoch. Runs are appended to ``finished`` as they
    end, so that an interruption loses none of them.
    """
    histories = [] if finished is None else finished
    model = None
    for run, seed in enumerate(seeds):
        if model is None:
            model = program.model(seed=seed, device=device)
        else:
            model.reset(seed)

        def tell(epoch: Epoch, run: int = run, seed: int = seed) -> None:
            if on_epoch is not None:
                on_epoch(run, seed, epoch)

        histories.append(model.train(on_epoch=tell))
    return histories


def summary(results: Sequence[dict[str, float]]) -> dict[str, dict[str, float | list[float]]]:
    """Of each measure over the runs: mean, standard deviation (0 for one run), least, greatest, and all values."""
    names = results[0].keys() if results else ()
    found: dict[str, dict[str, float | list[float]]] = {}
    for name in names:
        values = [result[name] for result in results]
        found[name] = {
            "mean": statistics.fmean(values),
            "std": statistics.stdev(values) if len(values) > 1 else 0.0,
            "min": min(values),
            "max": max(values),
            "values": values,
        }
    return found
