"""`netspec predict`: the classes of image files, or of an `.npy` of examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli.options import Device
from netspec.cli.output import percent, print_error, print_json, say
from netspec.diagnostics import NetspecError

if TYPE_CHECKING:
    from netspec.trained import Prediction, Run

__all__ = ["predict"]


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="PNG or JPEG images, or .npy files of examples.")
    ],
    top: Annotated[int, typer.Option("--top", metavar="K", min=1, help="How many classes to print.")] = 3,
    invert: Annotated[
        bool | None,
        typer.Option(
            "--invert/--no-invert",
            help="Swap light and dark; recognized from the border of grey images otherwise.",
        ),
    ] = None,
    device: Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each example.")] = False,
) -> None:
    """Classify images of any size, grey or color; they are converted as the model needs them."""
    from netspec.cli.keep import keep_compiled  # noqa: PLC0415
    from netspec.trained import open_run  # noqa: PLC0415

    keep_compiled()
    opened = open_run(run, device)
    failed = False
    for file in files:
        try:
            for name, prediction in _predictions(opened, file, invert):
                _print(name, prediction, top, as_json=as_json)
        except NetspecError as error:
            # One bad file among many does not keep the others from being answered.
            print_error(error)
            failed = True
    if failed:
        raise typer.Exit(1)


def _predictions(opened: Run, file: Path, invert: bool | None) -> list[tuple[str, Prediction]]:
    predictions = opened.predict(opened.read(file, invert=invert))
    several = file.suffix.lower() == ".npy"
    return [(f"{file}[{i}]" if several else str(file), p) for i, p in enumerate(predictions)]


def _print(name: str, prediction: Prediction, top: int, *, as_json: bool) -> None:
    ranked = list(prediction.probabilities.items())[:top]
    if as_json:
        found = [{"label": label, "probability": p} for label, p in ranked]
        print_json({"file": name, "label": prediction.label, "probability": prediction.probability, "top": found})
        return
    others = "; then " + ", ".join(f"{label} {percent(p)}" for label, p in ranked[1:]) if ranked[1:] else ""
    say(f"{name}: {prediction.label} ({percent(prediction.probability)}){others}")
