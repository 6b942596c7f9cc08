"""What both estimators share: settings, training and predicting."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from lampc.compile import Program, text
from lampc.data import DataError, Dataset
from lampc.data.split import VALIDATION
from lampc.diagnostics import failure
from lampc.elaborate.columns import embedding, said
from lampc.elaborate.settings import number
from lampc.layers.signature import Refused
from lampc.runtime.weights import put, weights
from lampc.sklearn import table
from lampc.sklearn.training import Task, begun, continued
from lampc.table.schema import Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lampc.data.unit import Unit
    from lampc.runtime.model import Model

NETWORK = "linear 32 xavier; tanh; linear 32 xavier; tanh"


class Lamp(BaseEstimator):  # type: ignore[misc]
    """What both estimators share."""

    schema_: Schema
    """What the columns of X are and what they become."""
    program_: str
    """The whole program."""
    _model: Model
    _unit: Unit | None

    def __init__(self, network: str = NETWORK, *, optimizer: str = "adam lr=0.01", schedule: str = "cosine", epochs: int = 100,
                 batch: int = 32, normalize: bool = True, precision: str = "f64", backend: str = "auto",
                 random_state: Any = None, validation: float = 0.0, patience: int = 0, early_stopping: bool = False,
                 validation_fraction: float = 0.1, n_iter_no_change: int = 10, warm_start: bool = False,
                 columns: str = "") -> None:  # fmt: skip
        self.network = network
        self.optimizer = optimizer
        self.schedule = schedule
        self.epochs = epochs
        self.batch = batch
        self.normalize = normalize
        self.precision = precision
        self.backend = backend
        self.random_state = random_state
        self.validation = validation
        self.patience = patience
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.columns = columns

    def _read(self, x: Any, y: Any, reset: bool, numeric: bool) -> tuple[Any, Any]:
        """Samples and targets that scikit-learn's rules allow: a frame as it is, or numbers [n, features], sparse or not.

        ``numeric``: targets are numbers.
        """
        if not table.is_frame(x):
            x, y = validate_data(self, x, y, reset=reset, dtype=np.float64, accept_sparse="csr", ensure_all_finite="allow-nan",
                                 multi_output=True, y_numeric=numeric)  # fmt: skip
            return x, y
        validate_data(self, x, y, reset=reset, skip_check_array=True)
        table.see(x)
        y = check_array(
            y, accept_sparse="csr", ensure_2d=False, dtype="numeric" if numeric else None, input_name="y", estimator=self
        )
        check_consistent_length(x, y)
        return x, y

    @property
    def model_(self) -> Model:
        """The trained network.

        Raises:
            NotFittedError: if nothing has been trained.
        """
        check_is_fitted(self)
        return self._model

    @property
    def _begun(self) -> bool:
        """Whether something has been trained."""
        return hasattr(self, "_model")

    @property
    def _names(self) -> list[str]:
        return table.names_of(getattr(self, "feature_names_in_", None), self.n_features_in_)

    def _train(self, x: Any, task: Task, again: bool = False) -> None:
        """Train from the beginning; ``again``: from where an earlier training ended."""
        seed = self._seed()
        data = self._data(x, task, self._share(), seed, again)
        patience = self.patience or (self.n_iter_no_change if self.early_stopping else 0)
        model = self._model_for(data, task, seed, f"epochs={self.epochs} patience={patience}", self.schedule)
        if again:
            put(model, weights(self.model_))
        history = model.train(data=data)
        if history.best is not None:
            put(model, history.best.weights)
        self.loss_curve_ = [epoch.loss for epoch in history]
        self._trained(model, data)

    def _train_on(self, x: Any, task: Task) -> None:
        """An epoch more, over these samples; the first call fits the schema."""
        seed = self._seed()
        data = self._data(x, task, 0.0, seed, self._begun)
        model = self.model_ if self._begun else self._model_for(data, task, seed, "epochs=1", "")
        history = model.train(data=data, epochs=1)
        self.loss_curve_ = [*getattr(self, "loss_curve_", ()), *(epoch.loss for epoch in history)]
        self._trained(model, data)

    def _data(self, x: Any, task: Task, validation: float, seed: int, again: bool) -> Dataset:
        x = table.written_out(x)
        if not isinstance(self.columns, str):
            raise TypeError(f'columns={self.columns!r} is no text of `column` statements, such as "column age number"')
        try:
            if again:
                return continued(x, self._names, task, self.schema_, self._unit, validation, seed)
            return begun(x, self._names, said(self.columns), task, validation, seed, self.normalize)
        except DataError as error:
            raise failure(error.code, str(error), *error.fixes) from None

    def _model_for(self, data: Dataset, task: Task, seed: int, course: str, schedule: str) -> Model:
        assert data.schema is not None
        texts = [column for column in data.schema.taken if column.kind == "text"]
        words = f" int<{len(texts[0].values) + 2}>" if texts else ""
        lines = [f"input {data.train.x.shape[1]}{words}", embedding(data.schema), self.network, task.end,
                 f"optimizer {self.optimizer}", f"schedule {schedule}" if schedule else "",
                 f"train {course} batch={self.batch} shuffle precision={self.precision} backend={self.backend} "
                 f"seed={seed}"]  # fmt: skip
        self.program_ = "\n".join(line for line in lines if line)
        return _compiled(self.program_).model()

    def _trained(self, model: Model, data: Dataset) -> None:
        assert data.schema is not None
        self._model, self.schema_, self._unit = model, data.schema, data.unit
        self.n_iter_ = len(self.loss_curve_)

    def _seed(self) -> int:
        given = self.random_state
        if isinstance(given, int | np.integer):
            return int(given)
        return 0 if given is None else int(check_random_state(given).randint(2**31))

    def _share(self) -> float:
        """The share of the samples that is held out to choose by."""
        fraction = self.early_stopping and not self.validation
        try:
            share: float = VALIDATION.kind.convert(number(self.validation_fraction if fraction else self.validation))
        except Refused as refused:
            name = "validation_fraction" if fraction else "validation"
            raise failure(refused.code, f"`{name}`: {refused}") from None
        return share

    def _made(self, x: Any) -> NDArray[np.float64]:
        """What the network makes of samples, [n, outputs]."""
        check_is_fitted(self)
        if table.is_frame(x):
            validate_data(self, x, reset=False, skip_check_array=True)
            table.see(x)
        else:
            text = any(column.kind != "number" for column in self.schema_.taken)
            x = validate_data(self, x, reset=False, dtype=None if text else np.float64, accept_sparse="csr",
                              ensure_all_finite="allow-nan")  # fmt: skip
        try:
            parts = [self.model_(table.encoded(self.schema_, part, self._names)).double().numpy() for part in table.chunks(x)]
        except DataError as error:
            raise failure(error.code, str(error), *error.fixes) from None
        made: NDArray[np.float64] = np.concatenate(parts)
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that it is into one file, whole or not at all; nothing in it is code.

        Raises:
            NotFittedError: if nothing has been trained.
            LampError: if the file cannot be written.
        """
        from lampc.sklearn.kept import save

        check_is_fitted(self)
        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator that ``save`` wrote: it predicts as it did, and ``partial_fit`` goes on.

        Raises:
            LampError: if it is no such file, or is damaged.
        """
        from lampc.sklearn.kept import load

        return load(cls, path)

    def export(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the network as it takes raw rows, by the path's ending: ``.onnx``, ``.c``, or ``.py`` for PyTorch source.

        Returns:
            The files that are written.

        Raises:
            NotFittedError: if nothing has been trained.
            LampError: if the network has no such form, or the file cannot be written.
        """
        from lampc.sklearn.kept import export

        check_is_fitted(self)
        return export(self, path)


@lru_cache(maxsize=32)
def _compiled(source: str) -> Program:
    return text(source)
