"""Goes over the calls of an exported program."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lampc.importing.arithmetic import Tracked, shifted
from lampc.importing.aten import CONSTANT, MOVES, NUMBERS, SHAPED, Arguments, Call, Ref, run, small
from lampc.importing.aten_calls import CALLS
from lampc.importing.attention import Scores, reshaped
from lampc.importing.needed import Uses, first, in_place, needed
from lampc.importing.text import Imported, NoLayer, Writer, need, refused, see_alike
from lampc.importing.values import MOST, SAMPLES, begin, finish

if TYPE_CHECKING:
    from numpy.typing import NDArray


_RUN = MOVES | CONSTANT | SHAPED | CALLS.keys()
"""Functions that may be run."""


def read_calls(calls: Sequence[Call], weights: Mapping[str, Any], given: str, shape: tuple[int | None, ...], whole: bool,
               result: str) -> Imported:  # fmt: skip
    """The network that calls make of one input, whose shape is None where any number will do.

    Raises:
        LampError: if one of them has no layer.
    """
    free = [axis for axis, number in enumerate(shape) if number is None]
    if len(shape) < 2 or len(free) > 1:
        raise refused(f"the input's shape is {list(shape)}: all but one axis must be known",
                      "export with one dynamic axis, the samples'")  # fmt: skip
    uses, axis = needed(calls, result), free[0] if free else 0

    def read(samples: int) -> Imported:
        return _read(uses, weights, given, [number or samples for number in shape], axis, whole, result)

    found = read(SAMPLES)
    if free and any(call.op == "aten.sym_size.int" for call in uses.calls):
        see_alike(found, read(SAMPLES + 1))
    return found


def _read(
    uses: Uses, weights: Mapping[str, Any], given: str, shape: list[int], axis: int, whole: bool, result: str
) -> Imported:
    changed = any(in_place(call) and uses.root(first(call)) in weights for call in uses.calls)
    reader = Reader(Writer(shape[axis]), uses, {k: w.clone() if changed else w for k, w in weights.items()})
    below = None
    if whole:
        lookups = [call.arguments for call in uses.calls if call.op == "aten.embedding.default"]
        tables = [weights[a["weight"].name] for a in lookups if uses.root(a["indices"].name) == given]
        below = min((len(table) for table in tables), default=0)
    reader.values[given] = begin(reader.out, shape, axis, below)
    for number, call in enumerate(uses.calls):
        reader.call(number, call)
    if result not in reader.values:
        raise refused("what the program gives does not depend on its input")
    return finish(reader.out, reader.values[result], axis)


@dataclass
class Reader:
    """Goes over calls, in their order."""

    out: Writer
    uses: Uses
    known: dict[str, Any]
    """Tensors and numbers that do not depend on the samples."""
    values: dict[str, Tracked] = field(default_factory=dict)

    def call(self, number: int, call: Call) -> None:
        """Understand one call."""
        given = {name: self._found(value) for name, value in call.arguments.items()}
        try:
            results = self._results(call, given)
        except NoLayer:
            results = (None,)
        if None in results[: len(call.results)]:
            raise refused(f"`{call.op}` (`{call.results[0]}`) has no layer here, or not with these options",
                          "export the module as it is: after `run_decompositions` layers cannot be told")  # fmt: skip
        if in_place(call):
            self._change(number, call, next(iter(given.values())), results[0])
        for name, result in zip(call.results, results, strict=False):
            self._note(name, result)

    def _results(self, call: Call, given: Mapping[str, Any]) -> Sequence[Any]:
        import torch

        op = call.op
        tracked = any(isinstance(part, Tracked) for value in given.values()
                      for part in (value if isinstance(value, list) else [value]))  # fmt: skip
        if not tracked:
            return self._worked_out(op, given)
        if in_place(call):
            _, name, overload = op.split(".", 2)
            op = f"aten.{name[:-1]}.{overload}"
        if op == "aten.sym_size.int":
            value, axis = list(given.values())
            return (value.shape[axis],)
        if op in SHAPED:
            (name, value), *_ = given.items()
            return self._worked_out(op, {**given, name: torch.empty(value.shape)})
        if op in MOVES:
            return self._moved(op, given)
        made = CALLS[op](self.out, Arguments(op, given)) if op in CALLS else None
        return made if isinstance(made, tuple) else (made,)

    def _change(self, number: int, call: Call, before: Any, after: Any) -> None:
        """A call has changed a value in place: all that was that value is the new one.

        Raises:
            LampError: if another view of it is used afterwards.
        """
        if not isinstance(after, Tracked):
            return  # the change has been made, and tensors share it
        for name in self.uses.alike(first(call)):
            held = self.values[name] if name in self.values else self.known.get(name)
            if held is before:
                self._note(name, after)
            elif held is not None and self.uses.last.get(name, -1) > number:
                raise refused(f"`{call.op}` (`{call.results[0]}`) changes `{name}` in place, of which it sees but a part")

    def _note(self, name: str, result: Any) -> None:
        mine, other = (self.values, self.known) if isinstance(result, Tracked) else (self.known, self.values)
        mine[name] = result
        other.pop(name, None)

    def _found(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._found(entry) for entry in value]
        if isinstance(value, Ref):
            return self.values[value.name] if value.name in self.values else self.known[value.name]
        return value

    def _worked_out(self, op: str, given: Mapping[str, Any]) -> Sequence[Any]:
        """What does not depend on the samples."""
        if op.startswith("_operator.") and op.split(".")[1] in NUMBERS:
            return (getattr(operator, op.split(".")[1])(*given.values()),)
        _, name, overload = op.split(".", 2)
        if op not in _RUN and f"aten.{name.removesuffix('_')}.{overload}" not in _RUN:
            raise NoLayer
        try:
            if not small(op, given):
                raise refused(f"`{op}` would make a constant of more than {MOST:,} numbers")
            found = run(op, given)
        except (RuntimeError, TypeError, ValueError, IndexError, MemoryError) as error:
            raise refused(f"`{op}` of constants cannot be worked out: {str(error).split(chr(10))[0]}") from None
        return tuple(found) if isinstance(found, list | tuple) else (found,)

    def _moved(self, op: str, given: Mapping[str, Any]) -> Sequence[Any]:
        """The function is run on the positions of its first argument's numbers."""
        import torch

        (name, value), *rest = given.items()
        need(isinstance(value, Tracked))
        if any(isinstance(other, Tracked) for _, other in rest):
            raise NoLayer
        if isinstance(value, Scores):
            return (reshaped(value, tuple(run(op, {**given, name: torch.empty(value.shape, device="meta")}).shape)),)

        def how(place: int | None) -> Callable[[NDArray[Any]], NDArray[Any]]:
            def moving(index: NDArray[Any]) -> NDArray[Any]:
                found = run(op, {**given, name: torch.from_numpy(index.copy())})
                array: NDArray[Any] = (found if place is None else found[place]).contiguous().numpy()
                return array

            return moving

        try:
            mould = run(op, {**given, name: torch.empty(value.shape, device="meta")})
            if isinstance(mould, list | tuple):
                return tuple(shifted(value, how(place)) for place in range(len(mould)))
            return (shifted(value, how(None)),)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise refused(f"`{op}`: {str(error).split(chr(10))[0]}") from None
