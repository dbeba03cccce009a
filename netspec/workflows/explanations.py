"""Why a model answers so: a picture of what its answer to one example hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from netspec.sources.table_preparation import TableInput
from netspec.sources.vocabulary import Vocabulary
from netspec.workflows.answers import asked_output
from netspec.workflows.predictions import class_names, gives_probabilities
from netspec.workflows.trained import Run

if TYPE_CHECKING:
    from netspec.workflows.pictures import Request

__all__ = ["draw_saliency"]

_UNKNOWN = "(a word it does not know)"

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
    if r.layer is not None and not _reads_pictures(run):
        raise DataError(
            f"--layer {r.layer} is for Grad-CAM, and {run.file} reads no pictures",
            "leave --layer out: what each column or word counts is of no layer",
        )
    if table and not table.is_picture:
        cells = {name: column[0] for name, column in (examples.columns or {}).items()}
        return _of_table(run, one, answer, table.inputs, cells, r, title, first)
    if run.network.tokens and not isinstance(one, Mapping):
        return _of_tokens(run, one, answer, r, title, first)
    return _of_values(run, one, answer, r, title, first)


def _explained(run: Run, r: Request) -> GraphOutput:
    """Return the output that is explained; raises NetspecError where none has one answer for an example."""
    if run.network.reconstructs:
        raise DataError(f"{run.file} gives its input again: there is no answer to explain", "`examples` draws both")
    output = asked_output(run, r)
    if np.prod(run.model.graph.shape(output.index)[1:]) > 1:
        raise DataError(f"{run.file} gives an answer at each position, not one for an example", "`examples` draws them")
    return output


def _reads_pictures(run: Run) -> bool:
    """Return whether an example is drawn as a picture, not as bars of its columns, words or numbers."""
    table = run.preparation.table if run.preparation else None
    if run.network.tokens or (table and not table.is_picture):
        return False
    return len(run.network.inputs[0].shape) > 1 or len(run.image_shape) == 3


def _scores(run: Run, given: Any, output: GraphOutput) -> NDArray[Any]:
    """Return what a model gives for some examples, (N, K): probabilities of classes, or numbers in their own unit."""
    probable = gives_probabilities(run.model.graph.only(output))
    made = run.probabilities(given) if probable else run.outputs(given)
    values = np.asarray(made[output.name] if isinstance(made, Mapping) else made)
    values = values if probable else run.in_units(values, output.name)
    return values.reshape(len(values), -1)


def _answer(run: Run, one: Any, output: GraphOutput, r: Request) -> _Answer:
    """Return what is to be explained: the class that is asked for, or else the likeliest one."""
    scores = _scores(run, one, output)[0]
    several = len(run.model.graph.outputs) > 1
    probable = gives_probabilities(run.model.graph.only(output))
    labels = run.output_labels.get(output.name, ()) if several else run.labels
    if probable:
        names: Sequence[str] = class_names(labels, len(scores))
    else:
        columns = run.learned_columns
        alone = [output.name if several else "the output"]
        names = columns if len(columns) == len(scores) else alone if len(scores) == 1 else class_names((), len(scores))
    index = int(scores.argmax()) if probable else 0
    if r.of is not None:
        if r.of not in names:
            near = nearest(r.of, names)
            some = listing([*names[:12], *(["…"] if len(names) > 12 else [])], "and")
            what = "class" if probable else "number"
            raise DataError(f"there is no {what} {r.of!r}", f"did you mean {near}?" if near else f"there are {some}")
        index = list(names).index(r.of)
    return _Answer(output, index, names[index], float(scores[index]), probable)


# --- pictures -----------------------------------------------------------------------------------------------------


def _of_values(run: Run, one: Any, answer: _Answer, r: Request, title: str, first: str) -> Path:
    """Draw the places of a picture, or of a sequence of numbers, by four methods."""
    if isinstance(one, Mapping):
        names = listing([i.name for i in run.network.inputs], "and")
        raise DataError(f"{run.file} reads several inputs, {names}", "`saliency` explains what is said of one")
    shape = run.network.inputs[0].shape
    if len(shape) == 1 and len(run.image_shape) != 3:
        return _of_numbers(run, one, answer, r, title, first)
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
    picture = _as_picture(run, shown)
    return report.draw_saliency(picture, maps, r.out, title=title, subtitle=f"each map has a scale of its own{first}")


def _as_picture(run: Run, values: NDArray[Any]) -> NDArray[Any]:
    """Return an example as a picture, (C, H, W); a sequence of numbers is one of one channel."""
    shape = run.image_shape
    return values[0].reshape((1,) * (3 - len(shape)) + tuple(shape))


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
        lost = answer.value - _scores(run, changed, answer.output)[:, answer.index]
        for (rows, columns), less in zip(some, lost, strict=True):
            total[rows, columns] += less
            count[rows, columns] += 1
    return (total / np.maximum(count, 1)).astype(np.float32), side


# --- columns and words --------------------------------------------------------------------------------------------


def _of_numbers(run: Run, one: NDArray[Any], answer: _Answer, r: Request, title: str, first: str) -> Path:
    """Draw what an answer would be without each number of a row: 0 in its place."""
    rows = np.repeat(one.reshape(1, -1), one.size, axis=0)
    rows[np.arange(one.size), np.arange(one.size)] = 0
    names = [f"{i} = {value:.4g}" for i, value in enumerate(one.reshape(-1).tolist())]
    return _bars(
        run, names, rows.reshape(-1, *one.shape[1:]), answer, r, title, f"with 0 in place of each number{first}"
    )


def _of_tokens(run: Run, one: NDArray[Any], answer: _Answer, r: Request, title: str, first: str) -> Path:
    """Draw what an answer would be without each token: token 0 in its place."""
    tokens = one.reshape(-1)
    places = np.flatnonzero(tokens) if tokens.any() else np.arange(len(tokens))
    rows = np.repeat(one.reshape(1, -1), len(places), axis=0)
    rows[np.arange(len(places)), places] = 0
    names = [f"{at}: token {tokens[at]}" for at in places]
    return _bars(run, names, rows, answer, r, title, f"with token 0 in place of each{first}")


def _of_table(
    run: Run,
    one: Any,
    answer: _Answer,
    inputs: Mapping[str, TableInput],
    cells: Mapping[str, str],
    r: Request,
    title: str,
    first: str,
) -> Path:
    """Draw what an answer would be without each column of a row, or without each word of its texts."""
    arrays = one if isinstance(one, Mapping) else {next(iter(inputs)): one}
    names: list[str] = []
    rows: list[dict[str, NDArray[Any]]] = []

    def add(name: str, of: str, changed: NDArray[Any]) -> None:
        names.append(name)
        rows.append({**arrays, of: changed})

    for name, given in inputs.items():
        array = arrays[name]
        if given.form == "text":
            assert given.vocabulary is not None
            for text, places in _words(given.vocabulary, array[0]):
                changed = array.copy()
                changed[0, places] = 0
                add(text, name, changed)
        elif given.form == "picture":
            add(f"{given.text} (the picture)", name, np.zeros_like(array))
        else:
            at = 0
            for feature in given.features:
                width = 1 if given.form == "category" else feature.width
                changed = array.copy()
                # A number's mean is 0; a category becomes none, and its token one that the model has never seen.
                changed[0, at : at + width] = feature.tokens - 1 if given.form == "category" else 0
                if feature.kind == "boolean":
                    changed[0, at] = feature.mean
                cell = cells.get(feature.column, "")
                add(f"{feature.column} = {cell}" if cell else f"{feature.column} (missing)", name, changed)
                at += width
    if not names:
        raise DataError(f"{r.image} holds no word that the model knows", "give another text")
    stacked = {key: np.concatenate([row[key] for row in rows]) for key in arrays}
    given_rows = stacked if isinstance(one, Mapping) else next(iter(stacked.values()))
    texts = all(given.form == "text" for given in inputs.values())
    how = "without each word" if texts else "with its mean in place of each number, and no category in place of each"
    return _bars(run, names, given_rows, answer, r, title, f"{how}{first}")


def _words(vocabulary: Vocabulary, tokens: NDArray[Any]) -> list[tuple[str, list[int]]]:
    """Return the words of a text with the places of their tokens; characters and pieces are put together."""
    words: list[tuple[str, list[int]]] = []
    ended = True
    for place in np.flatnonzero(tokens).tolist():
        text = vocabulary.decode([int(tokens[place]) - 1])
        if vocabulary.unit == "words" and text == "\ufffd":
            text = _UNKNOWN
        begins = vocabulary.unit == "words" or ended or text[:1].isspace()
        if text.strip() and begins:
            words.append((text.strip(), [place]))
        elif text.strip():
            words[-1] = (words[-1][0] + text.strip(), [*words[-1][1], place])
        ended = not text.strip() or text[-1:].isspace()
    return words


def _bars(run: Run, names: Sequence[str], rows: Any, answer: _Answer, r: Request, title: str, subtitle: str) -> Path:
    lost = answer.value - _scores(run, rows, answer.output)[:, answer.index]
    if answer.probable:
        lost = 100 * lost
    unit = "percentage points" if answer.probable else ""
    return report.draw_shares(
        names, lost.tolist(), r.out, title=title, subtitle=subtitle, unit=unit, probable=answer.probable
    )
