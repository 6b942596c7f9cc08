"""A trained network as one C99 file that needs nothing else: its inference, with its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc import __version__
from lampc.diagnostics import LampError, Problems
from lampc.export.answers import NUMBERS, Answer
from lampc.export.c_functions import FUNCTIONS
from lampc.export.c_main import table_main
from lampc.export.c_ops import Place, number, say, scratch
from lampc.export.c_rows import rows
from lampc.export.comments import line, within_c
from lampc.ir.leaves import Constant, Input
from lampc.ir.program import Instruction, OpList, Routine
from lampc.passes.plan_memory import plan_memory

if TYPE_CHECKING:
    from lampc.runtime.model import Model
    from lampc.table.schema import Schema

_MACROS = {"f32": ("float", "f"), "f64": ("double", "")}
_NAMES = ("exp", "log", "sqrt", "fabs", "floor", "erf", "sin", "cos", "tanh", "expm1", "log1p", "pow", "fmax", "fmin")
_ROW = 8
"""Weights on a line."""


def source(model: Model, name: str = "predict", normal: Sequence[Any] | None = None, unit: Sequence[Any] | None = None,
           schema: Schema | None = None, answer: Answer = NUMBERS) -> str:  # fmt: skip
    """The file: ``void predict(const float *x, float *y, size_t n)``, and, where ``LAMP_MAIN`` is defined, a ``main`` that
    answers lines of numbers on standard input. ``normal``: the mean and the deviation by which features, which are doubles
    then, are normalised first. ``unit``: the mean and the deviation of targets that were standardised, by which predictions,
    which are doubles then, are brought into the targets' unit. ``schema``: of a table, whose rows are taken besides, as cells
    of text (``lampc.export.c_rows``), and by ``main``; ``answer``: what a prediction says.

    Raises:
        LampError: if an op of the network, or a column, has no form in C.
    """
    program = model.program
    routine = program.predicting
    double = program.elaborated.dtype == "f64"
    places, arena, tables = _places(model, routine)
    body = [line for instruction in routine.stage(_forward(routine)) for line in _said(instruction, routine, places, tables)]
    text = "\n".join(body)
    functions = _used(text)
    given, made = (_size(type.sample) for type in (program.elaborated.input_type, program.evaluated_type))
    kind = "int64_t" if program.elaborated.input_type.dtype == "i64" else "real" if normal is None else "double"
    if normal is not None:
        tables += [_table(label, [*_flat(part)], "double") for label, part in zip(("mean_", "deviation_"), normal, strict=True)]
    result = "real" if unit is None else "double"
    if unit is not None:
        tables += [_table(label, [*_flat(part)], "double") for label, part in zip(_UNIT, unit, strict=True)]
    memory = _Memory({"arena": arena, "scratch": _scratch(routine), "x": 0 if normal is None else given})
    out = places[routine.outputs["prediction"]]
    parts = [
        f"/* Written by lampc {__version__} from:\n\n{_indented(within_c(program.source.text.strip()), '     ')}\n\n"
        "   cc -std=c99 -O2 -c FILE, and -lm where "
        "it is linked; with -DLAMP_MAIN it is a program that answers lines of numbers. */\n",
        head("f64" if double else "f32", text + functions),
        f"#define LAMP_INPUTS {given}\n#define LAMP_OUTPUTS {made}",
        *tables,
        functions,
        f"static void one(const {kind} *{'x' if normal is None else 'given'}, {result} *y{memory.parameter}) {{\n"
        f"{_indented(memory.parts + (_NORMALISED if normal is not None else '') + text, '    ')}\n"
        f"{_indented(_COPIED if unit is None else _IN_UNIT, '    ').format(out.name)}\n}}\n",
        "/* From n samples of LAMP_INPUTS numbers to n times LAMP_OUTPUTS; any number of threads may call it at once."
        f"{memory.note} */\n"
        f"void {name}(const {kind} *x, {result} *y, size_t n);\n"
        f"void {name}(const {kind} *x, {result} *y, size_t n) {{\n{memory.begin}    for (size_t i = 0; i < n; i++)\n"
        f"        one(x + i * LAMP_INPUTS, y + i * LAMP_OUTPUTS{memory.argument});\n{memory.end}}}\n",
        _main(name, kind, double, result) if schema is None else rows(schema, answer, name, result),
        "" if schema is None else table_main(schema, answer, name, _shown(result)),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


_NORMALISED = """for (size_t i = 0; i < LAMP_INPUTS; i++) /* as the features that it was trained on */
    x[i] = (real)((given[i] - mean_[i]) / deviation_[i]);
"""


_COPIED = "memcpy(y, {}, LAMP_OUTPUTS * sizeof(real));"
_UNIT = ("target_mean_", "target_deviation_")
_IN_UNIT = """for (size_t i = 0; i < LAMP_OUTPUTS; i++) /* in the targets' own unit */
    y[i] = (double){}[i] * target_deviation_[i] + target_mean_[i];"""


class _Memory:
    """What a call writes to beside its result: on the stack if it is little, so that each call has its own."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        total, start, parts = sum(sizes.values()), 0, []
        for name, size in sizes.items():
            if size:
                parts.append(f"real *const {name} = memory + {start};\n")
                start += size
        large = total > _STACK
        self.parts = "".join(parts)
        self.parameter, self.argument = (", real *memory", ", memory") if total else ("", "")
        self.note = "\n   Where there is no memory left its answers are NAN." if large else ""
        self.begin = _ALLOCATE.format(total) if large else f"    real memory[{total}];\n" if total else ""
        self.end = "    free(memory);\n" if large else ""


_STACK = 1024
"""So many numbers lie on the stack, which may be small on other threads than the first."""
_ALLOCATE = """    real *memory = malloc({} * sizeof(real));
    for (size_t i = 0; !memory && i < n * LAMP_OUTPUTS; i++)
        y[i] = NAN;
    if (!memory)
        return;
"""


def head(dtype: str, text: str) -> str:
    """What stands before a text that calls C's functions by the macros' names."""
    real, ending = _MACROS[dtype]
    names = [f"#define {word.upper()} {word}{ending}" for word in _NAMES if f"{word.upper()}(" in text]
    includes = "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\n"
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
            label = re.sub(r"\W", "_", slot.name.removeprefix("state "), flags=re.ASCII) + "_"
            names[slot.id] = f"{label}{slot.id}_" if label in names.values() else label
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


def _table(name: str, values: list[float], kind: str = "real") -> str:
    rows = [", ".join(_exact(value, kind) for value in values[i : i + _ROW]) for i in range(0, len(values), _ROW)]
    return f"static const {kind} {name}[{len(values)}] = {{\n    " + ",\n    ".join(rows) + "};"


def _exact(value: float, kind: str) -> str:
    """A literal of the same bits."""
    if not math.isfinite(value):
        return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"R({value.hex()})" if kind == "real" else value.hex()


def _said(instruction: Instruction, routine: Routine, places: dict[int, Place], tables: list[str]) -> Iterator[str]:
    if instruction.free or instruction.op.view:
        return
    made = routine.slots[instruction.outputs[0]]
    listing = line(within_c(OpList(routine, (instruction,)).line(instruction)))
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


def _scratch(routine: Routine) -> int:
    """What the op that writes the most beside its result needs."""
    dims = {slot.id: slot.type.dims(1) for slot in routine.slots}
    sizes = [scratch(i.op, dims[i.outputs[0]], [dims[id] for id in i.inputs]) for i in routine.instructions]
    return max(sizes, default=0)


def _indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.splitlines())


def _shown(result: str) -> str:
    return "%.9g" if result == "real" else "%.17g"


def _main(name: str, kind: str, double: bool, result: str) -> str:
    pattern = "%lld" if kind == "int64_t" else "%lf" if double or kind == "double" else "%f"
    shown = _shown(result)
    read = "long long number" if kind == "int64_t" else f"{kind} number"
    return f"""#ifdef LAMP_MAIN
#include <stdio.h>
int main(void) {{
    static {kind} x[LAMP_INPUTS];
    static {result} y[LAMP_OUTPUTS];
    for (size_t i = 0;; i = 0) {{
        for (; i < LAMP_INPUTS; i++) {{
            {read};
            if (scanf("{pattern}%*[ ,]", &number) != 1)
                return i != 0;
            x[i] = number;
        }}
        {name}(x, y, 1);
        for (i = 0; i < LAMP_OUTPUTS; i++)
            printf(i + 1 < LAMP_OUTPUTS ? "{shown}," : "{shown}\\n", (double)y[i]);
    }}
}}
#endif
"""


__all__ = ["number", "source"]
