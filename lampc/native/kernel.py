"""Kernels: loops over rows and columns, between the graph and machine code.

A buffer is a matrix of rows and columns. A kernel goes over a space of rows and columns, may begin with a contraction
(the products of a row and a column, summed), and stores expressions of what it finds at each place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from lampc.ir.expression import HERE, Across, Expression, Load, Shift, parts_of, shifted, text, walk
from lampc.ir.types import DType
from lampc.loops.language import Extent as Rows
from lampc.loops.language import Loops
from lampc.loops.listing import listing as loops_listing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Kind(StrEnum):
    """What a buffer is."""

    WORK = "work"
    PRIVATE = "private"
    """What a kernel works in, each thread in one of its own; nothing is left there for another kernel."""
    TABLE = "table"
    """Numbers that are known before anything runs."""
    INPUT = "input"
    PARAMETER = "parameter"
    STATE = "state"
    SETTING = "setting"


@dataclass(frozen=True)
class Buffer:
    """A matrix in memory. Columns are padded to whole vectors unless there is only one."""

    id: int
    name: str
    dtype: DType
    rows: Rows
    cols: int
    kind: Kind = Kind.WORK
    label: str = ""
    """The leaf's label; for a piece of a packed tensor, ``STATE:PARAMETER``."""
    turned: bool = False
    """Whether it holds the transpose of what it is named for."""
    order: tuple[int, ...] = ()
    """Of a leaf of several axes: these as they follow one another in memory, if not in their own order."""
    numbers: Callable[[], Sequence[float] | NDArray[np.float64]] | None = field(default=None, compare=False)
    """Of a table: what it holds, row by row, worked out when memory is there for it."""

    @property
    def passing(self) -> bool:
        """Whether its place is free once the last kernel has read it."""
        return self.kind in (Kind.WORK, Kind.PRIVATE)

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{self.rows}, {self.cols}]"


TURNED_IN_BLOCKS = 4096
"""Numbers of a matrix from which it is transposed by blocks in registers, not by the kernel that makes it."""


class Way(StrEnum):
    """How an expression is stored."""

    EACH = "[r, c]"
    TURNED = "[c, r]"
    ROW = "[r]"
    SUM_ROWS = "[c] sum"
    SUM_ALL = "[] sum"


@dataclass(frozen=True, eq=False)
class Store:
    """An expression's way into a buffer."""

    buffer: int
    expression: Expression
    way: Way = Way.EACH
    shift: Shift = HERE
    """For ``EACH``: to another place."""


@dataclass(frozen=True)
class Contract:
    """``Σₖ a[r, k] · b[k, c]``; or over the rows of both, ``Σₖ a[k, r] · b[k, c]``."""

    a: int
    b: int
    size: Rows
    """How many products are summed."""
    over_rows: bool = False


@dataclass(frozen=True, eq=False)
class Kernel:
    """A loop over ``rows`` × ``cols``."""

    name: str
    rows: Rows
    cols: int
    stores: tuple[Store, ...]
    contract: Contract | None = None

    def loads(self) -> Iterator[Load]:
        """Every load in the stored expressions, each once."""
        return (part for part in self.parts() if isinstance(part, Load))

    def parts(self) -> Iterator[Expression]:
        """Every expression, operands first, each once."""
        return parts_of([store.expression for store in self.stores])

    @cached_property
    def slots(self) -> list[int]:
        """The buffers that it uses, in the order in which it names them: what its code's table holds."""
        contracted = [self.contract.a, self.contract.b] if self.contract else []
        return list(dict.fromkeys([*contracted, *(load.buffer for load in self.loads()), *(s.buffer for s in self.stores)]))

    @cached_property
    def reads(self) -> set[int]:
        """The buffers that it reads."""
        contracted = {self.contract.a, self.contract.b} if self.contract else set()
        return contracted | {load.buffer for load in self.loads()}

    @cached_property
    def writes(self) -> set[int]:
        """The buffers that it writes."""
        return {store.buffer for store in self.stores}

    @property
    def turns(self) -> bool:
        """Whether it only transposes a matrix that is large enough to be moved in blocks."""
        large = not self.rows.batched and self.rows.count * self.cols >= TURNED_IN_BLOCKS
        return large and all(s.way is Way.TURNED and isinstance(s.expression, Load) for s in self.stores)

    @property
    def overtaken(self) -> bool:
        """Whether a store first reads what a store before it has written over."""
        seen: set[int] = set()
        written: set[int] = set()
        for store in self.stores:
            if any(isinstance(part, Load) and part.buffer in written for part in walk(store.expression, seen)):
                return True
            written.add(store.buffer)
        return False

    @cached_property
    def whole_rows(self) -> bool:
        """Whether some number depends on a whole row."""
        return any(isinstance(part, Across) for part in self.parts())


AnyKernel = Kernel | Loops
"""A loop over rows and columns, or over axes of any number."""


def listing(kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer]) -> str:
    """Kernels for people."""

    def name(id: int) -> str:
        return buffers[id].name

    lines = []
    for kernel in kernels:
        if isinstance(kernel, Loops):
            lines.append(loops_listing(kernel, name))
            continue
        lines.append(f"{kernel.name}: {kernel.rows} × {kernel.cols}")
        if kernel.contract:
            found = kernel.contract
            index = "[k, r]" if found.over_rows else "[r, k]"
            lines.append(f"  product = Σ k<{found.size} {name(found.a)}{index} · {name(found.b)}[k, c]")
        lines += [
            f"  {name(store.buffer)}{shifted(store.way, store.shift)} = {text(store.expression, name)}"
            for store in kernel.stores
        ]
    return "\n".join(lines)


__all__ = ["AnyKernel", "Buffer", "Contract", "Kernel", "Kind", "Rows", "Store", "Way", "listing"]
