"""Passes: graph in, graph out, the input untouched; one a file, named for what it does."""
