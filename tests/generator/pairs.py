"""All-pairs rows: few, and each two values of two axes stand together in one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

Row = dict[str, str]
Item = tuple[str, str]
"""An axis and its value."""


def pairs_of(row: Mapping[str, str]) -> set[frozenset[Item]]:
    """The pairs that stand together in a row."""
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def all_pairs(axes: Mapping[str, Sequence[str]], fits: Callable[[Row], bool]) -> set[frozenset[Item]]:
    """Every pair that may stand together."""
    return {frozenset([(a, v), (b, w)]) for a, b in combinations(axes, 2) for v in axes[a] for w in axes[b]
            if fits({a: v, b: w})}  # fmt: skip


def covering(axes: Mapping[str, Sequence[str]], fits: Callable[[Row], bool] = lambda row: True, tries: int = 20) -> list[Row]:
    """Rows in which all pairs stand, found greedily; ``fits`` says which values may stand in one row."""
    wanted, rng, rows = all_pairs(axes, fits), random.Random(0), list[Row]()
    while wanted:
        rows.append(max((_row(axes, fits, wanted, rng) for _ in range(tries)), key=lambda row: len(pairs_of(row) & wanted)))
        wanted -= pairs_of(rows[-1])
    return rows


def _row(axes: Mapping[str, Sequence[str]], fits: Callable[[Row], bool], wanted: Iterable[frozenset[Item]],
         rng: random.Random) -> Row:  # fmt: skip
    """A row with one pair that is wanted, and on each other axis what makes most of those."""
    row = dict(rng.choice(sorted(map(sorted, wanted))))
    for name in rng.sample([name for name in axes if name not in row], len(axes) - 2):
        possible = [value for value in rng.sample(axes[name], len(axes[name])) if fits({**row, name: value})]
        row[name] = max(possible, key=lambda v: sum(frozenset([(name, v), item]) in wanted for item in row.items()))
    return row
