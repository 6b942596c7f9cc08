"""lampc in notebooks: ``%load_ext lampc.jupyter``, then cells that begin with ``%%lamp``.

A cell is a program. ``%%lamp NAME`` keeps it under that name; ``%%lamp NAME --train`` trains it, too, and keeps the model as
``NAME_model`` and what was measured as ``NAME_history``.
"""

from __future__ import annotations

import shlex
import sys
from typing import Any

import lampc.compile
from lampc.diagnostics import LampError
from lampc.diagnostics.render import render


def lamp(shell: Any, line: str, cell: str) -> Any:
    """Compile a cell; what is shown of it. A mistake is explained, and the cell stops there."""
    words = shlex.split(line)
    name = next((word for word in words if not word.startswith("-")), "program")
    try:
        program = lampc.compile.text(cell, name="<cell>")
        for warning in program.warnings:
            print(render(warning), file=sys.stderr)
        shell.user_ns[name] = program
        if "--train" not in words:
            return program
        model = program.model()
        history = model.train()
    except LampError as error:
        for diagnostic in error.diagnostics:
            print(render(diagnostic), file=sys.stderr)
        return None
    shell.user_ns.update({f"{name}_model": model, f"{name}_history": history})
    return history


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext lampc.jupyter`` calls."""
    shell.register_magic_function(lambda line, cell: lamp(shell, line, cell), "cell", "lamp")
