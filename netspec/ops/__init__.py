"""Floor 1: the closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)`, `(features, length)` or `(features,)`. The batch is
never written. A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from netspec.ops.base import Op, Shape, ShapeError, format_shape
from netspec.ops.merge import Add, Concat, Multiply
from netspec.ops.norm import BatchNorm
from netspec.ops.shape import Reshape
from netspec.ops.values import Activation, Bias, Dropout, MatMul
from netspec.ops.window import AvgPool, Conv, ConvTranspose, GlobalPool, MaxPool, Pads, same_padding

__all__ = [
    "Activation",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Dropout",
    "GlobalPool",
    "MatMul",
    "MaxPool",
    "Multiply",
    "Op",
    "Pads",
    "Reshape",
    "Shape",
    "ShapeError",
    "format_shape",
    "same_padding",
]
