"""How minibatches are trained on: by native code, by an op list from tensors, or by an op list from any loader.

Each goes over whole passes, and, where the loader's order is ours, over parts of one: the sums that parts come to are
those of the whole, bit for bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from lampc.runtime.loader import DataLoader
from lampc.runtime.nonfinite import nonfinite, nonfinite_at, nonfinite_elsewhere
from lampc.runtime.totals import gives, loss_of, plus

if TYPE_CHECKING:
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
    native = model.native("loss")
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
        return [(loss_of(self.model.program.totals, where.sums, self.samples), len(self.loader))]

    @abstractmethod
    def part(self, where: Position, minibatches: int) -> None:
        """So many minibatches from a position on, which moves there."""


class _Native(_Drawn):
    """Epochs as machine code."""

    def __init__(self, model: Model, native: Runner, loader: DataLoader, watched: bool) -> None:
        super().__init__(model, loader)
        self.native = native
        self.watched = watched
        x, y = model.samples(loader.x, loader.y)
        self.x, self.y = x.contiguous(), y.contiguous()
        native.begin(loader.batch)

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
            self.native.begin(batch)
        totals, failed = self.native.train(self.x, self.y, orders, batch, sums)
        if failed >= 0 or self.watched:
            self.native.sync()
        if failed >= 0:
            epoch, start = divmod(failed, orders.shape[1])
            chosen = orders[epoch, start : start + batch]
            step = (done + start) // batch + 1
            diverged = nonfinite_at(self.model, self.x[chosen], self.y[chosen], first + epoch, step)
            diverged.before = self._ended(totals[:epoch])
            raise diverged
        return totals

    def _ended(self, totals: list[tuple[float, ...]]) -> list[tuple[float, int]]:
        return [(loss_of(self.model.program.totals, sums, self.samples), len(self.loader)) for sums in totals]

    def sync(self) -> None:
        self.native.sync()


class _Listed(_Drawn):
    """The op list, from a loader of ours."""

    def __init__(self, model: Model, loader: DataLoader, native: Runner | None) -> None:
        super().__init__(model, loader)
        self.native = native
        self._gathered: Tensor | None = None
        if loader.in_memory:
            self.x, self.y = model.samples(loader.x, loader.y)
            shuffled = (torch.empty_like(self.x), torch.empty_like(self.y)) if loader.shuffle else (self.x, self.y)
            self.shuffled_x, self.shuffled_y = shuffled
            chunks = zip(*(torch.split(part, loader.batch) for part in shuffled), strict=True)
            self.batches = [(part, target) for part, target in chunks]

    def part(self, where: Position, minibatches: int) -> None:
        order, stop = self.order(where), self.stop(where, minibatches)
        begin = where.done // self.loader.batch
        pairs = self._pairs(order, where.done, begin, begin + minibatches)
        where.sums, _ = _over(self.model, self.native, pairs, where.epoch + 1, begin, where.sums)
        where.done = stop

    def _pairs(self, order: Tensor | None, done: int, begin: int, end: int) -> Iterator[tuple[Tensor, Tensor]]:
        if self.loader.in_memory:
            if order is not None and self._gathered is not order:
                there = order.to(self.model.device)
                torch.index_select(self.x, 0, there, out=self.shuffled_x)
                torch.index_select(self.y, 0, there, out=self.shuffled_y)
                self._gathered = order
            return iter(self.batches[begin:end])
        drawn = self.loader.minibatches(order, done)
        return (self.model.samples(*pair) for _, pair in zip(range(begin, end), drawn, strict=False))

    def sync(self) -> None:
        if self.native is not None:
            self.native.sync()


class _Shared(_Drawn):
    """The op list, a part of each minibatch in every process; all draw the same order."""

    def __init__(self, model: Model, loader: DataLoader, group: Group) -> None:
        super().__init__(model, loader)
        self.group = group

    def agree(self, number: int) -> int:
        return int(self.group.agree(number))

    def part(self, where: Position, minibatches: int) -> None:
        order, stop = self.order(where), self.stop(where, minibatches)
        totals = self.model.program.totals
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
        share = (end - begin) / samples
        x, y = model.samples(*self.loader.rows_of(order, first + begin, first + end) if share
                             else self.loader.rows_of(order, first, first + 1))  # fmt: skip
        model.storage.set({SHARE: share})
        executor = model.executor(model.program.training, len(x))
        executor.fill(x, y)
        for kernel in executor.step:
            kernel()
        model.random.number += 1
        loss: float = executor.outputs["loss"].item()
        if not math.isfinite(loss):
            raise nonfinite(model, executor, loss, epoch, step)
        return tuple(number * (share > 0) for number in gives(model.program.totals, executor, end - begin))

    def sync(self) -> None:
        pass


class _Foreign:
    """Minibatches from a torch loader or any other source of pairs; its passes cannot be left in their midst."""

    samples = 0

    def __init__(self, model: Model, loader: Iterable[Any], native: Runner | None) -> None:
        self.model = model
        self.loader = loader
        self.native = native

    def whole(self, first: int, count: int) -> list[tuple[float, int]]:
        counted = [0, 0]

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            for x, y in pairs_of(self.model, self.loader):
                counted[0] += len(x)
                counted[1] += 1
                yield x, y

        sums, _ = _over(self.model, self.native, pairs(), first, 0, ())
        totals = self.model.program.totals
        return [(loss_of(totals, begun(totals, sums), counted[0]), counted[1])]

    def part(self, where: Position, minibatches: int) -> None:
        raise NotImplementedError

    def agree(self, number: int) -> int:
        return number

    def sync(self) -> None:
        if self.native is not None:
            self.native.sync()


def pairs_of(model: Model, loader: Iterable[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """A loader's minibatches, checked; empty ones are left out."""
    if not isinstance(loader, Iterable) and not hasattr(loader, "__len__"):  # a sequence need not say that it is iterable
        raise failure("E605", f"a loader gives pairs (x, y), and this is a {type(loader).__name__}")
    for pair in loader:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise failure("E605", "a loader gives pairs (x, y)")
        x, y = model.samples(*pair)
        if len(x):
            yield x, y


Sums = tuple[float, ...]


def _over(model: Model, native: Runner | None, pairs: Iterator[tuple[Tensor, Tensor]], epoch: int, step: int,
          sums: Sums) -> tuple[Sums, int]:  # fmt: skip
    """Train on minibatches, of which the first is number ``step`` of its epoch, from 0: the totals, the next number."""
    if native is not None:
        return _natively(model, native, pairs, epoch, step, sums)
    way = _here if model.device.type == "cpu" else _apart
    return way(model, pairs, epoch, step, begun(model.program.totals, sums))


def _natively(model: Model, native: Runner, pairs: Iterator[tuple[Tensor, Tensor]], epoch: int, step: int,
              sums: Sums) -> tuple[Sums, int]:  # fmt: skip
    for x, y in pairs:
        native.begin(len(x))
        (sums,), failed = native.train(x, y, None, len(x), sums)
        native.sync()
        step += 1
        if failed >= 0:
            raise nonfinite_at(model, x, y, epoch, step)
    return sums, step


def _here(model: Model, pairs: Iterator[tuple[Tensor, Tensor]], epoch: int, step: int, sums: Sums) -> tuple[Sums, int]:
    routine, totals = model.program.training, model.program.totals
    for x, y in pairs:
        executor = model.executor(routine, len(x))
        executor.fill(x, y)
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


def _apart(model: Model, pairs: Iterator[tuple[Tensor, Tensor]], epoch: int, step: int, sums: Sums) -> tuple[Sums, int]:
    """On a device that runs apart: what is added up stays there until the end, so that nothing waits for it."""
    parts = model.program.totals.parts
    added = [torch.full((), total, dtype=torch.float64, device=model.device) for total in sums]
    finite = torch.zeros((), dtype=torch.float64, device=model.device)
    executor: Executor | None = None
    for x, y in pairs:
        executor = model.executor(model.program.training, len(x))
        executor.fill(x, y)
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
