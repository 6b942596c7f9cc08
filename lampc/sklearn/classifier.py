"""Classes, and several labels at once, learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from lampc.sklearn.base import NETWORK, Lamp
from lampc.sklearn.table import names_of_targets, weights
from lampc.sklearn.training import Task
from lampc.table.schema import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEVERAL = "multilabel-indicator"
"""scikit-learn's name for targets of several labels at once, [n, labels] of 0 and 1."""


class LampClassifier(ClassifierMixin, Lamp):  # type: ignore[misc]
    """A classifier: the layers of ``network``, then one score a class, and softmax; of several labels a sigmoid each.

    ``network``, ``optimizer`` and ``schedule`` are written as in a ``.lamp`` file. With ``normalize`` numbers are brought to
    mean 0 and deviation 1. ``random_state`` seeds weights, order and dropout; it is 0 where left out. ``class_weight`` is None,
    ``"balanced"``, or a number for each class.
    With ``validation=0.1`` so much of the samples is held out, and the epoch that is best by it is kept; ``patience=10`` ends
    training once none has been better for so long. ``early_stopping=True`` is both, by ``validation_fraction`` and
    ``n_iter_no_change``. With ``warm_start`` another ``fit`` goes on from the weights, and by the schema, of the last.
    ``columns`` says what single columns are, as a ``.lamp`` file does: ``column age missing=median; column zip category``.

    After ``fit``: ``classes_``, ``schema_`` (what the columns are), ``loss_curve_`` (a number an epoch), ``model_`` (lampc's),
    ``program_`` (the whole program).
    """

    def __init__(self, network: str = NETWORK, *, optimizer: str = "adam lr=0.01", schedule: str = "cosine", epochs: int = 100,
                 batch: int = 32, normalize: bool = True, precision: str = "f64", backend: str = "auto",
                 random_state: Any = None, validation: float = 0.0, patience: int = 0, early_stopping: bool = False,
                 validation_fraction: float = 0.1, n_iter_no_change: int = 10, warm_start: bool = False, columns: str = "",
                 class_weight: Any = None) -> None:  # fmt: skip
        super().__init__(network, optimizer=optimizer, schedule=schedule, epochs=epochs, batch=batch, normalize=normalize,
                         precision=precision, backend=backend, random_state=random_state, validation=validation,
                         patience=patience, early_stopping=early_stopping, validation_fraction=validation_fraction,
                         n_iter_no_change=n_iter_no_change, warm_start=warm_start, columns=columns)  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LampClassifier:  # noqa: N803
        """Train on samples ``X`` [n, features], a frame or numbers, with classes ``y`` [n] or labels ``y`` [n, labels].

        Classes are numbers or names, labels 0 or 1. ``sample_weight`` [n]: how much each counts.

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets.
        """
        again = self.warm_start and self._begun
        given = y
        X, y = self._read(X, y, reset=not again, numeric=False)  # noqa: N806
        y = _plain(y)
        if not again:
            self.classes_ = np.arange(y.shape[1]) if y.ndim > 1 else np.unique(y)
            self._several = y.ndim > 1
        self._train(X, self._task(X, y, names_of_targets(given, y), sample_weight), again)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> LampClassifier:  # noqa: N803
        """Train one epoch more on samples ``X`` [n, features] with classes ``y`` [n], or labels ``y`` [n, labels].

        The first call, if nothing has been trained, fits what the columns are, and their means; it takes all ``classes``.

        Raises:
            LampError: if the network is wrong.
            ValueError: if scikit-learn refuses samples or targets, or classes are not known.
        """
        first = not self._begun
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all samples at once; give partial_fit a number for each class")
        given = y
        X, y = self._read(X, y, reset=first, numeric=False)  # noqa: N806
        y = _plain(y)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit")
            self.classes_ = np.arange(y.shape[1]) if y.ndim > 1 else np.unique(classes)
            self._several = y.ndim > 1
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(f"classes={classes!r} are not those of the first call to partial_fit: {self.classes_!r}")
        self._train_on(X, self._task(X, y, names_of_targets(given, y), sample_weight))
        return self

    def _task(self, x: Any, y: NDArray[Any], names: list[str], sample_weight: Any) -> Task:
        weight = weights(sample_weight, x)
        if self.class_weight is not None:
            of_classes = compute_sample_weight(self.class_weight, y)
            weight = of_classes if weight is None else weight * of_classes
        if self._several:
            if y.ndim < 2 or y.shape[1] != len(self.classes_):
                raise ValueError(f"y has not the {len(self.classes_)} labels that have been learnt")
            targets = tuple(Target(name, "yesno", ("0", "1")) for name in names)
            return Task(y.astype(np.float64), targets, f"linear {len(names)} xavier; sigmoid\nloss bce", weight)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown) or y.ndim > 1:
            raise ValueError(f"y has classes that have not been learnt: {unknown.tolist()}")
        labels = np.searchsorted(self.classes_, y).astype(np.int64)
        target = Target(names[0], "class", tuple(map(str, self.classes_)))
        return Task(labels, (target,), f"linear {max(2, len(self.classes_))} xavier; softmax\nloss crossentropy", weight)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Each class's probability, [n, classes], or each label's, [n, labels], for samples ``X`` [n, features].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        made = self._made(X)
        if self._several:
            return made
        made = made[:, : len(self.classes_)]
        shares: NDArray[np.float64] = made / made.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest classes of samples ``X`` [n, features], as ``fit`` was told them: [n]; of labels 0 or 1, [n, labels].

        Raises:
            NotFittedError: if nothing has been trained.
        """
        shares = self.predict_proba(X)
        if self._several:
            return (shares > 0.5).astype(np.int64)
        likeliest: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return likeliest

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _plain(y: Any) -> NDArray[Any]:
    """Classes [n], or labels [n, labels]."""
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind == SEVERAL:
        return np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if "multioutput" in kind:
        raise ValueError(f"y is of a kind that cannot be learnt, {kind}; several labels are 0 or 1 each")
    plain: NDArray[Any] = column_or_1d(y, warn=True)
    return plain
