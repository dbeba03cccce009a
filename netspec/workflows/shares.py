"""What an answer would be without each part of an example: a column of a row, a word of a text, a number, a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import GraphOutput
from netspec.sources.tables.preparation import Feature, TableInput
from netspec.sources.texts.vocabulary import Vocabulary
from netspec.workflows.predictions import gives_probabilities
from netspec.workflows.trained import Run

__all__ = ["Parts", "drawn_as_picture", "parts_of", "scores"]

_UNKNOWN = "(a word it does not know)"


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """The parts of an example, and the example without each.

    Attributes:
        names: of the parts, with their values.
        rows: as many examples; of several inputs by their names.
        how: what stands in place of each part, in words.
    """

    names: list[str]
    rows: Any
    how: str


def drawn_as_picture(run: Run) -> bool:
    """Return whether an example is drawn as a picture, not as bars of its columns, words or numbers."""
    table = run.preparation.table if run.preparation else None
    if table and not table.is_picture:
        return False
    several = len(run.network.inputs) > 1
    if run.network.tokens and not several:
        return False
    return several or len(run.network.inputs[0].shape) > 1 or len(run.image_shape) == 3


def scores(run: Run, given: Any, output: GraphOutput) -> NDArray[Any]:
    """Return what a model gives for some examples, (N, K): probabilities of classes, or numbers in their own unit."""
    probable = gives_probabilities(run.model.graph.only(output))
    made = run.probabilities(given) if probable else run.outputs(given)
    values = np.asarray(made[output.name] if isinstance(made, Mapping) else made)
    values = values if probable else run.in_units(values, output.name)
    return values.reshape(len(values), -1)


def parts_of(run: Run, one: Any, cells: Mapping[str, str] | None = None) -> Parts:
    """Return the parts of an example that is not drawn as a picture.

    Args:
        run: what reads it.
        one: the example, (1, …), as the network takes it.
        cells: what its columns held, where it is the row of a table; told from its numbers otherwise.
    """
    table = run.preparation.table if run.preparation else None
    if table and not table.is_picture:
        return _of_table(one, table.inputs, cells or {})
    return _of_tokens(one) if run.network.tokens else _of_numbers(one)


def _of_numbers(one: NDArray[Any]) -> Parts:
    """Return the numbers of a row, each with 0 in its place."""
    rows = np.repeat(one.reshape(1, -1), one.size, axis=0)
    rows[np.arange(one.size), np.arange(one.size)] = 0
    names = [f"{i} = {value:.4g}" for i, value in enumerate(one.reshape(-1).tolist())]
    return Parts(names, rows.reshape(-1, *one.shape[1:]), "with 0 in place of each number")


def _of_tokens(one: NDArray[Any]) -> Parts:
    """Return the tokens of a sequence, each with token 0 in its place."""
    tokens = one.reshape(-1)
    places = np.flatnonzero(tokens) if tokens.any() else np.arange(len(tokens))
    rows = np.repeat(one.reshape(1, -1), len(places), axis=0)
    rows[np.arange(len(places)), places] = 0
    return Parts([f"{at}: token {tokens[at]}" for at in places], rows, "with token 0 in place of each")


def _of_table(one: Any, inputs: Mapping[str, TableInput], cells: Mapping[str, str]) -> Parts:
    """Return the columns of a row, and the words of its texts, each with what says nothing in its place."""
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
                own = slice(None) if given.form == "category" else slice(at, at + width)
                # A number's mean is 0; a category becomes none, and its token one that the model has never seen.
                changed[0, own] = feature.tokens - 1 if given.form == "category" else 0
                if feature.kind == "boolean":
                    changed[0, at] = feature.mean
                # Of the rows of a window the last one is shown.
                row = array if not given.window else array[:, None, -1] if given.form == "category" else array[..., -1]
                cell = cells.get(feature.column, "") if cells else _cell(feature, given.form, row[0, at : at + width])
                add(f"{feature.column} = {cell}" if cell else f"{feature.column} (missing)", name, changed)
                at += width
    stacked = {key: np.concatenate([row[key] for row in rows]) for key in arrays} if rows else dict(arrays)
    texts = all(given.form == "text" for given in inputs.values())
    how = "without each word" if texts else "with its mean in place of each number, and no category in place of each"
    if any(given.window for given in inputs.values()):
        how = "with the mean of each number, and no category, in all rows of the window"
    return Parts(names, stacked if isinstance(one, Mapping) else next(iter(stacked.values())), how)


def _cell(feature: Feature, form: str, values: NDArray[Any]) -> str:
    """Return what a column held, from the numbers that it has become; empty where it was missing."""
    if form == "category" or feature.kind == "category":
        at = int(values[0]) if form == "category" else int(values.argmax()) if values.any() else feature.tokens - 1
        return feature.levels[at] if at < len(feature.levels) else "" if at < feature.tokens - 1 else "(a new one)"
    if feature.missing and values[-1]:
        return ""
    value = float(values[0])
    return f"{value:.0f}" if feature.kind == "boolean" else f"{value * feature.std + feature.mean:.4g}"


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
