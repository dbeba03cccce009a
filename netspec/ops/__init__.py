"""Floor 1: the closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)`, `(features, length)` or `(features,)`. The batch is
never written. A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from netspec.ops.base import Op, Shape, ShapeError, format_shape
from netspec.ops.merge import Add, Concat, Multiply
from netspec.ops.norm import BatchNorm
from netspec.ops.sequence import AddTable, Attention, Embedding, Prepend, Recurrent, Sinusoid, Take
from netspec.ops.shape import Reshape
from netspec.ops.values import Activation, Bias, Dropout, MatMul
from netspec.ops.window import AvgPool, Conv, GlobalPool, MaxPool, Pad2, same_padding

__all__ = [
    "Activation",
    "Add",
    "AddTable",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Concat",
    "Conv",
    "Dropout",
    "Embedding",
    "GlobalPool",
    "MatMul",
    "MaxPool",
    "Multiply",
    "Op",
    "Pad2",
    "Prepend",
    "Recurrent",
    "Reshape",
    "Shape",
    "ShapeError",
    "Sinusoid",
    "Take",
    "format_shape",
    "same_padding",
]
