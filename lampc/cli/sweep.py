"""``lampc sweep``."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lampc import files
from lampc.cli.clashes import refuse, refuse_settings
from lampc.cli.completion import complete_files, complete_settings
from lampc.cli.inputs import FILE, called, common, load
from lampc.cli.progress import progress
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say, say_json, unread
from lampc.cli.signals import terminable
from lampc.cli.verb import verb
from lampc.diagnostics import LampError, Problems, failure
from lampc.elaborate import parse_setting
from lampc.elaborate.given import Given
from lampc.elaborate.settings import Setting
from lampc.printable import cell, printable

if TYPE_CHECKING:
    from lampc.compile import Program

Row = dict[str, Any]


@verb(
    "lampc sweep xor --grid optimizer.lr=0.01,0.05 --runs 3", "lampc sweep xor --search optimizer.lr=1e-3..1e-1:log --trials 5"
)
@FILE
@click.option("--grid", multiple=True, metavar="NAME=A,B,…", shell_complete=complete_settings,
              help="Values to try for a constant or an option. Given again, every combination is tried.")  # fmt: skip
@click.option("--search", multiple=True, metavar="NAME=LOW..HIGH[:log]", shell_complete=complete_settings,
              help="Numbers, or values A,B,…, to search among with Optuna (extra `sweep`).")  # fmt: skip
@click.option("--trials", type=click.IntRange(1, 1_000_000), metavar="N", help="How many settings to try; for --search.")
@click.option("--storage", metavar="PLACE", shell_complete=complete_files,
              help="Share the study: a file, or a database's address. Several processes may work at it.")  # fmt: skip
@click.option("--study", metavar="NAME", help="What the shared study is called. [default: the file's name]")
@click.option("--runs", type=click.IntRange(1, 100_000), metavar="N",
              help="Seeds for each combination. [default: as the file says]")  # fmt: skip
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path),
              help="Where to save table.csv and plot.svg. [default: sweep-NAME]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print each row as a line of JSON.")
@common
def sweep(file: str, grid: tuple[str, ...], search: tuple[str, ...], trials: int | None, storage: str | None,
          study: str | None, runs: int | None, output: Path | None, as_json: bool, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Train with every combination of some settings, or search among them, and compare."""
    refuse("grid", "search", "every combination is tried, or some that are searched for.")
    if not grid and not search:
        raise click.UsageError("Say what to try: --grid NAME=A,B,… or --search NAME=LOW..HIGH.")
    if trials is not None and grid and storage is None:
        raise click.UsageError("--trials beside --grid: every combination is tried, unless a --storage shares them out.")
    if study is not None and storage is None:
        raise click.UsageError("--study without --storage: nothing is shared.")
    refuse_settings(settings, {"runs": "train.runs"})
    if search and trials is None:
        raise click.UsageError("Say how many settings to try: --trials 20.")
    names = [text.partition("=")[0].strip() for text in search or grid]
    for one, other in itertools.combinations(names, 2):
        if _same(one, other):
            raise click.UsageError(f"`{one}` and `{other}` are one setting: name its values in one list.")
    for name in names:
        for text in settings:
            if _same(name, text.partition("=")[0].strip()):
                raise click.UsageError(f"`{name}` is tried, and --set {text} says what it is: leave one out.")
        if runs is not None and _same(name, "train.runs"):
            raise click.UsageError(f"`{name}` is tried, and --runs {runs} says what it is: leave one out.")
    table = _Table(file, names, output or Path(f"sweep-{called(file)}"), as_json)
    problems = Problems()
    settings = (*settings, *(() if runs is None else (f"train.runs={runs}",)))
    loaded = load(file, settings, problems)
    if search or storage is not None:
        work = _studied(loaded, search or grid, trials, storage, study or called(file), allow_python, table)
    else:
        work = _every(loaded, grid, allow_python, problems, table)
    with terminable() as stop:  # not before: an exception in the midst of an import leaves a library half made
        try:
            work()
        except KeyboardInterrupt:
            table.close()
            say("interrupted", err=True)
            return 128 + (stop.signal or 2)
        except BrokenPipeError:
            return unread()
    return table.close()


def _same(one: str, other: str) -> bool:
    """Whether two names are of one setting: `lr` is `optimizer.lr`."""
    return one == other or (("." in one) != ("." in other) and one.rpartition(".")[2] == other.rpartition(".")[2])


def _every(loaded: Any, grid: tuple[str, ...], allow_python: bool, problems: Problems,
           table: _Table) -> Callable[[], None]:  # fmt: skip
    """What tries every combination, once all are known to be programs."""
    from lampc.compile import compile_source
    from lampc.runs.trial import tried

    source, place, overrides = loaded
    axes = [_axis(text, problems) for text in grid]
    problems.raise_errors()
    programs = []
    for values in itertools.product(*(values for _, values in axes)):
        chosen = dict(zip([name for name, _ in axes], values, strict=True))
        programs.append((chosen, compile_source(source, Given(place, {**overrides, **chosen}, allow_python))))
    print_diagnostics(programs[0][1].warnings)

    def work() -> None:
        for number, (chosen, program) in enumerate(programs, 1):
            table.begin(f"setting {number} of {len(programs)}", program)
            table.add(tried(chosen, program, table.progress))

    return work


def _studied(loaded: Any, given: tuple[str, ...], trials: int | None, storage: str | None, name: str,
             allow_python: bool, table: _Table) -> Callable[[], None]:  # fmt: skip
    """What tries what Optuna finds: this process's trials, to which it adds those of others."""
    from lampc.compile import compile_source
    from lampc.runs.study import Study, begin, parse, search
    from lampc.runs.trial import refused, tried

    source, place, overrides = loaded
    space = dict(parse(text) for text in given)
    plain = compile_source(source, Given(place, overrides, allow_python))

    def measured(chosen: dict[str, Any]) -> Row:
        problems = Problems()
        found = [parse_setting(f"{name}={value}", problems) for name, value in chosen.items()]
        problems.raise_errors()
        more = dict(setting for setting in found if setting is not None)
        try:
            program = compile_source(source, Given(place, {**overrides, **more}, allow_python))
        except LampError as error:  # of settings that are drawn not all need be programs
            if error.diagnostics[0].code == "E801":  # there is no such setting, whatever its value
                raise
            return refused(more, error.diagnostics[0])
        table.begin(f"trial {len(table.rows) + 1}" + (f" of {trials}" if trials is not None else ""), program)
        return tried(more, program, table.progress)

    asked = Study(space, trials, storage, name)
    begun = begin(asked, plain)
    return lambda: table.all(search(asked, begun, measured, table.add))


class _Table:
    """The rows: written as they come, told of at the end."""

    def __init__(self, file: str, names: list[str], folder: Path, as_json: bool) -> None:
        self.file = file
        self.names = names
        self.folder = folder
        self.as_json = as_json
        self.rows: list[Row] = []
        self.progress = progress(as_json=as_json, err=True, rarely=True)

    def begin(self, title: str, program: Program) -> None:
        """A setting is going to be tried."""
        self.progress.begin(program.experiment.train.epochs, program.experiment.train.trainings, title)

    def add(self, row: Row) -> None:
        """A setting that has been tried."""
        self.rows.append(row)
        self._write()
        if self.as_json:  # what has been said is there, whatever comes now
            say_json(row)

    def all(self, rows: list[Row]) -> None:
        """All rows of a study, those of other processes too."""
        for row in rows if self.as_json else ():
            if row not in self.rows:
                say_json(row)
        self.rows = rows
        if rows:
            self._write()

    def close(self) -> int:
        """Tell what came of it; the exit status."""
        from lampc.runs.trial import best, unchosen

        self.progress.close()
        if not self.rows:
            say("no trial has ended", err=True)
            return 1
        chosen = best(self.rows)
        if not self.as_json:
            _print(self.names, self.rows, chosen)
        if chosen is None:
            say(f"none is chosen: {unchosen(self.rows)}", err=True)
        elif not self.as_json:
            say(_chosen(self.rows[chosen]))
        with _writing(self.folder):
            _plot(self.folder / "plot.svg", self.names, self.rows)
        if not self.as_json:
            say(f"saved in {self.folder}")
        return 0 if any(row["measures"] for row in self.rows) else 1

    def _write(self) -> None:
        from lampc.runs.trial import best

        with _writing(self.folder):
            files.folder(self.folder)
            _save(self.folder / "table.csv", self.names, self.rows, best(self.rows))


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failure("E003", f"cannot write {folder}: {error.strerror or error}") from None


def _axis(text: str, problems: Problems) -> tuple[str, list[Setting]]:
    name, _, values = text.partition("=")
    parsed = [parse_setting(f"{name}={value}", problems) for value in values.split(",")]
    return name, [setting[1] for setting in parsed if setting is not None]


def _columns(rows: list[Row]) -> list[str]:
    """The measures that the rows are looked at by."""
    return list(dict.fromkeys(name for row in rows for name in row["measures"]))


def _print(names: list[str], rows: list[Row], best: int | None) -> None:
    from lampc.cli.results import measure
    from lampc.runs.trial import places

    measures = _columns(rows)
    cells = [
        [*(printable(str(row["settings"][name])) for name in names),
         *(measure(name, row["measures"][name]) if name in row["measures"] else "–" for name in measures)]
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[column]) for line in [[*names, *measures], *cells]) for column in range(len(names) + len(measures))]
    ends = ["", *(f"  {place}" if (place := places(row)) else "" for row in rows)]
    for index, line in enumerate([[*names, *measures], *cells]):
        mark = "  best" if best is not None and index == best + 1 else ""
        say("  ".join(f"{text:>{width}}" for text, width in zip(line, widths, strict=True)) + mark + ends[index])


def _chosen(row: Row) -> str:
    from lampc.cli.results import measure

    settings = ", ".join(f"{name}={printable(str(value))}" for name, value in row["settings"].items())
    test = ", ".join(f"{name} {measure(name, found)}" for name, found in row["test"].items())
    return f"best by validation {row['by']}: {settings}" + (f"; test {test}" if test else "")


def _save(path: Path, names: list[str], rows: list[Row], best: int | None) -> None:
    measures = _columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [*map(cell, names), *(f"{name} {part}" for name in measures for part in ("mean", "std")), "diverged", "best"]
    )
    for index, row in enumerate(rows):
        numbers = [row["measures"].get(name, {}).get(part, "") for name in measures for part in ("mean", "std")]
        writer.writerow([*(cell(row["settings"][name]) for name in names), *numbers, len(row["diverged"]), int(index == best)])
    files.write(path, out.getvalue().encode())


def _plot(path: Path, names: list[str], rows: list[Row]) -> None:
    """Means with deviations, a row a place; left out where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        say('no plot: it needs matplotlib (pip install "lampc[plot]")', err=True)
        return
    ended = [row for row in rows if row["measures"]]
    if not ended:
        return
    measures = ended[0]["measures"]
    name = ended[0]["by"] or next((name for name in ("accuracy", "r2") if name in measures), "loss")
    figure = Figure(figsize=(max(4.0, 0.6 * len(ended) + 2), 3.5), layout="constrained")
    axes = figure.subplots()
    found = [row["measures"].get(name, {"mean": math.nan, "std": 0.0}) for row in ended]
    axes.errorbar(range(len(ended)), [m["mean"] for m in found], [m["std"] for m in found], fmt="o", capsize=3)
    axes.set_xticks(
        range(len(ended)), [", ".join(printable(str(row["settings"][n])) for n in names) for row in ended], rotation=45
    )
    axes.set(xlabel=", ".join(names), ylabel=name)
    with files.writing(path) as file:
        figure.savefig(file, format=path.suffix[1:])
