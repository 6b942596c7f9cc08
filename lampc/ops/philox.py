"""Random numbers by place: Philox 2×32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

The counter is the element's number and the step's; the key comes from the seed and the stream. A number does not depend on
which others are drawn, so that torch and native code draw the same.
"""

from __future__ import annotations

from typing import Any

from lampc.ir.op import Kernel, Run

MULTIPLIER = 0xD256D193
WEYL = 0x9E3779B9
"""What is added to the key from round to round."""
ROUNDS = 10
WORD = 0xFFFFFFFF


def key_of(seed: int) -> int:
    """A key of 32 bits from a seed of up to 64, well mixed (the finaliser of SplitMix64)."""
    mixed = (seed + 0x9E3779B97F4A7C15) & (1 << 64) - 1
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
    return (mixed ^ mixed >> 31) & WORD


def round_keys(key: int, stream: int) -> list[int]:
    """The key of each round for a stream."""
    first = key ^ stream * WEYL & WORD
    return [first + number * WEYL & WORD for number in range(ROUNDS)]


def uniform(torch: Any, out: Any, stream: int, run: Run) -> Kernel:
    """A kernel that fills ``out`` with numbers in [0, 1), 24 random bits each."""
    numbers = torch.arange(out.numel(), dtype=torch.int64, device=out.device).view(out.shape)
    left, right, wide = (torch.empty_like(numbers) for _ in range(3))
    keys, step = run.random.keys(stream), run.random.step

    def kernel() -> None:
        left.copy_(numbers)
        right.copy_(step)
        for key in keys:
            torch.mul(left, MULTIPLIER, out=wide)
            torch.bitwise_right_shift(wide, 32, out=left)
            torch.bitwise_and(left, WORD, out=left)
            torch.bitwise_xor(left, key, out=left)
            torch.bitwise_xor(left, right, out=left)
            torch.bitwise_and(wide, WORD, out=right)
        torch.bitwise_right_shift(left, 8, out=left)
        out.copy_(left)
        out.mul_(2.0**-24)

    return kernel
