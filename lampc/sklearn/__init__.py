"""Networks in the lamp language as scikit-learn estimators.

>>> from lampc.sklearn import LampClassifier
>>> from sklearn.datasets import load_iris
>>> x, y = load_iris(return_X_y=True)
>>> LampClassifier("linear 16 xavier; tanh", epochs=60).fit(x, y).score(x, y) > 0.9
True
"""

from __future__ import annotations

from lampc.diagnostics import failure

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError:
    raise failure("E508", "estimators need scikit-learn", 'pip install "lampc[sklearn]"') from None

from lampc.sklearn.classifier import LampClassifier
from lampc.sklearn.regressor import LampRegressor

__all__ = ["LampClassifier", "LampRegressor"]
