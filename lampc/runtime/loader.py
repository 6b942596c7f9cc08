"""Minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import default_collate

from lampc.data import Split
from lampc.data.rows import Rows
from lampc.diagnostics import failure
from lampc.runtime.asked import whole


class DataLoader:
    """Goes over samples in minibatches; the last one may be smaller, and none is larger than there are samples.

    ``data`` is a split of a program's data, a pair ``(x, y)`` of arrays or tensors [n, …sample] and [n, …target] whose first
    axes are equal, or a map-style torch ``Dataset``. With ``shuffle`` each pass has a new order, drawn from ``seed``.

    Raises:
        LampError: if there are no samples, or unequally many of ``x`` and ``y``.
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
        if isinstance(data, TorchDataset):
            self.dataset = data
            self.samples = len(data)  # type: ignore[arg-type]
        else:
            x, y = (data.x, data.y) if isinstance(data, Split) else _pair(data)
            self.rows = x if isinstance(x, Rows) else None
            self.x, self.y = tensor(x[:1] if isinstance(x, Rows) else x), tensor(y)
            if self.rows is not None:
                self.samples = len(self.rows)
            elif self.x.dim() == 0 or self.y.dim() == 0 or len(self.x) != len(self.y):
                raise failure("E605", f"x and y have different lengths: {tuple(self.x.shape)} and {tuple(self.y.shape)}")
            else:
                self.samples = len(self.x)
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

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.minibatches(self.order())

    def minibatches(self, order: Tensor | None, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The minibatches of a pass, x [n, …sample] and y [n, …target], from ``start`` samples after the first.

        ``order``: [samples]; None for their own.
        """
        for begin in range(start, self.samples, self.batch):
            yield self.rows_of(order, begin, min(begin + self.batch, self.samples))

    def rows_of(self, order: Tensor | None, begin: int, stop: int) -> tuple[Tensor, Tensor]:
        """Samples [n, …sample] and targets [n, …target] at some places of a pass in an ``order`` [samples], or their own."""
        if self.dataset is not None:
            indices: Sequence[int] = range(begin, stop) if order is None else order[begin:stop].tolist()
            x, y = default_collate([self.dataset[index] for index in indices])
            return x, y
        chosen = slice(begin, stop) if order is None else order[begin:stop]
        if self.rows is not None:
            return torch.from_numpy(self.rows[chosen if isinstance(chosen, slice) else chosen.numpy()]), self.y[chosen]
        return self.x[chosen], self.y[chosen]


def _pair(data: Any) -> tuple[Any, Any]:
    if not isinstance(data, list | tuple) or len(data) != 2:
        raise failure("E802", f"a split, a pair (x, y) or a torch Dataset is wanted, not {_kind(data)}",
                      "`program.data().train` is a split of the program's data")  # fmt: skip
    return data[0], data[1]


def _kind(data: Any) -> str:
    return f"a {type(data).__name__} of {len(data)}" if isinstance(data, list | tuple) else f"a {type(data).__name__}"


def tensor(data: Any) -> Tensor:
    """Arrays, lists and tensors as a tensor, without a copy where there need not be one."""
    return data.detach() if isinstance(data, Tensor) else torch.as_tensor(data)
