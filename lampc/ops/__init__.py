"""Operations: one family a file; each op has its shape rule, gradient, cost and torch kernel in one place."""

from lampc.ir import leaves
from lampc.ops import activations, arithmetic, classes, exponential, matmul, normalise, random, reduction, shape

__all__ = ["activations", "arithmetic", "classes", "exponential", "leaves", "matmul", "normalise", "random", "reduction",
           "shape"]  # fmt: skip
