"""Files of somebody else's, given to a library that reads them: they may hold anything, and the library may raise anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lampc.data.source import DataError
from lampc.diagnostics import LampError


@contextmanager
def reading(path: Path, name: str | None = None) -> Iterator[None]:
    """Around what a library does with a file: whatever it raises is what is wrong with that file, under a name to show.

    Raises:
        DataError: if it is no regular file, which might never end, or cannot be read (E601).
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        yield
    except (DataError, LampError):
        raise
    except MemoryError:
        raise DataError("E601", f"cannot read {name or path}: what is in it is larger than memory") from None
    except Exception as error:
        said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise DataError("E601", f"cannot read {name or path}: {said[:300]}") from None
