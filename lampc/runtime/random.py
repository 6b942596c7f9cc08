"""The random numbers of a model's dropout: a key from the seed, and the number of the minibatch."""

from __future__ import annotations

import torch
from torch import Tensor

from lampc.ops.philox import WORD, key_of, round_keys


class Random:
    """Streams of numbers that depend on the seed, the step and the place alone; kernels hold its tensors."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.key = key_of(seed)
        self.step = torch.zeros((), dtype=torch.int64, device=device)
        """The minibatch's number, for kernels."""
        self._number = 0
        self._keys: dict[int, list[Tensor]] = {}

    @property
    def number(self) -> int:
        """Minibatches that have been drawn for; one word, as it counts round."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number & WORD
        if self._keys:
            self.step.fill_(self._number)

    def seed(self, seed: int) -> None:
        """Begin anew."""
        self.key = key_of(seed)
        self.number = 0
        for stream, tensors in self._keys.items():
            for tensor, key in zip(tensors, round_keys(self.key, stream), strict=True):
                tensor.fill_(key)

    def keys(self, stream: int) -> list[Tensor]:
        """A stream's key for each round."""
        if stream not in self._keys:
            keys = round_keys(self.key, stream)
            self._keys[stream] = [torch.tensor(key, dtype=torch.int64, device=self.step.device) for key in keys]
            self.step.fill_(self._number)
        return self._keys[stream]
