"""A program's native code: three modules, compiled when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from lampc.ir.graph import Graph
from lampc.native import cache
from lampc.native.engine import Code
from lampc.native.module import Module, build
from lampc.native.select import select
from lampc.native.spaces import NoNativeForm
from lampc.passes.totals import MEAN, Totals

__all__ = ["Native", "NoNativeForm"]


class Native:
    """Training, evaluation (prediction and loss) and prediction as machine code.

    Modules are made from graphs, which ``evaluated`` gives for what is done without dropout.
    """

    def __init__(self, whole: Graph, evaluated: Callable[[], Graph], double: bool, batch: int,
                 totals: Totals = MEAN) -> None:  # fmt: skip
        self._whole = whole
        self._evaluated = evaluated
        self._double = double
        self._batch = batch
        self._totals = totals
        self._made: dict[tuple[str, ...], tuple[Module, Code | None]] = {}
        self._refusals: dict[bool, str | None] = {}
        self._lock = Lock()

    def check(self, whole: bool = False) -> str | None:
        """Why there is no native form; None if there is one. Compiles nothing.

        ``whole``: write all the code that a model may need, to be sure.
        """
        if whole not in self._refusals:
            self._refusals[whole] = self._refusal(whole)
        return self._refusals[whole]

    def _refusal(self, whole: bool) -> str | None:
        from lampc.native.engine import refusal

        reason = refusal()
        if reason is not None:
            return reason
        trained = "loss" in self._whole.outputs
        try:
            select(self._whole, ("loss",) if trained else ("prediction",))
            if whole:
                for outputs in (("loss",), ("prediction", "loss")) if trained else ():
                    self.module(*outputs)
                self.module("prediction")
        except NoNativeForm as error:
            return str(error)
        return None

    def module(self, *outputs: str) -> Module:
        """What computes ``loss`` and updates, or ``prediction``, or both without an update.

        Raises:
            NoNativeForm: if some of it has none.
        """
        return self.compiled(*outputs, link=False)[0]

    def compiled(self, *outputs: str, link: bool = True) -> tuple[Module, Code | None]:
        """The same with its code, None where not linked."""
        from lampc.native.engine import host

        with self._lock:
            made = self._made.get(outputs)
            if made is None:
                graph = self._whole if outputs == ("loss",) else self._evaluated()
                copied = tuple(name for name in outputs if name != "loss")
                module = build(graph, outputs, host().target, self._double, self._batch, totals=self._totals, copied=copied)
                made = (module, None)
            if link and made[1] is None:
                made = (made[0], Code(object_code(made[0].text)))
            self._made[outputs] = made
            return made


def object_code(text: str) -> bytes:
    """A module's machine code, from the cache if it is there."""
    import llvmlite

    from lampc import __version__
    from lampc.native.engine import compile_text, host

    found = host()
    name = cache.key(text, found.triple, found.cpu, found.features, llvmlite.__version__, __version__)
    code = cache.load(name)
    if code is None:
        code = compile_text(text)
        cache.save(name, code)
    return code
