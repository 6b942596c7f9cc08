"""Files that lie outside the package in the repository and inside it in a wheel: grammar, models, error pages."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def path(*parts: str) -> Path:
    """Where a resource is: in the package (a wheel), else in the repository (an editable install)."""
    inside = _PACKAGE.joinpath("_resources", *parts)
    return inside if inside.exists() else _PACKAGE.parent.joinpath(*parts)


def text(*parts: str) -> str:
    """A resource's text.

    Raises:
        FileNotFoundError: if there is none such.
    """
    return path(*parts).read_text(encoding="utf-8")
