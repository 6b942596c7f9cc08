"""The trainings of one program: from each seed, and of a cross-validation on each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.runtime.asked import seeds as asked

if TYPE_CHECKING:
    from lampc.compile import Program


@dataclass(frozen=True, order=True)
class Turn:
    """One training of several."""

    seed: int
    fold: tuple[int, int] | None = None
    """Which fold is the test, from 0, of how many; None without cross-validation."""

    def __str__(self) -> str:
        return f"seed {self.seed}" if self.fold is None else f"seed {self.seed}, fold {self.fold[0] + 1}"

    def among(self, count: int) -> str:
        """What to call it among so many: the fold alone, where one seed has them all."""
        return f"fold {self.fold[0] + 1}" if self.fold is not None and self.fold[1] == count else str(self)

    def json(self) -> dict[str, Any]:
        """The seed and, from 1, the fold."""
        return {"seed": self.seed} if self.fold is None else {"seed": self.seed, "fold": self.fold[0] + 1}


def turns(program: Program, seeds: Sequence[int] | None = None) -> list[Turn]:
    """The trainings that a program asks for, or those from other seeds: seed by seed, fold by fold."""
    train = program.experiment.train
    seeds = [train.seed + run for run in range(train.runs)] if seeds is None else asked(seeds)
    if not train.folds:
        return [Turn(seed) for seed in seeds]
    return [Turn(seed, (fold, train.folds)) for seed in seeds for fold in range(train.folds)]


def turns_of(seeds: Sequence[int] | Sequence[Turn]) -> list[Turn]:
    """The trainings from some seeds, without folds; or what are trainings already.

    Raises:
        LampError: if one is neither.
    """
    if isinstance(seeds, list) and seeds and all(isinstance(each, Turn) for each in seeds):
        return seeds
    return [Turn(seed) for seed in asked(seeds)]


def first_fold(program: Program) -> tuple[int, int] | None:
    """The fold that stands for all, where the data is described; None without cross-validation."""
    folds = program.experiment.train.folds
    return (0, folds) if folds else None


def counted(count: int, folds: int) -> str:
    """How many trainings a mean is over: ``5 runs``, ``5 folds``, ``10 folds of 2 runs``; empty where it is one."""
    if folds and count > folds and count % folds == 0:
        return f"{count} folds of {count // folds} runs"
    return f"{count} {'folds' if folds else 'runs'}" if count > 1 else ""
