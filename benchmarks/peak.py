"""How fast one core can be: fused multiply-adds on registers alone."""

from __future__ import annotations

import ctypes
import time

from lampc.native.emit import Functions, Lane, Writer
from lampc.native.engine import Code, compile_text, host
from lampc.native.functions import write

_CHAINS = 20
"""Independent sums, enough to hide an addition's latency on any core."""


def gflops(seconds: float = 0.3) -> float:
    """Billions of float32 operations a second, the best of several tries."""
    functions = Functions(write)
    w = Writer(functions)
    lane = Lane(False, host().target.width(False))
    factor = w.splat(lane, w.load(lane.one, "%x"))
    start = [(str(lane), w.constant(lane, float(k))) for k in range(_CHAINS)]
    sums = w.loop("0", "%n", 1, start, lambda _, values: [w.fma(lane, value, factor, factor) for value in values])
    total = sums[0]
    for other in sums[1:]:
        total = w.binary("fadd", lane, total, other)
    w.store(lane, total, "%x")
    body = "\n".join(w.lines)
    code = Code(compile_text(f"{functions}\ndefine void @f(ptr %x, i64 %n) {{\nentry:\n{body}\n  ret void\n}}"))
    call = code.function("f", None, ctypes.c_void_p, ctypes.c_int64)
    memory = (ctypes.c_float * 64)()
    best, loops = 0.0, 1_000_000
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        call(memory, loops)
        best = max(best, 2 * lane.count * _CHAINS * loops / (time.perf_counter() - begin) / 1e9)
    return best
