"""Scales and biases move behind averages, where there are fewer values, and behind a flattening, to what folds them.

The mean of x·s + b is the mean of x, times s, plus b, for padding does not count in a mean; where it does, nothing
moves. Behind a flattening one number a channel becomes one a value; that is worth it where a matrix product follows,
which takes it in.
"""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import AvgPool, Bias, GlobalPool, MatMul, Reshape, Scale
from netspec.ops.derived import Spread
from netspec.passes.rewrite import Chain, Rewriter, Step, rewrite_pairs

__all__ = ["sink_affine"]


def sink_affine(graph: Graph) -> Graph:
    """Return the graph with scales and biases behind the averages and flattenings that read them."""
    return rewrite_pairs(graph, _rule)


def _rule(rewriter: Rewriter, first: Operation, second: Operation) -> Chain | None:
    if not isinstance(first.op, Scale | Bias):
        return None
    moved = Step(second.op, second.node)
    match second.op:
        case AvgPool(counted=()) | GlobalPool(mode="avg"):
            each = rewriter.array_shape(first.parameters[0]) == first.shape[:1]
            return [moved, Step(first.op, first.node, first.parameters)] if each and second.size < first.size else None
        case Reshape() if len(second.shape) == 1 and isinstance(rewriter.reader(second), MatMul | Scale | Bias):
            return [moved, Step(first.op, first.node, rewriter.derive(Spread(first.shape), *first.parameters))]
    return None
