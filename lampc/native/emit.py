"""Writing LLVM's language: names, loops, and values of one number or a vector of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lampc.ir.types import Coefficient, DType

Values = list[str]


@dataclass(frozen=True)
class Lane:
    """A type: ``count`` numbers side by side, one where it is 1."""

    double: bool
    count: int

    @property
    def scalar(self) -> str:
        """One number's type."""
        return "double" if self.double else "float"

    @property
    def bits(self) -> int:
        """Bits of a number."""
        return 64 if self.double else 32

    def of(self, kind: str) -> str:
        """A type of as many elements."""
        return kind if self.count == 1 else f"<{self.count} x {kind}>"

    def __str__(self) -> str:
        return self.of(self.scalar)

    @property
    def integer(self) -> str:
        """Integers of the same size."""
        return self.of(f"i{self.bits}")

    @property
    def suffix(self) -> str:
        """As intrinsics' names end."""
        kind = f"f{self.bits}"
        return kind if self.count == 1 else f"v{self.count}{kind}"

    @property
    def one(self) -> Lane:
        """One number of it."""
        return Lane(self.double, 1)


def element(dtype: DType) -> str:
    """The type of a buffer's numbers in memory."""
    return {"f64": "double", "f32": "float"}.get(dtype, "i64")


def literal(value: float, double: bool) -> str:
    """A number, exactly, as LLVM writes it: float32 by the bits of its float64."""
    if not double:
        value = struct.unpack("<f", struct.pack("<f", value))[0] if abs(value) <= 3.4028235677973366e38 else value
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


class Writer:
    """A function's body, line by line."""

    def __init__(self, functions: Functions) -> None:
        self.lines: list[str] = []
        self.room: list[str] = []
        """What stands before the lines: memory on the stack."""
        self.functions = functions
        self._count = 0
        self._block = "entry"

    def new(self) -> str:
        """A fresh name."""
        self._count += 1
        return f"%v{self._count}"

    def line(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append(f"  {text}")

    def let(self, text: str) -> str:
        """An instruction's result."""
        name = self.new()
        self.lines.append(f"  {name} = {text}")
        return name

    # Numbers -------------------------------------------------------------------------------------------------------

    def constant(self, lane: Lane, value: float) -> str:
        """The same number in every place."""
        one = literal(value, lane.double)
        return one if lane.count == 1 else f"splat ({lane.scalar} {one})"

    def integer(self, lane: Lane, value: int) -> str:
        """The same integer in every place."""
        return str(value) if lane.count == 1 else f"splat (i{lane.bits} {value})"

    def coefficient(self, number: Coefficient, lane: Lane) -> str:
        """One number, which may depend on the batch."""
        if not number.power:
            return self.constant(lane, number.value)
        double = Lane(True, 1)
        result = self.constant(double, number.value)
        batch = self.let("sitofp i64 %batch to double")
        for _ in range(abs(number.power)):
            result = self.let(f"{'fmul' if number.power > 0 else 'fdiv'} double {result}, {batch}")
        return result if lane.double else self.let(f"fptrunc double {result} to float")

    def splat(self, lane: Lane, value: str) -> str:
        """One number in every place."""
        if lane.count == 1:
            return value
        first = self.let(f"insertelement {lane} poison, {lane.scalar} {value}, i64 0")
        return self.let(f"shufflevector {lane} {first}, {lane} poison, <{lane.count} x i32> zeroinitializer")

    def binary(self, op: str, lane: Lane, a: str, b: str) -> str:
        """``fadd``, ``fmul``, …; each is rounded, whatever it is an operand of."""
        return self.let(f"{op} {lane} {a}, {b}")

    def fma(self, lane: Lane, a: str, b: str, c: str) -> str:
        """``a·b + c``, rounded once where the machine has an instruction for it, else twice."""
        return self.intrinsic("fma" if self.functions.fma else "fmuladd", lane, a, b, c)

    def intrinsic(self, name: str, lane: Lane, *arguments: str) -> str:
        """One of LLVM's own functions."""
        full = f"@llvm.{name}.{lane.suffix}"
        self.functions.declare(f"declare {lane} {full}({', '.join([str(lane)] * len(arguments))})")
        return self.let(f"call {lane} {full}({', '.join(f'{lane} {argument}' for argument in arguments)})")

    def call(self, name: str, lane: Lane, *arguments: str) -> str:
        """A function of ours, written when it is first called."""
        full = self.functions.function(name, lane)
        return self.let(f"call {lane} {full}({', '.join(f'{lane} {argument}' for argument in arguments)})")

    # Memory --------------------------------------------------------------------------------------------------------

    def at(self, base: str, index: str, kind: str) -> str:
        """The address of an element."""
        return self.let(f"getelementptr inbounds {kind}, ptr {base}, i64 {index}")

    def load(self, lane: Lane, address: str) -> str:
        """Numbers from memory."""
        return self.let(f"load {lane}, ptr {address}, align {lane.bits // 8}")

    def store(self, lane: Lane, value: str, address: str) -> None:
        """Numbers to memory."""
        self.line(f"store {lane} {value}, ptr {address}, align {lane.bits // 8}")

    def load_as(self, dtype: DType, lane: Lane, address: str) -> str:
        """Numbers of a buffer's type, as those of ``lane``."""
        if dtype == "i64":
            whole = self.let(f"load {lane.of('i64')}, ptr {address}, align 8")
            return self.let(f"sitofp {lane.of('i64')} {whole} to {lane}")
        own = Lane(dtype == "f64", lane.count)
        value = self.load(own, address)
        return value if own == lane else self.let(f"{'fptrunc' if own.double else 'fpext'} {own} {value} to {lane}")

    def store_as(self, dtype: DType, lane: Lane, value: str, address: str) -> None:
        """Numbers of ``lane`` to memory, as those of a buffer's type."""
        if dtype == "i64":
            whole = self.let(f"fptosi {lane} {value} to {lane.of('i64')}")
            self.line(f"store {lane.of('i64')} {whole}, ptr {address}, align 8")
            return
        own = Lane(dtype == "f64", lane.count)
        if own != lane:
            value = self.let(f"{'fpext' if own.double else 'fptrunc'} {lane} {value} to {own}")
        self.store(own, value, address)

    def fetch(self, address: str) -> None:
        """Have memory on its way to the first cache, to be written as well."""
        self.functions.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.line(f"call void @llvm.prefetch.p0(ptr {address}, i32 1, i32 3, i32 1)")

    # Control -------------------------------------------------------------------------------------------------------

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self._block = name

    def leave(self, condition: str, result: str) -> None:
        """Return from the function if a condition holds."""
        self._count += 1
        inside, after = f"leave{self._count}", f"stay{self._count}"
        self.line(f"br i1 {condition}, label %{inside}, label %{after}")
        self.label(inside)
        self.line(f"ret {result}")
        self.label(after)

    def until(self, condition: Callable[[], str], idle: str) -> None:
        """Go round until a condition holds; every 4,096th time an idle instruction."""
        self._count += 1
        tag, before = self._count, self._block
        self.line(f"br label %again{tag}")
        self.label(f"again{tag}")
        self.line(f"%n{tag} = phi i64 [ 0, %{before} ], [ %m{tag}, %next{tag} ]")
        self.line(f"%m{tag} = add i64 %n{tag}, 1")
        self.line(f"br i1 {condition()}, label %on{tag}, label %wait{tag}")
        self.label(f"wait{tag}")
        often = self.let(f"and i64 %m{tag}, 4095")
        self.line(f"br i1 {self.let(f'icmp eq i64 {often}, 0')}, label %idle{tag}, label %next{tag}")
        self.label(f"idle{tag}")
        self.line(idle)
        self.line(f"br label %next{tag}")
        self.label(f"next{tag}")
        self.line(f"br label %again{tag}")
        self.label(f"on{tag}")

    def loop(self, start: str, stop: str, step: int | str, carried: Sequence[tuple[str, str]],
             body: Callable[[str, Values], Values]) -> Values:  # fmt: skip
        """``for i in range(start, stop, step)``, values (type, first) carried along; their last values."""
        self._count += 1
        tag = f"{self._count}"
        before, head, inside, after = self._block, f"head{tag}", f"body{tag}", f"done{tag}"
        index = f"%i{tag}"
        names = [f"%c{tag}_{position}" for position in range(len(carried))]
        self.line(f"br label %{head}")
        self.label(head)
        slot = len(self.lines)
        self.lines.append("")  # the phis, once the end is known
        test = self.let(f"icmp slt i64 {index}, {stop}")
        self.line(f"br i1 {test}, label %{inside}, label %{after}")
        self.label(inside)
        results = body(index, names)
        following = self.let(f"add nsw i64 {index}, {step}")
        last = self._block
        self.line(f"br label %{head}")
        phis = [f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{last} ]"]
        phis += [
            f"  {name} = phi {kind} [ {first}, %{before} ], [ {result}, %{last} ]"
            for name, (kind, first), result in zip(names, carried, results, strict=True)
        ]
        self.lines[slot] = "\n".join(phis)
        self.label(after)
        return names

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """What is inside runs if a condition holds."""
        self._count += 1
        inside, after = f"then{self._count}", f"end{self._count}"
        self.line(f"br i1 {condition}, label %{inside}, label %{after}")
        self.label(inside)
        yield
        self.line(f"br label %{after}")
        self.label(after)


class Functions:
    """The functions of a module, each once: declared ones, and ours as they are called."""

    def __init__(self, write: Callable[[str, Lane, Functions], str], fma: bool = True) -> None:
        self._write = write
        self.fma = fma
        """Whether the machine multiplies and adds in one instruction."""
        self._declared: dict[str, None] = {}
        self._written: dict[str, str] = {}

    def declare(self, line: str) -> None:
        """A function of LLVM's or the C library's."""
        self._declared.setdefault(line)

    def function(self, name: str, lane: Lane) -> str:
        """The name of one of ours for a type."""
        full = f"@lamp_{name}_{lane.suffix}"
        if full not in self._written:
            self._written[full] = ""
            self._written[full] = self._write(name, lane, self)
        return full

    def __str__(self) -> str:
        return "\n".join([*self._declared, *self._written.values()])
