"""Fusing a loop over rows and columns into a nest before it: what the nest stores and the loop reads at the same place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lampc.ir.expression import HERE, Call, Expression, Load, Number, Pattern, exchanged
from lampc.loops.language import Affine, At, Axis, Index, Loops, Nest, Put, View
from lampc.native.kernel import Buffer, Kernel, Way


def may_join(first: Loops, kernel: Kernel, buffers: Mapping[int, Buffer]) -> bool:
    """Whether a kernel may be done at the places of a nest: it reads there what the nest stores, and no other place's."""
    made = _made(first, kernel)
    if made is None or kernel.contract is not None or kernel.whole_rows:
        return False
    buffer = buffers[made.view.buffer]
    if (kernel.rows, kernel.cols) != (buffer.rows, buffer.cols) or kernel.writes & (first.reads | first.writes):
        return False
    if any(store.way is not Way.EACH or store.shift != HERE for store in kernel.stores):
        return False
    return all(_readable(part, made, first, buffers) for part in kernel.parts())


def _made(first: Loops, kernel: Kernel) -> Put | None:
    """What of a nest a kernel reads: the one store into a buffer, a place for each of its numbers; None if there is none."""
    if first.axes or len(first.body) != 1 or not isinstance(first.body[0], Nest):
        return None
    shared = first.writes & kernel.reads
    stores = [store for store in first.body[0].stores if store.view.buffer in shared]
    if len(stores) != 1 or stores[0].add or first.body[0].ordered:
        return None
    index, sizes = stores[0].index, stores[0].view.dims
    whole = all(part == _only(part) and _axis(part).extent == size for part, size in zip(index, sizes, strict=True))
    return stores[0] if whole and len({_axis(part) for part in index}) == len(index) else None


def _only(part: Index) -> Affine | None:
    """An index that is one axis and nothing else."""
    if isinstance(part, Affine) and len(part.terms) == 1 and part.terms[0][1] == 1 and not part.constant:
        return part
    return None


def _axis(part: Index) -> Axis:
    assert isinstance(part, Affine)
    return part.terms[0][0]


def _readable(part: Expression, made: Put, first: Loops, buffers: Mapping[int, Buffer]) -> bool:
    """Whether an expression can be said at the nest's places."""
    if isinstance(part, Number | Call):
        return True
    if not isinstance(part, Load) or part.shift != HERE:
        return False
    here, there = buffers[made.view.buffer], buffers[part.buffer]
    if part.buffer in first.writes:
        return part.buffer == made.view.buffer and part.pattern is Pattern.EACH
    if part.pattern is Pattern.EACH:
        return (there.rows, there.cols) == (here.rows, here.cols)
    return part.pattern is Pattern.ONE or (part.pattern is Pattern.COLUMN and there.cols == here.cols)


def joined(first: Loops, kernel: Kernel, name: str) -> Loops:
    """The nest with what the kernel stores, too."""
    made = _made(first, kernel)
    nest = first.body[0]
    assert made is not None and isinstance(nest, Nest)

    def there(part: Expression) -> Expression:
        if not isinstance(part, Load):
            return part
        if part.buffer == made.view.buffer:
            return made.expression
        if part.pattern is Pattern.ONE:
            return At(View(part.buffer, ()), ())
        if part.pattern is Pattern.COLUMN:
            last = made.view.memory[-1]
            return At(View(part.buffer, (made.view.dims[last],)), (made.index[last],))
        return At(replace(made.view, buffer=part.buffer), made.index)

    expressions = exchanged([store.expression for store in kernel.stores], there)
    more = tuple(Put(replace(made.view, buffer=store.buffer), made.index, found)
                 for store, found in zip(kernel.stores, expressions, strict=True))  # fmt: skip
    return replace(first, name=name, body=(replace(nest, stores=(*nest.stores, *more)),))


def without(first: Loops, unread: set[int]) -> Loops:
    """The same without the stores that nothing reads, if it is one nest and something is left."""
    nest = first.body[0]
    if len(first.body) != 1 or not isinstance(nest, Nest):
        return first
    kept = tuple(store for store in nest.stores if store.view.buffer not in unread)
    return first if len(kept) in (0, len(nest.stores)) else replace(first, body=(replace(nest, stores=kept),))
