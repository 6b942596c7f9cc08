"""What a program defines, its own file's definitions and those of the files it uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lampc import limits
from lampc.diagnostics import Problems
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.composition import COMBINATORS
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.foreign import judge
from lampc.elaborate.given import Given
from lampc.elaborate.settings import Settings
from lampc.layers import LAYERS, LayerType
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.signature import Choice, Written
from lampc.source import Source, Span, project
from lampc.syntax import parse, tree
from lampc.syntax.words import DECLARING

LIBRARY = Path(__file__).parents[1] / "std"
"""The standard library, in the language itself."""

EXPERIMENT = ("input", "data", "loss", "optimizer", "schedule", "metrics", "train", "init", "column")
"""Statements about the experiment, one of each at most."""


_DEFINITION = 200
"""Characters of a definition that could not be read, at most."""


@dataclass
class Definitions:
    """Constants, functions and blocks by name, and the statements that are left."""

    constants: dict[str, Written] = field(default_factory=dict)
    functions: dict[str, tree.Fn] = field(default_factory=dict)
    blocks: dict[str, tree.Block] = field(default_factory=dict)
    layers: Mapping[str, LayerType] = field(default_factory=lambda: LAYERS)
    """The layers that there are."""
    places: dict[str, Span] = field(default_factory=dict)
    """Where each name was defined."""
    lost: set[str] = field(default_factory=set)
    """Names whose definitions cannot be read, which has been reported."""

    def define(self, word: tree.Word, problems: Problems) -> bool:
        """Take a name for a definition; False if it is taken, which is then reported."""
        builtin = word.name in self.layers or word.name in COMBINATORS or word.name in EXPERIMENT
        if builtin:
            problems.report(
                "E202", f"`{word.name}` is built in", word.span, fixes=[f"choose another name, such as `my_{word.name}`"]
            )
            return False
        if word.name in self.places:
            problems.report("E202", f"`{word.name}` is defined twice", word.span,
                            also=[(self.places[word.name], "first here")])  # fmt: skip
            return False
        self.places[word.name] = word.span
        return True


class Reader:
    """Collects definitions, file by file, beginning with the program's own."""

    def __init__(self, program: Source, given: Given, settings: Settings, problems: Problems) -> None:
        self.root = project(given.folder)
        self.texts = given.texts
        self.settings = settings
        self.problems = problems
        self.found = Definitions(layers=given.layers)
        self._open: list[Path] = [program.path] if program.path else []
        self._read: set[Path] = set()
        self.used: list[Source] = []
        """The files that were read, but for the standard library's."""

    def collect(self, body: tree.Body, folder: Path) -> list[tree.Layer | tree.Broken]:
        """Define what a file defines; the other statements, in order."""
        others: list[tree.Layer | tree.Broken] = []
        for statement in body.statements:
            if isinstance(statement, tree.Let):
                self._let(statement)
            elif isinstance(statement, tree.Fn):
                self._fn(statement)
            elif isinstance(statement, tree.Block):
                if self.found.define(statement.name, self.problems):
                    _unique(statement.parameters, self.problems)
                    self.found.blocks[statement.name.name] = statement
            elif isinstance(statement, tree.Use):
                self._use(statement, folder)
            else:
                self._lose(statement)
                others.append(statement)
        return others

    def _lose(self, statement: tree.Layer | tree.Broken) -> None:
        """Note what a statement that cannot be read would have defined, so that one mistake gives one message."""
        if isinstance(statement, tree.Layer) and statement.name.name not in DECLARING:
            return
        if statement.span.end - statement.span.start > _DEFINITION:
            return
        head = re.split(r"[=:{(]|->", statement.span.text, maxsplit=1)[0]
        number = re.search(r"[=:\s]\s*(\d+)\s*$", statement.span.text)
        for name in re.findall(r"[A-Za-z_]\w*", head)[isinstance(statement, tree.Layer) :][-3:]:
            if name not in self.found.layers and name not in EXPERIMENT and name not in self.found.places:
                self.found.lost.add(name)
                self.found.constants.setdefault(name, int(number[1]) if number else 1)

    def _let(self, let: tree.Let) -> None:
        if not self.found.define(let.name, self.problems):
            return
        value = constant(let.value, self.found.constants, self.problems)
        given = self.settings.constant(let.name.name)
        if given is not None:
            if value is not None and isinstance(value, int | float) != isinstance(given.value, int | float):
                self.problems.report("E802", f"`{let.name.name}` is {_sort(value)}, not {_sort(given.value)}", given.span,
                                     also=[(let.span, "defined here")])  # fmt: skip
            else:
                value = given.value
        # A constant without a value counts as 1, so that what depends on it is still checked.
        self.found.constants[let.name.name] = 1 if value is None else value

    def _fn(self, fn: tree.Fn) -> None:
        if not self.found.define(fn.name, self.problems):
            return
        _unique(fn.parameters, self.problems)
        if not fn.parameters:
            self.problems.report("E301", f"`{fn.name.name}` needs a parameter: its input", fn.name.span,
                                 fixes=[f"write `fn {fn.name.name}(x) = …`"])  # fmt: skip
            return
        self.found.functions[fn.name.name] = fn

    def _use(self, use: tree.Use, folder: Path) -> None:
        span = use.target.span
        if isinstance(use.target, tree.Word):
            path = self._library(use.target.name, span)
            shown = use.target.name
        else:
            path = self._resolve(use.target.value, folder, span)
            shown = str(Path(span.source.name).parent / use.target.value) if span.source.path else use.target.value
        if path is None or path in self._read:
            return
        if path in self._open:
            names = " → ".join(opened.name for opened in [*self._open[self._open.index(path) :], path])
            self.problems.report("E205", f"files use one another in a circle: {names}", span)
            return
        if len(self._open) >= limits.NESTING:
            self.problems.report("E107", f"files use one another more than {limits.NESTING} deep", span)
            return
        known = self.texts.get(path)
        if known is None:
            source = read_source(path, shown, self.problems, span)
        else:
            source = decode(known.encode("utf-8", "surrogatepass"), shown, self.problems, path)
        if source is None:
            return
        if not path.is_relative_to(LIBRARY.resolve()):
            self.used.append(source)
        self._open.append(path)
        others = self.collect(parse(source, self.problems, judge(self.found.layers)), path.parent)
        self._open.pop()
        self._read.add(path)
        for statement in others:
            if isinstance(statement, tree.Layer):
                self.problems.report("E208", "a used file holds definitions alone", statement.head,
                                     also=[(span, "used here")], fixes=["put it into a `block`"])  # fmt: skip

    def _library(self, name: str, span: Span) -> Path | None:
        """A file of the standard library: ``std.resnet``."""
        known = {f"std.{path.stem}": path for path in sorted(LIBRARY.glob("*.lamp"))}
        if name in known:
            return known[name].resolve()
        near = nearest(name, known)
        fixes = [f"did you mean `{near}`?" if near else f"there are {', '.join(known)}",
                 'a file is named in quotes: `use "a.lamp"`']  # fmt: skip
        self.problems.report("E205", f"there is no library `{name}`", span, fixes=fixes, edits=instead(span, near))
        return None

    def _resolve(self, name: str, folder: Path, span: Span) -> Path | None:
        try:
            path = (folder / name).resolve()
            inside = path in self.texts or path.is_relative_to(self.root.resolve())
        except (OSError, ValueError, RuntimeError):
            self.problems.report("E205", f'"{name}" is no path', span)
            return None
        if not inside:
            self.problems.report("E205", f'"{name}" lies outside the project', span,
                                 fixes=["move the file beside this one, or below it"])  # fmt: skip
            return None
        return path


def constant(expression: tree.Expression, names: Mapping[str, Written], problems: Problems) -> Written | None:
    """The value of a ``let`` or of a block's argument: a number, a size, a string, or the name of an initialiser."""
    value = Evaluator(names, problems).argument(expression)
    if isinstance(value, Choice) and value.name not in INITIALISERS and value.name not in ("off", "on"):
        near = nearest(value.name, [*names, *INITIALISERS])
        problems.report("E206", f"there is no constant `{value.name}`", expression.span,
                        fixes=[f"did you mean `{near}`?"] if near else [],
                        edits=instead(expression.span, near))  # fmt: skip
        return None
    return value


def read_source(path: Path, name: str, problems: Problems, span: Span | None, fixes: Sequence[str] = ()) -> Source | None:
    """A file's text under a name to show; None if it cannot be had, which has been reported with what may mend it."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        with path.open("rb") as file:
            raw = file.read(limits.SOURCE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"cannot read {name}: {reason[:1].lower()}{reason[1:]}"
        problems.report("E003" if span is None else "E205", message, span or _start(name), fixes=fixes)
        return None
    return decode(raw, name, problems, path.resolve())


def _start(name: str) -> Span:
    """The place of what is wrong with a whole file."""
    return Span(Source(name, ""), 0, 0)


def decode(raw: bytes, name: str, problems: Problems, path: Path | None = None) -> Source | None:
    """A source from bytes: UTF-8, perhaps with a byte order mark; None if it is not, which has been reported."""
    if len(raw) > limits.SOURCE_BYTES:
        problems.report("E002", f"{name} has more than {limits.SOURCE_BYTES:,} bytes", _start(name))
        return None
    try:
        return Source(name, raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        good = Source(name, raw[: error.start].decode("utf-8-sig", errors="replace"))
        end = len(good.text)
        problems.report("E001", f"byte {error.start:,} (0x{raw[error.start]:02x}) is not UTF-8", Span(good, end, end),
                        fixes=["save the file as UTF-8"])  # fmt: skip
        return None


def _unique(parameters: tuple[tree.Parameter, ...], problems: Problems) -> None:
    seen: dict[str, Span] = {}
    defaults = False
    for parameter in parameters:
        name = parameter.name.name
        if name in seen:
            problems.report("E202", f"two parameters are called `{name}`", parameter.name.span,
                            also=[(seen[name], "first here")])  # fmt: skip
        seen[name] = parameter.name.span
        if defaults and parameter.default is None:
            problems.report("E301", f"`{name}` follows a parameter with a default and needs one too", parameter.span)
        defaults = defaults or parameter.default is not None


def _sort(value: Written) -> str:
    return "a number" if isinstance(value, int | float) else "a word" if isinstance(value, Choice) else "a size or string"


def known_statements(found: Definitions) -> list[str]:
    """Every name that a statement may begin with."""
    return [*found.layers, *COMBINATORS, *EXPERIMENT, *found.functions, *found.blocks, "let", "fn", "block", "use"]
