"""Diagnostics: values that say what is wrong, where, and how to mend it."""

from lampc.diagnostics.diagnostic import Diagnostic, Label, LampError, Severity
from lampc.diagnostics.problems import Problems, failure

__all__ = ["Diagnostic", "Label", "LampError", "Problems", "Severity", "failure"]
