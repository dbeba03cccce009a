"""`netspec import`: a network of another program as a spec and a model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli.output import print_json, print_table, say
from netspec.cli.process import process_of
from netspec.cli.shapes import shape_option
from netspec.diagnostics.visible import visible

if TYPE_CHECKING:
    from netspec.workflows.import_model import Imported

__all__ = ["import_"]


def import_(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="The network, and where there are some its weights and its solver."),
    ],
    weights: Annotated[
        Path | None, typer.Option("--weights", metavar="FILE", help="The weights, as one more file.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option("--shape", metavar="CxHxW", help="The shape of one example, where the files do not say it."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="The names of the classes, one a line, for the model file."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="NAME.net",
            help="The spec; by the name of the first file, here, otherwise. Of weights into a spec the model file, "
            "NAME.safetensors, by the name of the weights otherwise; with NAME.net a copy of the spec too.",
        ),
    ] = None,
    normalize: Annotated[
        str,
        typer.Option(
            "--normalize",
            metavar="imagenet|…",
            help="For a given spec without `data`: what is done to pixels, in the words of `data { normalize … }`.",
        ),
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Write what was understood, where not everything was.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Read a network of Caffe, Darknet, Keras or ONNX; write a spec, and a model file where there are weights.

    Or read weights of PyTorch into a given spec, `netspec import SPEC.net WEIGHTS.pth`: by name where names agree, else
    by order and shape. The spec stays as it is; what does not fit is listed at once.

    The spec is checked, the weights are loaded into it by name, and both are run once before they are written. What is
    not understood is listed at once, with its place, and nothing is written then, but with `--partial` the rest.
    """
    given = shape_option(shape)
    process = process_of(context)
    process.keep_memory()
    from netspec.workflows.import_model import import_model  # noqa: PLC0415

    process.enable_compile_cache()
    made = import_model(
        [*files, *([weights] if weights else [])],
        shape=given,
        labels=labels,
        out=out,
        partial=partial,
        force=force,
        normalize=normalize,
    )
    if as_json:
        print_json(
            {
                "format": made.format,
                "spec": str(made.spec),
                "model": str(made.model) if made.model else None,
                "parameters": made.parameters,
                "layers": [
                    {
                        "name": r.node,
                        "layer": r.layer,
                        "shape": list(r.shape),
                        "parameters": r.parameters,
                        "from": r.source,
                    }
                    for r in made.rows
                ],
                "notes": list(made.notes),
                "not_understood": [{"place": str(u.place), "what": u.what, "instead": u.instead} for u in made.unknown],
            }
        )
        return 0
    _print(made)
    return 0


def _print(made: Imported) -> None:
    rows = [
        [r.node, r.layer, "x".join(map(str, r.shape)), f"{r.parameters:,}" if r.parameters else "", visible(r.source)]
        for r in made.rows
    ]
    print_table([("name", False), ("layer", False), ("output", False), ("parameters", True), ("from", False)], rows)
    for note in made.notes:
        say(f"note: {visible(note)}")
    for unknown in made.unknown:
        hint = f"; {visible(unknown.instead)}" if unknown.instead else ""
        say(f"not understood: {visible(f'{unknown.place}: {unknown.what}')}{hint}")
    say(f"{made.parameters:,} parameters")
    data = "" if made.data else " --data NAME"
    if made.model:
        say(f"wrote {' and '.join(map(str, made.written))}; next: netspec eval {made.model}{data}")
    else:
        say(f"wrote {made.spec}; next: netspec train {made.spec}{data}")
