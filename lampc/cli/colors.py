"""The option ``--color`` of a verb that reads no program."""

from __future__ import annotations

import click

from lampc.cli.report import remember_color


def _remember(_: click.Context, __: click.Parameter, color: str) -> None:
    remember_color(color)


COLOR = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
                     expose_value=False, callback=_remember, help="Colour what is printed.")  # fmt: skip
