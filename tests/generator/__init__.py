"""Whole programs over the whole language, drawn at random, and the same networks in PyTorch by what the reference says.

Nothing here looks at the compiler's tables: what a layer, loss or optimiser means is written out from ``docs/language.md``.
"""
