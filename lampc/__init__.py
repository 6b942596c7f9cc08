"""A compiler for neural networks: ``.lamp`` text to a checked graph, to readable op lists, to a trained network.

import lampc
program = lampc.compile.file("disc")
model = program.model(seed=0)
history = model.train()
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import Diagnostic, LampError

if TYPE_CHECKING:
    from lampc import compile as compile  # noqa: A004 - as `lampc.compile` alone
    from lampc import nn as nn
    from lampc.compiled import Program
    from lampc.data import Dataset
    from lampc.ir.op import ShapeError
    from lampc.layers.custom import layer
    from lampc.layers.own_gradient import with_gradient
    from lampc.runs.load import Run
    from lampc.runs.load import load as load_run
    from lampc.runs.saved import load
    from lampc.runtime.history import Epoch, History, Part
    from lampc.runtime.loader import DataLoader
    from lampc.runtime.model import Model
    from lampc.runtime.optim import SGD, Optimizer
    from lampc.session import Session

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
    "Part",
    "Program",
    "Run",
    "Session",
    "ShapeError",
    "__version__",
    "layer",
    "load",
    "load_run",
    "with_gradient",
]

logging.getLogger("lampc").addHandler(logging.NullHandler())  # silent until a program asks for it

_LAZY = {"Dataset": "lampc.data", "Epoch": "lampc.runtime.history", "History": "lampc.runtime.history",
         "Part": "lampc.runtime.history",
         "Model": "lampc.runtime.model", "Program": "lampc.compiled", "Run": "lampc.runs.load",
         "DataLoader": "lampc.runtime.loader", "SGD": "lampc.runtime.optim", "Optimizer": "lampc.runtime.optim",
         "Session": "lampc.session", "layer": "lampc.layers.custom",
         "load": "lampc.runs.saved", "load_run": "lampc.runs.load",
         "with_gradient": "lampc.layers.own_gradient", "ShapeError": "lampc.ir.op"}  # fmt: skip
_THERE = {"load_run": "load"}
"""What such a name is called where it stands."""
_MODULES = ("compile", "nn")
"""Imported when they are asked for; not by ``from lampc import *``, which would hide Python's own ``compile``."""


if not TYPE_CHECKING:  # to a type checker it would be any name's

    def __getattr__(name: str) -> Any:
        """Import what is slow, torch above all, only when it is asked for."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"lampc.{name}")
        if name not in _LAZY:
            raise AttributeError(f"module 'lampc' has no attribute {name!r}")
        return getattr(import_module(_LAZY[name]), _THERE.get(name, name))


def __dir__() -> list[str]:
    """The public names, and the modules that hold more."""
    return sorted([*__all__, *_MODULES])
