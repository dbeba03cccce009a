"""Which operations look back only, so that a network of a sequence can be computed one position at a time."""

from __future__ import annotations

from dataclasses import dataclass

from netspec import ops
from netspec.graph.graph import Graph, Operation
from netspec.ir.network import Network, Node

__all__ = ["Causality", "causality", "reads_ahead"]

_EACH = (
    ops.Embedding,
    ops.OneHot,
    ops.MatMul,
    ops.Activation,
    ops.PRelu,
    ops.Gated,
    ops.Affine,
    ops.Dropout,
    ops.ChannelDropout,
    ops.StochasticDepth,
    ops.Noise,
    ops.Sample,
    ops.Bias,
    ops.Scale,
    ops.BatchNorm,
    ops.LayerNorm,
    ops.LocalResponseNorm,
    ops.Sinusoid,
    ops.Channels,
    ops.ShuffleChannels,
    ops.Add,
    ops.Subtract,
    ops.Average,
    ops.Multiply,
    ops.Divide,
    ops.Maximum,
    ops.Minimum,
    ops.Dot,
    ops.CosineSimilarity,
    ops.Concat,
    ops.ZeroPadding,
    ops.OnePadding,
)
"""What is computed, in inference, at each position by itself."""

_ROWS = (ops.Reshape, ops.GroupNorm)
"""What else is computed of the row that a sequence ends in."""

_ALONG, _NEWEST = "along", "newest"


@dataclass(frozen=True, slots=True)
class Causality:
    """What each output of a network of one sequence knows.

    Attributes:
        steps: whether it follows from its own position and those before it: it can be computed position by position.
            An output without positions is that of the newest one.
        ahead: the node because of which it does not; empty where it does.
        limited: whether positions have numbers, or are kept, so that there are no more than in an example.
    """

    steps: bool
    ahead: str
    limited: bool


def causality(graph: Graph) -> Causality:
    """Return what the outputs of a network of one sequence know."""
    kinds: dict[int, str] = {0: _ALONG}
    ahead: dict[int, str] = {}
    limited = False
    for operation in graph.operations:
        read = {kinds.get(value, "") for value in operation.inputs}
        kinds[operation.output] = kind = _kind(graph, operation, read)
        if not kind:
            before = next((ahead[value] for value in operation.inputs if value in ahead), "")
            ahead[operation.output] = before or operation.node
        limited = limited or (kind == _ALONG and _counts(graph, operation))
    asked = [output.logits for output in graph.outputs]
    first = next((ahead[value] for value in asked if value in ahead), "")
    return Causality(not first, first, limited)


def reads_ahead(network: Network, graph: Graph) -> Node | None:
    """Return the node because of which the outputs at all positions know what comes after; None where none do.

    Of a language model that is a mistake: it learns to repeat what it reads.
    """
    ahead = causality(graph).ahead
    if not ahead or len(graph.shape(graph.output)) == 1:
        return None
    return next(node for node in network.nodes if node.name == ahead)


def _kind(graph: Graph, operation: Operation, read: set[str]) -> str:
    """Return what a value is: a sequence of which each position knows those before it, its newest row; else empty."""
    op = operation.op
    if read == {_NEWEST}:
        return _NEWEST if isinstance(op, (*_EACH, *_ROWS)) else ""
    if read != {_ALONG}:
        return ""
    if isinstance(op, ops.TakeLastValid) or (isinstance(op, ops.Take) and op.position == "last"):
        return _NEWEST
    alone = isinstance(op, _EACH) or (isinstance(op, ops.ValidPositions) and not op.before)
    return _ALONG if alone or _looks_back(graph, operation) else ""


def _looks_back(graph: Graph, operation: Operation) -> bool:
    """Return whether each position is made of itself and those before it."""
    op = operation.op
    if isinstance(op, ops.Recurrent):
        return not op.reverse
    if isinstance(op, ops.Attention):
        return op.causal
    if isinstance(op, ops.Conv) and len(op.stride) == 1:
        taps = graph.array_shape(operation.parameters[0])[2]
        return op.stride == (1,) and op.padding == ((op.dilation[0] * (taps - 1), 0),)
    return False


def _counts(graph: Graph, operation: Operation) -> bool:
    """Return whether an operation knows a position by its number, or keeps what was at each."""
    if isinstance(operation.op, ops.Bias | ops.Scale):
        return len(graph.array_shape(operation.parameters[0])) > 1
    return isinstance(operation.op, ops.Sinusoid | ops.Attention)
