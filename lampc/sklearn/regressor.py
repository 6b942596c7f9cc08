"""Numbers, learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import RegressorMixin

from lampc.sklearn.base import Lamp
from lampc.sklearn.table import names_of_targets, weights
from lampc.sklearn.training import Task
from lampc.table.schema import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LampRegressor(RegressorMixin, Lamp):  # type: ignore[misc]
    """A regressor: the layers of ``network``, then one number a target. Targets are scaled as features are.

    Settings are those of ``LampClassifier``, but for ``class_weight``.

    After ``fit``: ``schema_`` (what the columns are), ``loss_curve_`` (a number an epoch), ``model_`` (lampc's), ``program_``
    (the whole program).
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LampRegressor:  # noqa: N803
        """Train on samples ``X`` [n, features], a frame or numbers, with targets ``y`` [n] or [n, targets].

        ``sample_weight`` [n]: how much each counts.

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets.
        """
        again = self.warm_start and self._begun
        X, task = self._task(X, y, sample_weight, reset=not again)  # noqa: N806
        self._train(X, task, again)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> LampRegressor:  # noqa: N803
        """Train one epoch more on samples ``X`` [n, features] with targets ``y`` [n] or [n, targets].

        The first call, if nothing has been trained, fits what the columns are, their means and the targets' units.

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets.
        """
        X, task = self._task(X, y, sample_weight, reset=not self._begun)  # noqa: N806
        self._train_on(X, task)
        return self

    def _task(self, x: Any, y: Any, sample_weight: Any, reset: bool) -> tuple[Any, Task]:
        given = y
        x, y = self._read(x, y, reset, numeric=True)
        targets = y.reshape(len(y), -1).astype(np.float64)
        if not reset and targets.shape[1] != len(self.schema_.targets):
            raise ValueError(f"y has {targets.shape[1]} targets, and {len(self.schema_.targets)} have been learnt")
        self._shape = y.shape[1:]
        known = tuple(Target(name, "number") for name in names_of_targets(given, y))
        return x, Task(targets, known, f"linear {targets.shape[1]} xavier\nloss mse", weights(sample_weight, x), scaled=True)

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Targets, [n] or [n, targets], for samples ``X`` [n, features].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        made = self._made(X)
        own: NDArray[np.float64] = made if self._unit is None else self._unit.own(made)
        return own.reshape(len(own), *self._shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
