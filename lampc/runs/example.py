"""The command by which a person first uses a run: one that can be pasted as it is."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from lampc.data.rows import Rows
from lampc.runs.inputs import FORMATS
from lampc.runtime.train import load_data
from lampc.runtime.turns import Turn

if TYPE_CHECKING:
    from lampc.compile import Program

MOST = 16
"""Numbers of a sample that is written out."""


def command(program: Program, run: Path, turn: Turn) -> str:
    """Predict for the file that was trained on, or for a held-out sample; failing that, say what to name."""
    start = f"lampc predict {shlex.quote(str(run))}"
    data = program.experiment.data
    if data is None:
        return f"{start} INPUT -o OUTPUT"
    if data.source.name == "text":
        return f'lampc sample {shlex.quote(str(run))} --prompt "The "'
    path = data.request.arguments.get("path")
    file = None if path is None else data.request.folder / str(path)
    if file is not None and ((file.suffix.lower() in FORMATS and file.is_file()) or data.source.name == "images"):
        return f"{start} {shlex.quote(os.path.relpath(file))} -o predictions.csv"
    found = load_data(program, turn.seed, turn.fold)
    part = found.test if len(found.test) else found.train
    if isinstance(part.x, Rows) or len(part) == 0 or part.x[0].size > MOST:
        return f"{start} INPUT -o OUTPUT"
    sample = part.x[0]
    if found.normal is not None:
        mean, deviation = found.normal
        sample = sample * deviation + mean
    return f"echo {','.join(f'{number:.4g}' for number in sample.reshape(-1).tolist())} | {start}"
