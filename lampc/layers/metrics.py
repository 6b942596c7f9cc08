"""Every metric that a ``.lamp`` file may name; ``metric.py`` says what one is, the files beside it how each is worked out."""

from __future__ import annotations

import math
from dataclasses import replace

from lampc.layers import metrics_of_classes as classes
from lampc.layers import metrics_of_numbers as numbers
from lampc.layers.metric import Head, MetricType, Reading, Seen

__all__ = ["METRICS", "Head", "MetricType", "Reading", "Seen", "bound", "kind_of"]


def kind_of(name: str) -> str:
    """The metric that a measure's name stands for: ``accuracy`` of ``kind.accuracy``."""
    return name.rpartition(".")[2]


_TYPES = (
    MetricType("accuracy", "the share of right answers: of one output above 0.5 (`hinge`: 0), of several the greatest; of "
               "several labels at once, the share of right ones among all labels", classes.fit_or_several, classes.right,
               classes.share, of_classes=True),
    MetricType("balanced_accuracy", "the mean recall of the classes that occur; of zeros and ones, for one output", classes.fit,
               classes.recalls, classes.balanced, of_classes=True),
    MetricType("precision", "how many of those taken for a class are of it (none taken: 0), the mean over the classes that are "
               "true or predicted; of the ones, for one output; of several labels at once, the mean over labels",
               classes.fit_or_several, classes.counts, classes.precision, of_classes=True),
    MetricType("recall", "how many of a class are found (none there: 0), with the same means as `precision`",
               classes.fit_or_several, classes.counts, classes.recall, of_classes=True),
    MetricType("f1", "2·precision·recall/(precision + recall), with the same means as `precision`",
               classes.fit_or_several, classes.counts, classes.f1, of_classes=True),
    MetricType("auc", "the area under the ROC curve, each class against the rest: how often a one is above a zero; of several "
               "labels at once, the mean over labels; ½ where all are of one class", classes.fit_or_several, classes.ranked,
               classes.area, merge=lambda a, b: a + b, of_scores=True, of_classes=True),
    MetricType("logloss", "the mean of -log p of what is true, each sample alike, whatever the loss weighs; of several "
               "labels at once, over all labels", classes.fit_or_several, classes.surprise, classes.share,
               greater_is_better=False, of_scores=True, of_classes=True, of_shares=True),
    MetricType("perplexity", "e to the mean of -log p of the class, weighted as the loss is", classes.fit_labels,
               classes.weighted_surprise, classes.perplexity, greater_is_better=False, of_scores=True),
    MetricType("confusion", "how often each class, a row, was taken for each, a column; shown once training has ended",
               classes.fit, classes.confusion, lambda sums: math.nan, table=classes.square, of_classes=True),
    MetricType("mae", "the mean of |p - y|", numbers.fit, numbers.absolute, classes.share, greater_is_better=False),
    MetricType("rmse", "the root of the mean of (p - y)², of each output, and the mean of those", numbers.fit, numbers.squares,
               numbers.root, greater_is_better=False),
    MetricType("r2", "the share of the targets' variance that is explained, of each output, and the mean of those; of targets "
               "that do not vary 1 if they are met, else 0", numbers.fit, numbers.spread, numbers.explained,
               merge=numbers.spread_merged),
)  # fmt: skip

METRICS = {declared.name: declared for declared in _TYPES}
"""Every metric by its name."""


def bound(metric: MetricType, reading: Reading, head: Head) -> MetricType:
    """A metric of one value of a network; its name tells which, as the file does."""
    name = f"{head.label}.{metric.name}" if head.label else metric.name
    return replace(metric, name=name, reading=reading, head=head)
