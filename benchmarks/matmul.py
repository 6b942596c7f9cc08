"""Products: the generated kernels of one linear layer beside torch's, on one thread."""

from __future__ import annotations

import ctypes
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import lampc.compile
from lampc.native.engine import Code, compile_text, host
from lampc.native.kernel import Kernel
from lampc.native.module import build
from lampc.native.session import Session

SIZES = ((64, 64), (256, 256), (784, 512), (1024, 1024), (2048, 2048), (512, 4096), (4096, 512))
"""Inputs and outputs of the layer."""
BATCHES = (1, 8, 32, 128, 512)


def matmul(rounds: int) -> Iterator[str]:
    """Microseconds of the three products, and how many times as long torch takes: its product alone.

    The generated kernels add the bias, take the activation or its gradient, and update the weights as well.
    """
    torch.set_num_threads(1)
    yield f"{'batch':>6} {'inputs':>6} {'outputs':>7}  {'forward':>15}  {'input gradient':>15}  {'weight gradient':>15}"
    for inputs, outputs in SIZES:
        for batch in BATCHES:
            cells = "  ".join(
                f"{1e6 * ours:8.0f} {theirs / ours:5.2f}×" for ours, theirs in _layer(batch, inputs, outputs, rounds)
            )
            yield f"{batch:6} {inputs:6} {outputs:7}  {cells}"


def _layer(batch: int, inputs: int, outputs: int, rounds: int) -> Iterator[tuple[float, float]]:
    """Seconds for each product of the middle layer: ours, torch's."""
    source = f"linear 3->{inputs}; tanh; linear {inputs}->{outputs}; tanh; linear {outputs}->3; loss mse; optimizer sgd lr=0"
    program = lampc.compile.text(source, batch=batch)
    module = build(program.whole, ("loss",), host().target, False, batch)
    text = module.text.replace("define internal void @kernel", "define void @kernel")
    code = Code(compile_text(text))
    session = Session(module, code, batch)
    x, y, order = (np.zeros((batch, 3), np.float32), np.zeros((batch, 3), np.float32), np.arange(batch)[None])
    session.run(x, y, order, batch)
    a, dy, weight = torch.rand(batch, inputs), torch.rand(batch, outputs), torch.rand(outputs, inputs)
    calls = _calls(text)[len(module.first) :]
    for kernel, (name, start) in zip(module.kernels, calls, strict=True):
        if not isinstance(kernel, Kernel):
            continue
        theirs = _theirs(kernel, batch, inputs, outputs, a, dy, weight)
        if theirs is None:
            continue
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        function = code.function(name, None, pointer, whole, pointer, whole, whole)
        table = session._table.ctypes.data + 8 * start
        random = session._random.ctypes.data
        yield _in_turns(lambda: function(table, batch, random, 0, 1), theirs, rounds)  # noqa: B023


def _calls(text: str) -> list[tuple[str, int]]:
    """The kernels in the order in which an epoch calls them, and where their slots begin."""
    starts = dict(re.findall(r"(%\w+) = getelementptr inbounds ptr, ptr %table, i64 (\d+)", text))
    return [(name, int(starts[slots])) for name, slots in re.findall(r"call void @(kernel_\d+)\(ptr (%\w+), ", text)]


def _theirs(
    kernel: Kernel, batch: int, inputs: int, outputs: int, a: torch.Tensor, dy: torch.Tensor, weight: torch.Tensor
) -> Callable[[], Any] | None:
    """Torch's product for a kernel of the middle layer: forward, input gradient, weight gradient."""
    contract = kernel.contract
    if contract is None:
        return None
    if contract.over_rows:
        own = {kernel.rows.count, kernel.cols} == {inputs, outputs}
        return (lambda: torch.mm(dy.t(), a)) if own else None
    shape = contract.size.count, kernel.cols
    if "grad" in kernel.name:
        return (lambda: torch.mm(dy, weight)) if shape == (outputs, inputs) else None
    return (lambda: torch.mm(a, weight.t())) if shape == (inputs, outputs) else None


def _in_turns(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Medians."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(max(rounds, 3)):
        for call, times in zip((ours, theirs), taken, strict=True):
            call()
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
    return statistics.median(taken[0]), statistics.median(taken[1])
