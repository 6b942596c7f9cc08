"""A whole LLVM module: the kernels, and what calls them for every minibatch of an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lampc.ir.graph import Graph
from lampc.loops.language import Loops
from lampc.loops.verify import verify
from lampc.native import nests
from lampc.native.code import Target, function
from lampc.native.emit import Functions, Lane, Writer
from lampc.native.functions import write
from lampc.native.fuse import fuse
from lampc.native.kernel import AnyKernel, Buffer, Kernel, Kind
from lampc.native.place import poisoned
from lampc.native.select import select
from lampc.native.spaces import NoNativeForm
from lampc.native.stop import ABANDONED
from lampc.native.tile import padded
from lampc.passes.totals import MEAN, Totals
from lampc.passes.verified import asked


@dataclass(frozen=True)
class Module:
    """What there is to compile, and how to call it.

    ``run(table, random, order, epochs, samples, batch, x, y, w, results, totals)`` goes over samples in minibatches,
    epoch after epoch, each in an order of its own: gathers them, runs the kernels, adds what the loss comes of to the epoch's
    totals, copies the outputs that are wanted of each sample out. It returns -1, or where it stopped before an update, because
    the minibatch that begins there had no finite loss: so many samples after the first; or -2 if it was asked to stop.
    """

    text: str
    kernels: tuple[AnyKernel, ...]
    first: tuple[AnyKernel, ...]
    buffers: dict[int, Buffer]
    outputs: dict[str, int]
    keep: set[int]
    """The buffers whose numbers outlive a step, leaves apart."""
    double: bool
    width: int
    table: tuple[int, ...] = ()
    """The buffers whose addresses the table holds: each once, then the slots of every kernel."""
    totals: Totals = MEAN
    """What is added up for each epoch."""
    copied: tuple[str, ...] = ()
    """The outputs that are copied out, in the order of ``results``."""

    @cached_property
    def scratch(self) -> bool:
        """Whether its kernels need memory of their own to work in."""
        return "%scratch" in self.text


def build(
    graph: Graph, outputs: tuple[str, ...], target: Target, double: bool, batch: int, fused: bool = True, poison: bool = False,
    totals: Totals = MEAN, copied: tuple[str, ...] = (),
) -> Module:  # fmt: skip
    """The module that computes some outputs of a graph, and its update if it has one and the loss is among them.

    ``batch`` is the usual batch size; any other works as well. ``poison``: fill what is not needed any more with NaN.
    ``copied``: the outputs that are wanted of every sample; training wants none.

    Raises:
        NoNativeForm: if some of it has none.
    """
    added = {part.output for part in totals.parts} if "loss" in outputs else set()
    found = select(graph, (*outputs, *sorted(added.difference(outputs))))
    keep = set(found.outputs.values()) | {id for kernel in found.first for id in kernel.writes}
    kernels = fuse(found.kernels, found.buffers, keep, found.outputs.get("loss")) if fused else found.kernels
    if poison:
        kernels = poisoned(kernels, found.buffers, keep)
    if asked():
        _see((*found.first, *kernels), found.buffers)
    functions = Functions(write, target.fma)
    named: dict[str, str] = {}
    calls: list[_Call] = []
    table = list(range(len(found.buffers)))
    for kernel in (*found.first, *kernels):
        if isinstance(kernel, Kernel):
            text = function(kernel, found.buffers, target, double, batch, functions)
        else:
            text = nests.function(kernel, found.buffers, target, double, batch, functions)
        name = named.setdefault(text, f"@kernel_{len(named)}")  # alike kernels, such as a repeated layer's, are one
        calls.append(_Call(name, len(table)))
        table += kernel.slots
    module = Module("", tuple(kernels), tuple(found.first), found.buffers, found.outputs, keep, double, target.width(double),
                    tuple(table), totals, copied)  # fmt: skip
    run = _Run(module, functions, calls).text()
    meet = _meeting(functions, target.yields)
    texts = [meet, *(f"define internal void {name}{text}" for text, name in named.items())]
    return replace(module, text="\n\n".join([str(functions), *texts, run, ""]))


def _see(kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer]) -> None:
    """See that nests are sound."""
    private = {id for id, buffer in buffers.items() if buffer.kind is Kind.PRIVATE}
    for kernel in kernels:
        if isinstance(kernel, Loops):
            verify(kernel, lambda id: buffers[id].name, lambda id: (buffers[id].rows, buffers[id].cols), private)


def _meeting(functions: Functions, yields: str) -> str:
    """The function in which the parts wait for one another: ``%meeting`` counts arrivals, and has room for what was asked.

    ``yields``: the function that lets another thread go on.
    """
    w = Writer(functions)
    place = w.at("%meeting", "%slot", "i64")
    with w.when(w.let("icmp eq i64 %part, 0")):  # one part looks, and the others hear of it by coming here
        w.line(f"store atomic i64 {w.let('load atomic i64, ptr %stop monotonic, align 8')}, ptr {place} monotonic, align 8")
    with w.when(w.let("icmp sgt i64 %parts, 1")):
        came = w.let("atomicrmw add ptr %meeting, i64 1 seq_cst, align 8")
        turn = w.let(f"sub i64 {came}, {w.let(f'urem i64 {came}, %parts')}")
        wanted = w.let(f"add i64 {turn}, %parts")
        # Where there are more threads than cores, the one that is waited for must get its turn.
        pause = f"call i32 @{yields}()" if yields else "fence seq_cst"
        if yields:
            functions.declare(f"declare i32 @{yields}()")
        w.until(lambda: w.let(f"icmp sge i64 {w.let('load atomic i64, ptr %meeting acquire, align 8')}, {wanted}"), pause)
    w.line(f"ret i64 {w.let(f'load atomic i64, ptr {place} monotonic, align 8')}")
    body = "\n".join(w.lines)
    parameters = "ptr %meeting, ptr %stop, i64 %part, i64 %parts, i64 %slot"
    return f"define internal i64 @meet({parameters}) {{\nentry:\n{body}\n}}"


@dataclass(frozen=True)
class _Call:
    """A kernel's function, and where its slots begin in the table."""

    name: str
    start: int


class _Run:
    """The function that goes over an epoch."""

    def __init__(self, module: Module, functions: Functions, calls: list[_Call]) -> None:
        self.m = module
        self.first, self.calls = calls[: len(module.first)], calls[len(module.first) :]
        self.w = Writer(functions)
        self.epoch = self.order = ""
        functions.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")

    def text(self) -> str:
        w = self.w
        for number, call in enumerate(self.first):
            self._call(call, "%size", 1 + number % 2)
        w.loop("0", "%epochs", 1, [], self._epoch)
        body = "\n".join(w.lines)
        parameters = ("ptr noalias %table, ptr noalias %random, ptr %order, i64 %epochs, i64 %samples, i64 %size, ptr %x, "
                      "ptr %y, ptr %w, ptr %results, ptr %totals, i64 %part, i64 %parts, ptr %meeting, ptr %stop")  # fmt: skip
        return f"define i64 @run({parameters}) {{\nentry:\n{body}\n  ret i64 -1\n}}"

    def _epoch(self, epoch: str, _: list[str]) -> list[str]:
        w = self.w
        self.epoch = epoch
        self.order = w.at("%order", w.let(f"mul nsw i64 {epoch}, %samples"), "i64")
        count = len(self.m.totals.parts)
        first = w.at("%totals", w.let(f"mul nsw i64 {epoch}, {count}"), "double")
        places = [w.at(first, str(number), "double") for number in range(count)]
        before = [("double", w.let(f"load double, ptr {place}, align 8")) for place in places]
        totals = w.loop("0", "%samples", "%size", before, self._minibatch)
        with w.when(w.let("icmp eq i64 %part, 0")):
            for total, place in zip(totals, places, strict=True):
                w.line(f"store double {total}, ptr {place}, align 8")
        return []

    def _minibatch(self, start: str, carried: list[str]) -> list[str]:
        w, m = self.w, self.m
        left = w.let(f"sub nsw i64 %samples, {start}")
        full = w.let(f"icmp slt i64 {left}, %size")
        batch = w.let(f"select i1 {full}, i64 {left}, i64 %size")
        for buffer in m.buffers.values():
            if buffer.kind is Kind.INPUT:
                self._gather(buffer, start, batch)
        self._meet(3)
        checked = self._check_after()
        totals = carried
        for number, call in enumerate(self.calls):
            asked = self._call(call, batch, 1 + number % 2)
            w.leave(w.let(f"icmp ne i64 {asked}, 0"), f"i64 {ABANDONED}")
            if number == checked:
                totals = self._check(start, batch, totals)
        for number, name in enumerate(m.copied):
            self._copy_out(m.buffers[m.outputs[name]], start, batch, number)
        with w.when(w.let("icmp eq i64 %part, 0")):
            step = w.at("%random", "1", "i32")
            before = w.let(f"load i32, ptr {step}, align 4")
            w.line(f"store i32 {w.let(f'add i32 {before}, 1')}, ptr {step}, align 4")
        return totals

    def _meet(self, slot: int) -> str:
        """Wait until every part has come here; whether somebody had asked to stop, the same for all of them.

        ``slot``: where that is noted in ``%meeting``, another one than at the meetings before and after.
        """
        return self.w.let(f"call i64 @meet(ptr %meeting, ptr %stop, i64 %part, i64 %parts, i64 {slot})")

    def _call(self, call: _Call, batch: str, slot: int = 1) -> str:
        slots = self.w.at("%table", str(call.start), "ptr")
        self.w.line(f"call void {call.name}(ptr {slots}, i64 {batch}, ptr %random, i64 %part, i64 %parts)")
        return self._meet(slot)

    def _address(self, buffer: Buffer) -> str:
        return self.w.let(f"load ptr, ptr {self.w.at('%table', str(buffer.id), 'ptr')}, align 8")

    def _gather(self, buffer: Buffer, start: str, batch: str) -> None:
        """A minibatch's samples, through the order."""
        w = self.w
        kind, size = {"f32": ("float", 4), "f64": ("double", 8)}.get(buffer.dtype, ("i64", 8))
        rows, cols, stride = buffer.rows.count, buffer.cols, padded(buffer.cols, self.m.width)
        base = self._address(buffer)

        def sample(r: str, _: list[str]) -> list[str]:
            place = w.let(f"load i64, ptr {w.at(self.order, w.let(f'add nsw i64 {start}, {r}'), 'i64')}, align 8")
            source = w.at(f"%{buffer.label}", w.let(f"mul nsw i64 {place}, {rows * cols}"), kind)
            target = w.at(base, w.let(f"mul nsw i64 {r}, {rows * stride}"), kind)
            for row in range(rows) if cols != stride else (0,):
                numbers = cols if cols != stride else rows * cols
                there, here = w.at(target, str(row * stride), kind), w.at(source, str(row * cols), kind)
                w.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {there}, ptr {here}, i64 {numbers * size}, i1 false)")
            return []

        w.loop("%part", batch, "%parts", [], sample)

    def _copy_out(self, buffer: Buffer, start: str, batch: str, number: int) -> None:
        w = self.w
        kind, size = ("double", 8) if buffer.dtype == "f64" else ("float", 4)
        cols, stride = buffer.cols, padded(buffer.cols, self.m.width)
        base = self._address(buffer)
        rows = buffer.rows.count
        first = w.let(f"mul nsw i64 {start}, {rows}")
        result = w.let(f"load ptr, ptr {w.at('%results', str(number), 'ptr')}, align 8")

        def sample(r: str, _: list[str]) -> list[str]:
            row = w.let(f"add nsw i64 {first}, {r}")
            there = w.at(result, w.let(f"mul nsw i64 {row}, {cols}"), kind)
            here = w.at(base, w.let(f"mul nsw i64 {r}, {stride}"), kind)
            w.line(f"call void @llvm.memcpy.p0.p0.i64(ptr {there}, ptr {here}, i64 {cols * size}, i1 false)")
            return []

        w.loop("%part", w.let(f"mul nsw i64 {batch}, {rows}"), "%parts", [], sample)

    def _check_after(self) -> int:
        """The kernel after which the loss is known; nothing may have been learnt from it by then."""
        if "loss" not in self.m.outputs:
            return -1
        loss = self.m.outputs["loss"]
        last = max(number for number, kernel in enumerate(self.m.kernels) if loss in kernel.writes)
        for kernel in self.m.kernels[: last + 1]:
            kinds = {self.m.buffers[id].kind for id in kernel.writes}
            if Kind.PARAMETER in kinds:
                raise NoNativeForm("an update before the loss is known")
        return last

    def _number(self, output: str) -> str:
        """An output of one number."""
        w = self.w
        buffer = self.m.buffers[self.m.outputs[output]]
        own = Lane(buffer.dtype == "f64", 1)
        found = w.load(own, self._address(buffer))
        return found if own.double else w.let(f"fpext float {found} to double")

    def _check(self, start: str, batch: str, totals: list[str]) -> list[str]:
        w = self.w
        loss = self._number("loss")
        if not self.m.copied:  # training
            size = w.intrinsic("fabs", Lane(True, 1), loss)
            wrong = w.let(f"fcmp uge double {size}, {w.constant(Lane(True, 1), float('inf'))}")
            before = w.let(f"mul nsw i64 {self.epoch}, %samples")
            w.leave(wrong, f"i64 {w.let(f'add nsw i64 {before}, {start}')}")
        samples = w.let(f"sitofp i64 {batch} to double")
        following = []
        for total, part in zip(totals, self.m.totals.parts, strict=True):
            number = loss if part.output == "loss" else self._number(part.output)
            added = w.let(f"fmul double {number}, {samples}") if part.mean else number
            following.append(w.let(f"fadd double {total}, {added}"))
        return following
