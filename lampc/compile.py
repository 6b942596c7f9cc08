"""The pipeline: from source text to op lists, in named steps.

>>> import lampc.compile
>>> program = lampc.compile.text("linear 2->3 xavier; tanh; linear 1; sigmoid")
>>> print(program.inference)
%1 = affine(x, linear1.weight, linear1.bias) : f32[B, 3]
%2 = tanh(%1) : f32[B, 3]
%3 = affine(%2, linear2.weight, linear2.bias) : f32[B, 1]
%4 = sigmoid(%3) : f32[B, 1]
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lampc import examples
from lampc.advice import advise
from lampc.compiled import Program
from lampc.diagnostics import Diagnostic, Problems, failure
from lampc.elaborate import Elaborated, elaborate
from lampc.elaborate.definitions import decode, read_source
from lampc.elaborate.foreign import judge
from lampc.elaborate.given import Given, as_path
from lampc.ir.graph import Graph
from lampc.passes.cse import share_common
from lampc.passes.differentiate import differentiate
from lampc.passes.distribute import distribute
from lampc.passes.gains import warn_of_saturation
from lampc.passes.mixed import mix_precision
from lampc.passes.optimise import optimise
from lampc.passes.order import BEGIN, FORWARD, WHOLE, Pass, lowered, run_passes, without_collection
from lampc.passes.recompute import recompute
from lampc.passes.totals import total_up
from lampc.passes.verified import checked
from lampc.source import Source
from lampc.syntax import parse

__all__ = ["BEGIN", "FORWARD", "WHOLE", "Pass", "Program", "beginning", "build", "check", "compile_source", "examine", "file",
           "from_file", "from_text", "lowered", "run_passes", "text", "told", "without_collection"]  # fmt: skip

_log = logging.getLogger("lampc")


def file(path: str | os.PathLike[str], *, allow_python: bool = False, **settings: Any) -> Program:
    """Compile a ``.lamp`` file, or the example of that name; ``settings`` override constants and options: ``epochs=5``.

    Its warnings are in ``program.warnings``, and told to the logger ``lampc``.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    place, name = examples.located(os.fspath(as_path("path", path)))
    return told(from_file(place, name, Given(place.parent, settings, allow_python)))


def text(source: str | bytes, *, name: str = "<text>", folder: str | os.PathLike[str] = ".",
         allow_python: bool = False, **settings: Any) -> Program:  # fmt: skip
    """Compile a program given as text; relative paths in it begin at ``folder``.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    return told(from_text(source, name, Given(as_path("folder", folder), settings, allow_python)))


def told(program: Program) -> Program:
    """The program, once the logger ``lampc`` knows what it was warned of."""
    for warning in program.warnings:
        _log.warning("%s", warning)
    return program


def from_file(path: Path, name: str, given: Given) -> Program:
    """The program that a file holds, under a name for messages.

    Raises:
        LampError: if the file cannot be read, or the program, its data or a setting is wrong.
    """
    problems = Problems()
    source = read_source(path, name, problems, None, examples.hints(path))
    problems.raise_errors()
    assert source is not None
    return compile_source(source, given, problems)


def from_text(text: str | bytes, name: str, given: Given) -> Program:
    """The program that a text is, under a name for messages.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    problems = Problems()
    if not isinstance(text, str | bytes):
        raise failure("E802", f"`source`: a text is wanted, not a {type(text).__name__}")
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    decoded = decode(raw, str(name), problems)
    problems.raise_errors()
    assert decoded is not None
    return compile_source(decoded, given, problems)


def check(
    source: Source, folder: Path, settings: Mapping[str, Any], allow_python: bool, problems: Problems
) -> Elaborated | None:
    """A program's checked forward graph, or None; mistakes are reported to ``problems``."""
    return examine(source, Given(folder, settings, allow_python), problems)


def examine(source: Source, given: Given, problems: Problems) -> Elaborated | None:
    """The pipeline's first half, up to a checked forward graph; mistakes are reported to ``problems``."""
    with without_collection():
        return _checked(source, given, problems)[0]


def _checked(source: Source, given: Given, problems: Problems) -> tuple[Elaborated | None, Graph | None]:
    """A checked program, and its forward graph as training begins, where that has been made."""
    tree = parse(source, problems, judge(given.layers))
    elaborated = elaborate(tree, given, problems)
    graph = None
    if elaborated is not None and not problems.errors:
        advise(elaborated, problems)
        if given.described is None:  # else it has been trained
            graph = _warn_of_growth(elaborated, problems)
        warn_of_saturation(elaborated.graph, problems)
    return elaborated, graph


def _warn_of_growth(elaborated: Elaborated, problems: Problems) -> Graph | None:
    from lampc.advice.growth import LARGE, warn_of_growth  # numpy, which takes a while to import

    if "loss" not in elaborated.graph.outputs or len(elaborated.graph) > LARGE:
        return None
    graph = beginning(elaborated)
    warn_of_growth(elaborated, graph, problems)
    return graph


def beginning(elaborated: Elaborated) -> Graph:
    """The forward graph as a training begins: initialisers with their gains, formulas in stable forms."""
    return run_passes(elaborated.graph, BEGIN)


def compile_source(source: Source, given: Given, problems: Problems | None = None) -> Program:
    """The whole pipeline.

    Raises:
        LampError: if the program, its data or a setting is wrong.
    """
    problems = problems or Problems()
    with without_collection():
        elaborated, begun = _checked(source, given, problems)
        problems.raise_errors()
        assert elaborated is not None
        return build(source, elaborated, problems.warnings, begun)


def build(source: Source, elaborated: Elaborated, warnings: tuple[Diagnostic, ...] = (), begun: Graph | None = None) -> Program:
    """The pipeline's second half: from a checked forward graph to op lists. ``begun``: its ``beginning``, where it is known."""
    forward, totals = total_up(run_passes(beginning(elaborated) if begun is None else begun, FORWARD[len(BEGIN) :]))
    experiment = elaborated.experiment
    train = experiment.train
    if train.mixed:
        forward = run_passes(forward, (mix_precision, share_common))
    whole = forward
    if "loss" in forward.outputs:
        whole = run_passes(forward, (differentiate,))
        if train.workers > 1:
            whole = run_passes(whole, (distribute,))
        whole = checked("optimise", optimise(whole, experiment.optimizer, experiment.schedule, train.accumulate))
    whole = run_passes(whole, WHOLE)
    if train.recompute:
        whole = run_passes(whole, (recompute,))
    return Program(source, elaborated, forward, whole, totals, warnings)
