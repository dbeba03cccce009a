"""The closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)`, `(features, length)` or `(features,)`. The batch is
never written. A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from netspec.ops.base import Op, Shape, ShapeError, format_shape
from netspec.ops.masks import (
    MaskedAttention,
    MaskedCrossAttention,
    MaskedGlobalPool,
    MaskedRecurrent,
    TakeLastValid,
    ValidPositions,
    ZeroPadding,
)
from netspec.ops.merge import Add, Concat, Multiply, way_around
from netspec.ops.norm import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from netspec.ops.sequence import (
    Attention,
    CrossAttention,
    Embedding,
    OneHot,
    Prepend,
    Recurrent,
    Sinusoid,
    Take,
    WindowAttention,
)
from netspec.ops.shape import Crop, DepthToSpace, Pad, Permute, Reshape, SpaceToDepth, Upsample
from netspec.ops.values import Activation, Bias, Dropout, Gated, MatMul, Noise, PRelu, Sample, Scale, StochasticDepth
from netspec.ops.window import AvgPool, Conv, ConvTranspose, GlobalPool, MaxPool, Pads, same_padding

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Crop",
    "CrossAttention",
    "DepthToSpace",
    "Dropout",
    "Embedding",
    "Gated",
    "GlobalPool",
    "GroupNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "MaskedAttention",
    "MaskedCrossAttention",
    "MaskedGlobalPool",
    "MaskedRecurrent",
    "MatMul",
    "MaxPool",
    "Multiply",
    "Noise",
    "OneHot",
    "Op",
    "PRelu",
    "Pad",
    "Pads",
    "Permute",
    "Prepend",
    "Recurrent",
    "Reshape",
    "Sample",
    "Scale",
    "Shape",
    "ShapeError",
    "Sinusoid",
    "SpaceToDepth",
    "StochasticDepth",
    "Take",
    "TakeLastValid",
    "Upsample",
    "ValidPositions",
    "WindowAttention",
    "ZeroPadding",
    "format_shape",
    "same_padding",
    "way_around",
]
