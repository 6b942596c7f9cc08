"""Searching for good settings with Optuna, by one process or by several that share a study."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import failure
from lampc.runs import schemas
from lampc.runs.config import data_hash, program_hash, resolved
from lampc.runs.trial import Row, value
from lampc.runtime.train import load_data
from lampc.runtime.turns import first_fold
from lampc.schema import Schema, Unfit

if TYPE_CHECKING:
    from lampc.compile import Program


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


@dataclass(frozen=True)
class Study:
    """A search: among what, how many settings here, and where it is shared, under which name."""

    space: Space
    trials: int | None
    storage: str | None
    name: str


def begin(asked: Study, program: Program) -> Any:
    """Open a search, Optuna's study of it. ``program`` is what is searched for, without the settings that are tried.

    Raises:
        LampError: if Optuna is not installed, or the study cannot be opened, or is one of something else.
    """
    try:
        import optuna
    except ImportError:
        raise failure("E508", "searching needs Optuna", 'pip install "lampc[sweep]"') from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a trial that fails is told of by its own error
    grid, seed = asked.trials is None, program.experiment.train.seed
    if grid and any(isinstance(values, Span) for values in asked.space.values()):
        raise failure("E304", "a span has no end of values", "say how many to try: `--trials 20`")
    sampler: Any
    if grid:
        sampler = optuna.samplers.GridSampler({key: list(values) for key, values in asked.space.items()}, seed=seed)  # type: ignore[arg-type]
    else:
        shared = asked.storage is not None
        sampler = optuna.samplers.TPESampler(seed=None if shared else seed, constant_liar=shared)
    study = _opened(asked, sampler)
    _see_that_it_is_the_same(study, asked, program)
    return study


def search(asked: Study, study: Any, measured: Callable[[dict[str, Any]], Row],
           told: Callable[[Row], None]) -> list[Row]:  # fmt: skip
    """Try settings, so many times here, and give what all processes have measured, in the order of the trials.

    Each row of this process is ``told`` once the study has it: what has been told is never lost. Where only values are given,
    and no number of trials, every combination is tried once, by whichever process is free.

    Raises:
        LampError: if what others have written into the study is damaged.
    """
    import optuna

    grid = asked.trials is None

    def objective(trial: Any) -> float:
        try:
            row = measured({key: _suggest(trial, key, values) for key, values in asked.space.items()})
        except KeyboardInterrupt:
            raise (_Left if grid else KeyboardInterrupt) from None
        trial.set_user_attr("row", row)
        found = value(row)
        return found if math.isfinite(found) else -math.inf

    try:
        if not (grid and study.sampler.is_exhausted(study)):  # else Optuna would try a setting once more
            study.optimize(objective, n_trials=asked.trials, callbacks=[lambda _, trial: told(trial.user_attrs["row"])])
    except _Left:
        raise KeyboardInterrupt from None
    done = [trial for trial in study.get_trials() if trial.state == optuna.trial.TrialState.COMPLETE]
    rows = [trial.user_attrs["row"] for trial in done if "row" in trial.user_attrs]
    for row in rows:
        _held(row, schemas.ROW, asked)
    # What a process has left untold may be tried by two others.
    return [row for index, row in enumerate(rows) if not (grid and row in rows[:index])]


class _Left(BaseException):
    """A trial of a grid was interrupted. Optuna takes it for one that runs, and whoever goes on tries that setting again."""


def _opened(asked: Study, sampler: Any) -> Any:
    """The study. Two processes may make a database's tables at the same moment: one of them fails, and tries again."""
    import optuna

    for attempt in range(_ATTEMPTS):
        try:
            return optuna.create_study(storage=_storage(asked.storage), study_name=asked.name, load_if_exists=True,
                                       direction="maximize", sampler=sampler)  # fmt: skip
        except Exception as error:  # whatever a database's driver raises
            if attempt == _ATTEMPTS - 1:
                raise failure("E613", f"the study cannot be opened: {str(error).splitlines()[0]}") from None
            time.sleep(0.05 * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError


_ATTEMPTS = 6


def _see_that_it_is_the_same(study: Any, asked: Study, program: Program) -> None:
    """A study holds the digests of what its rows are of; those of another network, or of more epochs, can't be compared.

    Raises:
        LampError: if they are not what is asked for.
    """
    wanted = _digests(asked, program)
    if "digests" not in study.user_attrs:
        study.set_user_attr("digests", wanted)
    found = _held(study.user_attrs["digests"], schemas.DIGESTS, asked)
    differ = [name for name in wanted if found.get(name) != wanted[name]]
    if differ:
        raise failure("E614", f"the study `{asked.name}` in {asked.storage} has rows of other {' and '.join(differ)}",
                      "name another study: `--study NAME`")  # fmt: skip


def _held(value: Any, schema: Schema, asked: Study) -> Any:
    """What others have written into a study, if it is what it is to be."""
    try:
        schema(value, "")
    except Unfit as error:
        raise failure("E611", f"the study `{asked.name}` in {asked.storage} is damaged: {error}",
                      "name another study: `--study NAME`") from None  # fmt: skip
    return value


def _digests(asked: Study, program: Program) -> dict[str, str]:
    """Of each thing that rows have to share, but for the settings that are tried."""
    tried = set(asked.space) | {name.partition(".")[2] for name in asked.space}
    values = {name: {key: entry for key, entry in statement.items() if key not in tried and f"{name}.{key}" not in tried}
              for name, statement in resolved(program).items()}  # fmt: skip
    metrics = [metric.name for metric in program.metrics]
    parts = {
        "settings": repr((values, metrics)),
        "network": program_hash(program),
        "data": data_hash(load_data(program, fold=first_fold(program))) if program.experiment.data is not None else "",
        "search space": repr(sorted((name, str(values)) for name, values in asked.space.items())),
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}


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
