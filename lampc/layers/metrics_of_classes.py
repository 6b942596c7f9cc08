"""Metrics of classes: labels [n, …], one output that says yes or no [n, …, 1], or several labels at once, 0 or 1 [n, k].

What has no samples counts as scikit-learn has it with ``zero_division=0``: precision is 0 where nothing was predicted, recall
where nothing is true.
"""

from __future__ import annotations

import math
from typing import Any

from lampc.ir.types import Type
from lampc.layers.metric import Reading, Seen


def fit(prediction: Type, target: Type) -> str:
    """Why a prediction and a target are no classes, one for each row or place; empty if they are."""
    if target.dtype == "i64":
        return "" if prediction.shape[:-1] == target.shape else f"{target} does not label the rows of {prediction}"
    if prediction == target and prediction.shape[-1:] == (1,):
        return ""
    return "it takes class labels, or one output between 0 and 1"


def fit_or_several(prediction: Type, target: Type) -> str:
    """The same, for what takes several labels at once, too."""
    return "" if several(prediction, target) else fit(prediction, target)


def fit_labels(prediction: Type, target: Type) -> str:
    """The same, for what takes class labels alone."""
    return fit(prediction, target) if target.dtype == "i64" else "it takes class labels"


def several(prediction: Type, target: Type) -> bool:
    """Whether they may be several labels at once: an output for each, and a row of them for a sample."""
    return target.dtype != "i64" and prediction == target and target.rank == 2 and target.shape[-1] != 1


def _found_and_true(seen: Seen, reading: Reading) -> tuple[Any, Any]:
    """Predicted and true classes; of outputs whether each is above a number, true or false."""
    if seen.of_numbers:
        return seen.prediction > reading.above, seen.target > 0.5
    return seen.prediction.argmax(-1), seen.target


def _flat(seen: Seen, reading: Reading) -> tuple[Any, Any, int]:
    """Predicted and true classes in a row, 0 and 1 for one output, and how many classes there are."""
    found, true = (labels.flatten().long() for labels in _found_and_true(seen, reading))
    return found, true, 2 if seen.of_numbers else seen.prediction.shape[-1]


def right(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """How many are right, and how many there are."""
    found, true = _found_and_true(seen, reading)
    return (float((found == true).sum()), float(true.numel()))


def share(sums: tuple[float, ...]) -> float:
    """The first of the second; 0 where there is none."""
    return sums[0] / sums[1] if sums[1] else 0.0


def counts(seen: Seen, reading: Reading) -> tuple[Any, ...]:
    """Hits, predictions and truths of each class, and how often it occurs as one of these; of outputs those of each's ones, and
    the number of samples, since they count whether they occur or not.
    """
    if seen.of_numbers:
        found, true = (labels.reshape(-1, labels.shape[-1]) for labels in _found_and_true(seen, reading))
        hits, predicted, truths = ((found & true).sum(0), found.sum(0), true.sum(0))
        occurs = truths * 0 + len(true)
    else:
        found, true, classes = _flat(seen, reading)
        hits, predicted, truths = (c.bincount(minlength=classes) for c in (true[found == true], found, true))
        occurs = predicted + truths
    return tuple(count.double().cpu() for count in (hits, predicted, truths, occurs))


def _mean(hits: Any, of: Any, occurs: Any) -> float:
    """The mean share of hits over what occurs, 0 where it is of nothing."""
    shares = (hits / of.clamp_min(1.0))[occurs > 0]
    return float(shares.mean()) if len(shares) else 0.0


def precision(state: tuple[Any, ...]) -> float:
    """The mean of hits/predicted."""
    hits, predicted, _, occurs = state
    return _mean(hits, predicted, occurs)


def recall(state: tuple[Any, ...]) -> float:
    """The mean of hits/true."""
    hits, _, true, occurs = state
    return _mean(hits, true, occurs)


def f1(state: tuple[Any, ...]) -> float:
    """The mean of 2·hits/(predicted + true)."""
    hits, predicted, true, occurs = state
    return _mean(2.0 * hits, predicted + true, occurs)


def recalls(seen: Seen, reading: Reading) -> tuple[Any, ...]:
    """Hits and truths of each class, of both for one output."""
    found, true, classes = _flat(seen, reading)
    return tuple(c.bincount(minlength=classes).double().cpu() for c in (true[found == true], true))


def balanced(state: tuple[Any, ...]) -> float:
    """The mean recall of the classes that are some sample's."""
    hits, true = state
    return _mean(hits, true, true)


def ranked(seen: Seen, _: Reading) -> list[tuple[Any, Any]]:
    """Each class's score against the rest, and the classes; of outputs each one's score, and whether it is a one.

    log p/(1 - p), which grows with a softmax's probability p and is not flat where that is nearly 1.
    """
    import torch

    scores = seen.scores.double().reshape(-1, seen.scores.shape[-1])
    if seen.of_numbers:
        return [(scores.clone(), (seen.target > 0.5).reshape(scores.shape))]
    columns = range(scores.shape[-1])
    rest = [scores[:, [other for other in columns if other != c]].logsumexp(-1) for c in columns]
    return [(scores - torch.stack(rest, 1), seen.target.flatten().clone())]


def area(parts: list[tuple[Any, Any]]) -> float:
    """The mean over classes of each against the rest, for two of the second alone; over outputs of ones against zeros.

    ½ where there is nothing to order.
    """
    import torch

    scores, labels = (torch.cat(columns) for columns in zip(*parts, strict=True))
    if labels.dim() == 1:
        chosen = [1] if scores.shape[1] == 2 else list(range(scores.shape[1]))
        each = [_in_order(scores[:, c], labels == c) for c in chosen]
    else:
        each = [_in_order(scores[:, c], labels[:, c]) for c in range(scores.shape[1])]
    known = [found for found in each if not math.isnan(found)]
    return sum(known) / len(known) if known else 0.5


def _in_order(scores: Any, positive: Any) -> float:
    """The share of pairs of a positive and a negative that are in order, ties half: Mann and Whitney's U."""
    import torch

    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0).double() - (counts.double() - 1) / 2)[inverse]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def surprise(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """The sum of -log p of what is true, and how many there are; from scores, so that a p that rounds to 0 has one, too."""
    import torch

    if not seen.of_numbers:
        logs = _logs(seen)
    elif reading.logits and seen.scores is not seen.prediction:
        sides = (seen.target > 0.5).double() * 2.0 - 1.0
        logs = -torch.nn.functional.softplus(-sides * seen.scores.double())
    else:
        p = torch.where(seen.target > 0.5, seen.prediction, 1.0 - seen.prediction)
        logs = p.clamp_min(torch.finfo(p.dtype).eps).double().log()
    return (-float(logs.sum()), float(logs.numel()))


def weighted_surprise(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """The sum of -w·log p of the class, and that of w, its weight in the loss."""
    logs = _logs(seen)
    weight = logs.new_tensor(reading.weights)[seen.target] if reading.weights else logs.new_ones(logs.shape)
    return (-float((weight * logs).sum()), float(weight.sum()))


def _logs(seen: Seen) -> Any:
    """The logarithm of p of each sample's class."""
    return seen.scores.double().log_softmax(-1).gather(-1, seen.target.unsqueeze(-1)).squeeze(-1)


def perplexity(sums: tuple[float, ...]) -> float:
    """E to the mean, infinite where that is more than numbers reach."""
    try:
        return math.exp(share(sums))
    except OverflowError:
        return math.inf


def confusion(seen: Seen, reading: Reading) -> tuple[float, ...]:
    """How often each class was taken for each, row by row."""
    found, true, classes = _flat(seen, reading)
    return tuple(float(count) for count in (true * classes + found).bincount(minlength=classes * classes))


def square(sums: tuple[float, ...]) -> list[list[float]]:
    """Rows of as many columns as there are rows."""
    n = math.isqrt(len(sums))
    return [list(sums[row * n : row * n + n]) for row in range(n)]
