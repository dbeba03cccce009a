"""`netspec export`: a trained model in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import FORMATS, formats
from netspec.cli.output import bytes_text, print_json, say
from netspec.cli.process import process_of
from netspec.diagnostics.suggest import nearest

__all__ = ["export"]


def export(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    to: Annotated[str, typer.Option("--to", metavar="|".join(FORMATS), help="The format.", autocompletion=formats)],
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Floats in, as the network reads them, and logits out: no preprocessing inside."),
    ] = False,
    torch_names: Annotated[
        bool, typer.Option("--torch-names", help="Name the weights as PyTorch's layers do, for safetensors and npz.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE", help="The file; in the run folder, or beside the model file, otherwise."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Write a trained model in another format, after another program has run it and agreed with netspec.

    It takes what the model learned from, such as the bytes of pictures, and gives probabilities; with `--raw` it takes
    floats and gives logits. An export that is there is replaced.
    """
    if to not in FORMATS:
        near = nearest(to, FORMATS)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(FORMATS)}"
        raise typer.BadParameter(f"there is no format {to!r}: {hint}", param_hint="--to")
    weights = to in {"safetensors", "npz"}
    if raw and weights:
        raise typer.BadParameter("weights alone have no inputs and outputs: leave it out", param_hint="--raw")
    if torch_names and not weights:
        raise typer.BadParameter("it is for safetensors and npz: leave it out", param_hint="--torch-names")
    process = process_of(context)
    process.keep_memory()
    from netspec.workflows.export import export_model  # noqa: PLC0415

    process.enable_compile_cache()
    made = export_model(run, to, raw=raw, torch_names=torch_names, out=out)
    if as_json:
        found = made.difference
        print_json(
            {
                "format": made.format,
                "files": list(map(str, made.files)),
                "inputs": list(made.inputs),
                "outputs": list(made.outputs),
                "checked_by": made.checked_by or None,
                "examples": made.examples,
                "difference": found and found.absolute,
                "relative_difference": found and found.relative,
            }
        )
        return 0
    for note in made.notes:
        say(f"note: {note}")
    for file in made.files:
        say(f"{file}: {bytes_text(file.stat().st_size)}")
    if made.inputs:
        say(f"{'; '.join(made.inputs)} → {'; '.join(made.outputs)}")
    if made.difference is None:
        say(f"not checked: pip install {made.install}")
    elif made.examples:
        relative = f"{made.difference.relative:.1g} of the largest value"
        say(
            f"checked by {made.checked_by} on {made.examples}: the largest difference is "
            f"{made.difference.absolute:.1e}, {relative}"
        )
    else:
        say(f"checked by {made.checked_by}: the largest difference is {made.difference.absolute:g}")
    return 0
