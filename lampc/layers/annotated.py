"""The parameters of a user's function, whatever its annotations name."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable
from typing import Any

_PLAIN: dict[object, type] = {kind.__name__: kind for kind in (bool, int, float, str)}


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters; nothing that is annotated need be there, for that may be a type checker's alone.

    Raises:
        TypeError: if it is no function.
        ValueError: if it has no signature that can be known.
    """
    if sys.version_info >= (3, 14):  # there annotations are worked out when they are asked for
        from annotationlib import Format

        found = inspect.signature(function, annotation_format=Format.FORWARDREF)
    else:
        found = inspect.signature(function)
    return list(found.parameters.values())


def types(function: Callable[..., Any]) -> dict[str, Any]:
    """What the parameters are annotated with, by name; where some annotation cannot be worked out, the others as written."""
    try:
        return typing.get_type_hints(function)
    except NameError:
        given = {parameter.name: parameter.annotation for parameter in parameters(function)}
        return {name: _PLAIN.get(what, what) if isinstance(what, str) else what for name, what in given.items()}
