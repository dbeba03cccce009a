"""Floor 2: the layers. A new one is one class in one file, its entry in the list below, and its test."""

from typing import Annotated, TypeAlias

from netspec.layers.activation import ACTIVATIONS
from netspec.layers.attention import Attention
from netspec.layers.base import Builder, Layer, Role, Tensor, Weight
from netspec.layers.conv import Conv, Deconv, Depthwise
from netspec.layers.dense import Dense
from netspec.layers.merge import Add, Concat, Multiply
from netspec.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, Scale
from netspec.layers.pool import AvgPool, GlobalPool, Pool
from netspec.layers.recurrent import Gru, Lstm, Rnn
from netspec.layers.regularize import Dropout, Noise
from netspec.layers.resize import Crop, Pad, PixelShuffle, PixelUnshuffle, Upsample
from netspec.layers.sequence import ClassToken, Embedding, Position, Take
from netspec.layers.shape import Flatten, Permute, Reshape
from netspec.signature import OneOf, by_name

__all__ = ["ACTIVATIONS", "LAYERS", "LAYER_NAMES", "AnyLayer", "Builder", "Layer", "Role", "Tensor", "Weight"]

LAYERS: tuple[type[Layer], ...] = (
    Conv,
    Deconv,
    Depthwise,
    Pool,
    AvgPool,
    GlobalPool,
    Dense,
    BatchNorm,
    LayerNorm,
    GroupNorm,
    InstanceNorm,
    LocalResponseNorm,
    Scale,
    Dropout,
    Noise,
    Flatten,
    Reshape,
    Permute,
    Pad,
    Crop,
    Upsample,
    PixelShuffle,
    PixelUnshuffle,
    Add,
    Multiply,
    Concat,
    Embedding,
    Position,
    ClassToken,
    Take,
    Lstm,
    Gru,
    Rnn,
    Attention,
    *ACTIVATIONS,
)
"""The one list of them; a new one is entered here."""

AnyLayer: TypeAlias = Annotated[Layer, OneOf(*LAYERS)]
"""Any layer, told apart by `kind`."""

LAYER_NAMES: dict[str, type[Layer]] = by_name(LAYERS)
"""Every name and alias a layer is known by."""
