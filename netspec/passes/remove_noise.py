"""Dropout, stochastic depth and noise, the identity at inference, are left out."""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import Dropout, Noise
from netspec.passes.rewrite import Chain, Rewriter, rewrite_each

__all__ = ["remove_noise"]


def remove_noise(graph: Graph) -> Graph:
    """Return the graph without its dropout and noise."""
    return rewrite_each(graph, _rule)


def _rule(_: Rewriter, operation: Operation) -> Chain | None:
    return [] if isinstance(operation.op, Dropout | Noise) else None
