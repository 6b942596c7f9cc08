"""Options that say nothing beside others: who gives both is told so, and nothing is ignored in silence."""

from __future__ import annotations

import click
from click.core import ParameterSource


def given(name: str) -> bool:
    """Whether an option of the verb that runs stands on the command line."""
    return click.get_current_context().get_parameter_source(name) == ParameterSource.COMMANDLINE


def refuse(option: str, beside: str | tuple[str, ...], why: str) -> None:
    """See that of two options not both are given.

    Raises:
        UsageError: if they are.
    """
    for other in (beside,) if isinstance(beside, str) else beside:
        if given(option) and given(other):
            raise click.UsageError(f"{_flag(option)} beside {_flag(other)}: {why}")


def one_of(*names: str) -> str | None:
    """Which of some flags that exclude one another is given; None where none is.

    Raises:
        UsageError: if several are.
    """
    found = [name for name in names if given(name)]
    if len(found) > 1:
        raise click.UsageError(f"{' beside '.join(map(_flag, found))}: leave all but one out.")
    return found[0] if found else None


def refuse_settings(settings: tuple[str, ...], options: dict[str, str]) -> None:
    """See that no setting is given twice, by an option and by ``--set``; ``options`` are their names as settings.

    Raises:
        UsageError: if one is.
    """
    for text in settings:
        name = text.partition("=")[0].strip()
        for option, setting in options.items():
            if given(option) and name in (setting, setting.rpartition(".")[2]):
                raise click.UsageError(f"{_flag(option)} beside --set {name}: they are one setting, leave one out.")


def _flag(name: str) -> str:
    param = next(param for param in click.get_current_context().command.params if param.name == name)
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.make_metavar(click.get_current_context())
