"""The loss reads what goes into the last softmax or sigmoid: stable where the function saturates, and less work."""

from __future__ import annotations

from dataclasses import replace

from netspec.graph.graph import Graph, GraphOutput
from netspec.ops import Activation

__all__ = ["fuse_loss"]


def fuse_loss(graph: Graph) -> Graph:
    """Return the graph with `logits` moved before the last activation of each output whose loss absorbs it."""
    return replace(graph, outputs=tuple(_fused(graph, output) for output in graph.outputs))


def _fused(graph: Graph, output: GraphOutput) -> GraphOutput:
    last = graph.made.get(output.index)
    if last and isinstance(last.op, Activation) and last.op.function in output.loss.absorbs:
        return replace(output, logits=last.inputs[0])
    return output
