"""The closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)`, `(features, length)` or `(features,)`. The batch is
never written. A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from netspec.ops.base import Op, Shape, ShapeError, format_shape
from netspec.ops.masks import (
    MaskedAttention,
    MaskedGlobalPool,
    MaskedRecurrent,
    TakeLastValid,
    ValidPositions,
    ZeroPadding,
)
from netspec.ops.merge import (
    Add,
    Average,
    Concat,
    CosineSimilarity,
    Divide,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    way_around,
)
from netspec.ops.norm import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from netspec.ops.sequence import Attention, Embedding, Prepend, Recurrent, Sinusoid, Take
from netspec.ops.shape import (
    Channels,
    Coordinates,
    Crop,
    DepthToSpace,
    Pad,
    Permute,
    Reshape,
    ShuffleChannels,
    SpaceToDepth,
    Upsample,
)
from netspec.ops.values import Activation, Affine, Bias, Dropout, Gated, MatMul, Noise, PRelu, Scale
from netspec.ops.window import AvgPool, Conv, ConvTranspose, GlobalPool, MaxPool, Pads, same_padding

__all__ = [
    "Activation",
    "Add",
    "Affine",
    "Attention",
    "Average",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Channels",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Coordinates",
    "CosineSimilarity",
    "Crop",
    "DepthToSpace",
    "Divide",
    "Dot",
    "Dropout",
    "Embedding",
    "Gated",
    "GlobalPool",
    "GroupNorm",
    "LayerNorm",
    "LocalResponseNorm",
    "MaskedAttention",
    "MaskedGlobalPool",
    "MaskedRecurrent",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Minimum",
    "Multiply",
    "Noise",
    "Op",
    "PRelu",
    "Pad",
    "Pads",
    "Permute",
    "Prepend",
    "Recurrent",
    "Reshape",
    "Scale",
    "Shape",
    "ShapeError",
    "ShuffleChannels",
    "Sinusoid",
    "SpaceToDepth",
    "Subtract",
    "Take",
    "TakeLastValid",
    "Upsample",
    "ValidPositions",
    "ZeroPadding",
    "format_shape",
    "same_padding",
    "way_around",
]
