"""What a program is compiled with, beside its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lampc.data import Description
from lampc.diagnostics import failure
from lampc.layers import LayerType
from lampc.layers.custom import known


def as_path(name: str, value: object) -> Path:
    """A path that a Python program gives.

    Raises:
        LampError: if it is none.
    """
    try:
        return Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise failure("E802", f"`{name}`: a path is wanted, not a {type(value).__name__}") from None


@dataclass(frozen=True)
class Given:
    """All that a compilation looks at but its source; nothing that another thread declares meanwhile comes into it."""

    folder: Path = Path()
    """Where the paths of a program begin."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What overrides its constants and options."""
    allow_python: bool = False
    """Whether `data python` may run its function."""
    described: Description | None = None
    """What the data is known to be, so that nobody looks at it."""
    data_folder: Path | None = None
    """Where the paths of its data begin, if not in ``folder``."""
    layers: Mapping[str, LayerType] = field(default_factory=known)
    """The layers that there are."""
    texts: Mapping[Path, str] = field(default_factory=dict)
    """Files that it uses whose text is known, by their paths with links followed, so that nobody looks for them."""

    @property
    def place(self) -> Path:
        """Where the paths of its data begin."""
        return self.data_folder or self.folder
