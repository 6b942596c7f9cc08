"""What holds of every sound kernel: it stays within its buffers, and no place writes what another one writes or reads.

Two accesses meet at a number only if all their indices agree. Of an index ``c·a + rest`` whose rest reaches over less than
``|c|`` numbers, equal values mean equal ``a``, as with the digits of a number: so places are told apart, axis by axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lampc.ir.expression import Expression, walk
from lampc.loops.language import (
    Affine,
    At,
    Axis,
    Extent,
    Index,
    Loops,
    Nest,
    Place,
    Put,
    Reduced,
    Scan,
    Through,
    View,
)
from lampc.loops.listing import listing, place
from lampc.loops.schedule import columns

Space = Callable[[int], tuple[Extent, int]]
"""The rows and columns of a buffer."""


class Unsound(AssertionError):
    """A kernel that does not keep to the language; the message names the access, and has the kernel's lines."""


@dataclass(frozen=True)
class _Access:
    """A view at an index; ``otherwise`` if it may lie outside, ``store`` where it is written."""

    view: View
    index: tuple[Index, ...]
    otherwise: float | None = None
    store: Put | None = None

    @property
    def adds(self) -> bool:
        return self.store is not None and self.store.add


def verify(loops: Loops, name: Callable[[int], str], space: Space | None = None, private: Collection[int] = ()) -> None:
    """See that a kernel is sound; with ``space``, that views fit their buffers. Of ``private`` ones each thread has its own.

    Raises:
        Unsound: if it is not.
    """
    try:
        for nest, scans in _nests(loops.body, ()):
            _names(nest, (*loops.axes, *scans))
            for access in _accesses(nest):
                _within(access, name, space)
            _alone(nest, (*loops.axes, *scans), name)
        _outer(loops, name, private)
    except Unsound as error:
        raise Unsound(f"{error}\n{listing(loops, name)}") from None


def _nests(body: Sequence[Nest | Scan], scans: tuple[Axis, ...]) -> Iterator[tuple[Nest, tuple[Axis, ...]]]:
    """Every nest, and the axes of the scans that it stands in."""
    for part in body:
        if isinstance(part, Nest):
            yield part, scans
        else:
            yield from _nests(part.body, (*scans, part.axis))


def _accesses(nest: Nest) -> Iterator[_Access]:
    for part in nest.parts():
        if isinstance(part, At):
            yield _Access(part.view, part.index, part.otherwise)
            yield from _tables(part.index)
    for store in nest.stores:
        yield _Access(store.view, store.index, store=store)
        yield from _tables(store.index)


def _tables(index: Sequence[Index]) -> Iterator[_Access]:
    for part in index:
        if isinstance(part, Through):
            yield _Access(part.view, part.index)


# Names --------------------------------------------------------------------------------------------------------------


def _unique(names: Sequence[str], what: str) -> None:
    for first, second in pairwise(sorted(names)):
        _hold(first != second, f"two of name {first}: {what}")


def _names(nest: Nest, around: Sequence[Axis]) -> None:
    """Each name stands for one thing, and for one that is known where it is used."""
    scope = [*around, *nest.axes]
    _unique([axis.name for axis in scope], "axis")
    _unique([reduction.name for reduction in nest.reductions], "reduction")
    _hold(set(nest.ordered) <= set(nest.axes), f"{nest.name} has ordered axes that it does not go over")
    known: set[str] = set()
    for reduction in nest.reductions:
        _unique([axis.name for axis in (*scope, *reduction.axes)], "axis")
        _known(reduction.expression, {*scope, *reduction.axes}, known)
        known.add(reduction.name)
    for store in nest.stores:
        _known(store.expression, set(scope), known)
        _axes_known(store.index, set(scope))


def _known(root: Expression, axes: set[Axis], reductions: set[str]) -> None:
    for part in walk(root, set()):
        if isinstance(part, Reduced):
            _hold(part.name in reductions, f"{part.name} is asked for before it is reduced")
        elif isinstance(part, At):
            _axes_known(part.index, axes)
        elif isinstance(part, Place):
            _axes_known((part.value,), axes)


def _axes_known(index: Sequence[Index], axes: set[Axis]) -> None:
    for part in index:
        if isinstance(part, Through):
            _axes_known(part.index, axes)
        else:
            for axis, _ in part.terms:
                _hold(axis in axes, f"nothing goes over {axis.name}<{axis.extent} there")


# Bounds -------------------------------------------------------------------------------------------------------------


def _within(access: _Access, name: Callable[[int], str], space: Space | None) -> None:
    """Whatever the batch, every index that is not guarded lies within its dimension."""
    view, said = access.view, place(access.view, access.index, name)
    _hold(len(access.index) == len(view.dims), f"{said} has {len(access.index)} indices for {len(view.dims)} dimensions")
    _hold(sorted(view.memory) == list(range(len(view.dims))), f"{said} has an order that is none")
    _hold(sum(dim.batched for dim in view.dims) <= 1, f"{said} grows with the square of the batch")
    if space is not None:
        _hold(_fits(view, *space(view.buffer)), f"{said} is seen in dimensions that its buffer does not have")
    for part, dim in zip(access.index, view.dims, strict=True):
        if isinstance(part, Affine) and access.otherwise is None:
            _hold(part.within(dim), f"{said} may lie outside: {part} of {dim}")


def _fits(view: View, rows: Extent, cols: int) -> bool:
    """Whether a view has its buffer's numbers and, where rows are padded, its rows."""
    across, down, batched = columns(view), 1, any(dim.batched for dim in view.dims)
    for dim in view.dims:
        down *= dim.count
    down //= across
    if (down * across, batched) != (rows.count * cols, rows.batched):
        return False
    one = (down == 1 and not batched, rows == Extent(1))
    return across == cols or ((across == 1 or one[0]) and (cols == 1 or one[1]))


# Writers and readers ------------------------------------------------------------------------------------------------


def _alone(nest: Nest, around: Sequence[Axis], name: Callable[[int], str]) -> None:
    """No place writes what another writes or reads; those of ordered axes may add to the same number."""
    accesses = list(_accesses(nest))
    for write in (access for access in accesses if access.store):
        for access in (access for access in accesses if access.view.buffer == write.view.buffer):
            apart = set(nest.axes) - (set(nest.ordered) if write.adds and access.adds else set())
            _hold(_separate(write, access, apart, set(around)), _meeting(write, access, "places", name))


def _outer(loops: Loops, name: Callable[[int], str], private: Collection[int]) -> None:
    """What one place of the outer axes writes no other one touches."""
    accesses = [access for nest in loops.nests() for access in _accesses(nest)] if loops.axes else []
    accesses = [access for access in accesses if access.view.buffer not in private]
    for write in (access for access in accesses if access.store):
        for access in (access for access in accesses if access.view.buffer == write.view.buffer):
            _hold(_separate(write, access, set(loops.axes), set()), _meeting(write, access, "outer places", name))


def _meeting(write: _Access, access: _Access, places: str, name: Callable[[int], str]) -> str:
    said, other = (place(each.view, each.index, name) for each in (write, access))
    does = "written" if access.store else "read"
    return f"{said} is written and {other} {does} at different {places}, and they may be one number"


def _separate(write: _Access, access: _Access, apart: set[Axis], agree: set[Axis]) -> bool:
    """Whether two accesses come to one number only where the axes ``apart`` agree, if at all; those in ``agree`` do anyway."""
    if write.view != access.view:
        return False
    pairs = [(a, b) for a, b in zip(write.index, access.index, strict=True) if isinstance(a, Affine) and isinstance(b, Affine)]
    agree = agree | {axis for axis in apart if axis.extent == Extent(1)}
    agree |= {axis for pair in pairs for part in pair for axis, _ in part.terms if axis.extent == Extent(1)}
    known = -1
    while known < len(agree):
        known = len(agree)
        for a, b in pairs:
            least, greatest = _difference(a, b, agree)
            if least > 0 or greatest < 0:
                return True  # they never meet
            agree |= _digits(a, b, agree)
    return apart <= agree


def _digits(a: Affine, b: Affine, agree: set[Axis]) -> set[Axis]:
    """The axes that agree where two sums are equal, given those that do: the greatest coefficient first."""
    first, second, found = dict(a.terms), dict(b.terms), set(agree)
    alike = [axis for axis, c in a.terms if axis not in agree and second.get(axis) == c]
    for axis in sorted(alike, key=lambda axis: -abs(first[axis])):
        step = first[axis]
        least, greatest = _difference(_without(a, axis), _without(b, axis), found)
        if max(-least, greatest) >= abs(step):
            break
        found.add(axis)
    return found


def _without(part: Affine, axis: Axis) -> Affine:
    return Affine(tuple(term for term in part.terms if term[0] != axis), part.constant)


def _difference(a: Affine, b: Affine, agree: set[Axis]) -> tuple[float, float]:
    """The least and the greatest that ``a - b`` can be; the axes in ``agree`` stand at one place in both."""
    least = greatest = float(a.constant - b.constant)
    first, second = dict(a.terms), dict(b.terms)
    steps = [(axis, first.get(axis, 0) - second.get(axis, 0)) for axis in {*first, *second} & agree]
    steps += [(axis, step) for axis, step in a.terms if axis not in agree]
    steps += [(axis, -step) for axis, step in b.terms if axis not in agree]
    for axis, step in steps:
        reach = step * (math.inf if axis.extent.batched else axis.extent.count - 1) if step else 0.0
        least, greatest = least + min(reach, 0.0), greatest + max(reach, 0.0)
    return least, greatest


def _hold(condition: bool, said: str) -> None:
    if not condition:
        raise Unsound(said)
