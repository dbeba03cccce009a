"""Losses of a network as they are stated, follow from the last layer or the data, and are told."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.diagnostics.diagnostic import SpecError
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.recipe.losses import Loss, MeanSquaredError, class_loss, default_loss

__all__ = ["follows_from_targets", "loss_text", "recorded", "with_class_loss", "with_loss", "with_losses"]


def recorded(network: Network, graph: Graph) -> Network:
    """Return what a training kept with its loss stated, where today the data would decide; the graph is `recorded`."""
    if len(graph.outputs) > 1 or network.stated_loss(network.all_outputs[0].name) is not None:
        return network
    open_to_data = network.classifies and isinstance(graph.loss, MeanSquaredError)
    return with_loss(network, graph.loss) if open_to_data else network


def with_losses(network: Network, losses: Mapping[str, Loss]) -> Network:
    """Return a network with the losses of some of its several outputs stated, by their names."""
    outputs = (o.model_copy(update={"loss": losses[o.name]}) if o.name in losses else o for o in network.outputs)
    return network.model_copy(update={"outputs": tuple(outputs)})


def follows_from_targets(network: Network, graph: Graph) -> bool:
    """Return whether the loss is that of classes, or of numbers where the targets in a file turn out to be these."""
    open_ = (
        len(graph.outputs) == 1
        and network.stated_loss(graph.outputs[0].name) is None
        and network.classifies
        and graph.ends_in is None
    )
    return open_ and network.data is not None and find(network.data.name) is None


def loss_text(network: Network, graph: Graph) -> str:
    """Return the loss of a network in words; where no data is known yet, also the one that classes would lead to."""
    if len(graph.outputs) > 1:
        return " + ".join(_output_loss_text(network, graph.only(output)) for output in graph.outputs)
    said = graph.loss.canonical()
    stated = network.stated_loss(network.all_outputs[0].name)
    if follows_from_targets(network, graph) and not isinstance(graph.loss, MeanSquaredError):
        return f"{said} (mse where the targets are numbers)"
    shape = graph.shape(graph.output)
    of_numbers = stated is None and graph.ends_in is None and isinstance(graph.loss, MeanSquaredError)
    if network.data and network.data.is_table and not network.reconstructs and of_numbers and len(shape) == 1:
        return f"{said} ({class_loss(shape[0]).canonical()} where the target is classes)"
    if network.data or stated or not isinstance(graph.loss, MeanSquaredError):
        return said
    try:
        classes = trace(network.model_copy(update={"data": DataSource(name="data")})).loss
    except SpecError:
        return said
    return said if classes == graph.loss else f"{said} ({classes.canonical()} where the data has classes)"


def _output_loss_text(network: Network, graph: Graph) -> str:
    """Return the loss of one of several outputs in words; `graph` is of it alone."""
    (output,) = graph.outputs
    said = f"{'' if output.weight == 1 else f'{output.weight:g}·'}{output.loss.canonical()} of {output.name}"
    shape = graph.shape(output.index)
    decided = network.stated_loss(output.name) or graph.ends_in or len(shape) != 1 or shape[0] == 1
    return said if decided else f"{said} ({class_loss(shape[0]).canonical()} where its targets are classes)"


def with_loss(network: Network, loss: Loss) -> Network:
    """Return a network with the loss of its one output stated."""
    if network.outputs:
        return with_losses(network, {network.outputs[0].name: loss})
    return network.model_copy(update={"recipe": network.recipe.model_copy(update={"loss": loss})})


def with_class_loss(network: Network, graph: Graph) -> Network:
    """Return a network with its loss stated where it follows from the data, so that what is written of it says so.

    Args:
        network: may leave its loss out.
        graph: of the network; it is that of the returned network too.
    """
    # Of several outputs the data has targets of several kinds.
    if len(graph.outputs) > 1 or network.stated_loss(graph.outputs[0].name) is not None or not network.classifies:
        return network
    return network if graph.loss == default_loss(graph.ends_in) else with_loss(network, graph.loss)
