"""At inference batch normalization is one product and one sum a value, of numbers worked out beforehand.

x ↦ x·f + (offset − mean·f) with f = scale / √(variance + ε); both are then folded into what is near them. In training
it stays whole: its statistics are those of the batch. A bias right before it stays in training too, though its
gradient is 0 there, for it moves the running mean.
"""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import BatchNorm, Bias, Scale
from netspec.ops.derived import NormOffset, NormScale
from netspec.passes.rewrite import Chain, Rewriter, Step, rewrite_each

__all__ = ["split_batch_norm"]


def split_batch_norm(graph: Graph) -> Graph:
    """Return the graph with a scale and a bias in place of each batch normalization."""
    return rewrite_each(graph, _rule)


def _rule(rewriter: Rewriter, operation: Operation) -> Chain | None:
    if not isinstance(operation.op, BatchNorm):
        return None
    scale, offset, mean, variance = operation.parameters
    factor = rewriter.derive(NormScale(operation.op.epsilon), scale, variance)
    shift = rewriter.derive(NormOffset(), offset, mean, *factor)
    return [Step(Scale(), operation.node, factor), Step(Bias(), operation.node, shift)]
