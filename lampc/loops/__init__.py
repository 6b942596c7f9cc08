"""The loop language: kernels over any number of axes, between the graph and machine code."""
