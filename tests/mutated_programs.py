"""Programs that are mostly valid: those of the reference, changed a little. `python tests/mutated_programs.py 100000`."""

from __future__ import annotations

import random
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import lampc.compile
from lampc.diagnostics import LampError
from lampc.diagnostics.codes import TITLES
from lampc.diagnostics.render import render
from lampc.elaborate.composition import COMBINATORS
from lampc.layers import LAYERS
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.losses import LOSSES
from lampc.layers.optimizers import OPTIMIZERS

MODELS = Path(__file__).parents[1] / "models"
BEGINNINGS = [
    *(layer.example for layer in LAYERS.values() if "\n" not in layer.example),
    *(combinator.example for name, combinator in COMBINATORS.items() if name != "pass"),
    "linear 2->25 xavier as h; tanh; linear 1; sigmoid\ndata disc\nloss mse\noptimizer sgd lr=0.1\ntrain epochs=3 batch=10",
    "let n = 3\nblock cell(c, k=1) { linear ->k*c xavier; prelu; layernorm }\ninput 2\ncell n; cell n k=2; linear 1\n"
    "loss huber delta=0.5",
    "fn f(x, a=0.5) = where(x > a, max(x, 0), min(a*x, sin(x)^3))\ninput 3; linear 4; f; f 0.1; f a=2; linear 2\nloss mse",
    "linear 4->8 as a; tanh; concat { pass | from a | linear 3 }; linear 2; loss total = mean((p - y)^2) + 0.1*mean(a^2)",
    "input 4; linear 3\ndata iris\nloss crossentropy smoothing=0.1\nmetrics accuracy f1\n"
    "schedule cosine warmup=1\ntrain epochs=9",
    "use std.resnet\ninput 3x8x8; res 3; down 4; globalpool; linear 2; loss crossentropy",
    "input 6 int<9>; embedding 4; lstm 5 last; linear 2; loss crossentropy; optimizer adamw lr=1e-3 weight_decay=0.1",
    "input 2; linear 8; repeat 3 { residual { linear 8; gelu } }; linear 2\n"
    "loss fn(p, y) = mean(part(p, 0, 1)^2) + mean(abs(y))",
    "linear 3->4 as m; linear 4; loss total = bce(sigmoid(p), y) + kl(m)",
]  # fmt: skip
KEEP = ["tanh", "relu", "sigmoid", "gelu", "silu", "dropout 0.1", "layernorm", "pass", "prelu", "softplus",
        "elu alpha=0.5", "repeat 0 { tanh }", "repeat 2 { relu }", "residual { tanh }", "sum { pass | tanh }",
        "product { sigmoid | pass }"]  # fmt: skip
ENDINGS = [
    *(f"loss {name}" for name in LOSSES), *(f"optimizer {name} lr=0.01" for name in OPTIMIZERS),
    "train epochs=2", "train batch=7 seed=3", "train precision=f64", "schedule step every=2", "train clip=1 accumulate=2",
    "metrics mae", "data disc", "data xor", "let zz = 3", "fn zz(x) = x*x", "loss total = mean((p - y)^2)",
]  # fmt: skip
NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "16",
    "0.5",
    "1e-3",
    "-1",
    "33",
    "100000",
    "2147483648",
    "inf",
    "1e300",
    "(1+2)",
]
OPTIONS = [*INITIALISERS, "bias=off", "as v", "freeze", "lr=0.1", "gain=2", "axis=1", "kaiming(gain=2)"]
NOISE = ["{", "}", "|", ";", "(", ")", "=", "->", "as", '"', "\0", "é", "x", "from", "repeat", "...", "1e999", "%", "\\", "\t"]
SETTINGS: list[object] = [
    1,
    3,
    0,
    -1,
    0.1,
    10**400,
    float("nan"),
    float("inf"),
    None,
    True,
    "word",
    "a\0b",
    "",
    (1, 2),
    ("a",),
    [],
]
NAMES = ["epochs", "train.batch", "optimizer.lr", "n", "seed", "nothing", "loss.smoothing", "weights"]


def program(rng: random.Random) -> tuple[str, dict[str, object]]:
    """A program's text, and settings for it."""
    text = rng.choice(BEGINNINGS)
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        text = changed(text, rng)
    given = {rng.choice(NAMES): rng.choice(SETTINGS)} if rng.random() < 0.05 else {}
    return text, given


def changed(text: str, rng: random.Random) -> str:
    """A text with one change of a kind that often leaves a program."""
    parts = statements(text)
    at = rng.randrange(len(parts))
    kind = rng.random()
    if kind < 0.2:
        found = list(re.finditer(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", text))
        if found:
            number = rng.choice(found)
            own = int(float(number[0])) + rng.choice((-1, 1, 2))
            return text[: number.start()] + (str(own) if rng.random() < 0.5 else rng.choice(NUMBERS)) + text[number.end() :]
    if kind < 0.5:
        parts.insert(max(1, at + 1), rng.choice(KEEP))
    elif kind < 0.7:
        parts.append(rng.choice(ENDINGS))
    elif kind < 0.76:
        parts[at] = f"{parts[at]} {rng.choice(OPTIONS)}"
    elif kind < 0.82:
        parts[at] = f"{rng.choice(('residual', 'repeat 1', 'repeat 3', 'sum', 'repeat 0'))} {{ {parts[at]} }}"
    elif kind < 0.86:
        parts.insert(at, parts[rng.randrange(len(parts))])
    elif kind < 0.9:
        del parts[at]
    elif kind < 0.93:
        other = statements(rng.choice(BEGINNINGS))
        parts = parts[:at] + other[rng.randrange(len(other)) :]
    elif kind < 0.97:
        return "\n\n".join(f"{part} # {at}" for part in parts)
    else:
        place = rng.randrange(len(text) + 1)
        return text[:place] + rng.choice(NOISE) + text[place + rng.randrange(3) :]
    return rng.choice(("; ", "\n")).join(parts) or "tanh"


def statements(text: str) -> list[str]:
    """A program's statements, parted at semicolons and ends of lines outside brackets."""
    depth, parts = 0, [""]
    for character in text:
        depth += (character in "({[") - (character in ")}]")
        if depth <= 0 and character in ";\n":
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()] or [""]


def outcome(source: str | bytes, given: dict[str, object] | None = None) -> str:
    """Compile, and check what came of it: a program, or diagnostics with places; the first error's code, or nothing."""
    try:
        made = lampc.compile.text(source, folder=MODELS, **given or {})
    except LampError as error:
        assert error.diagnostics
        found, code = error.diagnostics, error.diagnostics[0].code
    else:
        assert str(made.inference) is not None
        assert made.training.slots
        found, code = made.warnings, ""
    for diagnostic in found:
        assert diagnostic.code in TITLES
        assert diagnostic.code != "E900"
        assert diagnostic.message
        assert diagnostic.labels, diagnostic
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.end <= len(label.span.source.text), diagnostic
        assert render(diagnostic)
    return code


def main(count: int, first: int = 0) -> int:
    """Try programs by number and print what came of them; how many went wrong."""
    came: Counter[str] = Counter()
    wrong, slowest = 0, 0.0
    for number in range(first, first + count):
        source, given = program(random.Random(number))
        began = time.process_time()
        try:
            came[outcome(source, given)] += 1
        except Exception as error:
            wrong += 1
            print(f"{number}: {type(error).__name__}: {str(error)[:200]}\n{source!r} {given}", flush=True)
        took = time.process_time() - began
        slowest = max(slowest, took)
        if took > 5:
            wrong += 1
            print(f"{number}: {took:.1f} s\n{source!r} {given}", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count} programs: {came['']} compile ({came[''] / count:.1%}), {wrong} go wrong; slowest {slowest:.2f} s of the "
          f"processor, {memory} MB at most")  # fmt: skip
    print(", ".join(f"{code} {times}" for code, times in came.most_common() if code))
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
