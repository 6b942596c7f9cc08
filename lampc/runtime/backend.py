"""Which way a model runs: machine code of its own, or the op list through torch's kernels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lampc.diagnostics import LampError, Problems, failure
from lampc.ir.keys import Key
from lampc.ir.leaves import State
from lampc.native.program import NoNativeForm
from lampc.native.session import Session, memory
from lampc.runtime.chunks import CHUNK
from lampc.runtime.fit import fitting_minibatch
from lampc.runtime.threads import flops

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.loader import Batch
    from lampc.runtime.machine import Machine
    from lampc.runtime.storage import Storage

SHARED = 20_000_000
"""Floating point operations of a step from which threads share it: some 130 µs on one core, against a microsecond or so for
each meeting of the threads between two kernels."""


@dataclass(frozen=True)
class Choice:
    """A backend, and why it."""

    name: str
    reason: str
    asked: bool = False
    """Whether this backend and no other was asked for."""


def choose(program: Program, device: torch.device, wanted: str) -> Choice:
    """The backend for a program on a device.

    Raises:
        LampError: if there is no such backend, or native code is asked for and cannot be had.
    """
    if not isinstance(wanted, str) or wanted not in ("auto", "torch", "native"):
        raise failure("E802", f"there is no backend `{str(wanted)[:40]}`", "`auto`, `torch` and `native` are backends")
    if wanted == "torch":
        return Choice("torch", "as asked", asked=True)
    reason = f"device {device.type}" if device.type != "cpu" else program.native.check(whole=wanted == "native")
    if reason is None:
        asked = wanted == "native"
        return Choice("native", "as asked" if asked else "every op has a native form", asked)
    if wanted == "native":
        problems = Problems()
        problems.report("E704", f"there is no native code for this program: {reason}", program.experiment.train.span,
                        fixes=["use backend=torch, or auto"])  # fmt: skip
        raise LampError(problems.errors)
    return Choice("torch", reason)


class Runner:
    """A model's native code and the memory that it works in."""

    def __init__(self, model: Machine) -> None:
        self._model = model
        self._leaves = leaves(model.program, model.storage)
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._order = np.arange(0)
        self._flops: dict[int, int] = {}
        self.threads = min(torch.get_num_threads(), cores())
        """How many may share a large step."""
        self._ahead: Session | None = None
        """What has trained since parameters were last taken from it."""

    def compile(self, *outputs: str, weighed: bool = False) -> None:
        """Compile what a later call will need. ``weighed``: for samples that have weights.

        Raises:
            NoNativeForm: if that fails.
        """
        self._program(weighed).native.compiled(*outputs)

    def _program(self, weighed: bool) -> Program:
        return self._model.program.weighed if weighed else self._model.program

    def begin(self, batch: int, weighed: bool = False) -> None:
        """Take over the model's parameters, before training on minibatches up to a size. ``weighed``: samples have weights."""
        self.sync()
        session = self._session(("loss",), batch, weighed)
        session.put()
        session.seed(self._model.random.key, self._model.random.number)

    def sync(self) -> None:
        """Give the model the parameters that training has come to."""
        if self._ahead is not None:
            self._ahead.take()
            self._model.random.number = self._ahead.step
            self._ahead = None

    def train(self, samples: Batch, orders: Tensor | None, batch: int,
              sums: Sequence[float] = ()) -> tuple[list[tuple[float, ...]], int]:  # fmt: skip
        """Train on each minibatch, an epoch for each row of ``orders``, or one in the samples' own; totals begin with ``sums``.

        Each epoch's totals, and -1, or how many samples after the first a loss was not finite. ``begin`` is
        called before, ``sync`` after, once for as many calls as nobody looks between.
        """
        x, y, w = samples
        session = self._session(("loss",), batch, w is not None)
        threads = self.threads if self.threads > 1 and self._large(batch) else 1
        order = self._ordered(orders, len(x))
        self._ahead = None  # nothing is to be taken of a step that is left in its midst
        totals, failed = session.run(_array(x), _array(y), order, batch, threads=threads, sums=sums, w=self._weights(samples))
        self._ahead = session
        return [tuple(epoch) for epoch in totals.tolist()], failed

    def evaluate(self, samples: Batch, outputs: tuple[str, ...], batch: int) -> tuple[tuple[float, ...], Mapping[Key, Tensor]]:
        """The totals of which the loss of some samples comes, and the other outputs of each sample."""
        self.sync()
        x, y, w = samples
        found = {name: self._empty(name, len(x)) for name in outputs if name != "loss"}
        session = self._session(outputs, batch, w is not None)
        session.put()
        order = self._ordered(None, len(x))
        totals, _ = session.run(_array(x), _array(y), order, batch, list(found.values()), w=self._weights(samples))
        made: dict[Key, Tensor] = {name: torch.from_numpy(array) for name, array in found.items()}
        return tuple(totals[0].tolist()), made

    def predict(self, x: Tensor) -> Tensor:
        """Predictions for samples."""
        self.sync()
        prediction = self._empty("prediction", len(x))
        most = min(CHUNK, 1 << max(0, len(x) - 1).bit_length())  # a power of two: few sessions, however calls grow
        session = self._session(("prediction",), most)
        session.put()
        session.run(_array(x), None, self._ordered(None, len(x)), most, [prediction])
        return torch.from_numpy(prediction)

    def _large(self, batch: int) -> bool:
        if batch not in self._flops:
            self._flops[batch] = flops(self._model.program.training, batch)
        return self._flops[batch] >= SHARED

    @property
    def size(self) -> int:
        """The bytes of all that it works in."""
        return sum(session.size for session in self._sessions.values())

    def _weights(self, samples: Batch) -> NDArray[Any] | None:
        """What a session gets: where its program has weights and the samples have none, each weighs 1."""
        if samples.w is not None or not self._model.program.elaborated.weighted:
            return None if samples.w is None else _array(samples.w)
        return np.ones(len(samples.x), np.float64 if self._model.program.elaborated.dtype == "f64" else np.float32)

    def _session(self, outputs: tuple[str, ...], batch: int, weighed: bool = False) -> Session:
        program = self._program(weighed)
        key = (*outputs, *["w"] * program.elaborated.weighted)
        found = self._sessions.get(key)
        if found is None or found.batch < batch:
            module, code = program.native.compiled(*outputs)
            assert code is not None
            fitting_minibatch(memory(module, batch), batch)
            found = self._sessions[key] = Session(module, code, batch)
            found.bind(self._leaves)
        return found

    def _empty(self, output: str, samples: int) -> NDArray[Any]:
        graph = self._model.program.evaluated
        type = graph.type(graph.outputs[output])
        return np.empty((samples, *type.sample), dtype=np.float64 if type.dtype == "f64" else np.float32)

    def _ordered(self, orders: Tensor | None, samples: int) -> NDArray[np.int64]:
        if orders is not None:
            found: NDArray[np.int64] = orders.numpy()
            return found
        if len(self._order) < samples:
            self._order = np.arange(samples)
        return self._order[None, :samples]


def leaves(program: Program, storage: Storage) -> dict[str, NDArray[Any]]:
    """Parameters, states and settings by label, as views; a packed state has one for each parameter: ``m:linear1.bias``."""
    found = {name: tensor.detach().numpy() for name, tensor in storage.by_name.items()}
    packed = {slot.leaf.label: slot.leaf.labels for slot in program.training.leaves() if isinstance(slot.leaf, State)}
    for state, tensor in storage.states.items():
        whole = tensor.numpy()
        if not packed[state]:
            found[state] = whole if whole.ndim else whole.reshape(1)
            continue
        start = 0
        for name in packed[state]:
            shape, size = found[name].shape, found[name].size
            found[f"{state}:{name}"] = whole[start : start + size].reshape(shape)
            start += size
    found.update({name: tensor.numpy().reshape(1) for name, tensor in storage.settings.items()})
    return found


def cores() -> int:
    """The processor's cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array


__all__ = ["SHARED", "Choice", "NoNativeForm", "Runner", "choose", "cores", "leaves"]
