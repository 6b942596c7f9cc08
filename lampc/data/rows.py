"""Samples that stay on the disk: what is needed of them is read when it is needed.

Rows are read, not mapped: pages of a mapped file would count as the process's own memory, and stay.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.source import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGE = 512 * 2**20
"""Bytes of a file from which its samples stay on the disk."""
_PIECE = 64 * 2**20
"""Bytes that are looked at together."""


@dataclass(frozen=True, eq=False)
class Rows:
    """An array of samples in a file, perhaps some of them in an order of their own, and normalised as they are read."""

    path: Path
    offset: int
    """Where the array's numbers begin."""
    dtype: np.dtype[Any]
    whole: tuple[int, ...]
    """The array's shape in the file."""
    index: NDArray[np.int64] | None = None
    """Which rows, in which order; all where None."""
    normal: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    """The mean that is taken off, and the deviation that is divided by."""
    below: int = 0
    """What they stay below, where they are whole numbers that name things; 0 where they are any."""

    def __len__(self) -> int:
        return self.whole[0] if self.index is None else len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array has it."""
        return (len(self), *self.whole[1:])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.whole)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        return replace(self, index=index if self.index is None else self.index[index])

    def scaled(self, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> Rows:
        """The rows, normalised."""
        return replace(self, normal=(mean, deviation))

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Rows from the file: a slice, or an array of their numbers."""
        import numpy as np

        chosen = np.arange(len(self))[key] if isinstance(key, slice) else np.asarray(key)
        rows = chosen if self.index is None else self.index[chosen]
        out = np.empty((len(rows), *self.whole[1:]), self.dtype)
        size = out[:1].nbytes if len(rows) else 0
        with open(self.path, "rb", buffering=0) as file:
            if len(rows) and (np.diff(rows) == 1).all():
                _read(file, out.data.cast("B"), self.offset + int(rows[0]) * size)
            else:
                for place, row in zip(out, rows.tolist(), strict=True):
                    _read(file, place.reshape(-1).data.cast("B"), self.offset + row * size)
        if self.below:
            return out.astype(np.int64)
        if self.normal is None:
            return out
        mean, deviation = self.normal
        return (out - mean) / deviation

    def pieces(self) -> Iterator[NDArray[Any]]:
        """All rows, some at a time, in the file's order where that makes no difference."""
        import numpy as np

        row = self.dtype.itemsize * int(np.prod(self.whole[1:], dtype=np.int64))
        count = max(1, _PIECE // max(1, row))
        ordered = self if self.index is None else replace(self, index=np.sort(self.index))
        for start in range(0, len(self), count):
            yield ordered[start : min(start + count, len(self))]

    def mean(self, axis: int = 0) -> NDArray[np.float64]:
        """The mean of the rows."""
        import numpy as np

        assert axis == 0
        total = np.zeros(self.whole[1:])
        for piece in self.pieces():
            total += piece.sum(axis=0, dtype=np.float64)
        return total / len(self)

    def std(self, axis: int = 0) -> NDArray[np.float64]:
        """The rows' standard deviation."""
        import numpy as np

        mean, total = self.mean(axis), np.zeros(self.whole[1:])
        for piece in self.pieces():
            total += np.square(piece - mean).sum(axis=0)
        found: NDArray[np.float64] = np.sqrt(total / len(self))
        return found

    def check(self, name: str, below: int = 0) -> None:
        """Look at every number once, as it is in the file. ``below``: what whole numbers are to stay below.

        Raises:
            DataError: if one is none, or none of those.
        """
        import numpy as np

        from lampc.data.whole import in_array, refuse_strange

        start = 0
        for piece in self.pieces():
            bad = ~np.isfinite(piece)
            if bad.any():
                place = tuple(int(i) for i in np.argwhere(bad)[0])
                where = f"row {start + place[0]}" + (f", column {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")
                raise DataError("E602", f"{name} has {float(piece[place])} in {where} (counted from 0)")
            if below:
                refuse_strange(piece, below, in_array(name, start))
            start += len(piece)

    def __reduce__(self) -> Any:
        return Rows, (self.path, self.offset, self.dtype, self.whole, self.index, self.normal, self.below)


def _read(file: Any, target: memoryview, offset: int) -> None:
    """Fill a piece of memory from a place in a file."""
    file.seek(offset)
    filled = 0
    while filled < len(target):
        count = file.readinto(target[filled:])
        if not count:
            raise DataError("E601", f"{file.name} ended while it was read")
        filled += count


def stored(path: Path, name: str) -> Rows:
    """An array of an ``.npz`` archive, where it lies.

    Raises:
        DataError: if there is none of that name, or it is compressed, or does not hold numbers row by row.
    """
    import numpy as np

    with zipfile.ZipFile(path) as archive:
        try:
            info = archive.getinfo(f"{name}.npy")
        except KeyError:
            raise DataError("E601", f"there is no array `{name}`") from None
        if info.compress_type != zipfile.ZIP_STORED:
            raise DataError("E601", f"{path.name} is large and compressed: its samples cannot be read one by one",
                            ("save it with np.savez, not np.savez_compressed",))  # fmt: skip
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
            if read is None:
                raise DataError("E601", f"`{name}` in {path.name} has a header of version {version}")
            shape, columns_first, dtype = read(member)
            header = member.tell()
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or not dtype.isnative or columns_first or not shape or min(shape) < 0:
        raise DataError("E602", f"{name} holds {dtype}{', columns first' if columns_first else ''}, not numbers row by row",
                        ("save it as float64, in an array whose first axis is samples",))  # fmt: skip
    with open(path, "rb") as file:
        file.seek(info.header_offset + 26)
        lengths = struct.unpack("<HH", file.read(4))
    return Rows(path, info.header_offset + 30 + sum(lengths) + header, dtype, shape)


def names(path: Path) -> list[str]:
    """The arrays of an ``.npz`` archive."""
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def size(path: Path) -> int:
    """A file's bytes."""
    return os.stat(path).st_size
