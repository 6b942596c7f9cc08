"""A program's network as a PyTorch module: its forward and backward are the compiled op lists.

>>> import lampc.nn, torch
>>> module = lampc.nn.Lamp("linear 2->25 xavier; tanh; linear 1")
>>> module(torch.zeros(4, 2)).shape
torch.Size([4, 1])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import lampc.compile
from lampc.compile import WHOLE, Program, run_passes
from lampc.diagnostics import LampError, Problems
from lampc.ir.graph import Value
from lampc.ir.keys import Grad, Key, Next
from lampc.ir.program import Routine
from lampc.passes.derivative import Derivative, derivative
from lampc.passes.inference import for_inference
from lampc.passes.lower import lower
from lampc.passes.rewrite import subgraph
from lampc.runtime.executor import Executor, run
from lampc.runtime.model import Model


class Lamp(nn.Module):
    """A network in the lamp language, for use inside any PyTorch program.

    ``source`` is a program's text, or, with ``file``, left out; ``settings`` override its constants. Of the experiment only
    ``input`` and ``train precision=`` count. Parameters have lampc's names: ``linear1.weight``.

    Raises:
        LampError: if the program is wrong.
    """

    def __init__(self, source: str = "", *, file: str | Path | None = None, seed: int | None = None, **settings: Any) -> None:
        super().__init__()
        program = lampc.compile.text(source, **settings) if file is None else lampc.compile.file(file, **settings)
        self._made_by: tuple[str, str | Path | None, dict[str, Any]] = (source, file, settings)
        self.program = program
        program.check_gradients()
        self._derivatives = {training: [_first(program, training)] for training in (True, False)}
        self._routines = {(training, 1): _lowered(self._derivatives[training][0]) for training in (True, False)}
        self._adopt(Model(program, seed=seed, backend="torch"))

    if TYPE_CHECKING:  # a module's own answers with anything

        def __call__(self, x: Tensor) -> Tensor: ...

    def _adopt(self, model: Model) -> None:
        """Take a model's tensors for the module's own."""
        self._model = model
        self._idle: dict[tuple[bool, int, int], list[Executor]] = {}
        self._own: dict[str, Tensor] = {}
        for name, tensor in {**model.parameters, **_states(self.program, model)}.items():
            module, last = self._place(name)
            found = getattr(module, last, None)
            if isinstance(found, Tensor):
                found.data = tensor
            elif name in model.parameters:
                module.register_parameter(last, nn.Parameter(tensor, requires_grad=self.program.parameters[name].trainable))
            else:
                module.register_buffer(last, tensor)
            self._own[name] = getattr(module, last)

    def _place(self, name: str) -> tuple[nn.Module, str]:
        """The module that holds a tensor, one for each layer, and the tensor's name in it."""
        *path, last = name.split(".")
        module: nn.Module = self
        for part in path:
            if part not in module._modules:
                if hasattr(module, part):
                    problems = Problems()
                    problems.report(
                        "E202", f"a PyTorch module has a `{part}` of its own", None, fixes=["name the layer otherwise"]
                    )
                    raise LampError(problems.errors)
                module.add_module(part, nn.Module())
            module = module._modules[part]  # type: ignore[assignment]
        return module, last

    def forward(self, x: Tensor) -> Tensor:
        """Predictions [n, …] for samples ``x`` [n, …sample]; with dropout in training.

        Raises:
            ValueError: if they have another shape or element type.
        """
        self._settle()
        kind = self.program.elaborated.input_type
        if tuple(x.shape[1:]) != kind.sample or x.dim() == 0:
            raise ValueError(f"x has shape {list(x.shape)}, and {['n', *kind.sample]} is wanted")
        if kind.dtype != "i64" and x.dtype != self._model.storage.dtype:
            raise ValueError(f"x holds {x.dtype}, and the network {self._model.storage.dtype}: `train precision=` says which")
        parameters = [self._own[name] for name in self._model.parameters]
        lease = self._lease(len(x), self.training)
        if not torch.is_grad_enabled() or not (x.requires_grad or any(p.requires_grad for p in parameters)):
            return _forward(self, lease, x)
        made: Tensor = _Run.apply(self, lease, x, *parameters)  # type: ignore[no-untyped-call]
        return made

    def _derivative(self, training: bool, order: int) -> Derivative:
        """The gradients of the predictions, their gradients, and so on."""
        known = self._derivatives[training]
        while len(known) < order:
            known.append(known[-1].again())
            self._routines[training, len(known)] = _lowered(known[-1])
        return known[order - 1]

    def _lease(self, batch: int, training: bool, order: int = 1) -> _Lease:
        idle = self._idle.setdefault((training, batch, order), [])
        if idle:
            return _Lease(idle.pop(), idle)
        if training and batch < self.program.least_batch:
            raise ValueError("`batchnorm` cannot take the variance of a minibatch of one sample")
        return _Lease(Executor(self._routines[training, order], batch, self._model.storage, self._model.random), idle)

    def _settle(self) -> None:
        """After ``to()``, or a copy, the tensors are others than the op lists write to: take their values over."""
        stored = {**self._model.parameters, **_states(self.program, self._model)}
        current = {name: getattr(*self._place(name)) for name in stored}
        if all(current[name].data_ptr() == tensor.data_ptr() for name, tensor in stored.items()):
            return
        first = next(iter(current.values()))
        if first.dtype != self._model.storage.dtype:
            raise ValueError(f"the network is compiled for {self._model.storage.dtype}: `train precision=f64` says otherwise")
        values = {name: tensor.detach().clone() for name, tensor in current.items()}
        self._adopt(Model(self.program, device=str(first.device.type), backend="torch"))
        with torch.no_grad():
            for name, tensor in values.items():
                self._own[name].copy_(tensor)

    def __reduce__(self) -> tuple[Any, ...]:
        source, file, settings = self._made_by
        return _restored, (source, file, settings, {k: v.detach().clone() for k, v in self.state_dict().items()}, self.training)

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Lamp:
        restore, arguments = self.__reduce__()
        made: Lamp = restore(*arguments)
        return made


def _restored(source: str, file: Any, settings: Mapping[str, Any], state: Mapping[str, Tensor], training: bool) -> Lamp:
    module = Lamp(source, file=file, **settings)
    module.load_state_dict(state)
    return module.train(training)


class _Lease:
    """An executor that is in use until it is given back, or nobody has the lease any more."""

    def __init__(self, executor: Executor, idle: list[Executor]) -> None:
        self.executor: Executor | None = executor
        self._idle = idle

    def give_back(self) -> None:
        if self.executor is not None:
            self._idle.append(self.executor)
            self.executor = None

    def __del__(self) -> None:
        self.give_back()


def _forward(module: Lamp, lease: _Lease, x: Tensor) -> Tensor:
    executor = lease.executor
    assert executor is not None
    executor.inputs["x"].copy_(x)
    run(executor.forward)
    module._model.random.number += 1
    return executor.outputs["prediction"].clone()


@dataclass
class _Ran:
    """A forward, and the executor that holds what it made while nobody has taken its gradient."""

    module: Lamp
    lease: _Lease
    training: bool
    number: int
    """Where the random numbers were."""

    def held(self, x: Tensor) -> _Lease:
        """What it made of the samples."""
        if self.lease.executor is None:  # its gradient has been taken before, with its graph retained
            self.lease = self._again(x)
        return self.lease

    def _again(self, x: Tensor) -> _Lease:
        """The forward as it was: with the same random numbers, and nothing that is kept from step to step moves on."""
        module = self.module
        states = {tensor: tensor.clone() for tensor in _states(module.program, module._model).values()}
        lease = module._lease(len(x), self.training)
        with self.numbers():
            _forward(module, lease, x)
        for tensor, value in states.items():
            tensor.copy_(value)
        return lease

    @contextmanager
    def numbers(self) -> Iterator[None]:
        """The random numbers that it drew."""
        random = self.module._model.random
        now, random.number = random.number, self.number
        try:
            yield
        finally:
            random.number = now


class _Run(torch.autograd.Function):
    """The op lists as one function of the samples and the parameters."""

    @staticmethod
    def forward(ctx: Any, module: Lamp, lease: _Lease, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.ran = _Ran(module, lease, module.training, module._model.random.number)
        ctx.save_for_backward(x, *parameters)  # PyTorch then notices if one is changed before the backward
        return _forward(module, lease, x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        found = _Gradients.apply(ctx.ran, 1, ctx.needs_input_grad[2:], *ctx.saved_tensors, dy)  # type: ignore[no-untyped-call]
        return (None, None, *found)


class _Gradients(torch.autograd.Function):
    """A derivative of the samples, the parameters and cotangents; its gradients are the derivative of the next order."""

    @staticmethod
    def forward(ctx: Any, ran: _Ran, order: int, needed: Sequence[bool], *tensors: Tensor) -> tuple[Tensor | None, ...]:
        ctx.ran, ctx.order = ran, order
        ctx.save_for_backward(*tensors)
        of = ran.module._derivative(ran.training, order)
        lease = ran.held(tensors[0]) if order == 1 else ran.module._lease(len(tensors[0]), ran.training, order)
        executor = lease.executor
        assert executor is not None
        for name, tensor in zip((*of.names, *of.cotangents), tensors, strict=True):
            if name in executor.inputs:
                executor.inputs[name].copy_(tensor)
        with ran.numbers():
            run(executor.backward if order == 1 else executor.step)
        found = [executor.outputs.get(Grad(name)) if wanted else None
                 for name, wanted in zip(of.names, needed, strict=True)]  # fmt: skip
        made = tuple(None if gradient is None else gradient.clone() for gradient in found)
        lease.give_back()
        return made

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        tensors, of = ctx.saved_tensors, ctx.ran.module._derivative(ctx.ran.training, ctx.order)
        given = dict(zip(of.names, zip(cotangents, tensors, strict=False), strict=False))
        more = [torch.zeros_like(tensor) if cotangent is None else cotangent
                for cotangent, tensor in map(given.__getitem__, of.made)]  # fmt: skip
        found = _Gradients.apply(ctx.ran, ctx.order + 1, ctx.needs_input_grad[3:], *tensors, *more)  # type: ignore[no-untyped-call]
        return (None, None, None, *found)


def _first(program: Program, training: bool) -> Derivative:
    """Prediction, and from its cotangent ``dy`` the gradients of samples and parameters."""
    kept: dict[Key, Value] = {
        key: value for key, value in program.simplified.outputs.items() if key == "prediction" or isinstance(key, Next)
    }
    graph = subgraph(program.simplified, kept)
    return derivative(graph if training else for_inference(graph), ["x", *program.parameters])


def _lowered(of: Derivative) -> Routine:
    return lower(run_passes(of.graph, WHOLE))


def _states(program: Program, model: Model) -> dict[str, Tensor]:
    """What layers keep beside their parameters: running means."""
    from lampc.runtime.weights import layer_states

    return {name: model.storage.states[name] for name in sorted(layer_states(program))}
