"""Diagnostics: values that say what is wrong, where, and how to mend it."""

from lampc.diagnostics.diagnostic import Diagnostic, Edit, Label, LampError, Severity
from lampc.diagnostics.problems import Problems, failure

__all__ = ["Diagnostic", "Edit", "Label", "LampError", "Problems", "Severity", "failure"]
