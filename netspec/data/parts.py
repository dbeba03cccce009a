"""The parts of a dataset that a training learns from and is validated on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from netspec.data.types import Arrays, Dataset, Split
from netspec.ir.network import Network

__all__ = ["divided", "sizes", "whole_of"]


def sizes(network: Network, dataset: Dataset) -> tuple[int, int]:
    """Return how many examples a network is trained on, and how many are for validation."""
    if dataset.validation is not None:
        return len(dataset.train), len(dataset.validation)
    count = network.data.held_out if network.data else 0
    return len(dataset.train) - count, count


def whole_of(dataset: Dataset) -> Split:
    """Return all examples of a dataset, those of all its parts."""
    parts = [part for part in (dataset.train, dataset.validation, dataset.test) if part is not None]

    def together(arrays: list[Arrays]) -> Arrays:
        first = arrays[0]
        if isinstance(first, Mapping):
            return {name: np.concatenate([each[name] for each in arrays]) for name in first}
        return np.concatenate(arrays)  # type: ignore[arg-type]

    return Split(together([part.images for part in parts]), together([part.labels for part in parts]))


def divided(network: Network, dataset: Dataset) -> tuple[Split, Split | None]:
    """Return the examples to train on, and those for validation: given ones, or the last of the training set."""
    if dataset.validation is not None:
        return dataset.train, dataset.validation
    keep, count = sizes(network, dataset)
    return (dataset.train.rows(stop=keep), dataset.train.rows(start=keep)) if count else (dataset.train, None)
