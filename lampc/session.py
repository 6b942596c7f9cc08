"""Compiling with layers of one's own that nothing else in the process sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lampc import compile as pipeline
from lampc import examples
from lampc.compile import Program
from lampc.diagnostics import Diagnostic, LampError
from lampc.elaborate.given import Given, as_path
from lampc.layers import LAYERS, LayerType
from lampc.layers.custom import made_of
from lampc.ops.term import Term

if TYPE_CHECKING:
    from lampc.runtime.model import Model


class Session:
    """Programs that are compiled with the same layers: lampc's and, of functions in Python, some of one's own.

    A session is never changed, and may be used from any number of threads. What ``@lampc.layer`` declares for the whole
    process is not in it.

    >>> def doubled(make, x):
    ...     "Twice x."
    ...     return x * 2.0
    >>> lampc.Session(doubled).text("input 3; doubled")                      # doctest: +SKIP

    Raises:
        ValueError: if a function cannot be a layer, or its name is taken.
    """

    def __init__(self, *layers: Callable[..., Term], allow_python: bool = False) -> None:
        own = [made_of(function) for function in layers]
        names = [layer.name for layer in own]
        if len(set(names)) < len(names):
            raise ValueError(f"two layers have the same name: {', '.join(names)}")
        self.layers: Mapping[str, LayerType] = MappingProxyType({**LAYERS, **{layer.name: layer for layer in own}})
        self.allow_python = allow_python

    def file(self, path: str | os.PathLike[str], **settings: Any) -> Program:
        """Compile a ``.lamp`` file; see ``lampc.compile.file``.

        Raises:
            LampError: if the program, its data or a setting is wrong.
        """
        place, name = examples.located(os.fspath(as_path("path", path)))
        return pipeline.told(pipeline.from_file(place, name, self._given(place.parent, settings)))

    def text(
        self, source: str | bytes, *, name: str = "<text>", folder: str | os.PathLike[str] = ".", **settings: Any
    ) -> Program:
        """Compile a program given as text; see ``lampc.compile.text``.

        Raises:
            LampError: if the program, its data or a setting is wrong.
        """
        return pipeline.told(self._text(source, name, folder, settings))

    def load(self, path: str | os.PathLike[str], *, device: str | None = None, backend: str | None = None,
             folder: str | os.PathLike[str] = ".") -> Model:  # fmt: skip
        """The model of a file that ``model.save`` wrote, compiled with the session's layers; see ``lampc.load``.

        Raises:
            LampError: if it is no such file, or is damaged.
        """
        from lampc.runs.saved import load_as

        return load_as(path, self._given(as_path("folder", folder), {}), device, backend)

    def check(self, source: str | bytes, *, name: str = "<text>", folder: str | os.PathLike[str] = ".",
              **settings: Any) -> tuple[Diagnostic, ...]:  # fmt: skip
        """The mistakes and warnings of a program given as text, in the order in which they stand in it."""
        try:
            return self._text(source, name, folder, settings).warnings
        except LampError as error:
            return tuple(error.diagnostics)

    def _text(self, source: str | bytes, name: str, folder: str | os.PathLike[str], settings: Mapping[str, object]) -> Program:
        return pipeline.from_text(source, name, self._given(as_path("folder", folder), settings))

    def _given(self, folder: Path, settings: Mapping[str, object]) -> Given:
        return Given(folder, settings, self.allow_python, layers=self.layers)
