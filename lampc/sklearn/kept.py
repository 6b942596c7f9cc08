"""A trained estimator as a file: its model's, with what scikit-learn and the table add in the header. Nothing in it is code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lampc import files
from lampc.diagnostics import failure
from lampc.elaborate.given import Given, as_path
from lampc.runs import checkpoint as checkpoints
from lampc.runs import saved
from lampc.runs.checkpoint import Checkpoint
from lampc.schema import Unfit, each, flag, listed, maybe, number, plain, record, text, whole
from lampc.table.stored import json_of, schema_json, schema_of

if TYPE_CHECKING:
    from lampc.sklearn.base import Lamp

    Estimator = TypeVar("Estimator", bound=Lamp)

_NAMES = listed(text(100_000))


ABOUT = record(
    {
        "kind": text(), "settings": each(plain), "features": whole(1), "names": maybe(_NAMES), "curve": listed(number),
        "program": text(2**30, nul=True),
    },
    {"classes": listed(plain, 1), "dtype": text(), "several": flag, "shape": listed(whole(), 0, 1)},
)  # fmt: skip
"""What a file says of an estimator, beside its schema and its model."""


def save(estimator: Lamp, path: str | os.PathLike[str]) -> None:
    """Write an estimator that has been trained.

    Raises:
        LampError: if that is impossible.
    """
    place = as_path("path", path)
    known = getattr(estimator, "feature_names_in_", None)
    about: dict[str, Any] = {
        "kind": type(estimator).__name__,
        "settings": {name: _plain(value) for name, value in estimator.get_params(deep=False).items()},
        "features": estimator.n_features_in_,
        "names": None if known is None else known.tolist(),
        "curve": estimator.loss_curve_,
        "program": estimator.program_,
    }
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        about["shape"] = list(estimator._shape)
    else:
        about |= {"classes": classes.tolist(), "dtype": classes.dtype.str, "several": estimator._several}
    kept = checkpoints.decode(saved.encode(estimator.model_), "the model")
    header = {**kept.about, "schema": json_of(estimator.schema_), "estimator": about}
    try:
        files.write(place, checkpoints.encode(Checkpoint(kept.tensors, header)))
    except OSError as error:
        raise failure("E003", f"cannot write {place}: {error.strerror or error}",
                      "name a file in a folder that is there and that you may write to") from None  # fmt: skip


def _plain(value: Any) -> Any:
    """A setting as JSON has it; of a generator of random numbers nothing."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return [[_plain(key), _plain(weight)] for key, weight in value.items()]
    return value if isinstance(value, str | int | float | bool | None) else None


def load(kind: type[Estimator], path: str | os.PathLike[str]) -> Estimator:
    """The estimator that a file holds.

    Raises:
        LampError: if it holds none of that kind, or is damaged.
    """
    place = as_path("path", path)
    kept = checkpoints.read(place)
    about = kept.about.get("estimator")
    if about is None:
        raise failure("E611", f"{place} is no file that `save` of an estimator has written",
                      f"`lampc.load({str(place)!r})` gives the model alone")  # fmt: skip
    try:
        ABOUT(about, "estimator")
        schema_json(kept.about.get("schema"), "schema")
        if about["kind"] != kind.__name__:
            raise failure("E611", f"{place} holds a {about['kind']}", f"`lampc.sklearn.{about['kind']}.load({str(place)!r})`")
        found = _made(kind, about)
        found.schema_ = schema_of(kept.about["schema"])
    except (Unfit, KeyError, TypeError, ValueError) as error:
        raise failure("E611", f"{place} is damaged: {error}") from None
    found._model = saved.load_as(place, Given(Path()), None, None)
    width = found.model_.program.elaborated.input_type.sample
    if width != (found.schema_.width,):
        raise failure("E611", f"{place} is damaged: its schema makes {found.schema_.width} numbers, the network takes {width}")
    found._unit = found.model_.unit
    return found


def _made(kind: type[Estimator], about: Any) -> Estimator:
    """An estimator with all but its schema and its network."""
    found = kind()
    known = found.get_params(deep=False)
    settings = {name: value for name, value in about["settings"].items() if name in known}
    found.set_params(**{name: dict(value) if isinstance(value, list) else value for name, value in settings.items()})
    found.n_features_in_ = about["features"]
    if about["names"] is not None:
        found.feature_names_in_ = np.array(about["names"], dtype=object)
    found.loss_curve_, found.n_iter_, found.program_ = about["curve"], len(about["curve"]), about["program"]
    if "classes" in about:
        dtype = np.dtype(about["dtype"])
        if dtype.kind not in "biufUO":
            raise Unfit(f"`dtype` is {about['dtype']}")
        found.classes_, found._several = np.array(about["classes"], dtype=dtype), about["several"]
    else:
        found._shape = tuple(about["shape"])
    return found


FORMS = {".onnx": "onnx", ".c": "c", ".py": "torch"}
"""What a file's ending says."""


def export(estimator: Lamp, path: str | os.PathLike[str]) -> list[Path]:
    """Write an estimator's network as ONNX, C or PyTorch source that takes raw rows.

    Raises:
        LampError: if the ending is none of these, the network has no such form, or the file cannot be written.
    """
    from lampc.export.answers import answered
    from lampc.export.files import write_model

    place = as_path("path", path)
    form = FORMS.get(place.suffix.lower())
    if form is None:
        raise failure("E601", f"{place}: how to write `{place.suffix or place.name}` is not known",
                      *(f"name it `{place.with_suffix(suffix)}`" for suffix in FORMS))  # fmt: skip
    model, schema = estimator.model_, estimator.schema_
    unit = None if model.unit is None else model.unit.lists()
    return write_model(model, form, place, None, unit, schema, answered(model.program, schema.classes, True))
