"""Recurrent layers over samples of length x features. Parameters are called as torch calls them: ``lstm1.weight_ih_l0``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat

from lampc.ir.leaves import Initialiser
from lampc.ir.op import ShapeError
from lampc.ir.types import B, Type
from lampc.layers.attention import sequence
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Arrow, Flag, Int, Label, OneOf, Param, Signature
from lampc.ops.gru import GruScan
from lampc.ops.lstm import LstmScan
from lampc.ops.matmul import MatMul
from lampc.ops.recurrent import RnnScan, Scan
from lampc.ops.shape import Concat, Reshape, Slice
from lampc.ops.term import Term


def _build(gates: int, scan: Callable[[Arguments, bool], Scan]) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        sequence(x.type, arguments["sizes"].left)
        backward = {"forward": (False,), "backward": (True,), "both": (False, True)}[arguments["direction"]]
        states = _initial(make, arguments, arguments["layers"] * len(backward))
        for number in make.copies(arguments["layers"]):
            last = arguments["last"] and number == arguments["layers"] - 1
            ends = [_direction(make, x, number, gates, scan(arguments, reverse), next(states), last, arguments)
                    for reverse in backward]  # fmt: skip
            x = ends[0] if len(ends) == 1 else make(Concat(ends[0].type.rank - 1), *ends)
        return x

    return build


def _initial(make: Construct, arguments: Arguments, count: int) -> Iterator[tuple[Term, ...]]:
    """What each of ``count`` scans begins with: none, or its row of what was given; zeros where one of two was left out."""
    size = arguments["sizes"].right
    given = [arguments[name] for name in ("state", "cell") if name in arguments]
    if all(term is None for term in given):
        yield from repeat((), count)
        return
    wanted = Type(make.dtype, (B, count, size))
    for term in given:
        if term is not None and term.type not in (wanted, *([wanted.of((B, size))] if count == 1 else [])):
            raise ShapeError(f"begins with {count} x {size} numbers, and is given {term.type}", code="E401")
    zeros = wanted.of((B, size))
    for index in range(count):
        rows = [term if term is None or count == 1 else make(Slice(1, index, index + 1), term) for term in given]
        yield tuple(make.build.constant(zeros, 0.0) if row is None else make(Reshape(zeros.shape), row) for row in rows)


def _direction(make: Construct, x: Term, number: int, gates: int, scan: Scan, initial: tuple[Term, ...], last: bool,
               arguments: Arguments) -> Term:  # fmt: skip
    size = arguments["sizes"].right
    width, length = x.type.shape[2], x.type.shape[1]
    assert isinstance(length, int)
    init = arguments["init"] or Initialiser("uniform", (-(size**-0.5), size**-0.5))
    suffix = f"_l{number}{'_reverse' if scan.reverse else ''}"
    w_ih = make.parameter(f"weight_ih{suffix}", (gates * size, width), init)
    w_hh = make.parameter(f"weight_hh{suffix}", (gates * size, size), init)
    own = make(MatMul(transposed=True), x, w_ih)
    state_bias: tuple[Term, ...] = ()
    if arguments["bias"]:
        own = own + make.parameter(f"bias_ih{suffix}", (gates * size,), init)
        b_hh = make.parameter(f"bias_hh{suffix}", (gates * size,), init)
        # The gru's reset gate weighs the state's bias, so it goes into the scan; elsewhere both are added before it.
        state_bias, own = ((b_hh,), own) if isinstance(scan, GruScan) else ((), own + b_hh)
    elif isinstance(scan, GruScan):
        state_bias = (make.build.constant(w_hh.type.of((gates * size,)), 0.0),)
    h = make(scan, own, w_hh, *state_bias, *initial)
    if not last:
        return h
    end = 0 if scan.reverse else length - 1
    return make(Reshape((B, size)), h if length == 1 else make(Slice(1, end, end + 1), h))


def _declare(name: str, doc: str, gates: int, scan: Callable[[Arguments, bool], Scan], *more: Param,
             cell: tuple[Param, ...] = ()) -> None:  # fmt: skip
    layer(LayerType(name, doc, f"input 16 int<96>; embedding 32; {name} 32 last; linear 2",
                    Signature((Param("sizes", Arrow(), doc="`in->out` features, or `out` where the input is known"),
                               *more,
                               Param("layers", Int(), 1, "one on another", positional=False),
                               Param("direction", OneOf(("forward", "backward", "both")), "forward", "both side by side"),
                               Param("last", Flag(), False, "make the last state, not all of them"),
                               Param("state", Label(), None, "a value to begin with: a row a layer and direction",
                                     positional=False),
                               *cell,
                               Param("init", Init(general=True), None, "how all begins; uniform up to ±1/√out where left out"),
                               Param("bias", Flag(), True, "with biases"))),
                    _build(gates, scan), learns=True))  # fmt: skip


_declare("rnn", "h ← tanh(W·x + U·h + b), place by place", 1, lambda a, reverse: RnnScan(reverse, a["activation"]),
         Param("activation", OneOf(("tanh", "relu")), "tanh", "of the state"))  # fmt: skip
_declare("gru", "a gated recurrence: reset, update and new gate", 3, lambda a, reverse: GruScan(reverse))
_declare("lstm", "a gated recurrence with a cell: input, forget, cell and output gate", 4, lambda a, reverse: LstmScan(reverse),
         cell=(Param("cell", Label(), None, "the cells to begin with", positional=False),))  # fmt: skip
