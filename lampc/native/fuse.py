"""Fusing kernels: what one stores and the next reads at the same place never needs to be in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lampc.ir.expression import HERE, Expression, Load, Pattern, exchanged
from lampc.loops.language import Loops
from lampc.native import epilogue
from lampc.native.kernel import AnyKernel, Buffer, Kernel, Kind, Rows, Store, Way

WIDEST = 64
"""Columns up to which a contraction's whole row is at hand, so that its epilogue may sum or normalise rows."""


def fuse(
    kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer], keep: set[int], loss: int | None = None
) -> list[AnyKernel]:
    """Merge kernels with the ones before them, then drop the stores that nothing reads.

    Before: kernels in an order that computes. After: the same results up to rounding (a product that meets its sum is
    rounded once), in fewer passes over memory.
    ``keep``: buffers that are read from outside. No leaf is written before ``loss`` is known.
    """
    count, found = 0, list(kernels)
    while len(found) != count:
        count = len(found)
        found = _pass(found, buffers, loss)
    return drop_stores(found, buffers, keep)


def _pass(kernels: list[AnyKernel], buffers: Mapping[int, Buffer], loss: int | None) -> list[AnyKernel]:
    """Join each kernel with an earlier one: with what makes its operands, or failing that with what shares them."""
    done: list[AnyKernel] = []
    for kernel in kernels:
        if isinstance(kernel, Loops):
            done.append(kernel)
            continue
        learns = any(buffers[id].kind is not Kind.WORK for id in kernel.writes)
        places = list(_places(done, kernel, loss if learns else None, buffers))
        makers = [(i, first) for i, first in places if first.writes & kernel.reads]
        others = [(i, first) for i, first in places if kernel.rows == Rows(1) or _shared(first, kernel, buffers)]
        chosen = next(iter([*makers, *others]), None)
        if chosen is None:
            done.append(kernel)
        elif isinstance(chosen[1], Kernel):
            done[chosen[0]] = _joined(chosen[1], kernel)
        else:
            done[chosen[0]] = epilogue.joined(chosen[1], kernel, _name(chosen[1].name, kernel.name))
    return done


def _shared(first: AnyKernel, kernel: Kernel, buffers: Mapping[int, Buffer]) -> bool:
    """Whether they read a whole buffer of computed numbers both."""
    if isinstance(first, Loops):
        return False
    read = {load.buffer for load in first.loads() if load.pattern is Pattern.EACH}
    return any(load.buffer in read and buffers[load.buffer].kind is Kind.WORK for load in kernel.loads())


def _places(
    done: list[AnyKernel], kernel: Kernel, barrier: int | None, buffers: Mapping[int, Buffer]
) -> Iterator[tuple[int, AnyKernel]]:
    """The earlier kernels that a kernel may run as part of, the latest first, down to the one that writes ``barrier``."""
    if kernel.contract is not None or kernel.turns:
        return
    read: set[int] = set()
    written: set[int] = set()
    for place in reversed(range(len(done))):
        first = done[place]
        if barrier in first.writes or written & (kernel.reads | kernel.writes) or read & kernel.writes:
            return  # what lies between would see or make another value
        if _may_join(first, kernel) if isinstance(first, Kernel) else epilogue.may_join(first, kernel, buffers):
            yield place, first
        read |= first.reads
        written |= first.writes


def _may_join(first: Kernel, kernel: Kernel) -> bool:
    """Whether nothing within the two stands in the way."""
    if first.rows != kernel.rows or first.cols != kernel.cols:
        return False
    if first.contract is not None and kernel.whole_rows and (kernel.cols > WIDEST or first.contract.over_rows):
        return False
    if first.contract is not None and first.contract.over_rows and any(s.way is Way.SUM_ROWS for s in kernel.stores):
        return False  # it goes over tiles of the result, not over whole rows
    made = {store.buffer: store for store in first.stores}
    for load in kernel.loads():
        if load.buffer in made and not _same_place(made[load.buffer], load):
            return False
    # What the first still reads elsewhere when the second has written.
    moved = {load.buffer for load in first.loads() if load.shift != HERE}
    elsewhere = moved | {load.buffer for load in first.loads() if load.pattern not in (Pattern.EACH, Pattern.ROW)}
    if first.contract is not None:
        elsewhere |= {first.contract.a, first.contract.b}
    moved_writes = {store.buffer for store in kernel.stores if store.shift != HERE}
    return not (kernel.writes & elsewhere or kernel.writes & first.writes or moved_writes & first.reads)


def _same_place(store: Store, load: Load) -> bool:
    return store.shift == load.shift == HERE and _pattern(store.way) is load.pattern


def _joined(first: Kernel, kernel: Kernel) -> Kernel:
    made = {(store.buffer, _pattern(store.way), HERE): store.expression for store in first.stores}  # `_same_place` holds
    known = {(load.buffer, load.pattern, load.shift): load for load in first.loads()}

    def other(part: Expression) -> Expression:
        if not isinstance(part, Load):
            return part
        key = (part.buffer, part.pattern, part.shift)
        return made.get(key) or known.get(key, part)

    expressions = exchanged([store.expression for store in kernel.stores], other)
    stores = tuple(replace(store, expression=found) for store, found in zip(kernel.stores, expressions, strict=True))
    return replace(first, name=_name(first.name, kernel.name), stores=(*first.stores, *stores))


def _pattern(way: Way) -> Pattern | None:
    return {Way.EACH: Pattern.EACH, Way.ROW: Pattern.ROW}.get(way)


def _name(first: str, second: str) -> str:
    base = first.rsplit("_", 1)
    return f"{base[0]}+{second.rsplit('_', 1)[0]}_{base[1]}" if first.count("+") < 3 else first


def drop_stores(kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer], keep: set[int]) -> list[AnyKernel]:
    """Leave out stores that no later kernel reads, and kernels without any left."""
    needed = set(keep)
    kept: list[AnyKernel] = []
    for kernel in reversed(kernels):
        if isinstance(kernel, Loops):
            unread = {id for id in kernel.writes if id not in needed and buffers[id].passing}
            if unread != kernel.writes:
                smaller_loops = epilogue.without(kernel, unread)
                needed |= smaller_loops.reads
                kept.append(smaller_loops)
            continue
        stores = tuple(s for s in kernel.stores if s.buffer in needed or buffers[s.buffer].kind is not Kind.WORK)
        if stores:
            smaller = replace(kernel, stores=stores)
            if smaller.overtaken:  # a number that was at hand would be read anew, and has been replaced
                smaller = kernel
            needed |= smaller.reads
            kept.append(smaller)
    return kept[::-1]
