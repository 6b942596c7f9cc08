"""Exported networks as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lampc import files
from lampc.diagnostics import failure
from lampc.elaborate.weights import STATE
from lampc.export.answers import NUMBERS, Answer, answered
from lampc.runtime.weights import plain_weights, put, weights

if TYPE_CHECKING:
    from lampc.export.torch_source import Normal
    from lampc.runs.load import Run
    from lampc.runtime.model import Model
    from lampc.table.schema import Schema


def write(run: Run, form: str, path: Path, value: str = "") -> list[Path]:
    """Write a run's network as ``torch``, ``onnx``, ``safetensors`` or ``c``; the files, whole or not at all.

    ``value``: which of the values that the file names is to be predicted; the last one where left out.

    Raises:
        LampError: if the network has no such form, or the files cannot be written.
    """
    trained = run.model()
    model = _answering(trained, value, form)
    normal, unit = run.kept.about["normal"], _unit(trained, value)
    return write_model(model, form, path, normal, unit, run.schema, _answer(run, model, value))


def write_model(model: Model, form: str, path: Path, normal: Normal | None = None, unit: Normal | None = None,
                schema: Schema | None = None, answer: Answer = NUMBERS) -> list[Path]:  # fmt: skip
    """The same of a model; ``normal``: by what features were normalised, ``unit``: by what targets were standardised.

    Of a table ``schema`` says what rows are, and ``answer`` what the prediction says of the target.

    Raises:
        LampError: if the network has no such form, or the files cannot be written.
    """
    if form == "torch":
        from lampc.export.torch_source import source

        beside = path.with_suffix(".safetensors")
        text = source(model.program, weights=beside.name, normal=normal, unit=unit, schema=schema, answer=answer)
        made = {beside: tensors(model), path: text.encode()}
    elif form == "c":
        from lampc.export.c_source import source as c_source

        made = {path: c_source(model, normal=normal, unit=unit, schema=schema, answer=answer).encode()}
    elif form == "onnx":
        from lampc.export.onnx import export

        made = {path: export(model, normal, unit, schema, answer).SerializeToString()}
    else:
        made = {path: tensors(model)}
    for target, content in made.items():
        try:
            files.write(target, content)
        except OSError as error:
            raise failure("E003", f"cannot write {target}: {error.strerror or error}") from None
    return list(made)


def _answering(model: Model, value: str, form: str) -> Model:
    """A network that predicts what is meant, with a model's weights.

    Raises:
        LampError: if the network has several results and it is not said which, or there is none of that name.
    """
    heads = list(dict.fromkeys(head.label for head in model.program.elaborated.heads))
    if not value and any(heads) and form != "safetensors":
        named = [name for name in heads if name]
        compared = " and ".join(f"`{name}`" for name in named)
        fixes = [f"say which: `--value {name}`" for name in named]
        raise failure("E813", f"the loss compares {compared} with the targets, and an export predicts one value", *fixes)
    if not value:
        return model
    other = model.program.answering(value).model(device=str(model.device), backend="torch")
    known = {**model.parameters, **{f"{STATE}{name}": tensor for name, tensor in model.storage.states.items()}}
    put(other, {**weights(other), **{name: known[name] for name in weights(other) if name in known}})
    return other


def _unit(model: Model, value: str) -> list[list[float]] | None:
    """The mean and the deviation that bring what is predicted back into the targets' own unit; None where it is in it, or in
    none.
    """
    label, heads = _label(model, value), model.program.elaborated.heads
    parts = [head.part for head in heads if head.label == label]
    return model.unit.of_part(parts[0]).lists() if model.unit is not None and parts else None


def _answer(run: Run, model: Model, value: str) -> Answer:
    """What the prediction says, where rows of a table are taken."""
    if run.schema is None:
        return NUMBERS
    label = _label(run, value)
    return answered(model.program, run.classes, any(head.label == label for head in run.program.elaborated.heads))


def _label(model: Model | Run, value: str) -> str:
    """By what the loss knows a value that the file names: nothing if it is the prediction."""
    elaborated = model.program.elaborated
    return "" if elaborated.labels.get(value) == elaborated.graph.outputs["prediction"] else value


def tensors(model: Model) -> bytes:
    """The weights as safetensors, under lampc's names."""
    from safetensors.torch import save

    return save({name: t.detach().cpu().contiguous().clone() for name, t in plain_weights(model).items()})
