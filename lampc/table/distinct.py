"""A column of text as its different words: what is found of each is found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lampc.table.missing import MISSING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNSEEN = " \t\r\n\x00\x1a\u200b\ufeff"
"""What files have at their ends, and pages around words, and nobody sees."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """Different words, and which of them stands in each row."""

    words: Any
    """pyarrow's array of strings [d], trimmed; none says that a cell is missing."""
    codes: NDArray[np.int32]
    """[n]; -1 where a cell is missing."""
    gaps: tuple[str, ...] = ()
    """The words that counted as missing."""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each word occurs, [d]."""
        import numpy as np

        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.words))

    @cached_property
    def present(self) -> int:
        """Cells that are not missing."""
        return int(self.counts.sum())

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A number for each word [d] as one for each row [n], NaN where a cell is missing."""
        import numpy as np

        return np.append(values, np.nan)[self.codes]

    def without(self, gone: NDArray[np.bool_]) -> Distinct:
        """The same where some words [d] count as missing too."""
        import numpy as np

        left = np.cumsum(~gone) - 1
        renamed = np.append(np.where(gone, -1, left), -1).astype(np.int32)
        return Distinct(self.words.filter(~gone), renamed[self.codes], (*self.gaps, *self.words.filter(gone).to_pylist()))

    def rows(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Where any of some words [d] stands."""
        import numpy as np

        return np.flatnonzero(np.append(chosen, False)[self.codes])


def distinct(cells: Any, missing: frozenset[str] = MISSING) -> Distinct:
    """The different words of cells of strings; words that are so in lower case count as missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(cells)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if encoded.num_chunks else pa.array([], encoded.type)
    if isinstance(encoded, pa.ChunkedArray):  # one chunk would be too long
        encoded = encoded.unify_dictionaries()
        dictionary = encoded.chunk(0).dictionary
        codes = np.concatenate([_codes(chunk) for chunk in encoded.chunks])
    else:
        dictionary, codes = encoded.dictionary, _codes(encoded)
    trimmed = pc.utf8_trim(pc.utf8_trim_whitespace(dictionary), characters=_UNSEEN)
    again = pc.dictionary_encode(trimmed)
    found = Distinct(again.dictionary, np.append(_codes(again), np.int32(-1))[codes])
    gone = pc.is_in(pc.utf8_lower(found.words), value_set=pa.array(sorted(missing), found.words.type))
    return found.without(gone.to_numpy(zero_copy_only=False)) if pc.any(gone).as_py() else found


def _codes(encoded: Any) -> NDArray[np.int32]:
    import numpy as np

    codes: NDArray[np.int32] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return codes
