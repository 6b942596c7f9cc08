"""``lampc plot``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files, complete_runs
from lampc.cli.outputs import save
from lampc.cli.say import tell
from lampc.cli.verb import verb


@verb("lampc plot disc", "lampc plot disc -o disc.html")
@click.argument("run", shell_complete=complete_runs)
@click.option("-o", "--output", metavar="OUT", shell_complete=complete_files,
              help="Write the curves to this .svg file, or the report to this .html file.")  # fmt: skip
@click.option("--allow-python", is_flag=True, help='Permit `data python "module:function"` to run that function.')
@COLOR
def plot(run: str, output: str | None, allow_python: bool) -> int:
    """Draw a run anew: its curves.svg, and its report.html, a page that stands alone."""
    if output is not None and Path(output).suffix.lower() not in (".svg", ".html"):
        raise click.UsageError("OUT ends in .svg or .html.")
    from lampc.runs.curves import curves, stacked
    from lampc.runs.directory import measurements
    from lampc.runs.load import load
    from lampc.runs.report import report, write

    found = load(run, allow_python=allow_python)
    if output is None:
        for path in write(found):
            tell(f"wrote {path}")
        return 0
    path = Path(output)
    text = report(found) if path.suffix.lower() == ".html" else stacked(curves(measurements(found.path)))
    save(path, text.encode())
    tell(f"wrote {path}")
    return 0
