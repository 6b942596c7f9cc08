"""``lampc examples``."""

from __future__ import annotations

import click

from lampc import examples as shipped
from lampc.cli.colors import COLOR
from lampc.cli.report import color_asked, wants_color
from lampc.cli.say import say_json, say_table, tell
from lampc.cli.verb import verb
from lampc.tables import Column


@verb("lampc examples")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object an example.")
@COLOR
def examples(as_json: bool) -> int:
    """List the programs that come with lampc.

    Each runs by its name, as `lampc train disc`, and `lampc new disc` writes it here for you to change.
    """
    from lampc.data import SOURCES

    names = shipped.names()
    extras = {name: SOURCES[shipped.source(name)].extra for name in names}
    if as_json:
        for name in names:
            what, expected = shipped.about(name)
            say_json({"name": name, "about": what, "expected": expected, "extra": extras[name] or None})
        return 0
    rows = [(name, shipped.about(name)[0], f"lampc[{extra}]" if (extra := extras[name]) else "") for name in names]
    say_table([Column("name"), Column("what it is", wraps=True), Column("needs")], rows, wants_color(color_asked()), 122)
    tell("\n`lampc train NAME` runs one, `lampc new NAME` writes it here")
    return 0
