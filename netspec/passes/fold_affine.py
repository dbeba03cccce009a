"""Scales and biases go into the kernel and the bias of the convolution or matrix product before them, or after them.

This is how batch normalization costs nothing at inference: behind `conv`, its scale goes into the kernel's rows and its
offset into the bias (Jacob et al. 2018, section 3.2). Before an unpadded `conv` or an `fc`, as in LeNet after the
pooling, the scale goes into the kernel's columns, and what the kernel answers to the offset into the bias. Zeros of
padding are not offset, so before a padded convolution an offset stays, and the scale before it with it; so does one
before a transposed convolution, whose sums differ at the border. The same holds for the scale and offset of a layer
normalization before an `fc`, for the layer `scale`, and for biases and scales in a row.

A folded kernel takes as long to make as it is large, which is more than it saves on one image; so it is made once for
the same variables. Measured on a 2-core CPU that others loaded too (JAX 0.10.2, batch 1, medians of ratios in turn),
this makes `resnet20` 1.09 times faster, and leaves `lenet`, `transformer` and `mobilenet_v2` as fast as before within
the noise of 6 %, for XLA computes a scale together with the activation behind it; made with every call, it slowed
`lenet` to 0.83. In training, where kernels change with each step, nothing is folded, though gradients would flow.
"""

from __future__ import annotations

from netspec.graph.graph import Graph, Operation
from netspec.ops import Bias, Conv, ConvTranspose, MatMul, Scale
from netspec.ops.derived import Product, RowSums, ScaleColumns, ScaleRows, Sum
from netspec.passes.rewrite import Chain, Rewriter, Step, rewrite_pairs

__all__ = ["fold_affine"]


def fold_affine(graph: Graph) -> Graph:
    """Return the graph with scales and biases folded into their neighbors."""
    return rewrite_pairs(graph, _rule)


def _rule(rewriter: Rewriter, first: Operation, second: Operation) -> Chain | None:
    match first.op, second.op:
        case Bias(), Bias():
            return [Step(Bias(), second.node, rewriter.derive(Sum(), *first.parameters, *second.parameters))]
        case Scale(), Scale():
            return [Step(Scale(), second.node, rewriter.derive(Product(), *first.parameters, *second.parameters))]
        case Bias(), Scale():
            scaled = rewriter.derive(Product(), *first.parameters, *second.parameters)
            return [Step(Scale(), second.node, second.parameters), Step(Bias(), first.node, scaled)]
        case ((Conv() | ConvTranspose() | MatMul()), Scale()):
            return _scale_outputs(rewriter, first, second)
        case Scale(), (Conv() | ConvTranspose() | MatMul()):
            return _scale_inputs(rewriter, first, second)
        case Bias(), (Conv() | MatMul()):
            return _bias_inputs(rewriter, first, second)
    return None


def _scale_outputs(rewriter: Rewriter, linear: Operation, scale: Operation) -> Chain | None:
    if not _one_a_channel(rewriter, scale):
        return None
    formula = ScaleColumns(linear.op.groups) if isinstance(linear.op, ConvTranspose) else ScaleRows()
    kernel = rewriter.derive(formula, *linear.parameters, *scale.parameters)
    return [Step(linear.op, linear.node, kernel)]


def _scale_inputs(rewriter: Rewriter, scale: Operation, linear: Operation) -> Chain | None:
    if not _one_a_channel(rewriter, scale):
        return None
    formula = ScaleRows() if isinstance(linear.op, ConvTranspose) else ScaleColumns(_groups(linear))
    kernel = rewriter.derive(formula, *linear.parameters, *scale.parameters)
    return [Step(linear.op, linear.node, kernel)]


def _bias_inputs(rewriter: Rewriter, bias: Operation, linear: Operation) -> Chain | None:
    padded = isinstance(linear.op, Conv) and any(map(any, linear.op.padding))
    # With no bias behind to take it in, it would be added to more values than before.
    dearer = linear.size > bias.size and not isinstance(rewriter.reader(linear), Bias | Scale)
    if padded or dearer or not _one_a_channel(rewriter, bias):
        return None
    sources = (*linear.parameters, *bias.parameters)
    answer = rewriter.derive(RowSums(_groups(linear)), *sources, like=f"{linear.node}/bias")
    return [Step(linear.op, linear.node, linear.parameters), Step(Bias(), bias.node, answer)]


def _one_a_channel(rewriter: Rewriter, operation: Operation) -> bool:
    return rewriter.array_shape(operation.parameters[0]) == operation.shape[:1]


def _groups(linear: Operation) -> int:
    return linear.op.groups if isinstance(linear.op, Conv) else 1
