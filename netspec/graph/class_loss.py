"""The loss that a network gets because its data has classes, stated in the network itself."""

from __future__ import annotations

from netspec.graph.graph import Graph
from netspec.graph.trace import with_loss
from netspec.ir.network import Network
from netspec.recipe.losses import default_loss

__all__ = ["with_class_loss"]


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
