"""A run as one page that stands alone: no script, and nothing that is fetched."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data import Split
from lampc.diagnostics import LampError, failure
from lampc.draw import chart
from lampc.printable import printable, printable_lines
from lampc.runs import schemas
from lampc.runs.assessment.answers import Classes
from lampc.runs.assessment.pictures import pictures
from lampc.runs.assessment.reading import answers
from lampc.runs.curves import curves
from lampc.runs.directory import SUMMARY, measurements, read_json
from lampc.runtime.own_unit import in_own_unit
from lampc.runtime.turns import counted

if TYPE_CHECKING:
    import torch

    from lampc.data import Dataset
    from lampc.elaborate.heads import Compared
    from lampc.runs.load import Run
    from lampc.runtime.model import Model

SHOWN = 2000
"""Samples at most that a picture shows."""
GRID = 90
"""Places along each axis at which a boundary is looked for."""
DRAWN = 400
"""Layers at most that are drawn."""
_GREEN, _RED = "#1a9641", "#d7191c"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }
body { color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: 12.5px; line-height: 1.4 }
.charts { display: flex; flex-wrap: wrap; gap: 1rem } .charts svg, .wide svg { max-width: 100%; height: auto }
.wide { overflow-x: auto } summary { cursor: pointer; margin: .5rem 0 }
"""


def report(run: Run) -> str:
    """The page: what ran and came of it, its curves, its mistakes, its network, its layers' norms, its program."""
    path = run.path
    summary = read_json(path / SUMMARY, schemas.SUMMARY) if (path / SUMMARY).exists() else {}
    model = run.model()
    data = run.data() if run.program.experiment.data is not None else None
    sections = [
        ("summary", "What came of it", _summary(run, summary)),
        ("curves", "Curves", _charts(curves(measurements(path)))),
        ("errors", "Where it is right", _charts(_errors(run, model, data))),
        ("network", "The network", _drawing(run)),
        ("norms", "Layers", _charts(_norms(run, model, data))),
        ("program", "The program", "".join(_listings(run))),
        ("settings", "Settings", _settings(run)),
    ]
    name = _text(f"{path.parent.name}/{path.name}")
    body = "".join(f'<section id="{key}"><h2>{title}</h2>{text}</section>' for key, title, text in sections if text)
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style></head>'
            f"<body><h1>{name}</h1>{body}</body></html>\n")  # fmt: skip


def _text(text: str) -> str:
    return html.escape(printable(text))


def _charts(charts: Mapping[str, str]) -> str:
    if not charts:
        return ""
    figures = "".join(f'<figure id="{key}" style="margin:0">{svg}</figure>' for key, svg in charts.items())
    return f'<div class="charts">{figures}</div>'


def _summary(run: Run, summary: Mapping[str, Any]) -> str:
    rows: list[tuple[str, str]] = [("file", run.config["file"]), ("started", run.config["started"])]
    best = summary.get("best")
    if best:
        fold = f"fold {best['fold']}, " if "fold" in best else ""
        rows.append(("best", f"validation {best['metric']} {best['value']:.5g} in {fold}epoch {best['epoch']}"))
    for part in ("train", "validation", "test"):
        for name, found in summary.get(part, {}).items():
            over = counted(len(found["values"]), max(summary.get("folds") or [0]))
            spread = f" ± {found['std']:.2g} over {over}" if over else ""
            rows.append((f"{part} {name}", f"{found['mean']:.5g}{spread}"))
    if summary:
        rows.append(("time", f"{summary['seconds']:.2f} s, {summary['steps']:,} steps, {run.config['backend']}"))
    count = sum(layer.parameter_count for layer in run.program.layers)
    rows.append(("parameters", f"{count:,}"))
    return _table(rows)


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _errors(run: Run, model: Model, data: Dataset | None) -> dict[str, str]:
    """Of each value that the loss compares with the targets: a confusion matrix, or residuals; a boundary for samples of two
    numbers; of classes how sure it is.
    """
    if data is None:
        return {}
    part = data.test if len(data.test) else data.train
    x, y = model.samples(part.x[:SHOWN], part.y[:SHOWN])
    y = in_own_unit(model.unit, y)
    found: dict[str, str] = {}
    for head in run.program.elaborated.heads:
        if head.exact:  # of what a formula makes of a value nothing is known
            made = in_own_unit(model.unit, model.value(head.label, x) if head.label else model(x), head.part)
            found.update(_errors_of(run, model, head, x, made, y if head.part is None else y[..., slice(*head.part)]))
    return {**found, **_sure(run, model, part)}


def _sure(run: Run, model: Model, part: Split) -> dict[str, str]:
    """How sure a network is that answers with a class."""
    try:
        found = answers(run, model, Split(part.x[:SHOWN], part.y[:SHOWN]))
    except LampError:  # it answers with something else
        return {}
    return pictures(found) if isinstance(found, Classes) and len(found.true) else {}


def _errors_of(run: Run, model: Model, head: Compared, x: torch.Tensor, made: torch.Tensor, y: torch.Tensor) -> dict[str, str]:
    """Of one value, and the part of the targets with which it is compared."""
    found: dict[str, str] = {}
    of, key = (f" of {head.label}", f"-{head.label}") if head.label else ("", "")
    above = 0.0 if head.loss == "hinge" else 0.5
    one = y.is_floating_point() and made.shape == y.shape and y.shape[1:] == (1,) and set(y.flatten().tolist()) <= {0.0, 1.0}
    if not y.is_floating_point() or one:
        guess, truth = ((made > above).long().squeeze(-1), (y > 0.5).long().squeeze(-1)) if one else (made.argmax(-1), y)
        names = list(run.classes or ("0", "1") if one else run.classes or map(str, range(made.shape[-1])))
        if len(names) <= 40:
            counts = [[0.0] * len(names) for _ in names]
            for true, guessed in zip(truth.flatten().tolist(), guess.flatten().tolist(), strict=True):
                if 0 <= true < len(names) and guessed < len(names):
                    counts[true][guessed] += 1
            found[f"confusion{key}"] = chart.table(f"confusion{of}", names, counts)
        if x.shape[1:] == (2,) and x.is_floating_point() and truth.dim() == 1 and not head.label and above:
            found["boundary"] = _boundary(run, model, x, guess, truth, one)
    elif made.shape == y.shape:
        flat = [t.double().flatten()[:SHOWN].tolist() for t in (y, made)]
        points = chart.Points("samples", flat[0], flat[1], chart.COLORS[0])
        found[f"residuals{key}"] = chart.scatter(f"predicted against true{of}", [points], ("true", "predicted"), diagonal=True)
    return found


def _boundary(run: Run, model: Model, x: torch.Tensor, guess: torch.Tensor, truth: torch.Tensor, one: bool) -> str:
    """What is predicted all over the plane, and where the samples lie: green if right, red if wrong."""
    import torch

    low, high = x.amin(0).double(), x.amax(0).double()
    room = (high - low) * 0.05
    low, high = low - room, high + room
    axis = [torch.linspace(float(a), float(b), GRID, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
    grid = torch.stack([axis[0].repeat(GRID), axis[1].flip(0).repeat_interleave(GRID)], 1)
    made = model(grid)
    shares = torch.cat([1 - made, made], 1) if one else made.double().softmax(-1) if made.min() < 0 or made.max() > 1 else made
    shares = shares.double().clamp(0.0, 1.0)
    palette = torch.tensor(
        [[198, 219, 239], [253, 208, 162], [199, 233, 192], [218, 218, 235], [255, 240, 170], [200, 230, 230]]
    )
    colors = palette[torch.arange(shares.shape[1]) % len(palette)].double()
    pixels = (shares / shares.sum(1, keepdim=True).clamp_min(1e-9) @ colors).long().reshape(GRID, GRID, 3).tolist()
    picture = chart.png([[(r, g, b) for r, g, b in row] for row in pixels])
    right = guess == truth
    groups = []
    for name, chosen, color in (("correct", right, _GREEN), ("wrong", ~right, _RED)):
        places = x[chosen].double()
        groups.append(chart.Points(name, places[:, 0].tolist(), places[:, 1].tolist(), color))
    data = run.program.experiment.data
    columns = data.description.columns if data is not None and data.description is not None else None
    names = (columns[0], columns[1]) if columns else ("x0", "x1")
    bounds = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return chart.scatter("decisions", groups, names, picture, bounds)


def _drawing(run: Run) -> str:
    from lampc import draw

    if len(run.program.layers) > DRAWN:
        return f"<p>{len(run.program.layers):,} layers: too many to draw.</p>"
    elaborated = run.program.elaborated
    loss = run.program.experiment.loss
    picture = draw.network(elaborated.layers, {elaborated.input: ("x", elaborated.input_type)}, loss.name if loss else None)
    return f'<div class="wide">{draw.svg(picture)}</div>'


def _norms(run: Run, model: Model, data: Dataset | None) -> dict[str, str]:
    """Of each layer's weights, and of the gradient that they have on the first training samples."""
    if not model.parameters or len(run.program.layers) > DRAWN:
        return {}
    gradients: dict[str, torch.Tensor] = {}
    if data is not None and "loss" in run.program.whole.outputs:
        count = max(run.program.least_batch, min(len(data.train), run.program.experiment.train.batch))
        train = data.train
        weight = None if train.weight is None else train.weight[:count]
        _, gradients = model.gradients(train.x[:count], train.y[:count], weight)
    names = [layer.name for layer in run.program.layers if layer.parameters]
    own = {layer.name: [label for label, _ in layer.parameters] for layer in run.program.layers}
    charts = {
        "weights": chart.bars("norms of the weights", names, [("weights", [_norm(model.parameters, own[n]) for n in names])])
    }
    if gradients:
        values = [_norm(gradients, own[n]) for n in names]
        charts["gradients"] = chart.bars("norms of the gradients", names, [("gradients", values)])
    return charts


def _norm(tensors: Mapping[str, torch.Tensor], labels: list[str]) -> float:
    return math.sqrt(sum(float(tensors[label].double().square().sum()) for label in labels if label in tensors))


def _listings(run: Run) -> Iterator[str]:
    program = run.program
    yield f"<pre>{html.escape(printable_lines(program.source.text.strip()))}</pre>"
    for name in ("forward", "backward", "update"):
        listing = str(getattr(program, name))
        if listing:
            opened = " open" if name == "forward" and len(listing) < 5000 else ""
            yield f"<details{opened}><summary>{name}</summary><pre>{html.escape(printable_lines(listing))}</pre></details>"


def _settings(run: Run) -> str:
    flat = {f"{s}.{name}": v for s, options in run.config["resolved"].items() for name, v in options.items()}
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in flat.items()]
    rows += [(name, str(value)) for name, value in run.config["versions"].items()]
    rows.append(("commit", str(run.config["git"])))
    return f"<details><summary>every value</summary>{_table(rows)}</details>"


def write(run: Run) -> list[Path]:
    """Write ``report.html`` and ``curves.svg`` into the run's directory."""
    from lampc import files
    from lampc.runs.curves import stacked

    pages = {run.path / "curves.svg": stacked(curves(measurements(run.path))), run.path / "report.html": report(run)}
    try:
        for path, text in pages.items():
            files.write(path, text.encode())
    except OSError as error:
        raise failure("E613", f"{run.path} cannot be written: {error.strerror or error}") from None
    return list(pages)
