"""The training loop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from lampc.data import DataError, Dataset, Split
from lampc.data.rows import Rows
from lampc.diagnostics import LampError, Problems, failure
from lampc.runtime.asked import SEEDS, real, whole
from lampc.runtime.clock import wind
from lampc.runtime.course import Best, Choosing
from lampc.runtime.fit import fitting
from lampc.runtime.footprint import Manner, Samples, beginning, loaded
from lampc.runtime.history import Diverged, Epoch, History, Part
from lampc.runtime.loader import DataLoader, weighing
from lampc.runtime.measure import check_counts
from lampc.runtime.own_unit import loss_factor
from lampc.runtime.steps import Position, Steps, steps_of
from lampc.runtime.threads import one_thread_if_small
from lampc.runtime.totals import loss_of
from lampc.runtime.watch import Watch
from lampc.runtime.weights import copied, with_weights

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model

_log = logging.getLogger("lampc")


class OnEpoch(Protocol):
    """Told after every epoch; training ends where it answers ``False``."""

    def __call__(self, epoch: Epoch, /) -> object: ...


class OnPart(Protocol):
    """Told a few times a second of an epoch that takes longer."""

    def __call__(self, part: Part, /) -> object: ...


class Keeper(Protocol):
    """Keeps what training comes to: a run directory."""

    def between(self, where: Position, history: History, loader: Any, sync: Callable[[], None]) -> None:
        """Called a few times a second between two minibatches. After ``sync()`` the model is as training has made it."""

    def ended(self, epoch: Epoch) -> None:
        """An epoch has ended."""


def train(model: Model, loader: Any = None, epochs: int | None = None, evaluate: bool = True,
          on_epoch: OnEpoch | None = None, data: Dataset | None = None, every: float = 0.0, *, measure: int = 0,
          keeper: Keeper | None = None, begin: tuple[Position, History] | None = None,
          fresh: bool = True, watch: bool = True, on_part: OnPart | None = None) -> History:  # fmt: skip
    """Train a model from where its parameters are, and measure it on the program's data.

    Args:
        model: Changed in place.
        loader: What to train on; the program's own data where left out.
        epochs: How often to go over it; as the program says where left out.
        evaluate: Whether to measure the test part on the way, not only at the end. A validation part is measured after each
            epoch whatever is said here and below: what is chosen depends on the program and the seed alone.
        on_epoch: Told of each epoch; where it answers ``False``, training ends.
        every: At least so many seconds from one measurement to the next; 0: after each epoch. Where it is more, several
            epochs may run without a break, and ``on_epoch`` is told of them together.
        data: The program's data, if it has been loaded already.
        measure: Measure the test part after each so many epochs, and after the last, however long they take.
        keeper: Saves what training comes to.
        begin: Where to begin, and what had been measured by then; both are kept up to date.
        fresh: Whether a schedule begins here.
        on_part: Told, a few times a second, how far an epoch is that takes longer than that.
        watch: Whether to look, after a fifth of the epochs, for what will not mend itself: ``Epoch.warnings``.

    Raises:
        LampError: if there is no loss or nothing to train on, or once the loss is no longer a number.
    """
    program = model.program
    settings = program.experiment.train
    _check(program, loader if data is None else data, model.group.size if model.group is not None else 1)
    if loader is None or data is not None or program.experiment.data is not None:
        data = data if data is not None else load_data(program, model.seed)
        model.unit = data.unit
    if loader is None:
        assert data is not None
        loader = DataLoader(data.train, settings.batch, settings.shuffle, seed=model.seed)
    epochs = settings.epochs if epochs is None else whole("epochs", epochs, -(2**31), 2**31)
    every, measure = real("every", every), whole("measure", measure)
    if epochs < 1:
        raise failure("E703", f"{epochs} epochs: there is nothing to train")
    wind(model, loader, epochs, fresh)
    where, history = begin or (Position(), History(model.seed))
    _see_that_it_fits(model, loader, data, keeper is not None)
    with model.lock:
        steps = steps_of(model, loader, on_epoch is not None)
    size = loader.batch if isinstance(loader, DataLoader) else settings.batch
    for part in () if data is None else data.parts().values():
        check_counts(model, part.y, part.weight)
    _log.debug("training %r: %s", model, model.backend.reason)
    loop = _Loop(model, loader, steps, epochs, every if evaluate else math.inf, measure, on_epoch, keeper, data)
    loop.on_part = on_part
    if watch and every < math.inf and evaluate and model.group is None:
        loop.watch = Watch(model, loader, epochs, fresh and where == Position())
    try:
        with one_thread_if_small(program.training, size):
            loop.run(where, history)
    finally:
        loop.sync()
    return loop.close(history)


_SPELL = 0.1
"""Seconds of training that run without a break, where nobody asks for more breaks; Ctrl-C waits so long."""


class _Loop:
    """Training from a position to the last epoch, in spells: some whole epochs, or a part of one."""

    def __init__(self, model: Model, loader: Any, steps: Steps, epochs: int, every: float, measure: int,
                 on_epoch: OnEpoch | None, keeper: Keeper | None, data: Dataset | None) -> None:  # fmt: skip
        self.model = model
        self.loader = loader
        self.steps = steps
        self.epochs = epochs
        self.every = every
        self.measure = measure
        self.on_epoch = on_epoch
        self.keeper = keeper
        self.data = data
        self.parts = {} if data is None else data.parts()
        self.validated = "validation" in self.parts
        held_out = self.parts.get("validation", self.parts.get("test"))
        self._held_out = None if held_out is None else _ready(model, held_out)
        self.choosing = Choosing(model.program, self.validated)
        self.factor = loss_factor(model.program, model.unit)
        self.watch: Watch | None = None
        self.on_part: OnPart | None = None
        self._asked = False
        self._at_once = 1
        self._seconds = 0.0
        self._measured_at = -math.inf

    def run(self, where: Position, history: History) -> None:
        for epoch in history:
            self.choosing.note(epoch)
        while where.epoch < self.epochs and not self._over(history):
            if self.keeper is not None:
                self.keeper.between(where, history, self.loader, self.sync)
            start = time.perf_counter()
            try:
                with torch.no_grad(), self.model.lock:
                    found = self._spell(where)
            except Diverged as diverged:
                self._record(diverged.before, {}, history)
                history.diverged = diverged.where
                raise
            self._seconds += time.perf_counter() - start
            if found:
                self._ended(found, where, history)
            elif self.on_part is not None:
                loss = loss_of(self.steps.program.totals, where.sums, where.done) * self.factor
                self.on_part(Part(where.epoch + 1, where.done, self.steps.samples, loss))
        if self.keeper is not None:
            self.keeper.between(where, history, self.loader, self.sync)

    def sync(self) -> None:
        """Give the model what training has come to."""
        with self.model.lock:
            self.steps.sync()

    def _over(self, history: History) -> bool:
        """Whether training is to end here, before its last epoch; all processes do what the first one does."""
        reasons = ("", "patience", "asked")
        history.ended = reasons[self.steps.agree(1 if self.choosing.over else 2 if self._asked else 0)]
        return bool(history.ended)

    def _spell(self, where: Position) -> list[tuple[float, int]]:
        """Train for a while; the mean loss and the steps of each epoch that has ended."""
        at_once = 1 if self.validated or self.choosing.patience else self._at_once
        count = min(at_once, self.epochs - where.epoch)
        if self.measure:
            count = min(count, self.measure - where.epoch % self.measure)
        if self.watch is not None and where.epoch < self.watch.epoch:
            count = min(count, self.watch.epoch - where.epoch)
        short = where.done == 0 and self._rate * self.steps.samples <= _SPELL
        if not self.steps.samples or self.steps.agree(short):
            found = self.steps.whole(where.epoch + 1, self.steps.agree(count))
            if not found[0][1]:
                raise failure("E603", "the loader gave no minibatches")
            return found
        before, begin = where.done, time.perf_counter()
        self.steps.part(where, self.steps.agree(self._minibatches))
        spent = time.perf_counter() - begin
        self._rate = spent / (where.done - before)
        wanted = max(1, int(_SPELL * self._minibatches / max(spent, 1e-9)))
        self._minibatches = min(4 * self._minibatches, wanted)
        if where.done < self.steps.samples:
            return []
        found = [(loss_of(self.steps.program.totals, where.sums, self.steps.samples), len(self.loader))]
        where.done, where.sums, where.generator = 0, (), None
        return found

    _rate = math.inf
    """Seconds a sample, as last measured."""
    _minibatches = 1
    _tables: dict[str, list[list[float]]] | None = None
    """Of the part that is held out, where it was measured after the last epoch."""

    def _ended(self, found: list[tuple[float, int]], where: Position, history: History) -> None:
        """Record epochs that have ended."""
        now = time.perf_counter()
        seconds = self._seconds / len(found)
        self._rate = min(self._rate, seconds / max(1, self.steps.samples))
        where.epoch += len(found)
        if self.every > 0 or self.measure > 1:
            # As many epochs as fit between two breaks, but not many more than have been timed.
            self._at_once = max(1, min(4 * len(found), int(min(self.every or _SPELL, _SPELL) / max(seconds, 1e-9))))
        if self.validated:
            due = True
        elif self.measure:
            due = where.epoch % self.measure == 0
        else:
            due = self.every < math.inf and now - self._measured_at >= self.every
        due = due or where.epoch == self.epochs
        measured: dict[str, float] = {}
        if self._held_out is not None and due:
            x, y, weight = self._held_out
            known = self._measured_at > -math.inf
            measured, self._tables = self.model.measured(x, y, known=known, weight=weight)
        self._measured_at = now if due else self._measured_at
        self._record(found, measured, history)

    def _record(self, found: list[tuple[float, int]], measured: dict[str, float], history: History) -> None:
        """Note epochs, the last of which has been measured, with their losses in the targets' unit."""
        seconds, self._seconds = self._seconds / max(1, len(found)), 0.0
        for index, (standardised, steps) in enumerate(found):
            loss = standardised * self.factor
            history.steps += steps
            history.seconds += seconds
            last = measured if index == len(found) - 1 else {}
            test, validation = ({}, last) if self.validated else (last, {})
            epoch = Epoch(len(history) + 1, loss, seconds, test, validation)
            if self.watch is not None and epoch.epoch == self.watch.epoch:
                self.sync()
                losses = [each.loss / self.factor for each in history]
                epoch = replace(epoch, warnings=self.watch.look([*losses, standardised]))
            history.epochs.append(epoch)
            _log.info("%s, %s", history.turn, epoch)
            for warning in epoch.warnings:
                _log.warning("%s", warning)
            if self.choosing.note(epoch):
                self.steps.sync()
                metric = self.choosing.metric
                history.best = Best(epoch.epoch, metric, last[metric], last["loss"], copied(self.model))
            answer = None if self.on_epoch is None else self.on_epoch(epoch)
            self._asked = self._asked or (isinstance(answer, bool | np.bool_) and not answer)
            if self.keeper is not None:
                self.keeper.ended(epoch)

    def close(self, history: History) -> History:
        """Measure what training has come to: the epoch that was chosen, or else the last."""
        best, last = history.best, history.epochs[-1] if history.epochs else None
        chosen = last if best is None else history.epochs[best.epoch - 1]
        history.validation = chosen.validation if chosen is not None else {}
        with with_weights(self.model, None if best is None or chosen is last else best.weights):
            if "train" in self.parts:
                train = self.parts["train"]
                history.train, history.tables = self.model.measured(train.x, train.y, weight=train.weight)
            if "test" in self.parts and last is not None and last.test and self._tables is not None:
                history.test, history.tables = last.test, self._tables
            elif "test" in self.parts:
                test = self.parts["test"]
                history.test, history.tables = self.model.measured(test.x, test.y, weight=test.weight)
        return history


def _see_that_it_fits(model: Model, loader: Any, data: Dataset | None, kept: bool) -> None:
    """Refuse a training for which there is too little memory, before more of it is taken.

    Raises:
        LampError: if so. Of minibatches that come from elsewhere nothing is known beforehand.
    """
    if not isinstance(loader, DataLoader):
        return
    parts = {} if data is None else {name: len(part) for name, part in data.parts().items()}
    samples = Samples(loader.samples, parts.get("validation", 0), parts.get("test", 0), not loader.in_memory)
    workers = 1 if model.group is None else model.group.size
    manner = Manner(model.backend.name, loader.batch, workers=workers, kept=kept)
    begun = beginning(model.program)
    there = begun.total - begun.passing + loaded(model.program, samples) + model.buffers
    fitting(model.program, samples, manner, model.device, there)


def _ready(model: Model, part: Split) -> tuple[Any, Any, Any]:
    """A part as it is measured; samples that stay on the disk do."""
    if isinstance(part.x, Rows):
        return part.x, part.y, part.weight
    return model.minibatch(part.x, part.y, None if part.weight is None else weighing(part.weight, len(part)))


def load_data(program: Program, seed: int | None = None, fold: tuple[int, int] | None = None) -> Dataset:
    """The data that the program names, as drawn or split by a seed; the file's own where left out.

    ``fold``: which fold is the test part, from 0, of how many, instead of the part that the statement holds out.

    Raises:
        LampError: if it names none, or they cannot be had.
    """
    data = program.experiment.data
    if data is None:
        raise program.lacks("data", "add a statement such as `data disc train=1000 test=1000`")
    try:
        chosen = data.request.seed if seed is None else whole("seed", seed, most=SEEDS)
        request = replace(data.request, seed=chosen, fold=fold)
        if data.description is not None and data.description.schema is not None:
            request = replace(request, schema=data.description.schema)  # the slots are the program's, whatever the seed
        return data.source.load(request)
    except DataError as error:
        problems = Problems()
        problems.report(error.code, str(error), data.span, fixes=error.fixes)
        raise LampError(problems.errors) from None


def _check(program: Program, given: Any, workers: int) -> None:
    if program.experiment.train.workers != workers:
        raise failure("E705", f"the program is for {program.experiment.train.workers} workers, and there are {workers}",
                     "`torchrun --nproc-per-node=2 -m lampc train FILE` starts two, and says so")  # fmt: skip
    if "loss" not in program.whole.outputs:
        raise program.lacks("loss", "add a statement such as `loss mse`")
    if given is None and program.experiment.data is None:
        raise program.lacks("data", "add a statement such as `data disc train=1000 test=1000`",
                            "or pass a loader: `model.train(loader)`")  # fmt: skip
