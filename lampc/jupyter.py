"""lampc in notebooks: ``%load_ext lampc.jupyter``, then cells that begin with ``%%lamp``.

A cell is a program. ``%%lamp NAME`` keeps it under that name; ``%%lamp NAME --train`` trains it, too, shows how far it is, and
keeps the model as ``NAME_model`` and what was measured as ``NAME_history``. ``%%lamp --help`` says what else there is.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import lampc.compile
from lampc.diagnostics import Diagnostic, Problems
from lampc.diagnostics.render import render
from lampc.diagnostics.suggest import nearest
from lampc.elaborate import parse_setting
from lampc.runtime.history import History
from lampc.shows import live

if TYPE_CHECKING:
    from lampc.runtime.history import Epoch, Part
    from lampc.runtime.model import Model


class _Arguments(argparse.ArgumentParser):
    """Raises what argparse would exit with; IPython prints it without a traceback."""

    def error(self, message: str) -> NoReturn:
        from IPython.core.error import UsageError

        unknown = message.partition("arguments: ")[2].split()
        near = nearest(unknown[0], ["--train", "--seed", "--set", "--help"]) if unknown else None
        raise UsageError(f"%%lamp: {message}{f'; did you mean {near}?' if near else ''}\n{self.format_usage()}".rstrip())


def _arguments() -> _Arguments:
    found = _Arguments("%%lamp", description="Compile the cell.", add_help=False, allow_abbrev=False)
    found.add_argument("name", nargs="?", default="program", metavar="NAME", help="what it is kept as (default: program)")
    found.add_argument("--train", action="store_true", help="train it; keep NAME_model and NAME_history")
    found.add_argument("--seed", type=int, metavar="N", help="the seed of the training")
    found.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
                       help="override a constant or an option: width=64, optimizer.lr=0.1")  # fmt: skip
    found.add_argument("-h", "--help", action="store_true", help="print this")
    return found


def lamp(shell: Any, line: str, cell: str) -> Any:
    """Compile a cell, and train it if that is asked for; what is shown of it.

    Raises:
        LampError: if it is wrong, which a notebook explains as a terminal does; what comes after the cell is not run.
    """
    parser = _arguments()
    try:
        asked = parser.parse_args(shlex.split(line))
    except ValueError as error:  # a quote that is not closed
        parser.error(str(error))
    if asked.help:
        print(parser.format_help().rstrip())
        return None
    if not asked.name.isidentifier():
        parser.error(f"`{asked.name}` is no name of Python's, which the program is to be kept under")
    if asked.seed is not None and not asked.train:
        parser.error("--seed is for --train")
    program = lampc.compile.text(cell, name="<cell>", **_settings(asked.settings))
    _warn(program.warnings)
    shell.user_ns[asked.name] = program
    if not asked.train:
        return program
    model = program.model(seed=asked.seed)
    shell.user_ns[f"{asked.name}_model"] = model  # as far as it is trained, if that is interrupted
    history = shell.user_ns[f"{asked.name}_history"] = train(model)
    return history


def _settings(given: list[str]) -> dict[str, Any]:
    problems = Problems()
    found = [parse_setting(text, problems) for text in given]
    problems.raise_errors()
    return dict(setting for setting in found if setting is not None)


def train(model: Model, loader: Any = None, epochs: int | None = None, *, on_epoch: Any = None, on_part: Any = None,
          **options: Any) -> History:  # fmt: skip
    """Train as ``model.train`` does, and show how far it is: in a notebook's cell, or on the terminal.

    What has been seen that will not mend itself is printed. Ctrl-C, or the notebook's stop, ends the training: the model is as
    it has been trained by then, and so is the history, whose ``ended`` is ``"interrupted"``. ``options`` are those of
    ``model.train``.
    """
    from lampc.runtime.steps import Position
    from lampc.runtime.train import train as training

    progress, history = live(), History(model.seed)

    def epoch(found: Epoch) -> object:
        progress.epoch(0, found)
        if found.warnings:
            progress.hide()
            _warn(found.warnings)
        return None if on_epoch is None else on_epoch(found)

    def part(found: Part) -> None:
        progress.part(0, found)
        if on_part is not None:
            on_part(found)

    progress.stage("compiling …")
    try:
        model.native("loss")
        progress.begin(epochs or model.program.experiment.train.epochs, 1)
        return training(model, loader, epochs, on_epoch=epoch, on_part=part, begin=(Position(), history), **options)
    except KeyboardInterrupt:
        history.ended = "interrupted"
        progress.hide()
        print(f"interrupted after {len(history)} epochs; the model is as it has been trained by then", file=sys.stderr)
        return history
    finally:
        progress.close()


def _warn(warnings: Sequence[Diagnostic]) -> None:
    for warning in warnings:
        print(render(warning), file=sys.stderr)


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext lampc.jupyter`` calls."""
    shell.register_magic_function(lambda line, cell: lamp(shell, line, cell), "cell", "lamp")
