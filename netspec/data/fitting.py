"""Reshaping of a dataset's examples to a network's input, where that takes no guessing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from netspec.data.resize import resize
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.array_facts import shape_misfit, shape_text

__all__ = ["fit"]

_LARGEST = 8 * 2**30  # bytes of resized images


def fit(dataset: Dataset, shape: tuple[int, ...] | None, *, resizable: bool) -> Dataset:
    """Return the dataset with examples of the given shape.

    Images are flattened, in the order C, H, W, for a network that takes vectors of as many numbers; those of one
    channel are sequences of their columns for one that takes sequences; those of a built-in dataset are resized, and
    a notice says so.

    Args:
        dataset: with examples of any shape.
        shape: (C, H, W), (F, L) or (F,); None leaves the dataset as it is.
        resizable: whether height and width may be changed; only for uint8 images.

    Raises:
        DataError: the shapes do not fit; both are named.
    """
    have = dataset.shape
    if shape is None or shape == have:
        return dataset
    wrong = shape_misfit(dataset.name, have, shape, resizable=resizable)
    if wrong:
        raise DataError(*wrong)
    if len(shape) == 3:
        return _resized(dataset, shape)
    # Three axes in a file are taken for images of one channel: a network of two axes knows them for sequences.
    return _with_images(dataset, lambda images: images.reshape(-1, *shape))


def _resized(dataset: Dataset, shape: tuple[int, ...]) -> Dataset:
    needed = sum(map(len, dataset.splits.values())) * math.prod(shape)
    if needed > _LARGEST:
        raise DataError(
            f"{dataset.name} resized to {shape_text(shape)} would fill {needed / 2**30:.0f} GiB of memory",
            f"choose a smaller input; its own images are {shape_text(dataset.shape)}",
        )
    before, after = shape_text(dataset.shape[1:]), shape_text(shape[1:])
    size = (shape[1], shape[2])
    made = _with_images(dataset, lambda images: resize(images, size))
    return replace(made, notices=(*made.notices, f"{dataset.name}: {before} images resized to {after} (bicubic)"))


def _with_images(dataset: Dataset, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Dataset:
    return dataset.by_split(lambda split: Split(function(split.images), split.labels))
