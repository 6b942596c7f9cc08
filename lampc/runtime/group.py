"""The processes that train together, through torch.distributed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, TCPStore

from lampc.diagnostics import failure
from lampc.runtime.launch import rank, workers

TIMEOUT = timedelta(seconds=120)
"""After which a process that does not answer is given up."""


@dataclass
class Group:
    """All of them, and which this one is."""

    rank: int
    size: int
    device: torch.device
    _pending: dict[int, Any] = field(default_factory=dict)

    def begin(self, bucket: int, tensor: Tensor) -> None:
        """Begin to add up a tensor over all processes, in place."""
        with _answered():
            self._pending[bucket] = dist.all_reduce(tensor, async_op=True)

    def wait(self, bucket: int) -> None:
        """Wait until that is done."""
        with _answered():
            self._pending.pop(bucket).wait()

    def agree(self, number: float) -> float:
        """The first process's number, for all."""
        tensor = torch.tensor([number], dtype=torch.float64, device=self.device)
        with _answered():
            dist.broadcast(tensor, 0)
        return float(tensor.item())

    def most(self, number: float) -> float:
        """The greatest of all processes' numbers."""
        tensor = torch.tensor([number], dtype=torch.float64, device=self.device)
        with _answered():
            dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return float(tensor.item())

    def total(self, number: float) -> float:
        """The sum of all processes' numbers."""
        tensor = torch.tensor([number], dtype=torch.float64, device=self.device)
        with _answered():
            dist.all_reduce(tensor)
        return float(tensor.item())

    def share(self, raw: bytes | None) -> bytes | None:
        """The first process's bytes, for all; None where it has none."""
        length = int(self.agree(-1 if raw is None else len(raw)))
        if length < 0:
            return None
        buffer = torch.empty(length, dtype=torch.uint8)
        if raw is not None and self.rank == 0:
            buffer.copy_(torch.frombuffer(bytearray(raw), dtype=torch.uint8))
        moved = buffer.to(self.device)
        with _answered():
            dist.broadcast(moved, 0)
        return bytes(moved.cpu().numpy().tobytes())

    def close(self) -> None:
        """Leave."""
        if dist.is_initialized():
            dist.destroy_process_group()


@contextmanager
def _answered() -> Iterator[None]:
    """What all processes do together.

    Raises:
        LampError: if one of them is not there any more.
    """
    try:
        yield
    except RuntimeError:  # of torch.distributed: the connection is closed, or nobody answers in time
        raise failure("E705", "another of the processes that train together has ended",
                      "what it has said tells why; `torchrun --max-restarts=3` begins again") from None  # fmt: skip


def join(device: str = "cpu") -> Group:
    """Meet the others: by gloo on processors, by NCCL on GPUs, one a process."""
    size, number = workers(), rank()
    here = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if device == "cuda" else torch.device("cpu")
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), size,
                          is_master=number == 0 and not agent, timeout=TIMEOUT)  # fmt: skip
    # What a process that was killed has left in the store would be taken for the new one's: each restart has names of its own.
    own = PrefixStore(f"lampc/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    if here.type == "cuda":
        torch.cuda.set_device(here)
    backend = "nccl" if here.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=own, rank=number, world_size=size, timeout=TIMEOUT)
    return Group(number, size, here)


def part(samples: int, rank: int, size: int) -> tuple[int, int]:
    """Which of a minibatch's samples a process has: from where up to where."""
    return samples * rank // size, samples * (rank + 1) // size
