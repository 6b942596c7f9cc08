"""Networks in the lamp language as scikit-learn estimators.

>>> from lampc.sklearn import LampClassifier
>>> from sklearn.datasets import load_iris
>>> x, y = load_iris(return_X_y=True)
>>> LampClassifier("linear 16 xavier; tanh", epochs=60).fit(x, y).score(x, y) > 0.9
True
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lampc.data.split import without_spread
from lampc.diagnostics import LampError, Problems, failure

try:
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    _problems = Problems()
    _problems.report("E508", "estimators need scikit-learn", None, fixes=['pip install "lampc[sklearn]"'])
    raise LampError(_problems.errors) from None

from lampc.compile import Program, text
from lampc.data import DataError, Dataset
from lampc.data.split import VALIDATION, Cut, make
from lampc.elaborate.settings import number
from lampc.layers.signature import Refused
from lampc.runtime.model import Model
from lampc.runtime.weights import put, weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Lamp(BaseEstimator):  # type: ignore[misc]
    """What both estimators share."""

    def __init__(self, network: str = "linear 32 xavier; tanh; linear 32 xavier; tanh", *, optimizer: str = "adam lr=0.01",
                 schedule: str = "cosine", epochs: int = 100, batch: int = 32, normalize: bool = True,
                 precision: str = "f64", backend: str = "auto", random_state: Any = None, validation: float = 0.0,
                 patience: int = 0) -> None:  # fmt: skip
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

    def _train(self, x: Any, y: Any, end: str) -> None:
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = 0 if seed is None else check_random_state(seed).randint(2**31)
        data = self._data(x, y, int(seed))
        self.mean_: Any
        self.scale_: Any
        self.mean_, self.scale_ = data.normal or (np.zeros(x.shape[1]), np.ones(x.shape[1]))
        schedule = f"schedule {self.schedule}\n" if self.schedule else ""
        self.program_ = (f"input {x.shape[1]}\n{self.network}\n{end}\noptimizer {self.optimizer}\n{schedule}"
                         f"train epochs={self.epochs} batch={self.batch} shuffle precision={self.precision} "
                         f"backend={self.backend} seed={int(seed)} patience={self.patience}")  # fmt: skip
        model = _compiled(self.program_).model()
        history = model.train(data=data)
        if history.best is not None:
            put(model, history.best.weights)
        self.loss_curve_ = [epoch.loss for epoch in history]
        self.n_iter_ = len(history)
        self.weights_ = {name: tensor.detach().numpy().copy() for name, tensor in weights(model).items()}
        self._model: Model | None = model

    def _data(self, x: Any, y: Any, seed: int) -> Dataset:
        """The samples as `data` would have them: in the seed's order, some of them to choose the best epoch by."""
        classes = tuple(map(str, range(int(y.max()) + 1))) if y.dtype.kind == "i" else None
        try:
            validation: float = VALIDATION.kind.convert(number(self.validation))
            return make(x, y, classes, Cut(1.0, validation, seed, self.normalize))
        except Refused as refused:
            raise failure(refused.code, f"`validation`: {refused}") from None
        except DataError as error:
            raise failure(error.code, str(error), *error.fixes) from None

    def _scaled(self, x: Any) -> Any:
        return (x - self.mean_) / self.scale_

    @property
    def model_(self) -> Model:
        """The trained network.

        Raises:
            NotFittedError: if nothing has been trained.
        """
        import torch

        check_is_fitted(self)
        if self._model is None:  # it comes from a pickle
            self._model = _compiled(self.program_).model()
            for name, tensor in weights(self._model).items():
                tensor.copy_(torch.from_numpy(self.weights_[name]))
        return self._model

    def _made(self, x: Any) -> Any:
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=np.float64)
        return self.model_(self._scaled(x)).double().numpy()

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        return {name: None if name == "_model" else value for name, value in state.items()}


class LampClassifier(ClassifierMixin, _Lamp):  # type: ignore[misc]
    """A classifier: the layers of ``network``, then one score a class, and softmax.

    ``network``, ``optimizer`` and ``schedule`` are written as in a ``.lamp`` file. With ``normalize`` features are brought to
    mean 0 and deviation 1. ``random_state`` seeds weights, order and dropout; it is 0 where left out.
    With ``validation=0.1`` so much of the samples is held out, and the epoch that is best by it is kept; ``patience=10`` ends
    training once none has been better for so long.

    After ``fit``: ``classes_``, ``loss_curve_`` (a number an epoch), ``model_`` (lampc's), ``program_`` (the whole program).
    """

    def fit(self, X: Any, y: Any) -> LampClassifier:  # noqa: N803
        """Train from the beginning on samples ``X`` [n, features] with classes ``y`` [n], numbers or names.

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._train(X, labels.astype(np.int64), f"linear {max(2, len(self.classes_))} xavier; softmax\nloss crossentropy")
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Each class's probability, [n, classes], for samples ``X`` [n, features].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        made = self._made(X)[:, : len(self.classes_)]
        shares: NDArray[np.float64] = made / made.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest classes of samples ``X`` [n, features], as ``fit`` was told them: [n].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        shares = self.predict_proba(X)
        likeliest: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return likeliest


class LampRegressor(RegressorMixin, _Lamp):  # type: ignore[misc]
    """A regressor: the layers of ``network``, then one number a target. Targets are scaled as features are.

    After ``fit``: ``loss_curve_`` (a number an epoch), ``model_`` (lampc's), ``program_`` (the whole program).
    """

    def fit(self, X: Any, y: Any) -> LampRegressor:  # noqa: N803
        """Train from the beginning on samples ``X`` [n, features] with targets ``y`` [n] or [n, targets].

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)  # noqa: N806
        self._shape = y.shape[1:]
        targets = y.reshape(len(y), -1).astype(np.float64)
        self.target_mean_, deviation = targets.mean(axis=0), targets.std(axis=0)
        self.target_scale_ = np.where(without_spread(self.target_mean_, deviation), 1.0, deviation)
        self._train(X, (targets - self.target_mean_) / self.target_scale_, f"linear {targets.shape[1]} xavier\nloss mse")
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Targets, [n] or [n, targets], for samples ``X`` [n, features].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        made: NDArray[np.float64] = self._made(X) * self.target_scale_ + self.target_mean_
        return made.reshape(len(made), *self._shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@lru_cache(maxsize=32)
def _compiled(source: str) -> Program:
    return text(source)
