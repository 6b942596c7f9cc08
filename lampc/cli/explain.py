"""``lampc explain``."""

from __future__ import annotations

import click

from lampc import resources
from lampc.cli.completion import complete_codes
from lampc.cli.say import say
from lampc.cli.verb import verb
from lampc.diagnostics.codes import TITLES
from lampc.diagnostics.suggest import nearest


@verb("lampc explain E401", "lampc explain")
@click.argument("code", required=False, shell_complete=complete_codes)
def explain(code: str | None) -> int:
    """Say what a diagnostic's code means and how to mend it; without a code, list all."""
    if code is None:
        for known, title in TITLES.items():
            say(f"{known}  {title}")
        return 0
    name = code.strip().upper().strip("[]")
    if name not in TITLES:
        near = nearest(name, TITLES)
        raise click.UsageError(f"There is no code `{code}`.{f' Did you mean {near}?' if near else ''}")
    say(resources.text("docs", "errors", f"{name}.md").rstrip())
    return 0
