"""The layers. A new one is one class in one file, its entry in the list below, and its test."""

from typing import Annotated, TypeAlias

from netspec.layers.activation import ACTIVATIONS
from netspec.layers.arithmetic import Times
from netspec.layers.attention import Attention
from netspec.layers.base import Builder, Layer, Role, Tensor, Weight
from netspec.layers.channels import Channels, ChannelShuffle, Coordinates, Part
from netspec.layers.conv import Conv, Deconv, Depthwise
from netspec.layers.dense import Dense
from netspec.layers.merge import (
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
)
from netspec.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, Scale
from netspec.layers.pool import AvgPool, GlobalPool, Pool
from netspec.layers.recurrent import Gru, Lstm, Rnn
from netspec.layers.regularize import Dropout, Noise, Sample, StochasticDepth
from netspec.layers.resize import Crop, Pad, PixelShuffle, PixelUnshuffle, Upsample
from netspec.layers.sequence import ClassToken, Embedding, OneHot, Position, Take
from netspec.layers.shape import Flatten, Identity, Permute, Reshape
from netspec.schema.registry import OneOf, Registry

__all__ = ["ACTIVATIONS", "LAYERS", "AnyLayer", "Builder", "Layer", "Role", "Tensor", "Weight"]

LAYERS: Registry[Layer] = Registry(
    "layer",
    [
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
        Times,
        Dropout,
        StochasticDepth,
        Noise,
        Sample,
        Flatten,
        Identity,
        Reshape,
        Permute,
        Pad,
        Crop,
        Upsample,
        PixelShuffle,
        PixelUnshuffle,
        Channels,
        Part,
        ChannelShuffle,
        Coordinates,
        Add,
        Subtract,
        Multiply,
        Divide,
        Maximum,
        Minimum,
        Average,
        Dot,
        CosineSimilarity,
        Concat,
        Embedding,
        OneHot,
        Position,
        ClassToken,
        Take,
        Lstm,
        Gru,
        Rnn,
        Attention,
        *ACTIVATIONS.entries,
    ],
)
"""All layers, in the order of the reference pages; a new one is entered here."""

AnyLayer: TypeAlias = Annotated[Layer, OneOf(LAYERS)]
"""Any layer, told apart by `kind`."""
