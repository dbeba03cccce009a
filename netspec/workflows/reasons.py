"""Why the surest mistakes of a run were made, for its report: at places of pictures, or by columns and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax import saliency
from netspec.backends.jax.inputs.prepare import prepare
from netspec.data.types import Split, by_array, each_array
from netspec.graph.graph import GraphOutput
from netspec.report.pixels import displayable
from netspec.report.saliency import HeatMap, heat_colors
from netspec.workflows.shares import Parts, drawn_as_picture, parts_of, scores
from netspec.workflows.shown import upright
from netspec.workflows.trained import Run

__all__ = ["Reason", "reasons_of"]

_PICTURES, _ROWS = 8, 6
"""How many mistakes are explained."""
_STEPS = 16
"""Of integrated gradients: one batch for each picture."""
_MOST = 2000
"""Numbers of a row: as many examples are made, each as large."""
_NAMED, _LONGEST = 5, 40
"""Parts of an example that are named, those that change the answer most; and characters of a name."""
_SHARE, _OPERATIONS = 0.05, 60
"""Where a training has just ended: how much of the work for the page may be done here, and how many operations are
compiled for it, which takes longer than the work."""


@dataclass(frozen=True, eq=False, slots=True)
class Reason:
    """Why a class was predicted.

    Attributes:
        picture: (H, W, 3) in 0..1, the picture in gray with what speaks for the class in blue, against it in orange;
            None where the example is no picture.
        parts: otherwise names of columns or words, and by how many percentage points the class is less probable
            without each.
    """

    picture: NDArray[np.float64] | None = None
    parts: Sequence[tuple[str, float]] = field(default=())


def reasons_of(
    run: Run,
    output: GraphOutput,
    part: Split,
    mistakes: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    probability: NDArray[np.floating[Any]],
    most: float,
) -> tuple[list[Reason], str]:
    """Return why some examples were taken for what they are not, and a line that says what is shown, or why nothing is.

    Args:
        run: the model.
        output: the output that is wrong; it gives one class for an example.
        part: the examples.
        mistakes: which of them are explained, the most important first; the first few of them are.
        predicted: the class that each example was taken for.
        probability: of that class, for each example.
        most: FLOPs that the page may take; infinite where somebody waits for it.

    Returns:
        A reason for each of the first mistakes, none where they cannot be had.
    """
    graph = run.model.graph
    large = f"why it is wrong is not shown: the network is large; `netspec report {run.path}` shows it"
    picture = drawn_as_picture(run)
    # A gradient has as many operations again.
    if np.isfinite(most) and len(graph.operations) * len(graph.outputs) * (1 + picture) > _OPERATIONS:
        return [], large
    room = most * _SHARE / max(1, graph.flops)
    if picture:
        if isinstance(part.images, Mapping) or len(run.image_shape) != 3:
            return [], ""
        # A gradient takes twice as long as the answer itself.
        mistakes = mistakes[: int(min(_PICTURES, room / (3 * _STEPS)))]
        said = f"beside {_first(len(mistakes))}: what spoke for the answer, in blue, and against it, in orange"
        made = [_of_picture(run, output, _one(part, at), int(predicted[at])) for at in mistakes]
        return made, f"{said}, by integrated gradients" if made else large
    if sum(array[0].size for array in each_array(part.images)) > _MOST:
        return [], "why it is wrong is not shown: an example has too many numbers"
    found: list[Parts] = []
    for at in mistakes[:_ROWS]:
        parts = parts_of(run, _one(part, at))
        room -= len(parts.names)
        if room < 0:
            break
        found.append(parts)
    if not found:
        return [], large
    mistakes = mistakes[: len(found)]
    said = f"below {_first(len(found))}: by how many percentage points the answer would be less probable"
    return _of_parts(run, output, found, predicted[mistakes], probability[mistakes]), f"{said} {found[0].how}"


def _first(count: int) -> str:
    return f"the first {count}" if count > 1 else "the first"


def _one(part: Split, at: np.integer[Any]) -> Any:
    return by_array(lambda array: np.asarray(array[at : at + 1]), part.images)


def _of_picture(run: Run, output: GraphOutput, one: NDArray[Any], predicted: int) -> Reason:
    """Return what spoke for a class at the places of a picture, compared with a black one."""
    shape = run.network.inputs[0].shape
    x, black = (
        np.asarray(prepare(np.asarray(given).reshape(1, *shape), run.network), np.float32)
        for given in (one, np.zeros(shape, np.uint8))
    )
    score = saliency.score_of(run.model.graph, output, predicted, of_classes=True)
    shares = saliency.integrated_gradients(run.model, run.variables, x, black, score, _STEPS)
    colors = heat_colors(HeatMap("", shares.reshape(run.image_shape).sum(axis=0), signed=True))
    shown = displayable(one.reshape(1, *run.image_shape) if one.dtype == np.uint8 else x.reshape(1, *run.image_shape))
    gray = shown[0].mean(axis=2, keepdims=True) / 1.6
    mixed = (1 - colors[..., 3:]) * gray + colors[..., 3:] * colors[..., :3]
    return Reason(upright(run.network, mixed.transpose(2, 0, 1)).transpose(1, 2, 0))


def _of_parts(
    run: Run,
    output: GraphOutput,
    found: Sequence[Parts],
    predicted: NDArray[np.integer[Any]],
    probability: NDArray[np.floating[Any]],
) -> list[Reason]:
    """Return the parts of examples that change most how probable a class is."""
    # All at once: one program serves them.
    together = [parts.rows for parts in found if parts.names]
    if not together:
        return [Reason() for _ in found]
    if isinstance(together[0], Mapping):
        rows: Any = {name: np.concatenate([each[name] for each in together]) for name in together[0]}
    else:
        rows = np.concatenate(together)
    without = scores(run, rows, output)
    ends = np.cumsum([len(parts.names) for parts in found])[:-1]
    return [
        Reason(parts=_largest(parts.names, 100 * (before - own[:, answer])))
        for parts, own, answer, before in zip(found, np.split(without, ends), predicted, probability, strict=True)
    ]


def _largest(names: Sequence[str], lost: NDArray[Any]) -> list[tuple[str, float]]:
    order = np.argsort(-np.abs(lost), kind="stable")[:_NAMED]
    return [(names[i] if len(names[i]) <= _LONGEST else f"{names[i][: _LONGEST - 1]}…", float(lost[i])) for i in order]
