"""Sentences with a label for each word as arrays: tokens and labels, filled up with padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.originals import Lines, Originals
from netspec.data.tables.examples import require_shapes
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Network
from netspec.recipe.entities import mark_entities
from netspec.sources.draws import RULE
from netspec.sources.how_read import HowRead
from netspec.sources.preparation import Preparation
from netspec.sources.tables.preparation import TableInput, TablePreparation, TargetColumn
from netspec.sources.tables.table import Table
from netspec.sources.texts.tagged import (
    LABELS,
    WORDS,
    Sentences,
    encoded,
    fit_sentences,
    parts_of_sentences,
    read_sentences,
    require_known,
)

__all__ = ["entity_labels", "load_tagged", "tokens_of"]


def tokens_of(words: Sequence[tuple[str, ...]], given: TableInput) -> NDArray[np.int32]:
    """Return sentences as a network reads them, (N, L): cut off or filled up with token 0."""
    assert given.vocabulary is not None
    return _filled(encoded(words, given.vocabulary), given.length)


def _filled(rows: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
    made = np.zeros((len(rows), length), np.int32)
    for row, own in zip(made, rows, strict=True):
        row[: len(own)] = own[:length]
    return made


def load_tagged(path: Path, network: Network, *, fitted: Preparation | None = None) -> Dataset:
    """Return the sentences in a file as a network takes them, with a label for each word.

    Args:
        path: of the file.
        network: says how they are read, and which part is for the test.
        fitted: what a model was fitted to; sentences are read by its vocabulary and its labels.

    Raises:
        DataError: they cannot be read, do not fit the network, or do not go together.
    """
    data = network.data
    assert data is not None
    if len(network.inputs) > 1:
        raise DataError(f"{path} has sentences, but the network has several inputs", "give it one")
    name = network.inputs[0].name
    found = read_sentences(path, path.name, how=HowRead.of(data, like=fitted is not None))
    table = fitted.table if fitted else None
    rule = fitted.draw if fitted else RULE
    notices: list[str] = []
    rows: Mapping[str, Sequence[int]]
    if table:
        given, classes = table.inputs[name], table.targets[0].classes
        require_known(found, classes)
        try:
            rows = parts_of_sentences(found, data, rule)
        except DataError:
            # What cannot be divided is all looked at.
            rows = {"train": [], "test": list(range(len(found.words)))}
        unknown, count = _unknown(found, given)
        are = "is" if unknown == 1 else "are"
        notices += [f"{unknown:,} of {count:,} words of {found.name} {are} unknown to the model"] if unknown else []
    else:
        made = fit_sentences(found, data, rule)
        given, classes, rows = made.input, made.classes, made.rows
        notices += made.notices
        if network.inputs[0].mask is None:
            notices.append("the input is declared without `mask=0`: what sentences are filled up with counts as a word")
    require_shapes(Table(found.name, {}, ()), network, {name: given})
    number = {label: at for at, label in enumerate(classes)}
    images = tokens_of(found.words, given)
    lines = Lines("line", found.lines)
    labels = _filled([[number[label] for label in own] for own in found.labels], given.length)

    def part(of: str) -> Split:
        at = np.asarray(rows.get(of, ()), np.int64)
        return Split(images[at], labels[at], Originals({WORDS: found.words}, lines, at))

    prepared = TablePreparation(
        inputs={name: given}, targets=(TargetColumn(column=LABELS, classes=classes),), texts=True
    )
    return Dataset.of(
        str(path),
        part("train"),
        part("test"),
        classes,
        tuple(notices),
        preparation=Preparation(table=prepared, draw=rule),
        validation=part("validation") if rows.get("validation") else None,
        cut=True,
    )


def entity_labels(network: Network, preparation: Preparation | None) -> tuple[str, ...]:
    """Return the labels of words that a network learns, where they mark entities; none otherwise."""
    table = preparation.table if preparation else None
    if table is None or network.data is None or not network.data.is_tagged or len(network.all_outputs) > 1:
        return ()
    labels = table.targets[0].classes
    return labels if mark_entities(labels) else ()


def _unknown(found: Sentences, given: TableInput) -> tuple[int, int]:
    """Return how many words are not known, and how many there are."""
    vocabulary: Any = given.vocabulary
    words = [word for own in found.words for word in own]
    return sum(word not in vocabulary.numbers for word in words), len(words)
