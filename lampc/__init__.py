"""A compiler for neural networks: ``.lamp`` text to a checked graph, to readable op lists, to a trained network.

import lampc.compile
program = lampc.compile.file("models/disc.lamp")
model = program.model(seed=0)
history = model.train()
"""

from __future__ import annotations

import logging
from typing import Any

from lampc.diagnostics import Diagnostic, LampError

__version__ = "0.1.0"
__all__ = [
    "SGD",
    "DataLoader",
    "Dataset",
    "Diagnostic",
    "Epoch",
    "History",
    "LampError",
    "Model",
    "Optimizer",
    "Program",
    "Session",
    "ShapeError",
    "__version__",
    "layer",
    "load",
    "with_gradient",
]

logging.getLogger("lampc").addHandler(logging.NullHandler())  # silent until a program asks for it

_LAZY = {"Dataset": "lampc.data", "Epoch": "lampc.runtime.history", "History": "lampc.runtime.history",
         "Model": "lampc.runtime.model", "Program": "lampc.compile",
         "DataLoader": "lampc.runtime.loader", "SGD": "lampc.runtime.optim", "Optimizer": "lampc.runtime.optim",
         "Session": "lampc.session", "layer": "lampc.layers.custom",
         "load": "lampc.runs.saved",
         "with_gradient": "lampc.layers.own_gradient", "ShapeError": "lampc.ir.op"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is slow, torch above all, only when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'lampc' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
