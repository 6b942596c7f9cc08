"""Benchmarks: lampc beside its peers, interleaved in one process, as ratios."""
