"""Which two kernels become one: those between which no number would be another."""

from __future__ import annotations

import pytest

from lampc.ir.expression import Across, Expression, Load, Pattern, Product, Shift
from lampc.native.fuse import fuse
from lampc.native.kernel import Buffer, Contract, Kernel, Kind, Rows, Store, Way

ROWS, COLS, WIDE = Rows(8), 5, 70
A, B, M, R, V, S, W = range(7)
EACH, ROW, COLUMN, ONE = Pattern.EACH, Pattern.ROW, Pattern.COLUMN, Pattern.ONE


def kernel(*stores: Store, contract: Contract | None = None, rows: Rows = ROWS, cols: int = COLS) -> Kernel:
    return Kernel("k_0", rows, cols, stores, contract)


def fused(first: Kernel, second: Kernel) -> bool:
    """Of kernels on a leaf of each shape but m, which the first makes: numbers, a row's, a column's, one, a square."""
    cols = first.cols
    shapes = {A: (ROWS, cols), B: (ROWS, cols), M: (first.rows, cols), R: (ROWS, 1), V: (Rows(1), cols), S: (Rows(1), 1)}
    shapes[W] = (Rows(cols), cols)
    buffers = {
        id: Buffer(id, "abmrvsw"[id], "f32", rows, width, Kind.WORK if id == M else Kind.STATE)
        for id, (rows, width) in shapes.items()
    }
    return len(fuse([first, second], buffers, set())) == 1


def m() -> Expression:
    return Load(M, EACH)


def test_what_is_made_and_read_at_one_place() -> None:
    assert fused(kernel(Store(M, Load(A, EACH))), kernel(Store(B, m() * 2.0)))
    assert fused(kernel(Store(R, Across("sum", Load(A, EACH)), Way.ROW)), kernel(Store(B, Load(R, ROW) * 2.0)))
    assert fused(kernel(Store(M, Load(A, EACH))), kernel(Store(A, m() * 2.0)))  # over what is read at the same place


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (kernel(Store(S, Load(A, EACH), Way.SUM_ALL)), kernel(Store(B, Load(S, ONE) * 2.0))),  # known after the last place
        (kernel(Store(V, Load(A, EACH), Way.SUM_ROWS)), kernel(Store(B, Load(V, COLUMN) * 2.0))),
        (kernel(Store(M, Load(A, EACH))), kernel(Store(B, Load(M, EACH, Shift(offset=1))))),  # at another place
    ],
)
def test_what_is_made_and_not_yet_there(first: Kernel, second: Kernel) -> None:
    assert not fused(first, second)


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (Load(V, COLUMN), Store(V, m(), Way.SUM_ROWS)),  # other rows still read it
        (Load(S, ONE), Store(S, m(), Way.SUM_ALL)),
        (Load(A, EACH, Shift(offset=1)), Store(A, m())),
        (Load(A, EACH), Store(A, m(), shift=Shift(offset=1))),
    ],
)
def test_what_is_read_elsewhere_is_not_written_over(read: Expression, written: Store) -> None:
    assert not fused(kernel(Store(M, read)), kernel(written))


def test_one_place_is_written_once() -> None:
    assert not fused(kernel(Store(M, Load(A, EACH)), Store(B, Load(A, EACH))), kernel(Store(B, m())))


def test_spaces_are_one() -> None:
    assert not fused(kernel(Store(M, Load(V, EACH)), rows=Rows(1)), kernel(Store(B, Load(M, COLUMN))))


@pytest.mark.parametrize(
    ("cols", "over_rows", "store", "joined"),
    [
        (COLS, False, Store(B, m() * 2.0), True),
        (COLS, False, Store(B, Across("max", m())), True),
        (WIDE, False, Store(B, m() * 2.0), True),
        (WIDE, False, Store(B, Across("max", m())), False),  # its rows are not at hand
        (COLS, False, Store(A, m()), False),  # rows that come later still need it
        (COLS, True, Store(W, m() * 2.0), True),
        (COLS, True, Store(S, m(), Way.SUM_ALL), True),
        (COLS, True, Store(W, Across("max", m())), False),  # it goes over tiles, not rows
        (COLS, True, Store(V, m(), Way.SUM_ROWS), False),
    ],
)
def test_after_a_product(cols: int, over_rows: bool, store: Store, joined: bool) -> None:
    rows = Rows(cols) if over_rows else ROWS
    contract = Contract(A, B if over_rows else W, ROWS if over_rows else Rows(cols), over_rows)
    first = kernel(Store(M, Product()), contract=contract, rows=rows, cols=cols)
    assert fused(first, kernel(store, rows=rows, cols=cols)) == joined
