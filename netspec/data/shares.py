"""A share of the training examples for validation, drawn by a hash of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netspec.data.rows import Rows
from netspec.data.types import Dataset, Split, each_array
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.draws import chosen, drawn

__all__ = ["identities", "with_drawn_validation"]


def with_drawn_validation(dataset: Dataset, share: float) -> Dataset:
    """Return a dataset with a share of its training examples for validation; equal examples stay together.

    Raises:
        DataError: no example is drawn, or none is left.
    """
    at = np.array(chosen(_places(dataset.train), share), bool)
    if not at.any() or at.all():
        lacking = "training" if at.all() else "validation"
        raise DataError(
            f"`validation {share}` of {plural(len(dataset.train), 'example')} leaves none for {lacking}",
            "say a number: `validation 10`",
        )
    train, validation = (dataset.train.take(np.flatnonzero(rows)) for rows in (~at, at))
    return dataset.divided(train, dataset.test, validation)


def _places(split: Split) -> list[float]:
    """Return where each example lies in the draw."""
    if isinstance(split.images, Rows):
        return split.images.places()
    return list(map(drawn("validation"), identities(split)))


def identities(split: Split) -> Iterator[bytes]:
    """Yield the bytes of each example, its inputs alone: a label that is corrected moves nothing."""
    arrays = [np.ascontiguousarray(array) for array in each_array(split.images)]
    for i in range(len(split)):
        yield b"".join(array[i].tobytes() for array in arrays)
