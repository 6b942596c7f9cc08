"""Layers that only reshape."""

from __future__ import annotations

import math

from lampc.ir.types import B
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Signature
from lampc.ops.shape import Reshape
from lampc.ops.term import Term


def _flatten(make: Construct, x: Term, arguments: Arguments) -> Term:
    shape = (B, math.prod(x.type.sample))
    return x if x.type.shape == shape else make(Reshape(shape), x)


layer(LayerType("flatten", "each sample as one axis", "input 1x8x8; flatten; linear 10", Signature(), _flatten))
