"""What neither the output nor the loss depends on is not computed.

A spec has no such layer (E0405), a network built in Python can. Batch normalization in training is no dead code: it
moves its running averages, whoever reads its output.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.graph import Graph
from netspec.ops import BatchNorm

__all__ = ["remove_dead_code"]


def remove_dead_code(graph: Graph) -> Graph:
    """Return the graph without the operations that nothing depends on."""
    live = {graph.output, graph.logits}
    for operation in reversed(graph.operations):
        if operation.output in live or isinstance(operation.op, BatchNorm):
            live.update((operation.output, *operation.inputs))
    return replace(
        graph,
        operations=tuple(o for o in graph.operations if o.output in live),
        nodes={name: value for name, value in graph.nodes.items() if value in live},
    )
