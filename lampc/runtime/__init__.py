"""Running programs on torch tensors: executor, data loader, training loop."""
