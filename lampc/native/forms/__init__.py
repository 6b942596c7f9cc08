"""How ops come down to nests over axes: a function for each op that rows and columns do not suffice for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.native.forms.attention import ATTENTION
from lampc.native.forms.channels import CHANNELS
from lampc.native.forms.convolution import CONVOLUTIONS
from lampc.native.forms.grid import GRID
from lampc.native.forms.moving import MOVING
from lampc.native.forms.pooling import POOLING
from lampc.native.forms.reductions import REDUCTIONS
from lampc.native.forms.rotary import ROTARY
from lampc.native.forms.scans import SCANS
from lampc.native.forms.tables import TABLES
from lampc.native.making import Making

Form = Callable[[Making, Node], None]
"""Adds the kernels of a node."""

FORMS: Mapping[type[Op], Form] = {
    **ATTENTION,
    **CHANNELS,
    **CONVOLUTIONS,
    **GRID,
    **MOVING,
    **POOLING,
    **REDUCTIONS,
    **ROTARY,
    **SCANS,
    **TABLES,
}
"""Of the ops that have one."""
