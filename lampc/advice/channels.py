"""Images whose channels may come last, as TensorFlow has them."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated

_WINDOWED = ("conv", "conv2d", "depthwise", "maxpool", "avgpool", "globalpool")
"""Layers that take channels x height x width."""


def warn_of_channels(program: Elaborated, problems: Problems) -> None:
    """Report a written input such as 28x28x3 that the first layer takes for 28 channels of 28x3."""
    span, shape = program.experiment.input_span, program.experiment.input
    if span is None or shape is None or len(shape) != 3 or program.experiment.data is not None:
        return
    height, width, channels = shape
    first = next((use for use in program.layers if program.input in use.inputs), None)
    if first is None or first.kind not in _WINDOWED or channels not in (1, 3, 4) or height != width or height < 8:
        return
    ours = f"input {channels}x{height}x{width}"
    read = f"`{first.kind}` reads {height}x{width}x{channels} as {height} channels of {width}x{channels}"
    problems.report("W419", read, span,
                    "channels come first", also=[(first.span, "takes channels x height x width")],
                    fixes=[f"write `{ours}`, if the image is {height}x{width}"])  # fmt: skip
