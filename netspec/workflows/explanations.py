"""Why a model answers so: a picture of what its answer to one example hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netspec import report
from netspec.backends.jax import saliency
from netspec.backends.jax.inputs.prepare import prepare
from netspec.data.types import by_array
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import GraphOutput
from netspec.report.pixels import middle_slice
from netspec.workflows.answers import asked_output
from netspec.workflows.predictions import class_names, gives_probabilities
from netspec.workflows.shares import Parts, drawn_as_picture, parts_of, scores
from netspec.workflows.shown import upright
from netspec.workflows.trained import Run

if TYPE_CHECKING:
    from netspec.workflows.pictures import Request

__all__ = ["draw_saliency"]

_WINDOWS = 16
"""Into how many parts a side of a picture is covered, one after the other."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is explained: one number of an output, and how it is called.

    Attributes:
        output: the output.
        index: which of its numbers, or of its classes.
        name: of the class, or of the number.
        value: what the model gives: a probability, or a number in its own unit.
        probable: whether it is a probability.
    """

    output: GraphOutput
    index: int
    name: str
    value: float
    probable: bool

    @property
    def text(self) -> str:
        return f"{self.name} ({100 * self.value:.1f} %)" if self.probable else f"{self.name} = {self.value:.4g}"


def draw_saliency(r: Request) -> Path:
    """Draw what the answer to an example hangs on: pixels of a picture, columns of a row, words of a text."""
    run = r.model
    table = run.preparation.table if run.preparation else None
    output = _explained(run, r)
    if r.image is None:
        example = "text.txt" if run.text_column else "rows.csv" if table and not table.is_picture else "picture.png"
        raise DataError("`saliency` needs an example to explain", f"netspec plot {r.run} saliency {example}")
    examples = run.examples(r.image, as_is=r.as_is)
    if not len(examples):
        raise DataError(f"{r.image} has no examples", "give at least one")
    one = by_array(lambda array: np.asarray(array[:1]), examples.array)
    first = f", the first of {len(examples):,} examples" if len(examples) > 1 else ""
    answer = _answer(run, one, output, r)
    title = f"{run.network.name}: why {r.image.name} is {answer.text}"
    if r.layer is not None and not drawn_as_picture(run):
        raise DataError(
            f"--layer {r.layer} is for Grad-CAM, and {run.file} reads no pictures",
            "leave --layer out: what each column or word counts is of no layer",
        )
    if drawn_as_picture(run):
        return _of_values(run, one, answer, r, title, first)
    row = examples.rows[0] if examples.rows else 0
    cells = {name: column[row] for name, column in (examples.columns or {}).items()}
    parts = parts_of(run, one, cells)
    if not parts.names:
        raise DataError(f"{r.image} holds no word that the model knows", "give another text")
    return _bars(run, parts, answer, r, title, first)


def _explained(run: Run, r: Request) -> GraphOutput:
    """Return the output that is explained; raises NetspecError where none has one answer for an example."""
    if run.network.reconstructs:
        raise DataError(f"{run.file} gives its input again: there is no answer to explain", "`examples` draws both")
    output = asked_output(run, r)
    if np.prod(run.model.graph.shape(output.index)[1:]) > 1:
        fix = "`examples` draws them" if drawn_as_picture(run) else f"`netspec eval {r.run}` says how good they are"
        raise DataError(f"{run.file} gives an answer at each position, not one for an example", fix)
    return output


def _answer(run: Run, one: Any, output: GraphOutput, r: Request) -> _Answer:
    """Return what is to be explained: the class that is asked for, or else the likeliest one."""
    values = scores(run, one, output)[0]
    several = len(run.model.graph.outputs) > 1
    probable = gives_probabilities(run.model.graph.only(output))
    labels = run.output_labels.get(output.name, ()) if several else run.labels
    if probable:
        names: Sequence[str] = class_names(labels, len(values))
    else:
        columns = run.learned_columns
        alone = [output.name if several else "the output"]
        names = columns if len(columns) == len(values) else alone if len(values) == 1 else class_names((), len(values))
    index = int(values.argmax()) if probable else 0
    if r.of is not None:
        if r.of not in names:
            near = nearest(r.of, names)
            some = listing([*names[:12], *(["…"] if len(names) > 12 else [])], "and")
            what = "class" if probable else "number"
            raise DataError(f"there is no {what} {r.of!r}", f"did you mean {near}?" if near else f"there are {some}")
        index = list(names).index(r.of)
    return _Answer(output, index, names[index], float(values[index]), probable)


# --- pictures -----------------------------------------------------------------------------------------------------


def _of_values(run: Run, one: Any, answer: _Answer, r: Request, title: str, first: str) -> Path:
    """Draw the places of a picture, or of a sequence of numbers, by four methods."""
    if isinstance(one, Mapping):
        names = listing([i.name for i in run.network.inputs], "and")
        raise DataError(f"{run.file} reads several inputs, {names}", "`saliency` explains what is said of one")
    shape = run.network.inputs[0].shape
    x = np.asarray(prepare(one.reshape(1, *shape), run.network), np.float32)
    score = saliency.score_of(run.model.graph, answer.output, answer.index, of_classes=answer.probable)
    nothing = np.asarray(prepare(np.zeros((1, *shape), np.uint8), run.network), np.float32)
    picture = _as_picture(run, x)

    def placed(values: NDArray[Any]) -> NDArray[Any]:
        return _as_picture(run, values)

    rises = placed(saliency.gradient(run.model, run.variables, x, score))
    shares = placed(saliency.integrated_gradients(run.model, run.variables, x, nothing, score))
    maps = [
        report.HeatMap(
            "gradient", np.abs(rises).max(axis=0), "which pixels, changed a little,\nchange the answer most"
        ),
        report.HeatMap(
            "integrated gradients",
            shares.sum(axis=0),
            "the share of each pixel: blue for\nthe answer, orange against it",
            signed=True,
        ),
    ]
    layer = _cam_layer(run, r)
    if layer:
        heat = saliency.grad_cam(run.model, run.variables, x, layer, score)
        maps.append(report.HeatMap("Grad-CAM", heat, f"the maps of {layer} that speak\nfor the answer", smooth=True))
    if len(shape) == 3:
        lost, side = _without_windows(run, x, answer)
        maps.append(
            report.HeatMap("occlusion", lost, f"how much the answer falls with\n{side}x{side} pixels gray", signed=True)
        )
    shown = one.reshape(1, *shape) if one.dtype == np.uint8 else x
    picture = upright(run.network, _as_picture(run, shown))
    maps = [replace(one, values=_upright_plane(run, one.values)) for one in maps]
    return report.draw_saliency(picture, maps, r.out, title=title, subtitle=f"each map has a scale of its own{first}")


def _upright_plane(run: Run, values: NDArray[Any]) -> NDArray[Any]:
    """Return the values at the places of an example, (h, w), as its picture is drawn."""
    return upright(run.network, values[None])[0]


def _as_picture(run: Run, values: NDArray[Any]) -> NDArray[Any]:
    """Return an example as a picture, (C, H, W); a sequence of numbers is one of one channel.

    Of a volume it is the middle slice.
    """
    shape = run.image_shape
    return middle_slice(values[:1].reshape((1, *(1,) * (3 - len(shape)), *shape)))[0]


def _cam_layer(run: Run, r: Request) -> str:
    """Return the layer for Grad-CAM: the last one of maps that all that follows reads; empty where there is none."""
    shapes = {name: run.model.graph.shape(index) for name, index in run.model.graph.nodes.items()}
    through = list(saliency.passed_by_all(run.model.graph))
    possible = [name for name in through if len(shapes[name]) == 3 and max(shapes[name][1:]) > 1]
    if r.layer is None:
        return possible[-1] if possible else ""
    if r.layer not in possible:
        near = nearest(r.layer, possible)
        fix = (
            f"did you mean {near}?"
            if near
            else f"there are {listing(possible, 'and')}"
            if possible
            else "leave --layer out"
        )
        what = "makes no maps that all the rest reads" if r.layer in shapes else "is no layer"
        raise NetspecError(f"{r.layer} {what}", fix)
    return r.layer


def _without_windows(run: Run, x: NDArray[Any], answer: _Answer) -> tuple[NDArray[np.float32], int]:
    """Return how much smaller the answer is with a square of a picture gray, for each place, and the square's side.

    A place is covered by several squares: it has the mean of what they change.
    """
    height, width = x.shape[2:]
    stride = max(1, int(max(height, width)) // _WINDOWS)
    side = 2 * stride
    covered = saliency.windows((height, width), side, stride)
    gray = x.mean(axis=(2, 3), keepdims=True)[0]
    total, count = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for start in range(0, len(covered), 64):
        some = covered[start : start + 64]
        changed = np.repeat(x, len(some), axis=0)
        for i, (rows, columns) in enumerate(some):
            changed[i, :, rows, columns] = gray
        lost = answer.value - scores(run, changed, answer.output)[:, answer.index]
        for (rows, columns), less in zip(some, lost, strict=True):
            total[rows, columns] += less
            count[rows, columns] += 1
    return (total / np.maximum(count, 1)).astype(np.float32), side


def _bars(run: Run, parts: Parts, answer: _Answer, r: Request, title: str, first: str) -> Path:
    """Draw what an answer would be without each part of an example."""
    lost = answer.value - scores(run, parts.rows, answer.output)[:, answer.index]
    if answer.probable:
        lost = 100 * lost
    unit = "percentage points" if answer.probable else ""
    return report.draw_shares(
        parts.names,
        lost.tolist(),
        r.out,
        title=title,
        subtitle=f"{parts.how}{first}",
        unit=unit,
        probable=answer.probable,
    )
