"""Minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import default_collate

from lampc.data import DataError, Split
from lampc.data.rows import Rows
from lampc.data.weights import scale, weights
from lampc.diagnostics import failure
from lampc.runtime.asked import whole


class Batch(NamedTuple):
    """Samples x [n, …sample], targets y [n, …target] or labels [n], and weights w [n], or None where all count alike."""

    x: Tensor
    y: Tensor
    w: Tensor | None = None


class DataLoader:
    """Goes over samples in minibatches; the last one may be smaller, and none is larger than there are samples.

    ``data`` is a split of a program's data, a pair ``(x, y)`` of arrays or tensors [n, …sample] and [n, …target] whose first
    axes are equal, or a map-style torch ``Dataset``. With ``shuffle`` each pass has a new order, drawn from ``seed``.

    A split may have weights, and a triple ``(x, y, w)`` has some, w [n] of 0 and more: then it gives triples, w times a power
    of two, and each sample counts in its minibatch's loss as much as it weighs.

    Raises:
        LampError: if there are no samples, or unequally many of ``x``, ``y`` and ``w``, or weights that are none.
    """

    def __init__(self, data: Any, batch: int = 50, shuffle: bool = False, seed: int = 0) -> None:
        batch, seed = whole("batch", batch, -(2**53)), whole("seed", seed, -(2**63), 2**64 - 1)
        if not isinstance(shuffle, bool | int):
            raise failure("E802", f"`shuffle`: True or False is wanted, not {str(shuffle)[:40]!r}")
        if batch < 1:
            raise failure("E305", f"a batch has at least 1 sample, not {batch}")
        self.shuffle = shuffle
        self.generator = torch.Generator().manual_seed(seed)
        self.dataset: TorchDataset[Any] | None = None
        self.rows: Rows | None = None
        """Samples that stay on the disk."""
        self.x = self.y = torch.empty(0)
        self.weight: Tensor | None = None
        """How much each sample counts, [samples], as float64 up to 1; None: all alike."""
        if isinstance(data, TorchDataset):
            self.dataset = data
            self.samples = len(data)  # type: ignore[arg-type]
        else:
            x, y, weight = (data.x, data.y, data.weight) if isinstance(data, Split) else _arrays(data)
            self.rows = x if isinstance(x, Rows) else None
            self.x, self.y = tensor(x[:1] if isinstance(x, Rows) else x), tensor(y)
            if self.rows is not None:
                self.samples = len(self.rows)
            elif self.x.dim() == 0 or self.y.dim() == 0 or len(self.x) != len(self.y):
                raise failure("E605", f"x and y have different lengths: {tuple(self.x.shape)} and {tuple(self.y.shape)}")
            else:
                self.samples = len(self.x)
            if weight is not None:
                self.weight = weighing(weight, self.samples)
        if self.samples == 0:
            raise failure("E603", "there are no samples to go over")
        self.batch = min(batch, self.samples)
        """Of all minibatches but the last."""

    def __len__(self) -> int:
        """The number of minibatches."""
        return -(-self.samples // self.batch)

    def __repr__(self) -> str:
        count = f"{len(self):,} minibatch{'es' * (len(self) != 1)}"
        return f"<DataLoader: {self.samples:,} samples in {count} of {self.batch:,}{', shuffled' * self.shuffle}>"

    def order(self) -> Tensor | None:
        """The order of the samples for one pass, [samples]; None where it is their own."""
        return torch.randperm(self.samples, generator=self.generator) if self.shuffle else None

    def orders(self, count: int) -> Tensor:
        """The orders of several passes, a row each, [count, samples]."""
        if not self.shuffle:
            return torch.arange(self.samples).expand(count, -1).contiguous()
        orders = torch.empty(count, self.samples, dtype=torch.int64)
        for row in orders:
            torch.randperm(self.samples, generator=self.generator, out=row)
        return orders

    @property
    def in_memory(self) -> bool:
        """Whether samples and targets are tensors, ``x`` and ``y``."""
        return self.dataset is None and self.rows is None

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for batch in self.minibatches(self.order()):
            yield batch[:2] if batch.w is None else (batch.x, batch.y, batch.w)

    def minibatches(self, order: Tensor | None, start: int = 0) -> Iterator[Batch]:
        """The minibatches of a pass, from ``start`` samples after the first.

        ``order``: [samples]; None for their own.
        """
        for begin in range(start, self.samples, self.batch):
            yield self.rows_of(order, begin, min(begin + self.batch, self.samples))

    def rows_of(self, order: Tensor | None, begin: int, stop: int) -> Batch:
        """What stands at some places of a pass in an ``order`` [samples], or their own."""
        if self.dataset is not None:
            indices: Sequence[int] = range(begin, stop) if order is None else order[begin:stop].tolist()
            x, y = default_collate([self.dataset[index] for index in indices])
            return Batch(x, y)
        chosen = slice(begin, stop) if order is None else order[begin:stop]
        weight = None if self.weight is None else self.weight[chosen]
        if self.rows is not None:
            x = torch.from_numpy(self.rows[chosen if isinstance(chosen, slice) else chosen.numpy()])
            return Batch(x, self.y[chosen], weight)
        return Batch(self.x[chosen], self.y[chosen], weight)


def _arrays(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, list | tuple) or len(data) not in (2, 3):
        raise failure("E802", f"a split, a pair (x, y), a triple (x, y, w) or a torch Dataset is wanted, not {_kind(data)}",
                      "`program.data().train` is a split of the program's data")  # fmt: skip
    return data[0], data[1], data[2] if len(data) == 3 else None


def weighing(data: Any, samples: int, scaled: bool = True) -> Tensor:
    """Samples' weights [samples], float64, times a power of two such that the greatest is ½…1.

    ``scaled``: else they are as they are, and may be all 0: those of one minibatch among others.

    Raises:
        LampError: if they are none, or not as many, or all 0.
    """
    try:
        found = weights(data.detach().cpu().numpy() if isinstance(data, Tensor) else data, samples, some=scaled)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    except (TypeError, ValueError, RuntimeError) as error:
        raise failure("E605", f"w is no tensor: {error}") from None
    return torch.from_numpy(found * scale(found) if scaled else found)


def _kind(data: Any) -> str:
    return f"a {type(data).__name__} of {len(data)}" if isinstance(data, list | tuple) else f"a {type(data).__name__}"


def tensor(data: Any) -> Tensor:
    """Arrays, lists and tensors as a tensor, without a copy where there need not be one."""
    return data.detach() if isinstance(data, Tensor) else torch.as_tensor(data)
