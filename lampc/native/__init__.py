"""Native code: the whole graph as loops (kernels), fused, written as LLVM, compiled for this machine, and called."""
