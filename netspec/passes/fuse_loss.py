"""The loss reads what goes into the last softmax or sigmoid: stable where the function saturates, and less work."""

from __future__ import annotations

from dataclasses import replace

from netspec.graph.graph import Graph
from netspec.ops import Activation

__all__ = ["fuse_loss"]


def fuse_loss(graph: Graph) -> Graph:
    """Return the graph with `logits` moved before the last activation where the loss absorbs it."""
    last = graph.made.get(graph.output)
    if last and isinstance(last.op, Activation) and last.op.function in graph.loss.absorbs:
        return replace(graph, logits=last.inputs[0])
    return graph
