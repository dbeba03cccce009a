"""The parts of a dataset that a training learns from and is validated on."""

from __future__ import annotations

from netspec.data.types import Dataset, Split
from netspec.ir.network import Network

__all__ = ["divided", "sizes"]


def sizes(network: Network, dataset: Dataset) -> tuple[int, int]:
    """Return how many examples a network is trained on, and how many are for validation."""
    if dataset.validation is not None:
        return len(dataset.train), len(dataset.validation)
    count = network.data.held_out if network.data else 0
    return len(dataset.train) - count, count


def divided(network: Network, dataset: Dataset) -> tuple[Split, Split | None]:
    """Return the examples to train on, and those for validation: given ones, or the last of the training set."""
    if dataset.validation is not None:
        return dataset.train, dataset.validation
    keep, count = sizes(network, dataset)
    return (dataset.train.rows(stop=keep), dataset.train.rows(start=keep)) if count else (dataset.train, None)
