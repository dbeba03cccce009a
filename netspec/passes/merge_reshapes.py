"""Of two reshapes in a row the first is of no consequence: `reshape 28x28; fc 10` flattens its input once."""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import Reshape
from netspec.passes.rewrite import Chain, Rewriter, Step, rewrite_pairs

__all__ = ["merge_reshapes"]


def merge_reshapes(graph: Graph) -> Graph:
    """Return the graph with one reshape wherever several followed one another."""
    return rewrite_pairs(graph, _rule)


def _rule(_: Rewriter, first: Operation, second: Operation) -> Chain | None:
    both = isinstance(first.op, Reshape) and isinstance(second.op, Reshape)
    return [Step(second.op, second.node)] if both else None
