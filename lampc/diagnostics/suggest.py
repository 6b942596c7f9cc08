"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name at the smallest edit distance, if that is small for its length."""
    found = near(name, known)
    return found[0] if found else None


def only(name: str, known: Iterable[str]) -> str | None:
    """The same, if no other name is as near: it is what was meant, as far as one can know."""
    found = near(name, known)
    return found[0] if len(found) == 1 else None


def near(name: str, known: Iterable[str]) -> list[str]:
    """The known names at the smallest edit distance, if that is small for its length."""
    if len(name) > 40:
        return []
    lower = name.lower()
    scored = sorted({(edit_distance(lower, candidate.lower()), candidate) for candidate in known})
    return [candidate for distance, candidate in scored if distance == scored[0][0] and distance <= max(1, len(name) // 3)]


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn ``a`` into ``b`` (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        above, row = row, [i]
        for j, other in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
