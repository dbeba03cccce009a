"""The layers. A new one is one class in one file, its entry in the list below, and its test."""

from typing import Annotated, TypeAlias

from netspec.layers.activation import ACTIVATIONS
from netspec.layers.base import Builder, Layer, Role, Tensor, Weight
from netspec.schema.family import Family, OneOf

__all__ = ["ACTIVATIONS", "LAYERS", "AnyLayer", "Builder", "Layer", "Role", "Tensor", "Weight"]

LAYERS: Family[Layer] = Family(
    "layer",
    {
        "conv conv2d Conv2d Conv2D conv1d Conv1d Conv1D convolution Convolution convolutional": "conv.Conv",
        "deconv conv_transpose ConvTranspose2d ConvTranspose1d Conv2DTranspose Conv1DTranspose "
        "Deconvolution deconvolutional": "conv.Deconv",
        "depthwise DepthwiseConv2D DepthwiseConv1D depthwise_conv": "conv.Depthwise",
        "pool maxpool MaxPool2d MaxPool1d MaxPooling2D MaxPooling1D max_pool Pooling": "pool.Pool",
        "avgpool AvgPool2d AvgPool1d AveragePooling2D AveragePooling1D avg_pool": "pool.AvgPool",
        "globalpool global_pool GlobalAveragePooling2D GlobalAveragePooling1D gap": "pool.GlobalPool",
        "fc dense Dense linear Linear InnerProduct connected": "dense.Dense",
        "batchnorm bn BatchNorm BatchNorm2d BatchNorm1d BatchNormalization batch_norm": "norm.BatchNorm",
        "layernorm LayerNorm LayerNormalization layer_norm": "norm.LayerNorm",
        "groupnorm GroupNorm GroupNormalization group_norm": "norm.GroupNorm",
        "instancenorm InstanceNorm InstanceNorm2d InstanceNorm1d instance_norm": "norm.InstanceNorm",
        "lrn LRN LocalResponseNorm local_response_norm": "norm.LocalResponseNorm",
        "scale Scale layer_scale LayerScale": "norm.Scale",
        "dropout Dropout drop": "regularize.Dropout",
        "noise GaussianNoise gaussian_noise": "regularize.Noise",
        "flatten Flatten": "shape.Flatten",
        "reshape Reshape view Unflatten": "shape.Reshape",
        "permute Permute transpose": "shape.Permute",
        "pad Pad ZeroPad2d ZeroPad1d ZeroPadding2D ZeroPadding1D": "resize.Pad",
        "crop Crop CenterCrop": "resize.Crop",
        "upsample Upsample UpSampling2D UpSampling1D interpolate": "resize.Upsample",
        "pixelshuffle PixelShuffle pixel_shuffle": "resize.PixelShuffle",
        "pixelunshuffle PixelUnshuffle pixel_unshuffle": "resize.PixelUnshuffle",
        "add Add Eltwise shortcut": "merge.Add",
        "multiply Multiply": "merge.Multiply",
        "concat concatenate Concatenate Concat route": "merge.Concat",
        "embedding Embedding embed": "sequence.Embedding",
        "position PositionEmbedding positional_encoding": "sequence.Position",
        "classtoken cls_token class_token": "sequence.ClassToken",
        "take": "sequence.Take",
        "lstm LSTM": "recurrent.Lstm",
        "gru GRU": "recurrent.Gru",
        "rnn RNN SimpleRNN": "recurrent.Rnn",
        "attention MultiheadAttention MultiHeadAttention self_attention": "attention.Attention",
        **ACTIVATIONS.lines,
    },
    package="netspec.layers",
)
"""The one list of them, by all their names, the canonical one first; a new one is entered here."""

AnyLayer: TypeAlias = Annotated[Layer, OneOf(LAYERS)]
"""Any layer, told apart by `kind`."""
