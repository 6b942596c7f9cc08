"""Drawing programs: number n of a seed is always the same."""

from __future__ import annotations

import random
from collections import ChainMap
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from generator import formulas, images, pointwise, sequences, shapes  # noqa: F401  declare the layers
from generator.layers import KINDS, WIDTHS, Shape, fitting, maybe
from generator.network import Network, begin
from generator.program import Body, Definition, Init, Input, Option, Program, Statement, Training

PASS = (Statement("pass"),)
LARGEST, WIDEST = 600, 128
"""Numbers of a sample, and outputs of a linear layer over all of one, at most."""
FORMS = ("repeat", "residual", "sum", "product", "concat", "stack")
PLAIN = (*pointwise.PLAIN, "leakyrelu", "elu", "gelu", "hardtanh", "linear", "prelu", "scale", "bias", "layernorm", "rmsnorm",
         "flatten", "reshape")  # fmt: skip
"""Layers that every backend and export has; of these alone is each fourth program."""


def draw(number: int, seed: int = 0) -> Program:
    """Program ``number`` of a seed."""
    rng = random.Random(f"{seed}/{number}")
    return _Draft(rng, number).program()


class _Draft:
    """A program that grows; each statement is tried on four samples as it is drawn."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self.rng = rng
        self.number = number
        self.plain = number % 4 == 0
        self.kinds = PLAIN if self.plain else tuple(KINDS)
        self.definitions: dict[str, Definition] = {}
        self.lets = (("width", fitting(rng, 17)),) if rng.random() < 0.3 else ()
        self.net = Network(begin, self.definitions, numbers=dict(self.lets))
        self.labels = 0

    def program(self) -> Program:
        from generator.heads import head  # it draws layers, too

        rng = self.rng
        inputs = self._inputs()
        x = _samples(inputs, self.number)
        x = self.net.read(inputs, x)
        body: list[Statement] = []
        if inputs[0].below:
            embedding = Statement("embedding", (("sizes", f"{inputs[0].below}->{fitting(rng, 17)}"),
                                                *pointwise.init(rng, 0.3).items()))  # fmt: skip
            x, body = self.net.run(embedding, x), [embedding]
        grown, x = self.body(x, rng.randint(1, 4), rng.choice([0, 1, 1, 2]))
        body += grown
        last, training = head(self, x)
        body += last
        begins = pointwise.init(rng, 0.2).get("init")
        return Program(inputs, tuple(body), training, tuple(self.definitions.values()), self.lets, begins, seed=self.number)

    def _inputs(self) -> tuple[Input, ...]:
        rng = self.rng
        form = rng.choice(["vector", "vector", "image", "image", "sequence", "sequence", "names", "several"])
        if self.plain:
            form = rng.choice(["vector", "sequence"])
        if form == "names":
            return (Input((rng.randint(1, 6),), rng.randint(2, 9)),)
        if form == "several":
            return tuple(Input(self._shape(rng.choice(["vector", "sequence"]), 16), 0, f"in{index}")
                         for index in range(rng.randint(2, 3)))  # fmt: skip
        return (Input(self._shape(form)),)

    def _shape(self, form: str, most: int = 64) -> Shape:
        rng = self.rng
        if form == "vector":
            return (fitting(rng, most),)
        if form == "sequence":
            return (rng.randint(1, 6), fitting(rng, min(most, 33)))
        axes = rng.choice([1, 2, 2, 3])
        return (rng.choice([1, 2, 3, 4, 8]), *(rng.randint(2, (16, 8, 4)[axes - 1]) for _ in range(axes)))

    def body(self, x: Tensor, count: int, depth: int) -> tuple[list[Statement], Tensor]:
        """Statements one after another, and what they make."""
        made: list[Statement] = []
        for _ in range(count):
            for _ in range(12):  # some that are drawn don't fit
                found = self.part(x, depth)
                if found is not None:
                    made += found[0]
                    x = found[1]
                    break
        return made, x

    def part(self, x: Tensor, depth: int) -> tuple[list[Statement], Tensor] | None:
        """One statement, or a few that belong together; None if it came to nothing."""
        rng = self.rng
        chance = rng.random()
        if depth and chance < 0.16:
            return self.tried(x, self._form(x, depth))
        if depth and chance < 0.22:
            return self.tried(x, self._defined(x, depth))
        if not self.plain and chance < 0.32:
            return self.tried(x, self._woven(x))
        name = rng.choices(self.kinds, [KINDS[name].weight for name in self.kinds])[0]
        return self.tried(x, self.one(name, tuple(x.shape[1:])))

    def one(self, name: str, shape: Shape) -> list[Statement] | None:
        """A layer."""
        rng, kind = self.rng, KINDS[name]
        drawn = kind.draw(rng, shape)
        if drawn is None:
            return None
        if self.lets and name == "linear" and rng.random() < 0.4:
            drawn["sizes"] = "width"
        if kind.learns:
            drawn |= maybe(rng, 0.05, freeze=True) | maybe(rng, 0.05, lr=0.003)
        label = self.label() if rng.random() < 0.1 else ""
        return [Statement(name, tuple(drawn.items()), label=label, written=rng.random() < 0.1)]

    def label(self) -> str:
        self.labels += 1
        return f"value{self.labels}"

    def tried(self, x: Tensor, made: list[Statement] | None) -> tuple[list[Statement], Tensor] | None:
        """Statements and what they make of samples, if that is sound and of a moderate size."""
        if made is None:
            return None
        kept = self.net.snapshot()
        try:
            for statement in made:
                x = self.net.run(statement, x)
        except (RuntimeError, AssertionError, IndexError, ValueError):
            self.net.restore(kept)
            return None
        fits = x.dim() <= 5 and x[0].numel() and x[0].numel() <= LARGEST and bool(torch.isfinite(x).all())
        if not fits or float(x.abs().max()) > 1e3:
            self.net.restore(kept)
            return None
        return made, x

    def branch(self, x: Tensor, depth: int, wanted: Shape | None = None, otherwise: Body = PASS) -> tuple[Body, Tensor]:
        """A branch, which ends in a shape where one is wanted, or ``otherwise`` where that takes too large a layer."""
        rng, kept = self.rng, self.net.snapshot()
        self.net.labels = self.net.labels.new_child()
        made, x = self.body(x, rng.randint(1, 2), depth - 1)
        if wanted is not None and tuple(x.shape[1:]) != wanted:
            last = (wanted[-1],)
            if tuple(x.shape[1:-1]) != wanted[:-1]:
                if torch.Size(wanted).numel() > WIDEST:
                    self.net.restore(kept)
                    return otherwise, x
                made += [Statement("flatten")]
                last = (torch.Size(wanted).numel(),)
            made += [Statement("linear", (("sizes", last[0]), *pointwise.bias(rng).items()))]
            made += [Statement("reshape", (("shape", wanted),))] if last != wanted[-1:] or len(wanted) > 1 else []
        self.net.restore(kept)
        return tuple(made) or PASS, x

    def _form(self, x: Tensor, depth: int) -> list[Statement]:
        rng, shape = self.rng, tuple(x.shape[1:])
        name = rng.choice(FORMS[:4] if self.plain else FORMS)
        if name in ("repeat", "residual"):
            count = (("count", rng.randint(1, 3)),) if name == "repeat" else ()
            return [Statement(name, count, (self.branch(x, depth, shape)[0],), self._perhaps())]
        first, made = self.branch(x, depth, None if rng.random() < 0.5 else shape)
        wanted = tuple(made.shape[1:]) if len(made) else shape
        kept = self.net.snapshot()
        try:
            wanted = tuple(self.net.scoped(first, x).shape[1:])
        finally:
            self.net.restore(kept)
        others = [self.branch(x, depth, wanted, first)[0] for _ in range(rng.randint(1, 2))]
        if wanted == shape and rng.random() < 0.4:
            others.append(PASS)
        axes = len(shape if name == "concat" else (*shape, 1))
        axis = maybe(rng, 0.6, axis=rng.randint(1, max(1, axes))) if name in ("concat", "stack") else {}
        return [Statement(name, tuple(axis.items()), (first, *others), self._perhaps())]

    def _perhaps(self) -> str:
        return self.label() if self.rng.random() < 0.15 else ""

    def _defined(self, x: Tensor, depth: int) -> list[Statement]:
        """A use of a block or a formula, most often of a new one."""
        rng = self.rng
        known = list(self.definitions)
        if known and rng.random() < 0.4:
            name = rng.choice(known)
            wide = "n" in dict(self.definitions[name].numbers)
            return [Statement(name, tuple(maybe(rng, 0.6, n=fitting(rng, 17)).items()) if wide else ())]
        if rng.random() < 0.5:
            kept, self.net.labels = self.net.labels, ChainMap()  # a block sees no labels but its own
            body, _ = self.branch(x, depth)
            self.net.labels = kept
            name = f"part{len(self.definitions) + 1}"
            if rng.random() < 0.5:
                self.definitions[name] = Definition(name, body=body)
                return [Statement(name)]
            wide = (*body, Statement("linear", (("sizes", "n"),)))
            self.definitions[name] = Definition(name, (("n", fitting(rng, 8)),), body=wide)
            return [Statement(name, tuple(maybe(rng, 0.6, n=fitting(rng, 17)).items()))]
        name = f"shape{len(self.definitions) + 1}"
        numbers = (("a", rng.choice([0.5, 1.7])),) if rng.random() < 0.6 else ()
        formula = formulas.draw(rng, ("x",), tuple(each for each, _ in numbers))
        self.definitions[name] = Definition(name, numbers, formula)
        return [Statement(name, (("a", 0.8),) if numbers and rng.random() < 0.5 else ())]

    def _woven(self, x: Tensor) -> list[Statement] | None:
        """Layers that take a second value, which is made first."""
        rng, shape = self.rng, tuple(x.shape[1:])
        here, other = self.label(), self.label()
        begin = Statement("pass", label=here)
        back = Statement("from", (("label", here),))

        def linear(out: int, label: str) -> Statement:
            return Statement("linear", (("sizes", out),), label=label)

        if len(shape) == 1:
            form = rng.choice(["bilinear", "tie", "from"])
            if form == "bilinear":
                more = pointwise.bias(rng) | maybe(rng, 0.4, init=Init("normal", (("std", 0.2),)))
                given, squashed = rng.choice([(other, ""), ("", other)])
                return [begin, linear(fitting(rng, 8), given), Statement("tanh", label=squashed), back,
                        Statement("bilinear", (("out", rng.randint(1, 8)), ("with", other), *more.items()))]  # fmt: skip
            if form == "tie":
                return [linear(shape[0], other), Statement("tanh"), Statement("linear", (("sizes", shape[0]), ("tie", other)))]
        known = [name for name in self.net.labels if tuple(self.net.labels[name].shape[1:]) == shape]
        if len(shape) != 2 or rng.random() < 0.2:
            if not known:
                return None
            from_there = (Statement("from", (("label", rng.choice(known)),)),)
            return [Statement(rng.choice(["sum", "product", "concat"]), (), ((Statement("pass"),), from_there))]
        length, width = shape
        if rng.random() < 0.5:
            kind = rng.choice(["rnn", "gru", "lstm"])
            drawn = KINDS[kind].draw(rng, shape)
            assert drawn is not None
            out = drawn["sizes"]
            rows = drawn.get("layers", 1) * (2 if drawn.get("direction") == "both" else 1)
            rest = [] if rows == 1 and rng.random() < 0.5 else [Statement("reshape", (("shape", (rows, out)),))]
            first = [begin, Statement("flatten"), linear(rows * out, ""), *rest]
            first[-1] = replace(first[-1], label=other)
            cells: list[Statement] = []
            if kind == "lstm" and rng.random() < 0.5:
                cell = self.label()
                cells, drawn = [Statement("tanh", label=cell)], {**drawn, "cell": cell}
            return [*first, *cells, back, Statement(kind, (*drawn.items(), ("state", other)))]
        drawn = KINDS["attention"].draw(rng, shape)
        assert drawn is not None
        form = rng.choice(["keys", "mask", "padding", "heads"])
        if form == "keys":
            drawn.pop("rope", None)
            drawn.pop("base", None)
            start = Statement("slice", (("start", rng.randrange(length)),))
            if start.get("start"):
                drawn.pop("causal", None)  # which takes as many keys as places
            between = [linear(rng.choice([width, fitting(rng, 17)]), other)]
            taken: dict[str, Any] = {"keys": other}
            if rng.random() < 0.4:
                values = self.label()
                between += [linear(rng.choice([width, fitting(rng, 8)]), values)]
                taken["values"] = values
            return [begin, start, *between, back, Statement("attention", (*drawn.items(), *taken.items()))]
        if form == "mask":
            return [begin, linear(length, other), back, Statement("attention", (*drawn.items(), ("mask", other)))]
        if form == "heads":
            size = drawn["heads"] * length * length
            return [begin, Statement("flatten"), linear(size, ""),
                    Statement("reshape", (("shape", (drawn["heads"], length, length)),), label=other), back,
                    Statement("attention", (*drawn.items(), ("mask", other)))]  # fmt: skip
        return [begin, Statement("flatten"), linear(length, other), back,
                Statement("attention", (*drawn.items(), ("padding", other)))]  # fmt: skip


def _samples(inputs: tuple[Input, ...], seed: int, count: int = 4) -> Tensor:
    """Samples for a program."""
    generator = torch.Generator().manual_seed(seed + 1)
    if inputs[0].below:
        return torch.randint(0, inputs[0].below, (count, *inputs[0].shape), generator=generator)
    shape = inputs[0].shape if len(inputs) == 1 else (sum(torch.Size(each.shape).numel() for each in inputs),)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


samples = _samples
__all__ = ["WIDTHS", "Option", "Training", "draw", "samples"]
