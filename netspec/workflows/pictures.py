"""Pictures of runs: the bridge from trained models and measurements to `report`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netspec import report
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.report.pixels import middle_slice
from netspec.workflows import answers
from netspec.workflows.embeddings import draw_embeddings
from netspec.workflows.explanations import draw_saliency
from netspec.workflows.shown import upright
from netspec.workflows.trained import Run

__all__ = ["PICTURES", "Request", "draw"]


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        run: path of the run folder or model file.
        out: where the picture goes.
        image: an image file, for `features`; or a file of another example, for `saliency`.
        layer: the one layer that is looked at, for `features`, `saliency` and `embeddings`.
        device: what computes.
        data: another dataset than it was trained on, for pictures of how a model does.
        split: which part of it, likewise; the test part, or all of other data that has none, unless given.
        output: which of several outputs, likewise.
        as_is: leave the image as it is, but for its size.
        of: the class whose probability is explained, for `saliency`; the likeliest unless given.
        method: how many numbers become two, for `embeddings`.
        opened: the run, where it is open already.
    """

    run: Path
    out: Path
    image: Path | None = None
    layer: str | None = None
    device: str | None = None
    data: str | None = None
    split: str | None = None
    output: str | None = None
    as_is: bool = False
    of: str | None = None
    method: str | None = None
    opened: Run | None = None

    @property
    def model(self) -> Run:
        """The run, opened."""
        return self.opened or Run(self.run, self.device)


def draw(picture: str, request: Request) -> Path:
    """Draw a picture of a run and return where it was written.

    Raises:
        NetspecError: when there is no such picture, run, image or layer, or the file cannot be written.
    """
    if picture not in PICTURES:
        near = nearest(picture, PICTURES)
        fix = f"did you mean {near}?" if near else f"there are {listing(list(PICTURES), 'and')}"
        raise NetspecError(f"there is no picture called {picture!r}", fix)
    return PICTURES[picture](request)


def _curves(r: Request) -> Path:
    return report.draw_curves(_records(r), r.out, title=_run_name(r.run))


def _learning_rate(r: Request) -> Path:
    return report.draw_learning_rate(_records(r), r.out, title=f"{_run_name(r.run)}: learning rate")


def _records(r: Request) -> list[dict[str, Any]]:
    """Return the measurements of a run."""
    from netspec.runs.files import MANIFEST, METRICS, read_manifest, read_metrics, require_own_record  # noqa: PLC0415

    if (r.run / MANIFEST).is_file():
        require_own_record(r.run, read_manifest(r.run), METRICS)
    return read_metrics(r.run)


def _run_name(folder: Path) -> str:
    """Return `lenet/001` for a numbered run, else the folder's own name; where it lies is nobody's concern."""
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name.isdecimal() else whole.name


def _kernels(r: Request) -> Path:
    run = r.model
    first = next((p for p in run.model.graph.parameters.values() if p.role == "kernel"), None)
    if first is None:
        raise NetspecError(f"{r.run} has no layer with kernels", "conv and fc layers have them")
    node, _, name = first.path.rpartition("/")
    kernel = np.asarray(run.variables.params[node][name])
    # The kernels of a convolution on sequences are images of one row.
    kernel = middle_slice(kernel[:, :, None] if kernel.ndim == 3 else kernel)
    shape = run.image_shape
    # Only what reads whole images has kernels that look like them; any other matrix is drawn as one.
    images = len(shape) == 3 and (kernel.ndim != 2 or kernel.shape[1] == np.prod(shape))
    return report.draw_kernels(
        kernel, r.out, title=f"{run.network.name}: kernels of {node}", input_shape=shape if images else None
    )


def _features(r: Request) -> Path:
    run = r.model
    if len(run.network.inputs) > 1:
        names = listing([i.name for i in run.network.inputs], "and")
        raise NetspecError(f"{run.file} reads several inputs, {names}", "`features` draws what is made of one picture")
    if r.image is None:
        needs, example = ("an image", "digit.png") if run.network.reads_images else ("an example", "example.npy")
        raise DataError(f"`features` needs {needs}", f"netspec plot {r.run} features {example}")
    image = run.read(r.image, as_is=r.as_is)[:1]
    maps = {name: np.asarray(value)[0] for name, value in run.model.features(run.variables, image).items()}
    maps.pop(run.network.inputs[0].name, None)
    if r.layer is not None:
        if r.layer not in maps:
            near = nearest(r.layer, maps)
            fix = f"did you mean {near}?" if near else f"there are {listing(list(maps), 'and')}"
            raise NetspecError(f"{r.run} has no layer {r.layer!r}", fix)
        maps = {r.layer: maps[r.layer]}
    shown = image[0] if run.network.tokens else image[0].reshape(run.image_shape)
    maps = {name: upright(run.network, values) for name, values in maps.items()}
    title = f"{run.network.name}: what it makes of {r.image.name}"
    return report.draw_features(upright(run.network, shown), maps, r.out, title=title)


def _network(r: Request) -> Path:
    from netspec.drawing import draw as drawn  # noqa: PLC0415
    from netspec.drawing import svg  # noqa: PLC0415
    from netspec.workflows.read_network import read_network  # noqa: PLC0415

    drawing = drawn(*read_network(r.run))
    # Its own SVG has the styles for dark pages, and what a pointer shows.
    return report.draw_network(drawing, r.out, svg=svg(drawing))


PICTURES: dict[str, Callable[[Request], Path]] = {
    "curves": _curves,
    "confusion": answers.draw_confusion,
    "kernels": _kernels,
    "features": _features,
    "network": _network,
    "mistakes": answers.draw_mistakes,
    "scatter": answers.draw_scatter,
    "examples": answers.draw_examples,
    "saliency": draw_saliency,
    "embeddings": draw_embeddings,
    "learning_rate": _learning_rate,
    "roc": answers.draw_roc,
}
"""What `netspec plot` can draw."""
