"""Which passes run, and in what order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lampc.ir.graph import Graph
from lampc.ir.program import Routine
from lampc.passes.cse import share_common
from lampc.passes.dce import remove_dead
from lampc.passes.fuse import fuse
from lampc.passes.gains import find_gains
from lampc.passes.guard import drop_guards
from lampc.passes.lower import lower
from lampc.passes.simplify import simplify
from lampc.passes.stabilise import stabilise
from lampc.passes.verified import checked, checked_routine

Pass = Callable[[Graph], Graph]

BEGIN: tuple[Pass, ...] = (find_gains, stabilise)
"""What is done to the forward graph before its numbers are followed."""

FORWARD: tuple[Pass, ...] = (*BEGIN, simplify, share_common, remove_dead)
"""What is done to the forward graph before it is differentiated."""

WHOLE: tuple[Pass, ...] = (drop_guards, simplify, share_common, remove_dead, fuse, remove_dead)
"""What is done to the whole graph before it is lowered."""


@contextmanager
def without_collection() -> Iterator[None]:
    """Put off garbage collection: a compilation makes many objects and drops few, and would look at them repeatedly."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def lowered(graph: Graph) -> Routine:
    """The op lists of a graph."""
    return checked_routine(lower(graph))


def run_passes(graph: Graph, passes: tuple[Pass, ...]) -> Graph:
    """Apply passes in order."""
    for step in passes:
        graph = checked(step.__name__, step(graph))
    return graph
