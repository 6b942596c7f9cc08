"""Statements of other languages that have no counterpart here: what to do about each, for messages."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Stranger:
    """What is said of a statement, how it is mended, and whether that is done by leaving the statement out."""

    why: str
    fix: str
    left_out: bool = True


_IMPORT = Stranger("layers need no import", "leave this line out")
_SHOWN = Stranger("nothing is printed by a program", "leave this line out: `lampc train` shows the loss and the metrics")
_COMMAND = "that is a command, not a statement"
_TRAINED = Stranger(_COMMAND, "leave this line out: `lampc train FILE` trains, `eval` and `predict` use what was trained")
_KEPT = Stranger(_COMMAND, "leave this line out: `lampc train` keeps each run in `runs/`, `lampc export` writes a network")
_DRAWN = Stranger(_COMMAND, "leave this line out: `lampc plot` draws a run's curves, `lampc graph FILE` the network")
_PYTHON = Stranger("this is Python", "write the layers alone, one a line: `linear 2->25`, then `tanh`", left_out=False)
_BRACES = Stranger("bodies stand in braces", "leave this line out: `repeat 3 { … }`")
_SCALED = Stranger("features are scaled where the data is named",
                   "leave this line out, and add `normalize` to the `data` statement", left_out=False)  # fmt: skip

STRANGERS: dict[str, Stranger] = {
    **dict.fromkeys(("import", "include", "require", "using", "library", "package"), _IMPORT),
    **dict.fromkeys(("print", "printf", "echo", "log", "display", "show"), _SHOWN),
    **dict.fromkeys(("evaluate", "eval", "test", "predict", "run", "score", "start", "execute"), _TRAINED),
    **dict.fromkeys(("save", "export", "checkpoint", "load", "write"), _KEPT),
    **dict.fromkeys(("plot", "summary", "draw", "visualize", "graph"), _DRAWN),
    **dict.fromkeys(
        ("class", "def", "return", "if", "else", "elif", "while", "with", "try", "except", "assert", "super"), _PYTHON
    ),
    **dict.fromkeys(("lambda", "yield", "async", "global"), _PYTHON),
    **dict.fromkeys(("begin", "end", "endfor", "done", "endrepeat"), _BRACES),
    **dict.fromkeys(("standardscaler", "minmaxscaler", "normalizer", "preprocess"), _SCALED),
    "crossvalidation": Stranger("cross-validation is an option of `train`", "leave this line out: `train folds=5`"),
}
"""By the word that such a statement begins with, in lower case and without `_`."""

HOLDERS = frozenset({"network", "model", "net", "sequential", "layers", "nn", "neural_network", "architecture", "graph", "main",
                     "body", "neuron", "program"})  # fmt: skip
"""What others write around the layers of a network."""


_CONFIGURATION = re.compile(r"\s*[{\[]\s*[{\"']")


def is_json(text: str) -> bool:
    """Whether a text is JSON, or the like."""
    return _CONFIGURATION.match(text) is not None


def stranger(text: str) -> Stranger | None:
    """What is said of a statement by its first word, or words."""
    if re.match(r"from\s+[\w.]+\s+import\b", text):
        return _IMPORT
    word = re.match(r"[A-Za-z_][\w.]*", text)
    if word is None:
        return None
    return STRANGERS.get(word[0].lower().replace("_", "").rpartition(".")[2])
