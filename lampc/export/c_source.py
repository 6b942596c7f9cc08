"""A trained network as one C99 file that needs nothing else: its inference, with its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lampc import __version__
from lampc.diagnostics import LampError, Problems
from lampc.export.c_functions import FUNCTIONS
from lampc.export.c_ops import Place, number, say
from lampc.ir.leaves import Constant, Input
from lampc.ir.program import Instruction, OpList, Routine
from lampc.passes.plan_memory import plan_memory

if TYPE_CHECKING:
    from lampc.runtime.model import Model

_MACROS = {"f32": ("float", "f"), "f64": ("double", "")}
_NAMES = ("exp", "log", "sqrt", "fabs", "floor", "erf", "sin", "cos", "tanh", "expm1", "log1p", "pow", "fmax", "fmin")
_ROW = 8
"""Weights on a line."""


def source(model: Model, name: str = "predict", normal: Sequence[Any] | None = None) -> str:
    """The file: ``void predict(const float *x, float *y, size_t n)``, and, where ``LAMP_MAIN`` is defined, a ``main`` that
    answers lines of numbers on standard input. ``normal``: the mean and the deviation by which features are normalised first.

    Raises:
        LampError: if an op of the network has no form in C.
    """
    program = model.program
    routine = program.predicting
    double = program.elaborated.dtype == "f64"
    whole = program.elaborated.input_type.dtype == "i64"
    places, arena, tables = _places(model, routine)
    body = [line for instruction in routine.stage(_forward(routine)) for line in _said(instruction, routine, places, tables)]
    text = "\n".join(body)
    functions = _used(text)
    scaling = ""
    if normal is not None:
        tables += [_table(label, [*_flat(part)]) for label, part in zip(("mean_", "deviation_"), normal, strict=True)]
        scaling = ("static real x[LAMP_INPUTS]; /* as the features that it was trained on */\n"
                   "for (size_t i = 0; i < LAMP_INPUTS; i++)\n    x[i] = (given[i] - mean_[i]) / deviation_[i];\n")  # fmt: skip
    given, made = (_size(type.sample) for type in (program.elaborated.input_type, program.evaluated_type))
    out = places[routine.outputs["prediction"]]
    about = program.source.text.strip().replace("*/", "* /").replace("\\\n", "\\ \n")
    kind = "int64_t" if whole else "real"
    parts = [
        f"/* Written by lampc {__version__} from:\n\n{_indented(about, '     ')}\n\n   cc -std=c99 -O2 -c FILE, and -lm where "
        "it is linked; with -DLAMP_MAIN it is a program that answers lines of numbers. */\n",
        head("f64" if double else "f32", text + functions),
        f"#define LAMP_INPUTS {given}\n#define LAMP_OUTPUTS {made}",
        _bounds(routine, functions),
        *tables,
        f"\nstatic real arena[{max(1, arena)}];\n" if arena else "",
        functions,
        f"static void one(const {kind} *{'given' if normal else 'x'}, real *y) {{\n{_indented(scaling + text, '    ')}\n"
        f"    memcpy(y, {out.name}, LAMP_OUTPUTS * sizeof(real));\n}}\n",
        f"/* From n samples of LAMP_INPUTS numbers to n times LAMP_OUTPUTS; not for two threads at once. */\n"
        f"void {name}(const {kind} *x, real *y, size_t n);\n"
        f"void {name}(const {kind} *x, real *y, size_t n) {{\n    for (size_t i = 0; i < n; i++)\n"
        f"        one(x + i * LAMP_INPUTS, y + i * LAMP_OUTPUTS);\n}}\n",
        _main(name, whole, double),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def head(dtype: str, text: str) -> str:
    """What stands before a text that calls C's functions by the macros' names."""
    real, ending = _MACROS[dtype]
    names = [f"#define {word.upper()} {word}{ending}" for word in _NAMES if f"{word.upper()}(" in text]
    includes = "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <string.h>\n"
    return "\n".join([includes, f"typedef {real} real;\n#define R(number) ((real)(number))", *names])


def _flat(values: Any) -> Iterator[float]:
    if isinstance(values, list | tuple):
        for value in values:
            yield from _flat(value)
    else:
        yield float(values)


def _forward(routine: Routine) -> Any:
    return routine.instructions[0].stage if routine.instructions else None


def _size(sample: tuple[int, ...]) -> int:
    return Place("", sample).size


def _places(model: Model, routine: Routine) -> tuple[dict[int, Place], int, list[str]]:
    """Each slot's place, the arena's numbers, and the weights' tables."""
    plan = plan_memory(routine, 1)
    width = 8 if model.program.elaborated.dtype == "f64" else 4
    names: dict[int, str] = {}
    tables = []
    for slot in routine.slots:
        if isinstance(slot.leaf, Input):
            names[slot.id] = "x"
        elif isinstance(slot.leaf, Constant):
            names[slot.id] = f"constant{slot.id}"
            tables.append(_table(names[slot.id], [slot.leaf.value.at(1)] * slot.type.elements(1)))
        elif slot.leaf is not None:
            names[slot.id] = re.sub(r"\W", "_", slot.name.removeprefix("state ")) + "_"
            tables.append(_table(names[slot.id], model.storage.tensor(slot.leaf).flatten().double().tolist()))
        elif slot.in_arena and slot.id in plan.offsets:
            start = plan.offsets[slot.id] // width
            names[slot.id] = f"(arena + {start})" if start else "arena"
    for slot in routine.slots:
        if slot.base is not None:
            offset, root = 0, slot
            while root.base is not None:
                offset += root.offset
                root = routine.slots[root.base]
            names[slot.id] = f"({names[root.id]} + {offset})" if offset else names[root.id]
    return (
        {slot.id: Place(names[slot.id], slot.type.dims(1)) for slot in routine.slots if slot.id in names},
        -(-plan.size // width),
        tables,
    )


def _table(name: str, values: list[float]) -> str:
    rows = [", ".join(_exact(value) for value in values[i : i + _ROW]) for i in range(0, len(values), _ROW)]
    return f"static const real {name}[{len(values)}] = {{\n    " + ",\n    ".join(rows) + "};"


def _exact(value: float) -> str:
    """A literal of the same bits."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"R({value.hex()})"


def _said(instruction: Instruction, routine: Routine, places: dict[int, Place], tables: list[str]) -> Iterator[str]:
    if instruction.free or instruction.op.view:
        return
    made = routine.slots[instruction.outputs[0]]
    listing = OpList(routine, (instruction,)).line(instruction).replace("*/", "* /")
    if instruction.op.name in ("waves", "table"):  # worked out here
        name = f"table{made.id}"
        tables.append(_table(name, _worked_out(instruction, made.type.dims(1))))
        places[made.id] = Place(name, made.type.dims(1))
        return
    lines = say(instruction.op, places[made.id], [places[id] for id in instruction.inputs])
    if lines is None:
        problems = Problems()
        where = f" of `{instruction.layer}`" if instruction.layer else ""
        span = instruction.spans[0] if instruction.spans else None
        problems.report("E811", f"`{instruction.op.name}`{where} has no form in C", span)
        raise LampError(problems.errors)
    yield f"/* {listing} */"
    braces = any(line.startswith(("static", "enum")) for line in lines)
    yield from (["{", *(f"    {line}" for line in lines), "}"] if braces else lines)


def _worked_out(instruction: Instruction, dims: tuple[int, ...]) -> list[float]:
    import torch

    from lampc.ir.op import Run

    out = torch.empty(dims, dtype=torch.float64)
    instruction.op.bind(torch, [out], [], Run(1))()
    found: list[float] = out.flatten().tolist()
    return found


def _used(text: str) -> str:
    """The functions that are called; what a comment says does not count."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("/*"))
    return "".join(code for name, code in FUNCTIONS.items() if re.search(rf"\b{name}\(", text))


def _bounds(routine: Routine, functions: str) -> str:
    """How long a row of states or of weights may be."""
    sizes = {"STATES": 1, "LENGTH": 1}
    for instruction in routine.instructions:
        dims = routine.slots[instruction.outputs[0]].type.dims(1)
        if instruction.op.name in ("lstm", "gru"):
            sizes["STATES"] = max(sizes["STATES"], dims[2])
        if instruction.op.name == "attention":
            sizes["LENGTH"] = max(sizes["LENGTH"], dims[1])
    return "\n".join(f"#define LAMP_{name} {size}" for name, size in sizes.items() if f"LAMP_{name}" in functions)


def _indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.splitlines())


def _main(name: str, whole: bool, double: bool) -> str:
    kind, pattern = ("int64_t", "%lld") if whole else ("real", "%lf" if double else "%f")
    read = "long long number" if whole else "real number"
    return f"""#ifdef LAMP_MAIN
#include <stdio.h>
int main(void) {{
    static {kind} x[LAMP_INPUTS];
    static real y[LAMP_OUTPUTS];
    for (size_t i = 0;; i = 0) {{
        for (; i < LAMP_INPUTS; i++) {{
            {read};
            if (scanf("{pattern}%*[ ,]", &number) != 1)
                return i != 0;
            x[i] = number;
        }}
        {name}(x, y, 1);
        for (i = 0; i < LAMP_OUTPUTS; i++)
            printf(i + 1 < LAMP_OUTPUTS ? "%.9g," : "%.9g\\n", (double)y[i]);
    }}
}}
#endif
"""


__all__ = ["number", "source"]
