"""Philox in LLVM's language; ``lampc/ops/philox.py`` says what it is."""

from __future__ import annotations

from lampc.native.emit import Lane, Writer
from lampc.ops.philox import MULTIPLIER, ROUNDS, WEYL, WORD


def uniform(w: Writer, lane: Lane, row: str, cols: int, column: str, stream: int) -> str:
    """A number in [0, 1) for each column from ``column`` on: 24 random bits.

    ``%random`` points to the key and the number of the step, 32 bits each.
    """
    words = Lane(False, lane.count)
    i32, i64 = words.of("i32"), words.of("i64")
    first = w.let(f"add i64 {w.let(f'mul i64 {row}, {cols}')}, {column}")
    element = _splat(w, words, w.let(f"trunc i64 {first} to i32"))
    if words.count > 1:
        element = w.let(f"add {i32} {element}, <{', '.join(f'i32 {k}' for k in range(words.count))}>")
    key = w.let("load i32, ptr %random, align 4")
    key = w.let(f"xor i32 {key}, {_signed(stream * WEYL & WORD)}")
    step = w.let(f"load i32, ptr {w.at('%random', '1', 'i32')}, align 4")
    left, right = element, _splat(w, words, step)
    multiplier = f"splat (i64 {MULTIPLIER})" if words.count > 1 else str(MULTIPLIER)
    thirty_two = "splat (i64 32)" if words.count > 1 else "32"
    for _ in range(ROUNDS):
        wide = w.let(f"mul {i64} {w.let(f'zext {i32} {left} to {i64}')}, {multiplier}")
        high = w.let(f"trunc {i64} {w.let(f'lshr {i64} {wide}, {thirty_two}')} to {i32}")
        low = w.let(f"trunc {i64} {wide} to {i32}")
        mixed = w.let(f"xor {i32} {w.let(f'xor {i32} {high}, {_splat(w, words, key)}')}, {right}")
        left, right = mixed, low
        key = w.let(f"add i32 {key}, {_signed(WEYL)}")
    eight = "splat (i32 8)" if words.count > 1 else "8"
    bits = w.let(f"lshr {i32} {left}, {eight}")
    number = w.let(f"uitofp {i32} {bits} to {lane}")
    return w.let(f"fmul {lane} {number}, {w.constant(lane, 2.0**-24)}")


def _splat(w: Writer, lane: Lane, value: str) -> str:
    if lane.count == 1:
        return value
    kind = lane.of("i32")
    first = w.let(f"insertelement {kind} poison, i32 {value}, i64 0")
    return w.let(f"shufflevector {kind} {first}, {kind} poison, <{lane.count} x i32> zeroinitializer")


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word
