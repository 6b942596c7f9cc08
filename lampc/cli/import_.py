"""``lampc import``."""

from __future__ import annotations

from pathlib import Path

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files
from lampc.cli.outputs import save
from lampc.cli.say import say
from lampc.cli.verb import verb


@verb("lampc import net.onnx", "lampc import net.onnx -o mine.lamp", name="import")
@click.argument("file", shell_complete=complete_files)
@click.option("-o", "--output", metavar="OUT", shell_complete=complete_files,
              help="The .lamp file; its weights lie beside it. [default: by FILE's name]")  # fmt: skip
@COLOR
def import_(file: str, output: str | None) -> int:
    """Write a model of ONNX (.onnx) or torch.export (.pt2) as a program, and its weights as safetensors."""
    if output is not None and Path(output).suffix != ".lamp":
        raise click.UsageError(f"{output}: the program is a .lamp file, and its weights lie beside it as .safetensors.")
    from safetensors.numpy import save as packed

    from lampc.importing.exported import from_exported
    from lampc.importing.onnx import from_onnx

    found = (from_exported if Path(file).suffix == ".pt2" else from_onnx)(file)
    path = Path(output) if output is not None else Path(Path(file).stem + ".lamp")
    weights = path.with_suffix(".safetensors")
    save(weights, packed({name: array.copy() for name, array in found.weights.items()}))
    save(path, found.text.encode())
    say(f"wrote {path}\nwrote {weights}")
    return 0
