"""Operations: one family a file; each op has its shape rule, gradient, cost and torch kernel in one place."""

from lampc.ir import leaves
from lampc.ops import (
    activations,
    arithmetic,
    attend,
    attention,
    cast,
    channels,
    classes,
    convolution,
    exponential,
    grid,
    gru,
    guard,
    lstm,
    matmul,
    normalise,
    parallel,
    pool,
    random,
    recurrent,
    reduction,
    shape,
    vjp,
    waves,
)

__all__ = ["activations", "arithmetic", "attend", "attention", "cast", "channels", "classes", "convolution", "exponential",
           "grid", "gru", "guard", "leaves", "lstm", "matmul", "normalise", "parallel", "pool",
           "random", "recurrent", "reduction", "shape", "vjp", "waves"]  # fmt: skip
