"""Searching for good settings with Optuna, by one process or by several that share a study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lampc.diagnostics import failure


@dataclass(frozen=True)
class Span:
    """Numbers from ``low`` to ``high``; ``log``: their logarithms are spread evenly; ``whole``: whole numbers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


Space = Mapping[str, Span | Sequence[Any]]
"""What each setting may be: a span, or some values."""


def parse(text: str) -> tuple[str, Span | list[str]]:
    """``optimizer.lr=1e-4..1e-1:log`` or ``width=16,32,64``.

    Raises:
        LampError: if it is neither.
    """
    name, given, values = text.partition("=")
    if not given or not name or not values:
        raise failure("E304", f"`{text}` does not say what to search", "write NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C")
    low, dots, rest = values.partition("..")
    if not dots:
        return name, [value.strip() for value in values.split(",")]
    high, _, scale = rest.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise failure("E304", f"`{values}` is no span of numbers", "write LOW..HIGH") from None
    if not ends[0] < ends[1] or not all(map(math.isfinite, ends)) or scale not in ("", "log") or (scale and ends[0] <= 0):
        raise failure("E305", f"`{values}` is no span: the lower end comes first, and `log` is for numbers above 0")
    whole = all(end.strip().lstrip("+-").isdigit() for end in (low, high))
    return name, Span(*ends, bool(scale), whole)


def search(space: Space, measure: Callable[[dict[str, Any]], dict[str, Any]], score: Callable[[dict[str, Any]], float],
           trials: int | None, storage: str | None, name: str, seed: int) -> list[dict[str, Any]]:  # fmt: skip
    """Try settings, so many times here, and give what all processes have measured, in the order of the trials.

    Where only values are given, and no number of trials, every combination is tried once, by whichever process is free.

    Raises:
        LampError: if Optuna is not installed, or the study cannot be opened.
    """
    try:
        import optuna
    except ImportError:
        raise failure("E508", "searching needs Optuna", 'pip install "lampc[sweep]"') from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid = trials is None
    if grid and any(isinstance(values, Span) for values in space.values()):
        raise failure("E304", "a span has no end of values", "say how many to try: `--trials 20`")
    sampler: Any
    if grid:
        sampler = optuna.samplers.GridSampler({key: list(values) for key, values in space.items()}, seed=seed)  # type: ignore[arg-type]
    else:
        sampler = optuna.samplers.TPESampler(seed=seed if storage is None else None, constant_liar=storage is not None)
    try:
        study = optuna.create_study(storage=_storage(storage), study_name=name, load_if_exists=True, direction="maximize",
                                    sampler=sampler)  # fmt: skip
    except Exception as error:  # whatever a database's driver raises
        raise failure("E613", f"the study cannot be opened: {str(error).splitlines()[0]}") from None

    def objective(trial: Any) -> float:
        chosen = {key: _suggest(trial, key, values) for key, values in space.items()}
        row = measure(chosen)
        trial.set_user_attr("row", row)
        value = score(row)
        return value if math.isfinite(value) else -math.inf

    study.optimize(objective, n_trials=trials)
    done = [trial for trial in study.get_trials() if trial.state == optuna.trial.TrialState.COMPLETE]
    return [trial.user_attrs["row"] for trial in done if "row" in trial.user_attrs]


def _suggest(trial: Any, name: str, values: Span | Sequence[Any]) -> Any:
    if not isinstance(values, Span):
        return trial.suggest_categorical(name, list(values))
    if values.whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _storage(storage: str | None) -> Any:
    """A database's address, or a file that processes append to."""
    if storage is None or "://" in storage:
        return storage
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(storage))
