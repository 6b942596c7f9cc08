"""What a program may mean and will regret: warnings that follow from its graph and its data alone, before anything runs.

Each holds for every run of the program, so that none is false: where it cannot be decided, nothing is said.
"""

from __future__ import annotations

from lampc.advice.beginnings import warn_of_beginnings
from lampc.advice.bounds import warn_of_no_bound
from lampc.advice.channels import warn_of_channels
from lampc.advice.data import warn_of_data
from lampc.advice.linear import warn_of_bias, warn_of_linear
from lampc.advice.rates import warn_of_rates
from lampc.advice.softmax import warn_of_softmax
from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated

__all__ = ["advise"]


def advise(program: Elaborated, problems: Problems) -> None:
    """Report what can be known of a checked program. Before: it has no errors."""
    warn_of_linear(program, problems)
    warn_of_bias(program, problems)
    warn_of_softmax(program, problems)
    warn_of_channels(program, problems)
    warn_of_rates(program, problems)
    warn_of_beginnings(program, problems)
    warn_of_no_bound(program, problems)
    warn_of_data(program, problems)
