"""What a program's routines run in: storage, executors and native code, one thread's at a time."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from torch import Tensor

from lampc.diagnostics import failure
from lampc.ir.program import Routine
from lampc.runtime.asked import SEEDS, whole
from lampc.runtime.backend import Choice, NoNativeForm, Runner, choose
from lampc.runtime.device import device_of
from lampc.runtime.executor import Executor
from lampc.runtime.fit import fitting_model
from lampc.runtime.inputs import checked_samples, checked_targets, checked_weights
from lampc.runtime.loader import Batch
from lampc.runtime.random import Random
from lampc.runtime.storage import Storage

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.data.unit import Unit
    from lampc.runtime.group import Group

_KEPT = 8
"""Executors that are kept, each for a routine and a batch size."""

M = TypeVar("M", bound=Callable[..., Any])


def exclusive(method: M) -> M:
    """What works in a model's own memory: one thread at a time."""

    @wraps(method)
    def alone(self: Machine, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return cast(M, alone)


class Machine:
    """A program's tensors on a device, and what its op lists run by there; ``Model`` says what can be done with it."""

    def __init__(self, program: Program, seed: int | None, device: str | None, backend: str | None) -> None:
        self.program = program
        self.lock = RLock()
        """Held by the thread that works in the model's memory."""
        train = program.experiment.train
        self.seed = train.seed if seed is None else whole("seed", seed, most=SEEDS)
        self.device = device_of(train.device if device is None else device)
        self.wanted = train.backend if backend is None else backend
        """The backend that was asked for."""
        self.backend = choose(program, self.device, self.wanted)
        """What training, evaluation and prediction run on, and why."""
        fitting_model(program, self.device)
        dtype = program.elaborated.dtype
        self.storage = Storage(program.parameters, program.training, dtype, self.device)
        self.random = Random(self.seed, self.device)
        self.unit: Unit | None = None
        """The targets' own unit, where it has been trained on standardised ones: its predictions times the deviation, plus the
        mean.
        """
        self.group: Group | None = None
        """The processes that train together, each with a model of its own; None for one alone."""
        self._executors: OrderedDict[tuple[int, int], Executor] = OrderedDict()
        self._current: Executor | None = None
        self._asked = 0
        """The thread whose ``loss`` that is."""
        self._runner = Runner(self) if self.backend.name == "native" else None

    def share(self, threads: int) -> None:
        """How many threads may share a large step of native code."""
        if self._runner is not None:
            self._runner.threads = threads

    @property
    def buffers(self) -> int:
        """The bytes that minibatches are computed in, as far as they have been asked for."""
        listed = sum(executor.plan.size for executor in self._executors.values())
        return listed + (self._runner.size if self._runner is not None else 0)

    @exclusive
    def native(self, *outputs: str, weighed: bool = False) -> Runner | None:
        """What runs some outputs natively; None if torch does. A failure to compile is warned of, once, and torch goes on.

        ``weighed``: for samples that have weights.

        Raises:
            LampError: if it fails, and native code was asked for.
        """
        if self._runner is not None and ("loss" not in outputs or "loss" in self.program.whole.outputs):
            try:
                self._runner.compile(*outputs, weighed=weighed)
            except (NoNativeForm, RuntimeError, OSError) as error:
                if self.backend.asked:
                    raise failure("E704", f"native code failed: {error}", "use backend=torch, or auto") from None
                self.backend = Choice("torch", f"native code failed: {error}")
                self._runner = None
                warnings.warn(f"native code failed, torch goes on: {error}", RuntimeWarning, stacklevel=3)
            return self._runner
        return None

    def executor(self, routine: Routine, batch: int) -> Executor:
        """The routine bound for a batch size; the last few are kept.

        Whoever asks may overwrite what the last ``loss`` left there for ``backward``.

        Raises:
            LampError: if a batchnorm would see a minibatch of one sample.
        """
        if batch < self.program.least_batch and routine is self.program.training:
            raise failure("E509", "`batchnorm` cannot take the variance of a minibatch of one sample", "give it two or more")
        key = (id(routine), batch)
        if key in self._executors:
            self._executors.move_to_end(key)
        else:
            while len(self._executors) >= _KEPT:
                self._executors.popitem(last=False)
            self._executors[key] = Executor(routine, batch, self.storage, self.random, group=self.group)
        executor = self._executors[key]
        if executor is self._current:
            self._current = None
        return executor

    def samples(self, x: Any, y: Any) -> tuple[Tensor, Tensor]:
        """Samples ``x`` [n, …sample] and targets ``y`` [n, …target] as tensors of the program's types on its device.

        Raises:
            LampError: if they are not such as the network takes.
        """
        x = self._input(x)
        return x, self._targets(y, len(x))

    def minibatch(self, x: Any, y: Any, w: Tensor | None = None) -> Batch:
        """Samples ``x`` [n, …sample], targets ``y`` [n, …target], and weights ``w`` [n], known to be such, or None, likewise.

        Raises:
            LampError: if they are not such as the network takes.
        """
        x, y = self.samples(x, y)
        return Batch(x, y, None if w is None else checked_weights(self.program, w, len(x), self.device))

    def weighed(self, w: Tensor | None) -> Program:
        """The program for samples with weights ``w`` [n], or without, None.

        Raises:
            LampError: if its loss takes no weights.
        """
        return self.program if w is None else self.program.weighed

    def _sync(self) -> None:
        """Have what native code has trained, in another thread, in the parameters."""
        if self._runner is not None:
            self._runner.sync()

    def _input(self, x: Any) -> Tensor:
        return checked_samples(self.program, x, self.device)

    def _targets(self, y: Any, samples: int) -> Tensor:
        return checked_targets(self.program, y, samples, self.device)

    def _needs_loss(self) -> None:
        if "loss" not in self.program.whole.outputs:
            raise self.program.lacks("loss", "add a statement such as `loss mse`")

    def _become(self, other: Machine) -> None:
        """Take over the tensors of one that is on another device."""
        self.device, self.backend, self.storage, self.random = other.device, other.backend, other.storage, other.random
        self._executors, self._current = OrderedDict(), None
        self._runner = Runner(self) if self.backend.name == "native" else None
