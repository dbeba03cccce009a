"""Does a dataset fit a network and its recipe? Asked before anything is compiled."""

from __future__ import annotations

from netspec.data.types import Dataset
from netspec.diagnostics import DataError, plural
from netspec.graph import Graph
from netspec.ir import Network
from netspec.recipe_fit import without_end, without_variance

__all__ = ["ONE_ROW", "check_hold_out", "check_labels", "check_steps"]

ONE_ROW = "let it end in one row of outputs, `fc 10`, or learn its own input: `data … { target input }`"
"""What to do where a network ends in several axes: there is nothing it could be trained on."""


def check_labels(graph: Graph, dataset: Dataset) -> None:
    """Raise DataError when a dataset has a label that the network has no output for."""
    shape = graph.shape(graph.output)
    if len(shape) != 1:
        raise DataError(
            f"{dataset.name} has one label an example, but the network ends in {'x'.join(map(str, shape))} numbers",
            ONE_ROW,
        )
    for which, labels in (("training", dataset.train.labels), ("test", dataset.test.labels)):
        most = int(labels.max(initial=0))
        if most >= max(shape[0], 2):
            where = f"{which} example {labels.argmax():,}, counted from 0"
            raise DataError(
                f"{dataset.name} has a label {most} ({where}), but the network has only {plural(shape[0], 'output')}",
                f"labels count from 0; let the network end in {most + 1} outputs",
            )


def check_hold_out(count: int, dataset: Dataset) -> None:
    """Raise DataError when holding out `count` examples for validation would leave nothing to train on."""
    if count >= len(dataset.train):
        raise DataError(
            f"validation {count:,} leaves nothing to train on: {dataset.name} has {len(dataset.train):,} examples",
            "hold out fewer",
        )


def check_steps(network: Network, graph: Graph, dataset: Dataset) -> None:
    """Raise DataError when the steps that the recipe makes of a dataset cannot be taken."""
    examples = len(dataset.train) - (network.data.validation if network.data else 0)
    wrong = without_end(network, examples) or without_variance(network, graph, examples)
    if wrong:
        raise DataError(*wrong)
