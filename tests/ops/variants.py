"""An op's samples in other sizes: ranks 1 to 4, widths around the sizes of vectors, several minibatches.

Nothing here knows an op: sizes are exchanged wherever they stand, in operands and in the op's own shape, and what the op's
shape rule then refuses is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from operands import Edges

import lampc.layers.own_gradient  # noqa: F401 (registers `with_gradient`)
from lampc.ir.graph import Stage
from lampc.ir.leaves import Initialiser, Parameter, Setting
from lampc.ir.op import REGISTRY, Labels, Normal, Op, Sample, ShapeError
from lampc.ir.types import B, DType, Shape, Type
from lampc.ops.elementwise import Elementwise
from lampc.ops.term import Build, Term, TermNode

WIDTHS = (1, 3, 8, 15, 16, 17, 33, 64)
BATCHES = (1, 2, 7)
LEAVES = {"input", "parameter", "parameters", "state", "setting", "constant"}
_MOST = 20_000
"""Numbers of an operand: larger ones show nothing that these do not."""
_MORE = ((), (2,), (2, 3))
"""Axes between the minibatch's and the others."""
_PLAIN = 11
"""Samples of a minibatch before sizes are exchanged: no other size, so that it is never taken for one."""


@dataclass(frozen=True)
class Case:
    """One op with operands of known sizes."""

    name: str
    sample: Sample

    @property
    def op(self) -> Op:
        """The op, for the minibatch of the sample."""
        return self.sample.op

    @cached_property
    def batch(self) -> int:
        """The first axis of the operand with the most axes."""
        return _batch(self.sample)

    def at(self, batch: int) -> Case:
        """The same for a minibatch of another size."""
        led = self.led
        if led is None:
            return self
        operands = tuple(replace(o, shape=(batch, *o.shape[1:])) if i in led else o for i, o in enumerate(self.sample.operands))
        return replace(self, sample=Sample(self._op(batch), operands))

    @cached_property
    def led(self) -> tuple[int, ...] | None:
        """The operands that have the minibatch's axis: as many as the shape rule lets; None if it has only this size."""
        may = [i for i, operand in enumerate(self.sample.operands) if operand.shape[:1] == (self.batch,)]
        for count in range(len(may), -1, -1):
            for led in combinations(may, count):
                if self._infer(led) is not None:
                    return led
        return None

    def types(self, dtype: DType, symbolic: bool = True) -> tuple[Type, ...]:
        """The operands' types; ``symbolic``: of minibatches of any size."""
        return tuple(self._type(i, dtype, (self.led or ()) if symbolic else ()) for i in range(len(self.sample.operands)))

    def _type(self, i: int, dtype: DType, led: tuple[int, ...]) -> Type:
        operand = self.sample.operands[i]
        shape: Shape = (B, *operand.shape[1:]) if i in led else operand.shape
        return Type("i64" if isinstance(operand, Labels) else dtype, shape)

    def _infer(self, led: tuple[int, ...]) -> tuple[Type, ...] | None:
        try:
            made = self._op(B).infer(*(self._type(i, "f64", led) for i in range(len(self.sample.operands))))
            plain = self.op.infer(*(self._type(i, "f64", ()) for i in range(len(self.sample.operands))))
        except (ShapeError, TypeError, AssertionError):
            return None
        return made if [t.dims(self.batch) for t in made] == [t.shape for t in plain] else None

    def _op(self, batch: Any) -> Op:
        return _shaped(self.op, lambda shape: (batch, *shape[1:]) if shape[:1] == (self.batch,) else shape)

    def symbolic(self) -> Op:
        """The op for a minibatch of any size."""
        return self.op if self.led is None else self._op(B)


def cases(op: type[Op], every: bool = False) -> list[Case]:
    """The samples of an op and their variants: all of them, or some, chosen so that ops together go through all sizes."""
    found = []
    for number, sample in enumerate(op.samples):
        plain = Case(f"{op.name}{number}", sample)
        more = [case for case in _variants(plain.at(_PLAIN)) if _valid(case)]
        if not every:
            step, start = len(more) // 3 + 1, sum(map(ord, op.name)) + number
            more = [more[(start + step * i) % len(more)] for i in range(min(3, len(more)))]
        found += [plain, *more, *_edges(plain)]
    return found


def _variants(case: Case) -> Iterator[Case]:
    sample = case.sample
    dims = sorted({dim for shape in _shapes(sample) for dim in shape[shape[:1] == (case.batch,) :]})
    for more in _MORE:
        deeper = _deeper(sample, case.batch, more)
        for dim in dims:
            for width in WIDTHS:
                made = _resized(deeper, case.batch, dim, width)
                yield Case(f"{case.name} {dim}={width}{f' +{len(more)}' if more else ''}", made)
    if isinstance(case.op, Elementwise):
        yield from _ranked(case)


def _ranked(case: Case) -> Iterator[Case]:
    """A number a sample, and one number for all."""
    for rank in (0, 1):
        operands = tuple(replace(operand, shape=operand.shape[:rank]) for operand in case.sample.operands)
        yield Case(f"{case.name} rank {rank}", Sample(case.op, operands))


def _edges(case: Case) -> Iterator[Case]:
    """Far from 0, and at it, for functions of any number."""
    if isinstance(case.op, Elementwise) and all(type(operand) is Normal for operand in case.sample.operands):
        yield Case(f"{case.name} far", Sample(case.op, tuple(Edges(operand.shape) for operand in case.sample.operands)))


def _valid(case: Case) -> bool:
    try:
        types = case.op.infer(*(case._type(i, "f64", ()) for i in range(len(case.sample.operands))))
    except (ShapeError, TypeError, AssertionError, ZeroDivisionError):
        return False
    sizes = [math.prod(shape) for shape in (*_shapes(case.sample), *(type.dims(case.batch) for type in types))]
    return min(sizes) > 0 and max(sizes) < _MOST


def _batch(sample: Sample) -> int:
    widest = max(_shapes(sample), key=len, default=())
    return widest[0] if widest else 0


def _shapes(sample: Sample) -> list[tuple[int, ...]]:
    own = [shape for shape in (getattr(sample.op, "shape", None),) if shape and all(isinstance(dim, int) for dim in shape)]
    return [*(operand.shape for operand in sample.operands), *own]


def _deeper(sample: Sample, batch: int, more: tuple[int, ...]) -> Sample:
    def put(shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (batch, *more, *shape[1:]) if shape[:1] == (batch,) else shape

    operands = tuple(replace(operand, shape=put(operand.shape)) for operand in sample.operands)
    return Sample(_shaped(sample.op, put), operands)


def _resized(sample: Sample, batch: int, old: int, new: int) -> Sample:
    def put(shape: tuple[Any, ...]) -> tuple[Any, ...]:
        kept = shape[:1] if shape[:1] == (batch,) else ()
        return (*kept, *(new if dim == old else dim for dim in shape[len(kept) :]))

    operands = []
    for operand in sample.operands:
        changed = replace(operand, shape=put(operand.shape))
        if isinstance(changed, Labels) and changed.classes == old:
            changed = replace(changed, classes=new)
        operands.append(changed)
    return Sample(_shaped(sample.op, put), tuple(operands))


def _shaped(op: Op, put: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Op:
    """The op with its own shape, where it has one, changed alike."""
    if any(field.name == "shape" for field in fields(op)):
        return replace(op, shape=put(op.shape))  # type: ignore[attr-defined,call-arg]
    return op


def leaf(type: Type, label: str) -> Op:
    """What gives an operand to a graph: without a minibatch's axis it is a parameter."""
    if type.batched or not type.shape or type.dtype == "i64":
        return Setting(type, label)
    return Parameter(type, label, Initialiser("zeros"))


def put_case(build: Build, case: Case, dtype: DType, label: str, gradient: bool,
             symbolic: bool = True) -> tuple[dict[str, Term], dict[str, Term]]:  # fmt: skip
    """A case in a graph: its leaves by their labels, and its results or its operands' gradients by theirs.

    Raises:
        NoGradient: if the op has none.
    """
    op, types = case.symbolic() if symbolic else case.op, case.types(dtype, symbolic)
    leaves = {f"{label}:{i}": build(leaf(type, f"{label}:{i}")) for i, type in enumerate(types)}
    terms = tuple(leaves.values())
    results = build.results(op, *terms)
    if not gradient:
        return leaves, {f"{label}:r{i}": term for i, term in enumerate(results)}
    dy = build(leaf(results[0].type, f"{label}:dy"))
    with build.at(stage=Stage.BACKWARD):
        node = TermNode(build, results[0].node, terms, results)
        gradients = op.gradient(node, dy, *(None for _ in results[1:]))
    return {**leaves, f"{label}:dy": dy}, {f"{label}:g{i}": term for i, term in enumerate(gradients) if term is not None}


def tried() -> list[type[Op]]:
    """Every op that is run."""
    return [op for name, op in REGISTRY.items() if name not in LEAVES]
