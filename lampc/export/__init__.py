"""Trained networks as others take them: PyTorch source, C, safetensors."""
