"""Calls of ATen's functions, as exported programs have them, and which of the functions may be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.importing.arithmetic import Tracked
from lampc.importing.text import NoLayer, refused
from lampc.importing.values import MOST, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _named(names: str) -> frozenset[str]:
    return frozenset(f"aten.{name}" for name in names.split())


MOVES = _named("""
    view.default reshape.default _unsafe_view.default flatten.using_ints unflatten.int squeeze.dim squeeze.dims squeeze.default
    unsqueeze.default transpose.int permute.default t.default movedim.int swapaxes.default select.int slice.Tensor
    narrow.default index_select.default expand.default repeat.default repeat_interleave.self_int chunk.default split.Tensor
    split_with_sizes.default unbind.int contiguous.default clone.default alias.default detach.default flip.default
    pixel_shuffle.default pixel_unshuffle.default channel_shuffle.default roll.default""")
"""Functions that move their first argument's numbers about."""

CONSTANT = _named("""
    arange.default arange.start arange.start_step zeros.default ones.default full.default scalar_tensor.default
    lift_fresh_copy.default tril.default triu.default lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor
    ge.Scalar eq.Tensor eq.Scalar ne.Scalar logical_not.default logical_and.default bitwise_not.default bitwise_and.Tensor
    where.ScalarSelf where.ScalarOther sin.default cos.default outer.default empty.memory_format masked_fill.Tensor
    index.Tensor floor_divide.default remainder.Scalar rsqrt.default pow.Scalar pow.Tensor_Tensor cumsum.default
    diff.default gather.default all.default any.default any.dim expand_as.default sym_size.int broadcast_to.default
    __and__.Tensor __or__.Tensor bitwise_or.Tensor fill.Tensor fill.Scalar copy.default zero.default index_put.default""")
"""Functions that may make what does not depend on the samples alone; those of the other tables may, too."""

SHAPED = _named("""
    zeros_like.default ones_like.default full_like.default new_zeros.default new_ones.default new_full.default""")
"""Functions that take of their first argument its shape alone."""

NUMBERS = ("add", "sub", "mul", "floordiv", "neg", "mod")
"""What is done to sizes."""


@dataclass(frozen=True)
class Ref:
    """What another call has made, or the program is given."""

    name: str


@dataclass(frozen=True)
class Call:
    """A call in an exported program."""

    op: str
    """``aten.linear.default``"""
    arguments: Mapping[str, Any]
    """By the names that ATen gives them; those that are as they would be anyway may be missing."""
    results: tuple[str, ...]


def one_of_each(inputs: int, outputs: int) -> None:
    """See that a program has one input and one output.

    Raises:
        LampError: otherwise.
    """
    if inputs != 1 or outputs != 1:
        raise refused(f"the program has {inputs} inputs and {outputs} outputs, and one of each is wanted",
                      "export a module that returns one tensor")  # fmt: skip


def run(op: str, given: Mapping[str, Any]) -> Any:
    """One of ATen's functions, of those that the tables name."""
    function, arguments = _bound(op, given)
    return function(**arguments)


def small(op: str, given: Mapping[str, Any]) -> bool:
    """Whether what a function would make of constants is no larger than ``MOST``, as far as that can be told without it."""
    import torch

    function, arguments = _bound(op, given)
    arguments = {k: v.to("meta") if isinstance(v, torch.Tensor) else v for k, v in arguments.items()}
    if any(argument.name == "device" for argument in function._schema.arguments):
        arguments["device"] = "meta"
    try:
        found = function(**arguments)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return True
    return not isinstance(found, torch.Tensor) or found.numel() <= MOST


def _bound(op: str, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The function, and its arguments without those that say where a tensor is."""
    import torch

    _, name, overload = ("aten.to.dtype" if op == "aten.to.device" else op).split(".", 2)
    function = getattr(getattr(torch.ops.aten, name), overload)
    elsewhere = ("device", "layout", "pin_memory", "memory_format")
    arguments = {
        k: getattr(torch, v) if k == "dtype" and isinstance(v, str) else v for k, v in given.items() if k not in elsewhere
    }
    return function, arguments


class Arguments:
    """A call's arguments by name, and, where it leaves some out, what ATen says they are then."""

    def __init__(self, op: str, given: Mapping[str, Any]) -> None:
        self.op = op
        self.given = given

    def __getitem__(self, name: str) -> Any:
        import torch

        if name in self.given:
            return self.given[name]
        _, function, overload = self.op.split(".", 2)
        schema = getattr(getattr(torch.ops.aten, function), overload)._schema
        return next(argument.default_value for argument in schema.arguments if argument.name == name)

    def value(self, name: str) -> Value:
        """An argument that depends on the samples."""
        found = self[name]
        if not isinstance(found, Value):
            raise NoLayer
        return found

    def array(self, name: str) -> NDArray[Any] | None:
        """A constant, in an element type that files of weights know."""
        found = self[name]
        if isinstance(found, Tracked):
            raise NoLayer
        return None if found is None else arrayed(found)

    def either(self, name: str) -> Any:
        """An argument of any kind: a value, or an array."""
        found = self[name]
        return found if isinstance(found, Tracked) else arrayed(found)

    def shape(self) -> tuple[int, ...]:
        """Of a sample of what the call makes."""
        import torch

        def mould(part: Any) -> Any:
            if isinstance(part, list):
                return [mould(entry) for entry in part]
            if isinstance(part, torch.Tensor):
                return part.to("meta")
            return torch.empty(part.shape, device="meta") if isinstance(part, Value) else part

        try:
            found = run(self.op, {name: mould(value) for name, value in self.given.items()})
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise refused(f"`{self.op}`: {str(error).split(chr(10))[0]}") from None
        return tuple((found[0] if isinstance(found, list | tuple) else found).shape[1:])


def arrayed(value: Any) -> NDArray[Any]:
    """A tensor or a number as an array."""
    import numpy as np
    import torch

    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    array: NDArray[Any] = (value.float() if value.dtype in (torch.float16, torch.bfloat16) else value).detach().cpu().numpy()
    return array
