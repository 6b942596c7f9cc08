"""Recurrent layers over samples of length x features. Parameters are called as torch calls them: ``lstm1.weight_ih_l0``."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.leaves import Initialiser
from lampc.ir.types import B
from lampc.layers.attention import sequence
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Arrow, Flag, Int, OneOf, Param, Signature
from lampc.ops.matmul import MatMul
from lampc.ops.recurrent import GruScan, LstmScan, RnnScan, Scan
from lampc.ops.shape import Concat, Reshape, Slice
from lampc.ops.term import Term


def _build(gates: int, scan: Callable[[Arguments, bool], Scan]) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        sequence(x.type, arguments["sizes"].left)
        backward = {"forward": (False,), "backward": (True,), "both": (False, True)}[arguments["direction"]]
        for number in range(arguments["layers"]):
            last = arguments["last"] and number == arguments["layers"] - 1
            ends = [_direction(make, x, number, gates, scan(arguments, reverse), last, arguments) for reverse in backward]
            x = ends[0] if len(ends) == 1 else make(Concat(ends[0].type.rank - 1), *ends)
        return x

    return build


def _direction(make: Construct, x: Term, number: int, gates: int, scan: Scan, last: bool, arguments: Arguments) -> Term:
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
    h = make(scan, own, w_hh, *state_bias)
    if not last:
        return h
    end = 0 if scan.reverse else length - 1
    return make(Reshape((B, size)), h if length == 1 else make(Slice(1, end, end + 1), h))


def _declare(name: str, doc: str, gates: int, scan: Callable[[Arguments, bool], Scan], *more: Param) -> None:
    layer(LayerType(name, doc, f"input 16 int<96>; embedding 32; {name} 32 last; linear 2",
                    Signature((Param("sizes", Arrow(), doc="`in->out` features, or `out` where the input is known"),
                               *more,
                               Param("layers", Int(), 1, "one on another", positional=False),
                               Param("direction", OneOf(("forward", "backward", "both")), "forward", "both side by side"),
                               Param("last", Flag(), False, "make the last state, not all of them"),
                               Param("init", Init(), None, "how all begins; uniform up to ±1/√out where left out"),
                               Param("bias", Flag(), True, "with biases"))),
                    _build(gates, scan), nodes=24, learns=True))  # fmt: skip


_declare("rnn", "h ← tanh(W·x + U·h + b), place by place", 1, lambda a, reverse: RnnScan(reverse, a["activation"]),
         Param("activation", OneOf(("tanh", "relu")), "tanh", "of the state"))  # fmt: skip
_declare("gru", "a gated recurrence: reset, update and new gate", 3, lambda a, reverse: GruScan(reverse))
_declare("lstm", "a gated recurrence with a cell: input, forget, cell and output gate", 4, lambda a, reverse: LstmScan(reverse))
