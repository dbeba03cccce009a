"""The losses of a training that its spec leaves open: they follow from the data, and so do the weights of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.parts import sizes
from netspec.data.targets import class_weights, loss_for, wanted
from netspec.data.types import Arrays, Dataset
from netspec.graph.graph import Graph
from netspec.graph.losses import with_class_loss, with_loss, with_losses
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.recipe.array_facts import looks_numeric
from netspec.recipe.class_weights import weights_of, weights_text
from netspec.recipe.losses import CrossEntropy, Loss, MeanSquaredError, class_loss

__all__ = ["losses_noticed", "with_loss_of"]


def with_loss_of(network: Network, graph: Graph, dataset: Dataset) -> tuple[Network, Graph]:
    """Return a network with its losses stated where they follow from the data, and its graph.

    The weights of classes are then in numbers.

    Raises:
        DataError: a class that is named has no weight, for there is none of that name.
    """
    if network.reconstructs:
        return network, graph
    labels = dataset.train.labels
    if len(graph.outputs) == 1:
        loss = _loss_of(network, graph, labels, dataset)
        if loss is None:
            return with_class_loss(network, graph), graph
        network = with_loss(network, loss)
        return network, trace(network)
    found = {o.name: _loss_of(network, graph.only(o), labels[o.target], dataset) for o in graph.outputs}
    losses = {name: loss for name, loss in found.items() if loss}
    network = with_losses(network, losses)
    return network, trace(network) if losses else graph


def _loss_of(network: Network, graph: Graph, labels: NDArray[Any], dataset: Dataset) -> Loss | None:
    """Return the loss of an output as it follows from the data; None where that says nothing of it."""
    (output,) = graph.outputs
    want = wanted(network, graph)
    loss = network.stated_loss(output.name)
    if loss is None:
        plain = not want.stated and labels.dtype.kind == "i" and want.shape[0] > 1 and labels.ndim == len(want.shape)
        if len(network.all_outputs) > 1 and plain and isinstance(want.loss, MeanSquaredError):
            # Whole numbers of several outputs are classes: those of one are known for them before.
            return class_loss(want.shape[0])
        found = loss_for(want, labels)
        return found if found != graph.loss else None
    if not isinstance(loss, CrossEntropy) or loss.class_weights is None or weights_of(loss.class_weights):
        return None
    count, _ = sizes(network, dataset)
    weights = class_weights(loss, labels[:count], dataset.names_of(output.target), want.shape[0])
    return loss.model_copy(update={"class_weights": weights_text(weights)})


def _possible_classes(targets: NDArray[Any]) -> int:
    """Return how many classes numbers may be, where they are whole and look like some; else 0."""
    flat = targets.reshape(-1)
    if targets.shape[1:] not in {(), (1,)} or not (flat == np.floor(flat)).all() or flat.min(initial=0) < 0:
        return 0
    different = len(np.unique(flat))
    return 0 if looks_numeric(different, flat.size) else max(int(flat.max(initial=0)) + 1, 2)


def losses_noticed(declared: Network, network: Network, graph: Graph, labels: Arrays) -> list[str]:
    """Return what to say of losses that follow from the data."""
    said = []
    for output in graph.outputs:
        if declared.stated_loss(output.name) is None and network.stated_loss(output.name) is not None:
            loss = output.loss.canonical()
            if len(graph.outputs) == 1:
                what = "the targets are numbers" if loss == "mse" else "the outputs are taken as logits of the classes"
            else:
                numbers = f"the targets of {output.name} are numbers"
                what = numbers if loss == "mse" else f"{output.name} is taken as logits of classes"
            classes = _possible_classes(labels[output.target] if isinstance(labels, Mapping) else labels)
            doubt = f"; if they are {classes} classes, end with `fc {classes} softmax`" if loss == "mse" else ""
            said.append(f"no loss is stated: {what}, with the loss {loss}{doubt if classes else ''}")
    return said
