"""How minibatches are trained on: by native code, by an op list from tensors, or by an op list from any loader.

Each goes over whole passes, and, where the loader's order is ours, over parts of one: the sums that parts come to are
those of the whole, bit for bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from lampc.diagnostics import failure
from lampc.passes.distribute import SHARE
from lampc.passes.totals import begun
from lampc.runtime.backend import Runner
from lampc.runtime.executor import Executor
from lampc.runtime.group import Group, part
from lampc.runtime.history import Diverged
from lampc.runtime.loader import Batch, DataLoader, weighing
from lampc.runtime.nonfinite import nonfinite, nonfinite_at, nonfinite_elsewhere
from lampc.runtime.totals import counted, gives, loss_of, plus

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


@dataclass
class Position:
    """Where training is."""

    epoch: int = 0
    """Passes that have ended."""
    done: int = 0
    """Samples of the running pass that have been gone over."""
    sums: tuple[float, ...] = ()
    """What their losses add up to: a number for each of the program's totals, or none yet."""
    generator: Tensor | None = None
    """The loader's random state before the running pass's order was drawn; None while none runs."""


class Steps(Protocol):
    """Trains on a loader's minibatches."""

    program: Program
    """What is trained: the model's program, with an input for weights where the samples have some."""
    samples: int
    """Of a pass; 0 where that is not known beforehand."""

    def whole(self, first: int, count: int) -> list[tuple[float, int]]:
        """Some whole passes, at most ``count``, of which the first has a number: the mean loss and the steps of each."""

    def part(self, where: Position, minibatches: int) -> None:
        """So many minibatches more of the pass that runs, or as there are; ``where`` moves on."""

    def sync(self) -> None:
        """Give the model what training has come to."""

    def agree(self, number: int) -> int:
        """What all processes that train together take for this number."""


def steps_of(model: Model, loader: Any, watched: bool) -> Steps:
    """The way for a model and a loader.

    ``watched``: somebody may look at the parameters, or change them, between two calls.
    """
    weighed = isinstance(loader, DataLoader) and loader.weight is not None
    native = model.native("loss", weighed=weighed)
    if model.group is not None:
        if not isinstance(loader, DataLoader):
            raise TypeError("several processes share a lampc.DataLoader's minibatches")
        return _Shared(model, loader, model.group)
    if isinstance(loader, DataLoader):
        if native is not None and loader.in_memory:
            return _Native(model, native, loader, watched)
        return _Listed(model, loader, native)
    return _Foreign(model, loader, native)


class _Drawn(ABC):
    """A loader of ours, whose pass may be left and taken up again."""

    def __init__(self, model: Model, loader: DataLoader) -> None:
        self.model = model
        self.loader = loader
        self.program = model.weighed(loader.weight)
        self.samples = loader.samples
        self._order: Tensor | None = None
        self._drawn: Tensor | None = None

    def order(self, where: Position) -> Tensor | None:
        """The running pass's order: drawn where it begins or was left by another process, else as it was."""
        if where.generator is None:
            where.generator = self.loader.generator.get_state()
        elif self._drawn is where.generator:
            return self._order
        self.loader.generator.set_state(where.generator)
        self._order, self._drawn = self.loader.order(), where.generator
        return self._order

    def stop(self, where: Position, minibatches: int) -> int:
        """The sample at which a part ends."""
        return min(self.samples, where.done + minibatches * self.loader.batch)

    def agree(self, number: int) -> int:
        return number

    def whole(self, first: int, count: int) -> list[tuple[float, int]]:
        where = Position(first - 1)
        self.part(where, len(self.loader))
        return [(loss_of(self.program.totals, where.sums, self.samples), len(self.loader))]

    @abstractmethod
    def part(self, where: Position, minibatches: int) -> None:
        """So many minibatches from a position on, which moves there."""


class _Native(_Drawn):
    """Epochs as machine code."""

    def __init__(self, model: Model, native: Runner, loader: DataLoader, watched: bool) -> None:
        super().__init__(model, loader)
        self.native = native
        self.watched = watched
        x, y, w = model.minibatch(loader.x, loader.y, loader.weight)
        self.all = Batch(x.contiguous(), y.contiguous(), w)
        native.begin(loader.batch, w is not None)

    def whole(self, first: int, count: int) -> list[tuple[float, int]]:
        return self._ended(self._run(self.loader.orders(count), first, 0, ()))

    def part(self, where: Position, minibatches: int) -> None:
        order, stop = self.order(where), self.stop(where, minibatches)
        row = torch.arange(where.done, stop) if order is None else order[where.done : stop]
        (where.sums,) = self._run(row.unsqueeze(0), where.epoch + 1, where.done, where.sums)
        where.done = stop

    def _run(self, orders: Tensor, first: int, done: int, sums: tuple[float, ...]) -> list[tuple[float, ...]]:
        batch = self.loader.batch
        if self.watched:
            self.native.begin(batch, self.all.w is not None)
        totals, failed = self.native.train(self.all, orders, batch, sums)
        if failed >= 0 or self.watched:
            self.native.sync()
        if failed >= 0:
            epoch, start = divmod(failed, orders.shape[1])
            chosen = orders[epoch, start : start + batch]
            step = (done + start) // batch + 1
            diverged = nonfinite_at(self.model, self.program, chosen_of(self.all, chosen), first + epoch, step)
            diverged.before = self._ended(totals[:epoch])
            raise diverged
        return totals

    def _ended(self, totals: list[tuple[float, ...]]) -> list[tuple[float, int]]:
        return [(loss_of(self.program.totals, sums, self.samples), len(self.loader)) for sums in totals]

    def sync(self) -> None:
        self.native.sync()


class _Listed(_Drawn):
    """The op list, from a loader of ours."""

    def __init__(self, model: Model, loader: DataLoader, native: Runner | None) -> None:
        super().__init__(model, loader)
        self.native = native
        self._gathered: Tensor | None = None
        if loader.in_memory:
            self.all = [part for part in model.minibatch(loader.x, loader.y, loader.weight) if part is not None]
            self.shuffled = [torch.empty_like(part) for part in self.all] if loader.shuffle else self.all
            chunks = zip(*(torch.split(part, loader.batch) for part in self.shuffled), strict=True)
            self.batches = [Batch(*parts) for parts in chunks]

    def part(self, where: Position, minibatches: int) -> None:
        order, stop = self.order(where), self.stop(where, minibatches)
        begin = where.done // self.loader.batch
        batches = self._batches(order, where.done, begin, begin + minibatches)
        where.sums, _ = _over(self.model, self.program, self.native, batches, where.epoch + 1, begin, where.sums)
        where.done = stop

    def _batches(self, order: Tensor | None, done: int, begin: int, end: int) -> Iterator[Batch]:
        if self.loader.in_memory:
            if order is not None and self._gathered is not order:
                there = order.to(self.model.device)
                for part, shuffled in zip(self.all, self.shuffled, strict=True):
                    torch.index_select(part, 0, there, out=shuffled)
                self._gathered = order
            return iter(self.batches[begin:end])
        drawn = self.loader.minibatches(order, done)
        return (self.model.minibatch(*batch) for _, batch in zip(range(begin, end), drawn, strict=False))

    def sync(self) -> None:
        if self.native is not None:
            self.native.sync()


class _Shared(_Drawn):
    """The op list, a part of each minibatch in every process; all draw the same order."""

    def __init__(self, model: Model, loader: DataLoader, group: Group) -> None:
        super().__init__(model, loader)
        self.group = group
        alike = loader.weight is None and counted(self.program, loader.y[:1], None) is None
        self._unequal = loader.dataset is None and not alike
        """Whether samples count more or less, and it is known how much."""

    def agree(self, number: int) -> int:
        return int(self.group.agree(number))

    def part(self, where: Position, minibatches: int) -> None:
        order, stop = self.order(where), self.stop(where, minibatches)
        totals = self.program.totals
        added, lost = begun(totals), None
        for begin in range(where.done, stop, self.loader.batch):
            step, samples = begin // self.loader.batch + 1, min(self.loader.batch, self.loader.samples - begin)
            try:
                added = plus(added, self._step(order, begin, samples, where.epoch + 1, step))
            except Diverged as diverged:  # the others may see it later, and wait for this process until then
                lost = lost or diverged
        first = -self.group.most(-math.inf if lost is None else -lost.where.step)
        if first < math.inf:
            if lost is not None and lost.where.step == first:
                raise lost
            raise nonfinite_elsewhere(self.model, where.epoch + 1, int(first))
        where.sums = plus(begun(totals, where.sums), map(self.group.total, added))
        where.done = stop

    def _step(self, order: Tensor | None, first: int, samples: int, epoch: int, step: int) -> tuple[float, ...]:
        """One minibatch; what its loss adds here. A process for which no sample is left takes one that does not count."""
        model = self.model
        begin, end = part(samples, self.group.rank, self.group.size)
        here = end > begin
        batch = model.minibatch(*self.loader.rows_of(order, first + begin, first + end) if here
                              else self.loader.rows_of(order, first, first + 1))  # fmt: skip
        model.storage.set({SHARE: self._share(order, first, samples, begin, end)})
        executor = model.executor(self.program.training, len(batch.x))
        executor.fill(*batch)
        for kernel in executor.step:
            kernel()
        model.random.number += 1
        loss: float = executor.outputs["loss"].item()
        if not math.isfinite(loss):
            raise nonfinite(model, executor, loss, epoch, step)
        return tuple(number * here for number in gives(self.program.totals, executor, end - begin))

    def _share(self, order: Tensor | None, first: int, samples: int, begin: int, end: int) -> float:
        """How much of a minibatch's loss is that of some of its samples: what they count of what all of them do."""
        chosen = torch.arange(first, first + samples) if order is None else order[first : first + samples]
        weight = None if self.loader.weight is None else self.loader.weight[chosen]
        counting = counted(self.program, self.loader.y[chosen], weight) if self._unequal else None
        if counting is None:
            return (end - begin) / samples
        whole = float(counting.sum())
        return float(counting[begin:end].sum()) / whole if whole else 0.0

    def sync(self) -> None:
        pass


class _Foreign:
    """Minibatches from a torch loader or any other source of pairs; its passes cannot be left in their midst."""

    samples = 0

    def __init__(self, model: Model, loader: Iterable[Any], native: Runner | None) -> None:
        self.model = model
        self.loader = loader
        self.native = native
        self.program = model.program

    def whole(self, first: int, count: int) -> list[tuple[float, int]]:
        seen = [0, 0]

        def counting(batches: Iterable[Batch]) -> Iterator[Batch]:
            for batch in batches:
                seen[0] += len(batch.x)
                seen[1] += 1
                yield batch

        given = batches_of(self.model, self.loader)
        ahead = next(given, None)  # the first says whether there are weights
        if ahead is not None and ahead.w is not None:
            self.program = self.model.program.weighed
            self.native = self.model.native("loss", weighed=True)
        batches = _alike(chain([] if ahead is None else [ahead], given), self.program)
        sums, _ = _over(self.model, self.program, self.native, counting(batches), first, 0, ())
        totals = self.program.totals
        return [(loss_of(totals, begun(totals, sums), seen[0]), seen[1])]

    def part(self, where: Position, minibatches: int) -> None:
        raise NotImplementedError

    def agree(self, number: int) -> int:
        return number

    def sync(self) -> None:
        if self.native is not None:
            self.native.sync()


def chosen_of(batch: Batch, chosen: Tensor) -> Batch:
    """Some samples of many."""
    return Batch(batch.x[chosen], batch.y[chosen], None if batch.w is None else batch.w[chosen])


def _alike(batches: Iterable[Batch], program: Program) -> Iterator[Batch]:
    """Minibatches that all have weights, or none; those that come without weigh 1."""
    for batch in batches:
        if batch.w is not None and not program.elaborated.weighted:
            raise failure("E605", "a loader gives pairs (x, y) throughout, or triples (x, y, w)")
        yield batch if batch.w is not None or not program.elaborated.weighted else batch._replace(w=torch.ones(len(batch.x)))


def batches_of(model: Model, loader: Iterable[Any]) -> Iterator[Batch]:
    """A loader's minibatches, checked; empty ones are left out."""
    if not isinstance(loader, Iterable) and not hasattr(loader, "__len__"):  # a sequence need not say that it is iterable
        raise failure("E605", f"a loader gives pairs (x, y), and this is a {type(loader).__name__}")
    for given in loader:
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise failure("E605", "a loader gives pairs (x, y), or triples (x, y, w)")
        batch = model.minibatch(*given[:2])
        if len(batch.x):
            weight = weighing(given[2], len(batch.x), scaled=False) if len(given) == 3 else None
            yield batch if weight is None else model.minibatch(batch.x, batch.y, weight)


Sums = tuple[float, ...]


def _over(model: Model, program: Program, native: Runner | None, batches: Iterator[Batch], epoch: int, step: int,
          sums: Sums) -> tuple[Sums, int]:  # fmt: skip
    """Train on minibatches, of which the first is number ``step`` of its epoch, from 0: the totals, the next number."""
    if native is not None:
        return _natively(model, program, native, batches, epoch, step, sums)
    way = _here if model.device.type == "cpu" else _apart
    return way(model, program, batches, epoch, step, begun(program.totals, sums))


def _natively(model: Model, program: Program, native: Runner, batches: Iterator[Batch], epoch: int, step: int,
              sums: Sums) -> tuple[Sums, int]:  # fmt: skip
    for batch in batches:
        native.begin(len(batch.x), batch.w is not None)
        (sums,), failed = native.train(batch, None, len(batch.x), sums)
        native.sync()
        step += 1
        if failed >= 0:
            raise nonfinite_at(model, program, batch, epoch, step)
    return sums, step


def _here(model: Model, program: Program, batches: Iterator[Batch], epoch: int, step: int, sums: Sums) -> tuple[Sums, int]:
    totals = program.totals
    for batch in batches:
        executor = model.executor(program.training, len(batch.x))
        executor.fill(*batch)
        for kernel in executor.forward:
            kernel()
        loss = executor.outputs["loss"].item()
        step += 1
        if not math.isfinite(loss):
            raise nonfinite(model, executor, loss, epoch, step)
        sums = plus(sums, gives(totals, executor, executor.batch))
        for kernel in executor.backward:
            kernel()
        for kernel in executor.update:
            kernel()
        model.random.number += 1
    return sums, step


def _apart(model: Model, program: Program, batches: Iterator[Batch], epoch: int, step: int, sums: Sums) -> tuple[Sums, int]:
    """On a device that runs apart: what is added up stays there until the end, so that nothing waits for it."""
    parts = program.totals.parts
    added = [torch.full((), total, dtype=torch.float64, device=model.device) for total in sums]
    finite = torch.zeros((), dtype=torch.float64, device=model.device)
    executor: Executor | None = None
    for batch in batches:
        executor = model.executor(program.training, len(batch.x))
        executor.fill(*batch)
        for kernel in executor.step:
            kernel()
        model.random.number += 1
        for total, one in zip(added, parts, strict=True):
            total.add_(executor.outputs[one.output], alpha=executor.batch if one.mean else 1)
        finite.add_(executor.outputs["loss"])
        step += 1
    loss: float = finite.item()
    if executor is not None and not math.isfinite(loss):
        raise nonfinite(model, executor, loss, epoch, step)
    return tuple(total.item() for total in added), step
