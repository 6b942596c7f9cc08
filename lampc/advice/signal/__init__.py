"""How numbers grow: what deviation each value of a network begins with, and each gradient.

Patches of numbers go through the graph and through its gradients, op by op: weights are as their initialisers draw them, and
independent of what they weigh. No weight is made, and nothing is trained; a network of any width costs the same.
"""

from __future__ import annotations

from lampc.advice.signal import gathering, moving, norms, products, recurrences, sequences  # noqa: F401 (they declare rules)
from lampc.advice.signal.follow import Begin, Signal, follow

__all__ = ["Begin", "Signal", "follow"]
