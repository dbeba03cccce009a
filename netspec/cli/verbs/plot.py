"""`netspec plot`: pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import PICTURES, pictures
from netspec.cli.options import Device
from netspec.cli.output import say
from netspec.cli.process import process_of
from netspec.cli.verbs.evaluate import Part
from netspec.diagnostics.diagnostic import RunError
from netspec.runs.listing import newest
from netspec.system.files import kind_of

__all__ = ["plot"]


def plot(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a .safetensors file.")],
    picture: Annotated[
        str, typer.Argument(metavar=f"[{'|'.join(PICTURES)}]", help="Which picture.", autocompletion=pictures)
    ] = "curves",
    image: Annotated[
        Path | None, typer.Argument(metavar="[IMAGE]", help="An image, for features; or another example, for saliency.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="A PNG, SVG or PDF file; PICTURE.png, or PICTURE_OUTPUT.png, in the run folder otherwise.",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="NAME", help="One layer, for features, embeddings and saliency's Grad-CAM."),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option("--class", metavar="NAME", help="The class to explain, for saliency; the likeliest otherwise."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="pca|tsne|umap", help="How embeddings get two dimensions; pca otherwise."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="NAME|PATH", help="Another dataset, for pictures of how a model does."),
    ] = None,
    split: Annotated[Part | None, typer.Option("--split", help="Which part of it, likewise; test otherwise.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", metavar="NAME", help="Which of several outputs, likewise.")
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Do not look for what is drawn in the image of features, to frame it.")
    ] = False,
    device: Device = None,
) -> int:
    """Draw the network, curves of loss and accuracy, confusion, first-layer kernels, feature maps, the worst mistakes.

    `scatter` draws predicted numbers against the true ones, `examples` inputs beside what is true and predicted,
    `saliency` what an answer hangs on, `embeddings` which examples are alike to the model, `roc` how well classes are
    told apart at every threshold.
    """
    if picture in {"curves", "kernels", "features", "network", "saliency", "learning_rate"} and (data or split):
        raise typer.BadParameter(f"{picture} draws no dataset: leave out --data and --split", param_hint="PICTURE")
    if picture in {"curves", "kernels", "features", "network", "learning_rate"} and output:
        raise typer.BadParameter(f"{picture} is not of one output: leave --output out", param_hint="PICTURE")
    for value, flag, of_pictures in (
        (image, "IMAGE", {"features", "saliency"}),
        (layer, "--layer", {"features", "saliency", "embeddings"}),
        (of, "--class", {"saliency"}),
        (method, "--method", {"embeddings"}),
    ):
        if value is not None and picture in PICTURES and picture not in of_pictures:
            named = " and ".join(sorted(of_pictures))
            raise typer.BadParameter(f"{flag} is for {named}: leave it out", param_hint="PICTURE")
    from netspec.workflows.pictures import Request, draw  # noqa: PLC0415

    process_of(context).enable_compile_cache()
    run = newest(run)
    folder = run if kind_of(run, RunError) == "folder" else run.parent
    asked = Request(
        run,
        out or folder / (f"{picture}_{output}.png" if output else f"{picture}.png"),
        image,
        layer,
        device,
        data=data,
        split=split,
        output=output,
        as_is=as_is,
        of=of,
        method=method,
    )
    say(draw(picture, asked))
    return 0
