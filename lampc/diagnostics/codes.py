"""The stable codes, by stage. Each has a page, ``docs/errors/CODE.md``, that ``lampc explain`` prints."""

from __future__ import annotations

from lampc.diagnostics.diagnostic import Severity

TITLES: dict[str, str] = {
    # the source
    "E001": "the file is not UTF-8 text",
    "E002": "the source is too large",
    "E003": "the file cannot be read",
    # syntax
    "E101": "something stands where it cannot",
    "E102": "a bracket is never closed",
    "E103": "a bracket was never opened",
    "E104": "not a number",
    "E105": "a string has no end",
    "E106": "`...` stands for omitted text",
    "E107": "nested too deeply",
    "E108": "an expression is too long",
    "E109": "one argument or two",
    # names and definitions
    "E201": "unknown layer or statement",
    "E202": "defined twice",
    "E203": "unknown label",
    "E204": "a block contains itself",
    "E205": "a used file cannot be used",
    "E206": "unknown name in an expression",
    "E207": "an empty branch",
    "E208": "a statement in the wrong place",
    # arguments and options
    "E301": "a missing argument",
    "E302": "an argument too many",
    "E303": "unknown option",
    "E304": "the wrong kind of value",
    "E305": "a value out of range",
    "E306": "given twice",
    "E307": "arithmetic that has no result",
    "E308": "branches missing, or where none belong",
    # shapes and types
    "E401": "sizes disagree",
    "E402": "the input's rank does not fit",
    "E403": "a size cannot be inferred",
    "E404": "branches or operands disagree",
    "E405": "a window or a group does not fit",
    "E406": "the network is too large",
    "E407": "a tensor is too large",
    "E408": "a layer's own gradient is wrong",
    # the experiment
    "E501": "a statement is missing",
    "E502": "a statement stands twice",
    "E503": "the loss does not fit",
    "E504": "the data does not fit the network",
    "E505": "the loss is not one number",
    "E506": "the metric does not fit",
    "E507": "Python code is not permitted",
    "E508": "an optional package is missing",
    "E509": "a minibatch of one sample",
    "E510": "nothing to measure",
    # data
    "E601": "the data cannot be read",
    "E602": "a bad cell",
    "E603": "no data",
    "E604": "a label out of range",
    "E605": "the data's shapes disagree",
    # the run
    "E701": "the loss is no longer a number",
    "E702": "the device is not available",
    "E703": "nothing to train",
    "E704": "no native code",
    "E705": "workers that are not there",
    "E706": "more memory than there is",
    # runs
    "E610": "no such run",
    "E611": "a damaged or unreadable file of a run",
    "E612": "a checkpoint of another network",
    "E613": "the run's directory cannot be used",
    "E614": "a study of something else",
    # settings
    "E801": "unknown setting",
    "E802": "a setting of the wrong type",
    # exports
    "E811": "there is no such form of an op",
    "E812": "a model that cannot be imported",
    "E813": "one of several values",
    "E814": "a column that an export cannot take",
    # lampc itself
    "E900": "a fault in lampc",
    # warnings
    "W401": "the initialisation saturates the activation",
    "W402": "the output cannot reach the targets",
    "W403": "the loss expects probabilities",
    "W404": "the warm-up is as long as the training",
    "W405": "a layer that nothing uses",
    "W406": "a constant that nothing uses",
    "W407": "a function that nothing uses",
    "W408": "a block that nothing calls",
    "W409": "a parameter that nothing uses",
    "W411": "two linear layers and no activation",
    "W412": "a softmax of probabilities",
    "W413": "a softmax of one number",
    "W414": "weights that begin such that they are not learnt",
    "W415": "a bias before batchnorm",
    "W416": "parameters that no step moves",
    "W417": "a loss without a least value",
    "W418": "branches that nothing parts",
    "W419": "channels that may come last",
    "W421": "features that are not scaled",
    "W422": "a column that is the same throughout",
    "W423": "a column that says what the target is",
    "W424": "test samples that were trained on",
    "W425": "nearly all samples are of one class",
    "W426": "samples in the order of their classes",
    "W431": "units that are always 0",
    "W432": "units at an end of their range",
    "W433": "a loss no better than guessing",
    "W434": "weights that move too far",
    "W435": "weights that hardly move",
    "W451": "scores that begin far too large",
    "W452": "units that begin where they are flat",
    "W453": "a gradient that vanishes or explodes",
    "W454": "a signal that vanishes",
    "W510": "more minibatches are accumulated than there are",
    "W701": "nothing to choose by",
    "W501": "the network has more outputs than there are classes",
    "W502": "a class without training samples",
}


def severity_of(code: str) -> Severity:
    """Codes in E are errors, codes in W warnings."""
    assert code in TITLES, code
    return Severity.WARNING if code.startswith("W") else Severity.ERROR
