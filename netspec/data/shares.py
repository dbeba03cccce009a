"""A share of the training examples for validation, drawn by a hash of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from netspec.data.types import Dataset, Split, each_array
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.draws import chosen, drawn, drawn_by_class

__all__ = ["with_drawn_validation"]


def with_drawn_validation(dataset: Dataset, share: float) -> Dataset:
    """Return a dataset with a share of its training examples for validation; equal examples stay together.

    Raises:
        DataError: no example is drawn, or none is left.
    """
    identities = list(_identities(dataset.train))
    if dataset.preparation and dataset.preparation.draw > 1:
        at = np.array(drawn_by_class("validation", identities, _classes(dataset), share), bool)
    else:
        at = np.array(chosen(list(map(drawn("validation"), identities)), share), bool)
    if not at.any() or at.all():
        lacking = "training" if at.all() else "validation"
        raise DataError(
            f"`validation {share}` of {plural(len(dataset.train), 'example')} leaves none for {lacking}",
            "say a number: `validation 10`",
        )
    train, validation = (dataset.train.take(np.flatnonzero(rows)) for rows in (~at, at))
    return dataset.divided(train, dataset.test, validation)


def _classes(dataset: Dataset) -> list[str]:
    """Return the name of the class of each example to learn from; nothing where it has none, or several."""
    labels, names = dataset.train.labels, dataset.labels
    if isinstance(labels, Mapping):
        # Of one target for several outputs, or of several.
        only = next(iter(labels.values())) if len(labels) == 1 else None
        names = next(iter(dataset.target_labels.values()), ())
        labels = only
    if labels is None or labels.ndim != 1 or labels.dtype.kind != "i" or not names:
        return [""] * len(dataset.train)
    return [names[label] for label in labels]


def _identities(split: Split) -> Iterator[bytes]:
    """Yield the bytes of each example, its inputs alone: a label that is corrected moves nothing."""
    arrays = [np.ascontiguousarray(array) for array in each_array(split.images)]
    for i in range(len(split)):
        yield b"".join(array[i].tobytes() for array in arrays)
