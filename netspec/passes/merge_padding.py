"""Zeros put around the input of a convolution become its own padding: `pad 1; conv 32 3x3 stride=2`, as in Keras.

Only zeros, and only around positions. Pooling keeps a `pad` before it: to a maximum or a mean its own padding is not
there, while the zeros of a `pad` are values like others.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.graph.graph import Graph, Operation
from netspec.ops import Conv, Pad
from netspec.passes.rewrite import Chain, Rewriter, Step, rewrite_pairs

__all__ = ["merge_padding"]


def merge_padding(graph: Graph) -> Graph:
    """Return the graph with the zeros before each convolution added to its padding."""
    return rewrite_pairs(graph, _rule)


def _rule(_: Rewriter, first: Operation, second: Operation) -> Chain | None:
    pad, conv = first.op, second.op
    if not isinstance(pad, Pad) or not isinstance(conv, Conv):
        return None
    if pad.mode != "zero" or pad.before[0] or pad.after[0]:
        return None
    outer = zip(pad.before[1:], pad.after[1:], conv.padding, strict=True)
    padding = tuple((before + low, after + high) for before, after, (low, high) in outer)
    return [Step(replace(conv, padding=padding), second.node, second.parameters)]
