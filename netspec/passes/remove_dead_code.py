"""Operations that hand on their input as it is are dead code, and left out.

`dropout 0`, `stochastic_depth 0`, `noise 0`, `pad 0`, `upsample 1`, `pool 1`, `flatten` of what is flat, a reshape to
the same shape, a permutation that moves nothing. An operation that nobody reads does not occur: all layers of a network
lead to an output (E0405), and no pass leaves one behind.
"""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import AvgPool, Crop, Dropout, MaxPool, Noise, Op, Pad, Permute, Reshape, Upsample
from netspec.passes.rewrite import Chain, Rewriter, rewrite_each

__all__ = ["remove_dead_code"]


def remove_dead_code(graph: Graph) -> Graph:
    """Return the graph without the operations that change nothing in either mode."""
    return rewrite_each(graph, _rule)


def _rule(rewriter: Rewriter, operation: Operation) -> Chain | None:
    changes = operation.shape != rewriter.shape(operation.inputs[0])
    return None if changes or not _is_identity(operation.op, len(operation.shape)) else []


def _is_identity(op: Op, axes: int) -> bool:
    """Say whether an operation whose output has the shape of its input hands it on unchanged."""
    match op:
        case Reshape() | Pad() | Crop() | Upsample():
            return True
        case Permute():
            return op.order == tuple(range(axes))
        case MaxPool() | AvgPool():
            return max(op.window) == 1
        case Dropout() | Noise():
            return not op.draws
    return False
