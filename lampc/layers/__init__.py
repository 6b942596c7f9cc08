"""What a ``.lamp`` file may call. A layer builds ops and declares its parameters and how they begin."""

from lampc.layers import (
    activations,
    attention,
    channels,
    convolution,
    custom,
    grid,
    linear,
    normalise,
    pool,
    recurrent,
    scale,
    shape,
)
from lampc.layers.layer import LAYERS, LayerType

__all__ = ["LAYERS", "LayerType", "activations", "attention", "channels", "convolution", "custom", "grid", "linear",
           "normalise", "pool", "recurrent", "scale", "shape"]  # fmt: skip
