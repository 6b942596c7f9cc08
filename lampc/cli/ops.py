"""``lampc ops``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lampc.cli import growth
from lampc.cli.clashes import one_of, refuse
from lampc.cli.inputs import FILE, common, load
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say, say_json
from lampc.cli.verb import verb
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given
from lampc.ir.program import Instruction, OpList, call
from lampc.passes.plan_memory import Plan, plan_memory

if TYPE_CHECKING:
    from lampc.compile import Program

STAGES = ("forward", "backward", "update", "inference")


@verb("lampc ops xor --stage forward", "lampc ops disc --native")
@FILE
@click.option(
    "--stage",
    "stages",
    type=click.Choice(STAGES),
    multiple=True,
    metavar="STAGE",
    help="Print this op list: forward, backward, update or inference; may be given again. [default: the first three]",
)
@click.option("--batch", type=click.IntRange(1, 2**31), metavar="N",
              help="The batch size for FLOPs and buffers. [default: the file's]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--native", is_flag=True, help="Print the loops of the native code instead.")
@click.option("--llvm", is_flag=True, help="Print the native code in LLVM's language.")
@click.option("--signal", "signal", is_flag=True,
              help="Print what deviation each layer's numbers and gradients begin with instead.")  # fmt: skip
@click.option("--asm", is_flag=True, help="Print the native code in this machine's.")
@common
def ops(file: str, stages: tuple[str, ...], batch: int | None, as_json: bool, native: bool, llvm: bool, signal: bool,
        asm: bool, settings: tuple[str, ...], allow_python: bool, color: str) -> int:  # fmt: skip
    """List the operations that the program compiles to."""
    from lampc.compile import compile_source

    form = _see_that_all_counts(stages)
    problems = Problems()
    source, folder, overrides = load(file, settings, problems)
    program = compile_source(source, Given(folder, overrides, allow_python), problems)
    print_diagnostics(program.warnings)
    if form == "signal":
        found = growth.described(program)
        if as_json:
            say_json({"signal": found})
        else:
            say("\n".join(growth.table(found)))
        return 0
    if form is not None:
        return _native(program, "inference" if stages == ("inference",) else "training", form)
    size = batch or program.batch
    lists: dict[str, OpList] = {name: getattr(program, name) for name in stages or STAGES[:3]}
    by_routine = {id(oplist.routine): plan_memory(oplist.routine, size) for oplist in lists.values()}
    plans = {name: by_routine[id(oplist.routine)] for name, oplist in lists.items()}
    rows = {name: [row(i, oplist, plans[name]) for i in oplist] for name, oplist in lists.items()}
    parameters = sum(parameter.type.elements(1) for parameter in program.parameters.values())
    totals: dict[str, Any] = {
        "batch": size,
        "operations": sum(not r["free"] for listed in rows.values() for r in listed),
        "flops": sum(r["flops"] for listed in rows.values() for r in listed),
        "arena_bytes": max((plans[name].size for name in rows), default=0),
        "parameters": parameters,
    }
    if program.experiment.train.recompute:
        totals["recompute"] = _recomputed(program, size, totals["arena_bytes"], rows)
    if as_json:
        say_json({"stages": rows, "totals": totals})
        return 0
    for line in _table(rows, totals):
        say(line)
    return 0


def _see_that_all_counts(stages: tuple[str, ...]) -> str | None:
    """Which other listing is asked for.

    Raises:
        UsageError: if something is that it does not have.
    """
    form = one_of("native", "llvm", "asm", "signal")
    if form is not None:
        refuse(form, "batch", "FLOPs and buffers are those of op lists.")
    if form not in (None, "signal"):
        refuse(form, "as_json", "this listing is text.")
        if stages and stages != ("inference",):
            raise click.UsageError(f"--stage {stages[0]} beside --{form}: a step is listed whole, or `--stage inference`.")
    elif form is not None:
        refuse(form, "stages", "layers are listed, not ops.")
    return form


def _recomputed(program: Program, batch: int, arena: int, rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """What recomputation costs, and what it saves beside the same program without it."""
    from lampc.compile import build

    experiment = program.experiment
    plain = replace(program.elaborated, experiment=replace(experiment, train=replace(experiment.train, recompute=False)))
    again = [r for listed in rows.values() for r in listed if r["note"] == "computed again"]
    without = plan_memory(build(program.source, plain).training, batch).size
    return {"operations": len(again), "flops": sum(r["flops"] for r in again), "saved_bytes": without - arena}


def _native(program: Program, which: str, form: str) -> int:
    """The kernels of a training step, or with ``--stage inference`` of a prediction."""
    from lampc.native.engine import assembly
    from lampc.native.kernel import Kernel, listing
    from lampc.native.place import place
    from lampc.native.spaces import NoNativeForm

    outputs = ("loss",) if which == "training" and "loss" in program.whole.outputs else ("prediction",)
    try:
        module = program.native.module(*outputs)
    except NoNativeForm as error:
        say(f"this program runs from torch's kernels: {error}")
        return 0
    if form == "native":
        say(listing(list(module.kernels), module.buffers))
        batch = program.batch
        _, memory = place(module.kernels, module.buffers, module.keep, batch, module.width)
        say(f"\n{len(module.kernels)} kernels; {memory / 1024:,.1f} KiB at batch {batch}, leaves included")
        if any(isinstance(kernel, Kernel) and kernel.contract for kernel in module.kernels):
            say("products: generated code (no library's was faster, fused as they are: `python -m benchmarks matmul`)")
    else:
        say((module.text if form == "llvm" else assembly(module.text)).rstrip("\n"))
    return 0


def row(instruction: Instruction, oplist: OpList, plan: Plan) -> dict[str, Any]:
    """An instruction as plain data."""
    routine, batch = oplist.routine, plan.batch
    slots = routine.slots
    shapes = [slots[id].type.dims(batch) for id in instruction.inputs]
    results = [slots[id].type.dims(batch) for id in instruction.outputs]
    span = instruction.spans[0] if instruction.spans else None
    return {
        "name": ", ".join(slots[id].name for id in instruction.outputs),
        "op": str(instruction.op),
        "call": call(instruction, routine),
        "inputs": [slots[id].name for id in instruction.inputs],
        "type": ", ".join(str(slots[id].type) for id in instruction.outputs),
        "flops": instruction.op.flops(shapes, results),
        "buffer": _buffer(instruction, oplist, plan),
        "layer": instruction.layer,
        "source": None if span is None else str(span),
        "line": None if span is None else span.line,
        "note": instruction.note,
        "free": instruction.free,
    }


def _buffer(instruction: Instruction, oplist: OpList, plan: Plan) -> str:
    """Where the first result lies: ``@128`` bytes into the arena, or in a leaf's own storage."""
    routine = oplist.routine
    id, offset = instruction.outputs[0], 0
    slot = routine.slots[id]
    bytes_each = slot.type.nbytes(plan.batch) // max(1, slot.type.elements(plan.batch))
    while slot.base is not None:
        offset += slot.offset
        slot = routine.slots[slot.base]
    return slot.name if slot.leaf is not None else f"@{plan.offsets[slot.id] + offset * bytes_each}"


def _table(rows: dict[str, list[dict[str, Any]]], totals: dict[str, Any]) -> Iterator[str]:
    every = [r for listed in rows.values() for r in listed]
    calls = [f"{r['name']} = {r['call']}" for r in every]
    wide = min(64, max(map(len, calls), default=10))
    types = min(40, max((len(r["type"]) for r in every), default=5))
    buffers = max((len(r["buffer"]) for r in every), default=6)
    yield f"{'':{wide + 2}}  {'type':{types}}  {'FLOPs':>12}  {'buffer':{buffers}}  line"
    for name, listed in rows.items():
        yield name
        for r in listed:
            made = f"{r['name']} = {r['call']}"
            flops = "–" if r["free"] else f"{r['flops']:,}"
            line = "" if r["line"] is None else f"{r['line']}"
            note = f"  # {r['note']}" if r["note"] else ""
            yield f"  {made:{wide}}  {r['type']:{types}}  {flops:>12}  {r['buffer']:{buffers}}  {line:>4}{note}"
        flops = sum(r["flops"] for r in listed)
        yield f"  {len(listed):,} ops, {flops:,} FLOPs"
    if "recompute" in totals:
        again = totals["recompute"]
        yield (f"recomputed: {again['operations']:,} ops, {again['flops']:,} FLOPs, which saves {again['saved_bytes']:,} bytes "
               "of the arena")  # fmt: skip
    yield (f"total, for a minibatch of {totals['batch']:,}: {totals['operations']:,} ops, {totals['flops']:,} FLOPs, "
           f"arena {totals['arena_bytes']:,} bytes, {totals['parameters']:,} parameters")  # fmt: skip
