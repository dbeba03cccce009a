"""Every layer against torch.nn from the same weights: outputs, gradients of weights and inputs, running averages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agreement import assert_agree, assert_trees_agree
from twins import (
    ClassToken,
    Depthwise,
    Depthwise1d,
    Depthwise3d,
    LayerNormOver,
    OneBiasLstm,
    OneBiasRnn,
    Position,
    PReluWord,
    Scale,
    WindowAttention,
    gradients,
    load_weights,
    nn,
    state,
    torch,
)

import netspec as ns
from netspec.layers import LAYERS
from netspec.layers.base import Layer
from netspec.schema.definition import parameters as fields_of

F = nn.functional


@dataclass(frozen=True)
class Case:
    """One layer with its arguments on one input shape, and the same thing in PyTorch.

    `values` draws the inputs, `spread` unless corners or ties are what is tested.
    """

    line: str
    input: str
    twin: Callable[[], torch.nn.Module]
    values: Callable[[tuple[int, ...]], np.ndarray] | None = None

    @property
    def id(self) -> str:
        return f"{self.line} on {self.input}" + (f" of {self.values.__name__}" if self.values else "")


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


# --- inputs -------------------------------------------------------------------------------------------------------


def spread(shape: tuple[int, ...]) -> np.ndarray:
    """Return values without ties, well apart: a permutation of evenly spaced numbers, most of them in ±2."""
    count = int(np.prod(shape))
    even = (np.arange(count) + 0.5) / count * 4 - 2
    return np.random.default_rng(count).permutation(even).reshape(shape).astype(np.float32)


def corners(shape: tuple[int, ...]) -> np.ndarray:
    """Return values in ±8 among which are the exact corners of the piecewise functions."""
    exact = [-6.0, -3.0, -1.0, -0.0, 0.0, 1.0, 3.0, 6.0]
    flat = np.random.default_rng(0).uniform(-8, 8, int(np.prod(shape)))
    flat[: len(exact)] = exact
    return flat.reshape(shape).astype(np.float32)


def extremes(shape: tuple[int, ...]) -> np.ndarray:
    """Return values where exp overflows or vanishes, as many positive as negative; the first example is moderate.

    Without it all gradients of a saturated function would be below float32's resolution of the function's own range.
    """
    signs = np.where(np.arange(int(np.prod(shape))) % 2, 1, -1)
    values = (signs * np.random.default_rng(0).uniform(15, 100, signs.size)).reshape(shape)
    values[0] /= 50
    return values.astype(np.float32)


def positive(shape: tuple[int, ...]) -> np.ndarray:
    """Return values in 0.01 to 8: what a logarithm and a root are taken of."""
    return np.random.default_rng(0).uniform(0.01, 8, shape).astype(np.float32)


def ties(shape: tuple[int, ...]) -> np.ndarray:
    """Return small whole numbers: most windows have several largest values."""
    return np.random.default_rng(0).integers(-1, 2, shape).astype(np.float32)


def zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros in the first example, 1, 2, 3 … in the others."""
    values = np.tile(np.arange(1, np.prod(shape[1:]) + 1, dtype=np.float32).reshape(shape[1:]), (shape[0], 1))
    values[0] = 0
    return values


def tokens(shape: tuple[int, ...], count: int) -> np.ndarray:
    """Return token numbers, the first and the last one among them, and most of them several times."""
    numbers = np.random.default_rng(count).integers(0, count, int(np.prod(shape)))
    numbers[:2] = 0, count - 1
    return numbers.reshape(shape).astype(np.int32)


# --- the cases ----------------------------------------------------------------------------------------------------


def conv(line: str, image: str, *modules: Callable[[], torch.nn.Module]) -> Case:
    return Case(line, image, lambda: nn.Sequential(*(make() for make in modules)))


def average(kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int, int, int]) -> Callable[[], Function]:
    """Return the mean over the pixels of the image under each window: sums of pixels over sums of ones."""

    def mean(x: torch.Tensor) -> torch.Tensor:
        total = F.avg_pool2d(F.pad(x, pad), kernel, stride)
        return total / F.avg_pool2d(F.pad(torch.ones_like(x), pad), kernel, stride)

    return lambda: Function(mean)


CONV = [
    conv("conv 4 3x3", "3x7x8", lambda: nn.Conv2d(3, 4, 3)),
    conv("conv 6 3x3 nobias", "8x6x7", lambda: nn.Conv2d(8, 6, 3, bias=False)),
    conv("conv 4 5x5 stride=2x3", "3x11x13", lambda: nn.Conv2d(3, 4, 5, stride=(2, 3))),
    conv("conv 4 2x3 stride=3x1", "5x7x6", lambda: nn.Conv2d(5, 4, (2, 3), stride=(3, 1))),
    conv("conv 4 3x3 pad=same", "5x7x6", lambda: nn.Conv2d(5, 4, 3, padding=1)),
    # Of an odd number of zeros, the odd one comes after the end. ZeroPad2d takes left, right, top, bottom.
    conv("conv 3 2x4 pad=same", "2x5x6", lambda: nn.ZeroPad2d((1, 2, 0, 1)), lambda: nn.Conv2d(2, 3, (2, 4))),
    # 8 rows: 4 windows reach over 9, one zero after. 7 rows: 4 windows reach over 9, one zero on each side.
    conv(
        "conv 3 3x3 pad=same stride=2",
        "5x8x7",
        lambda: nn.ZeroPad2d((1, 1, 0, 1)),
        lambda: nn.Conv2d(5, 3, 3, stride=2),
    ),
    # Kernels smaller than the stride: some windows need no padding at all.
    conv("conv 3 1x1 pad=same stride=2", "2x7x6", lambda: nn.Conv2d(2, 3, 1, stride=2)),
    conv("conv 4 3x5 pad=2x1", "5x6x7", lambda: nn.Conv2d(5, 4, (3, 5), padding=(2, 1))),
    conv("conv 4 3x3 dilation=2x1", "3x9x7", lambda: nn.Conv2d(3, 4, 3, dilation=(2, 1))),
    conv(
        "conv 3 3x2 dilation=2x3 pad=same",
        "8x6x7",
        lambda: nn.ZeroPad2d((1, 2, 2, 2)),
        lambda: nn.Conv2d(8, 3, (3, 2), dilation=(2, 3)),
    ),
    conv("conv 6 3x3 groups=2 stride=2", "4x7x7", lambda: nn.Conv2d(4, 6, 3, groups=2, stride=2)),
    conv("conv 8 3x3 groups=4 pad=1", "4x5x6", lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1)),
    conv("conv 4 1x1 groups=2", "6x4x5", lambda: nn.Conv2d(6, 4, 1, groups=2)),
    conv("conv 4 1x1 pad=1 stride=2", "6x4x5", lambda: nn.Conv2d(6, 4, 1, padding=1, stride=2)),
    conv("conv 4 3x3 leaky_relu(0.2)", "1x6x6", lambda: nn.Conv2d(1, 4, 3), lambda: nn.LeakyReLU(0.2)),
]

CONV_1D = [
    conv("conv 4 3", "3x9", lambda: nn.Conv1d(3, 4, 3)),
    conv("conv 4 1", "3x9", lambda: nn.Conv1d(3, 4, 1)),
    conv("conv 6 5 groups=2 stride=2 pad=2 nobias", "4x11", lambda: nn.Conv1d(4, 6, 5, 2, 2, groups=2, bias=False)),
    conv("conv 4 1x3 pad=0x1 stride=1x2 dilation=1x2", "5x12", lambda: nn.Conv1d(5, 4, 3, 2, 1, dilation=2)),
    conv("conv 4 4 pad=same", "2x7", lambda: nn.ZeroPad1d((1, 2)), lambda: nn.Conv1d(2, 4, 4)),
    conv("conv 4 3 relu", "1x8", lambda: nn.Conv1d(1, 4, 3), nn.ReLU),
]

# All zeros before the first position, as many as the kernel reaches back. ZeroPad1d takes left, right.
CAUSAL = [
    conv("conv 4 3 pad=causal", "3x9", lambda: nn.ZeroPad1d((2, 0)), lambda: nn.Conv1d(3, 4, 3)),
    conv("conv 4 2 causal dilation=4", "3x9", lambda: nn.ZeroPad1d((4, 0)), lambda: nn.Conv1d(3, 4, 2, dilation=4)),
    conv("conv 4 3 pad=causal stride=2", "3x8", lambda: nn.ZeroPad1d((2, 0)), lambda: nn.Conv1d(3, 4, 3, stride=2)),
    conv("conv 2 5 pad=causal nobias", "1x3", lambda: nn.ZeroPad1d((4, 0)), lambda: nn.Conv1d(1, 2, 5, bias=False)),
    conv(
        "depthwise 3 pad=causal dilation=2",
        "4x9",
        lambda: nn.ZeroPad1d((4, 0)),
        lambda: Depthwise1d(4, 4, 3, dilation=2, groups=4),
    ),
]

DEPTHWISE = [
    conv("depthwise 3x3", "4x6x7", lambda: Depthwise(4, 4, 3, groups=4)),
    conv(
        "depthwise 3x2 multiplier=2 stride=2x1 pad=1x0 relu",
        "3x7x6",
        lambda: Depthwise(3, 6, (3, 2), (2, 1), (1, 0), groups=3),
        nn.ReLU,
    ),
    conv("depthwise 3 dilation=2 nobias", "3x7x6", lambda: Depthwise(3, 3, 3, dilation=2, groups=3, bias=False)),
    conv("depthwise 3 pad=same", "1x6x6", lambda: Depthwise(1, 1, 3, padding=1)),
    conv("depthwise 5 pad=same multiplier=3", "4x9", lambda: Depthwise1d(4, 12, 5, padding=2, groups=4)),
]


DECONV = [
    conv("deconv 4 3x3", "3x4x5", lambda: nn.ConvTranspose2d(3, 4, 3)),
    conv("deconv 4 1x1 nobias", "3x4x5", lambda: nn.ConvTranspose2d(3, 4, 1, bias=False)),
    conv("deconv 4 4x4 stride=2 pad=1 relu", "3x4x5", lambda: nn.ConvTranspose2d(3, 4, 4, 2, 1), nn.ReLU),
    conv(
        "deconv 4 3x2 stride=2x3 output_pad=1x2",
        "3x4x5",
        lambda: nn.ConvTranspose2d(3, 4, (3, 2), (2, 3), output_padding=(1, 2)),
    ),
    conv(
        "deconv 6 3 groups=2 stride=3 pad=2x1 dilation=2 output_pad=1",
        "4x4x3",
        lambda: nn.ConvTranspose2d(4, 6, 3, 3, (2, 1), (1, 1), groups=2, dilation=2),
    ),
    # Of an odd number cut off, the odd one comes off the end.
    conv(
        "deconv 3 4x3 stride=1x2 pad=same",
        "2x4x5",
        lambda: nn.ConvTranspose2d(2, 3, (4, 3), (1, 2)),
        lambda: nn.ZeroPad2d((0, -1, -1, -2)),
    ),
    # A kernel smaller than the stride: nothing reaches the last rows but the bias.
    conv(
        "deconv 3 1 stride=2 pad=same",
        "2x3x4",
        lambda: nn.ConvTranspose2d(2, 3, 1, 2, output_padding=1),
    ),
    conv("deconv 4 4 stride=2 pad=1", "3x6", lambda: nn.ConvTranspose1d(3, 4, 4, 2, 1)),
    conv(
        "deconv 4 3 groups=2 stride=3 output_pad=2 dilation=2",
        "6x5",
        lambda: nn.ConvTranspose1d(6, 4, 3, 3, 0, 2, 2, dilation=2),
    ),
]

POOL = [
    Case("pool 2", "3x6x8", lambda: nn.MaxPool2d(2)),
    Case("pool 2", "3x5x7", lambda: nn.MaxPool2d(2)),
    Case("pool 2", "3x6x8", lambda: nn.MaxPool2d(2), ties),
    Case("pool 3 stride=2", "3x8x9", lambda: nn.MaxPool2d(3, 2)),
    Case("pool 3 stride=2", "3x8x9", lambda: nn.MaxPool2d(3, 2), ties),
    Case("pool 2x3 stride=3x1", "2x8x7", lambda: nn.MaxPool2d((2, 3), (3, 1))),
    Case("pool 3x2 pad=1x1", "2x7x6", lambda: nn.MaxPool2d((3, 2), padding=(1, 1))),
    Case("pool 3 stride=2 ceil", "2x8x7", lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
    Case("pool 2 stride=3 pad=1 ceil", "2x7x8", lambda: nn.MaxPool2d(2, 3, 1, ceil_mode=True)),
    # The last window would begin in the padding: it is left out.
    Case("pool 2x2 stride=2 pad=1 ceil", "2x5x5", lambda: nn.MaxPool2d(2, 2, 1, ceil_mode=True)),
    Case("pool 3 stride=1 pad=same", "2x5x6", lambda: nn.MaxPool2d(3, 1, 1), ties),
    Case(
        "pool 2x4 stride=1x2 pad=same",
        "2x5x7",
        lambda: nn.Sequential(nn.ConstantPad2d((1, 2, 0, 1), -np.inf), nn.MaxPool2d((2, 4), (1, 2))),
    ),
    # volumes
    conv("conv 4 3", "3x4x5x6", lambda: nn.Conv3d(3, 4, 3)),
    conv(
        "conv 4 2x3x1 stride=1x2x3 pad=1x0x2 nobias",
        "2x4x5x6",
        lambda: nn.Conv3d(2, 4, (2, 3, 1), (1, 2, 3), (1, 0, 2), bias=False),
    ),
    conv(
        "conv 6 3 dilation=2 groups=3 pad=2 relu",
        "3x5x5x5",
        lambda: nn.Conv3d(3, 6, 3, padding=2, dilation=2, groups=3),
        nn.ReLU,
    ),
    conv("conv 4 1 stride=2", "3x4x5x6", lambda: nn.Conv3d(3, 4, 1, stride=2)),
    conv("depthwise 3 multiplier=2 pad=same", "3x4x4x5", lambda: Depthwise3d(3, 6, 3, padding=1, groups=3)),
    conv(
        "deconv 4 3 stride=2x1x2 pad=1 output_pad=1x0x1",
        "2x3x4x3",
        lambda: nn.ConvTranspose3d(2, 4, 3, (2, 1, 2), 1, (1, 0, 1)),
    ),
    conv(
        "deconv 4 2x1x3 groups=2 dilation=1x2x1",
        "2x3x3x2",
        lambda: nn.ConvTranspose3d(2, 4, (2, 1, 3), groups=2, dilation=(1, 2, 1)),
    ),
    Case("pool 2", "3x4x5x6", lambda: nn.MaxPool3d(2), ties),
    Case("pool 3 stride=2x1x2 pad=1", "2x5x4x6", lambda: nn.MaxPool3d(3, (2, 1, 2), 1), ties),
    Case("pool 1x2x2 ceil", "2x3x5x5", lambda: nn.MaxPool3d((1, 2, 2), ceil_mode=True)),
    Case("avgpool 3 stride=2 pad=1 count_padding", "2x5x4x6", lambda: nn.AvgPool3d(3, 2, 1)),
    Case(
        "avgpool 2x3x1 stride=1x2x1 pad=1x1x0",
        "2x5x4x6",
        lambda: nn.AvgPool3d((2, 3, 1), (1, 2, 1), (1, 1, 0), count_include_pad=False),
    ),
    Case("globalpool max", "3x3x4x2", lambda: nn.Sequential(nn.AdaptiveMaxPool3d(1), nn.Flatten())),
    Case("globalpool", "3x3x4x2", lambda: nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten())),
    Case("batchnorm", "3x3x4x2", lambda: nn.BatchNorm3d(3)),
    Case("instancenorm affine", "3x3x4x2", lambda: nn.InstanceNorm3d(3, affine=True)),
    Case("upsample 2x1x3", "2x2x3x2", lambda: nn.Upsample(scale_factor=(2, 1, 3))),
    Case("upsample 2 trilinear", "2x2x3x2", lambda: nn.Upsample(scale_factor=2, mode="trilinear")),
    Case(
        "upsample 3x2x1 trilinear align_corners",
        "2x2x3x2",
        lambda: nn.Upsample(scale_factor=(3, 2, 1), mode="trilinear", align_corners=True),
    ),
    Case("pad 1x0x2 edge", "2x3x4x3", lambda: nn.ReplicationPad3d((2, 2, 0, 0, 1, 1))),
    Case("crop 2x1x3 offset=1x0x0", "2x4x4x4", lambda: Function(lambda x: x[:, :, 1:3, :1, :3])),
    Case("flatten positions", "2x3x4x2", lambda: nn.Flatten(2)),
    Case("pool 2", "3x7", lambda: nn.MaxPool1d(2)),
    Case("pool 3 stride=2 pad=1", "3x8", lambda: nn.MaxPool1d(3, 2, 1), ties),
    Case("pool 1x3 stride=1x2 ceil", "2x8", lambda: nn.MaxPool1d(3, 2, ceil_mode=True)),
]

AVGPOOL = [
    Case("avgpool 2", "3x6x8", lambda: nn.AvgPool2d(2)),
    Case("avgpool 2", "3x5x7", lambda: nn.AvgPool2d(2)),
    Case("avgpool 3 stride=2", "3x8x9", lambda: nn.AvgPool2d(3, 2)),
    Case("avgpool 2x3 stride=3x1", "2x8x7", lambda: nn.AvgPool2d((2, 3), (3, 1))),
    Case("avgpool 3x2 pad=1x1", "2x7x6", lambda: nn.AvgPool2d((3, 2), padding=(1, 1), count_include_pad=False)),
    Case("pad 1; avgpool 3 stride=1", "2x6x5", lambda: nn.AvgPool2d(3, 1, 1)),
    # What a note on `AvgPool2d 3 stride=1 pad=1` names.
    Case("avgpool 3 stride=1 pad=1 count_padding", "2x6x5", lambda: nn.AvgPool2d(3, 1, 1)),
    Case("avgpool 3x4 stride=2x1 pad=1x2 count_padding", "2x6x5", lambda: nn.AvgPool2d((3, 4), (2, 1), (1, 2))),
    # Of the last windows what lies beyond the padding does not count.
    Case("avgpool 2 stride=3 pad=1 ceil count_padding", "2x7x8", lambda: nn.AvgPool2d(2, 3, 1, ceil_mode=True)),
    Case("avgpool 3 stride=2 ceil count_padding", "2x8x7", lambda: nn.AvgPool2d(3, 2, ceil_mode=True)),
    Case("avgpool 3 stride=2 pad=1 ceil count_padding", "3x8", lambda: nn.AvgPool1d(3, 2, 1, ceil_mode=True)),
    Case(
        "avgpool 4 stride=1 pad=same count_padding",
        "2x5",
        lambda: nn.Sequential(nn.ZeroPad1d((1, 2)), nn.AvgPool1d(4, 1)),
    ),
    Case(
        "scale bias; avgpool 3 pad=1 count_padding",
        "2x6x5",
        lambda: nn.Sequential(Scale(2, bias=True), nn.AvgPool2d(3, padding=1)),
    ),
    Case("avgpool 3 stride=2 ceil", "2x8x7", lambda: nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False)),
    Case(
        "avgpool 2 stride=3 pad=1 ceil",
        "2x7x8",
        lambda: nn.AvgPool2d(2, 3, 1, ceil_mode=True, count_include_pad=False),
    ),
    Case("avgpool 2x4 stride=1x2 pad=same", "2x5x7", average((2, 4), (1, 2), (1, 2, 0, 1))),
    Case("avgpool 2", "3x7", lambda: nn.AvgPool1d(2)),
    Case(
        "avgpool 3 stride=2 pad=1 ceil",
        "3x8",
        lambda: nn.AvgPool1d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    ),
]

GLOBALPOOL = [
    Case("globalpool", "3x5x4", lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())),
    Case("globalpool max", "3x5x4", lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())),
    Case("globalpool max", "3x5x4", lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()), ties),
    Case("globalpool sum", "3x5x4", lambda: Function(lambda x: x.sum((2, 3)))),
    Case("globalpool sum", "3x6", lambda: Function(lambda x: x.sum(2))),
    Case("globalpool", "3x6", lambda: Function(lambda x: x.mean(2))),
    Case("globalpool max", "3x6", lambda: nn.Sequential(nn.AdaptiveMaxPool1d(1), nn.Flatten()), ties),
]

DENSE = [
    Case("fc 5", "7", lambda: nn.Linear(7, 5)),
    Case("fc 5 nobias tanh", "7", lambda: nn.Sequential(nn.Linear(7, 5, bias=False), nn.Tanh())),
    # An image is read in C, H, W order.
    Case("fc 4", "2x3x5", lambda: nn.Sequential(nn.Flatten(), nn.Linear(30, 4))),
    Case("fc 4", "3x5", lambda: nn.Sequential(nn.Flatten(), nn.Linear(15, 4))),
]

BATCHNORM = [
    Case("batchnorm", "3x5x4", lambda: nn.BatchNorm2d(3)),
    Case("batchnorm", "6", lambda: nn.BatchNorm1d(6)),
    Case("batchnorm epsilon=0.1 momentum=0.75", "6", lambda: nn.BatchNorm1d(6, eps=0.1, momentum=0.25)),
    # Under PyTorch's name its momentum is PyTorch's.
    Case("BatchNorm1d epsilon=0.1 momentum=0.25", "6", lambda: nn.BatchNorm1d(6, eps=0.1, momentum=0.25)),
    Case("batchnorm relu", "3x4x5", lambda: nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())),
    Case("batchnorm", "3x7", lambda: nn.BatchNorm1d(3)),
]

NORM = [
    Case("layernorm", "5x3x4", lambda: LayerNormOver(5)),
    Case("layernorm gelu epsilon=0.1", "5x6", lambda: nn.Sequential(LayerNormOver(5, eps=0.1), nn.GELU())),
    Case("layernorm", "7", lambda: nn.LayerNorm(7)),
    Case("layernorm noaffine", "5x6", lambda: LayerNormOver(5, elementwise_affine=False)),
    Case("layernorm all", "3x4x5", lambda: nn.LayerNorm((3, 4, 5))),
    Case("layernorm all", "3x5", lambda: nn.LayerNorm((3, 5))),
    Case("layernorm all", "1x4x5", lambda: nn.LayerNorm((1, 4, 5))),
    Case("groupnorm 2", "6x3x4", lambda: nn.GroupNorm(2, 6)),
    Case(
        "groupnorm 3 relu epsilon=0.2 noaffine",
        "6x5",
        lambda: nn.Sequential(nn.GroupNorm(3, 6, 0.2, affine=False), nn.ReLU()),
    ),
    Case("groupnorm 2", "6", lambda: nn.GroupNorm(2, 6)),
    Case("instancenorm", "3x4x5", lambda: nn.InstanceNorm2d(3)),
    Case(
        "instancenorm tanh epsilon=0.2 affine",
        "3x4x5",
        lambda: nn.Sequential(nn.InstanceNorm2d(3, 0.2, affine=True), nn.Tanh()),
    ),
    Case("instancenorm affine", "3x7", lambda: nn.InstanceNorm1d(3, affine=True)),
    Case("lrn 5 alpha=0.5", "7x3x4", lambda: nn.LocalResponseNorm(5, alpha=0.5)),
    Case("lrn 2 alpha=2.0 beta=0.4 k=0.6", "5x3x2", lambda: nn.LocalResponseNorm(2, 2.0, 0.4, 0.6)),
    Case("lrn 20 alpha=3.0", "4x6", lambda: nn.LocalResponseNorm(20, 3.0)),
    Case("scale", "3x4x5", lambda: Scale(3)),
    Case("scale 0.1 bias", "3x6", lambda: Scale(3, bias=True)),
    Case("scale bias", "5", lambda: Scale(5, bias=True)),
    Case("times 0.1", "3x4x5", lambda: Function(lambda x: 0.1 * x)),
    Case("times -1 plus=1", "3x6", lambda: Function(lambda x: 1 - x)),
    # Keras's name, whose arguments are called scale and offset.
    Case("Rescaling 2.5 plus=-0.5", "5", lambda: Function(lambda x: 2.5 * x - 0.5)),
]


class Along(nn.Module):
    """A module of (N, L, D) on (N, D, L), of whose results `pick` makes one."""

    def __init__(self, module: torch.nn.Module, pick: Callable[[Any], torch.Tensor] = lambda out: out) -> None:
        super().__init__()
        self.module, self.pick = module, pick

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.pick(self.module(x.movedim(1, -1)))
        return out.movedim(-1, 1) if out.ndim > 2 else out


class Embedded(nn.Module):
    """Token numbers (N, L) → (N, D, L)."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.embedding(x).movedim(-1, 1)


class Attention(nn.Module):
    """Self-attention on (N, D, L)."""

    def __init__(self, features: int, heads: int, causal: bool = False, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(features, heads, batch_first=True, **options)
        self.causal = causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.movedim(1, -1)
        length = x.shape[1]
        mask = torch.ones(length, length, dtype=torch.bool).triu(1) if self.causal else None
        return self.attention(x, x, x, attn_mask=mask, need_weights=False)[0].movedim(-1, 1)


class Reads(nn.Module):
    """Attention of (N, D, L) to what a module makes of it."""

    def __init__(self, memory: torch.nn.Module, features: int, heads: int, read: int, **options: Any) -> None:
        super().__init__()
        self.memory = memory
        options |= {"kdim": read, "vdim": read} if read != features else {}
        self.attention = nn.MultiheadAttention(features, heads, batch_first=True, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        memory = self.memory(x).movedim(1, -1)
        return self.attention(x.movedim(1, -1), memory, memory, need_weights=False)[0].movedim(-1, 1)


class Rotary(Attention):
    """Self-attention whose queries and keys are complex numbers, turned by their positions: Su et al., equation 13."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, own = x.movedim(1, -1), self.attention
        qkv = F.linear(x, own.in_proj_weight, own.in_proj_bias)
        q, k, v = (part.unflatten(-1, (own.num_heads, -1)).transpose(1, 2) for part in qkv.chunk(3, -1))
        length, size = q.shape[-2:]
        angles = torch.arange(length)[:, None] * 10000.0 ** (-2 * torch.arange(size // 2, dtype=x.dtype) / size)
        turn = torch.polar(torch.ones_like(angles), angles)
        q, k = (
            torch.view_as_real(torch.view_as_complex(a.unflatten(-1, (-1, 2)).contiguous()) * turn).flatten(-2)
            for a in (q, k)
        )
        out = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return own.out_proj(out.transpose(1, 2).flatten(-2)).movedim(-1, 1)


def first_positions(count: int) -> Function:
    return Function(lambda x: x[:, :, :count])


def waves(x: torch.Tensor) -> torch.Tensor:
    """Add the table of Vaswani et al. to (N, D, L), entry by entry as the paper writes it."""
    _, features, length = x.shape
    table = torch.zeros(features, length, dtype=x.dtype)
    for position in range(length):
        for feature in range(features):
            angle = position / 10000 ** ((feature - feature % 2) / features)
            table[feature, position] = np.cos(angle) if feature % 2 else np.sin(angle)
    return x + table


def states(out: Any) -> torch.Tensor:
    return out[0]


def last(out: Any) -> torch.Tensor:
    """Return h_n, the last state of each direction side by side."""
    final = out[1][0] if isinstance(out[1], tuple) else out[1]
    return torch.cat(list(final), dim=1)


def recurrent(line: str, module: type[torch.nn.Module], pick: Any = states, **options: Any) -> Case:
    return Case(line, "3x7", lambda: Along(module(3, 5, batch_first=True, **options), pick))


RECURRENT = [
    case
    for name, module in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN))
    for case in (
        recurrent(f"{name} 5", module),
        recurrent(f"{name} 5 last", module, last),
        recurrent(f"{name} 5 nobias", module, bias=False),
        recurrent(f"{name} 5 bidirectional", module, bidirectional=True),
        recurrent(f"{name} 5 bidirectional last nobias", module, last, bidirectional=True, bias=False),
    )
]
RECURRENT.append(recurrent("rnn 5 relu last", nn.RNN, last, nonlinearity="relu"))
# A sequence of one step, and of one feature, which lies on the device as it is handed in.
RECURRENT.append(Case("lstm 5", "3x1", lambda: Along(nn.LSTM(3, 5, batch_first=True), states)))
RECURRENT.append(Case("gru 5", "1x7", lambda: Along(nn.GRU(1, 5, batch_first=True), states)))

RECURRENT += [
    Case("lstm 5 bias=one", "3x7", lambda: OneBiasLstm(3, 5)),
    Case("lstm 5 bias=one bidirectional", "3x4", lambda: OneBiasLstm(3, 5, bidirectional=True)),
    Case("rnn 5 bias=one", "3x7", lambda: OneBiasRnn(3, 5)),
]

ATTENTION = [
    Case("attention 2", "6x5", lambda: Attention(6, 2)),
    Case("attention 1 nobias", "4x7", lambda: Attention(4, 1, bias=False)),
    Case("attention 3 causal", "6x5", lambda: Attention(6, 3, causal=True)),
    Case("attention 2 dropout=0.4", "6x5", lambda: Attention(6, 2, dropout=0.4)),
    Case("attention 2 causal", "6x1", lambda: Attention(6, 2, causal=True)),
    Case("crop 3 offset=0 as m; from input; attention 2 memory=m", "6x5", lambda: Reads(first_positions(3), 6, 2, 6)),
    Case(
        "fc 4 pointwise as fc_1; from input; attention 3 memory=fc_1 dropout=0.4 nobias",
        "6x5",
        lambda: Reads(Along(nn.Linear(6, 4)), 6, 3, 4, bias=False, dropout=0.4),
    ),
    Case(
        "fc 4 pointwise as fc_1; from input; attention 2 memory=fc_1",
        "6x5",
        lambda: Reads(Along(nn.Linear(6, 4)), 6, 2, 4),
    ),
    Case("attention 2 rotary", "8x5", lambda: Rotary(8, 2)),
    Case("attention 1 causal rotary", "6x4", lambda: Rotary(6, 1, causal=True)),
    Case("attention 2 window=3", "4x6x9", lambda: WindowAttention(4, 2, (3, 3))),
    Case("attention 2 window=4 shift=2", "4x8x12", lambda: WindowAttention(4, 2, (4, 4), (2, 2))),
    # Padded to 6 x 9, and to one window a column, which is not moved along it.
    Case("attention 1 window=3 shift=1 dropout=0.2", "4x5x7", lambda: WindowAttention(4, 1, (3, 3), (1, 1))),
    Case("attention 2 window=4x3 shift=1x2 nobias", "4x3x7", lambda: WindowAttention(4, 2, (4, 3), (1, 2), bias=False)),
    Case("attention 2 window=2x3 shift=0x1", "4x6x6", lambda: WindowAttention(4, 2, (2, 3), (0, 1))),
    Case("attention 2 memory=input", "6x5", lambda: Reads(nn.Identity(), 6, 2, 6)),
]

SEQUENCE = [
    Case("embedding 4", "6 tokens=9", lambda: Embedded(9, 4)),
    Case("onehot", "6 tokens=9", lambda: Function(lambda x: F.one_hot(x, 9).movedim(-1, 1).double())),
    Case("position", "4x5", lambda: Position(4, 5)),
    Case("position sinusoidal", "4x7", lambda: Function(waves)),
    Case("position sinusoidal", "5x7", lambda: Function(waves)),
    Case("classtoken", "4x5", lambda: ClassToken(4)),
    Case("take first", "4x5", lambda: Function(lambda x: x[:, :, 0])),
    Case("take last", "4x5", lambda: Function(lambda x: x[:, :, -1])),
    Case("fc 4 pointwise", "3x5", lambda: Along(nn.Linear(3, 4))),
    Case("fc 4 pointwise relu", "3x4x5", lambda: Along(nn.Sequential(nn.Linear(3, 4), nn.ReLU()))),
    Case("fc 4 pointwise nobias", "1x5", lambda: Along(nn.Linear(1, 4, bias=False))),
    # What was there before sequences, on them.
    Case("fc 4", "3x5", lambda: nn.Sequential(nn.Flatten(), nn.Linear(15, 4))),
    Case("batchnorm", "3x5", lambda: nn.BatchNorm1d(3)),
    Case("softmax", "3x5", lambda: nn.Softmax(dim=1)),
    Case("flatten", "3x5", nn.Flatten),
]


ELEMENTWISE: dict[str, Callable[[], torch.nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "leaky_relu 0.3": lambda: nn.LeakyReLU(0.3),
    "leaky_relu 0.0": lambda: nn.LeakyReLU(0.0),
    "elu": nn.ELU,
    "elu 0.4": lambda: nn.ELU(0.4),
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "gelu approximate": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hard_swish": nn.Hardswish,
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_tanh": nn.Hardtanh,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": lambda: nn.Softplus(threshold=1e9),
    "softsign": nn.Softsign,
    "celu": nn.CELU,
    "celu 0.4": lambda: nn.CELU(0.4),
    "threshold 1.0": lambda: nn.Threshold(1.0, 0.0),
    "threshold -1.0 value=3.0": lambda: nn.Threshold(-1.0, 3.0),
    "softshrink": nn.Softshrink,
    "softshrink 3.0": lambda: nn.Softshrink(3.0),
    "hardshrink": nn.Hardshrink,
    "hardshrink 3.0": lambda: nn.Hardshrink(3.0),
    "tanhshrink": nn.Tanhshrink,
    "log_sigmoid": nn.LogSigmoid,
    "abs": lambda: Function(torch.abs),
    "square": lambda: Function(torch.square),
    # On the bounds, which are among the corners, the slope is 1.
    "clamp -1 3": lambda: Function(lambda x: x.clamp(-1, 3)),
    "clamp max=1": lambda: Function(lambda x: x.clamp(max=1)),
    "clamp 0": lambda: Function(lambda x: x.clamp(min=0)),
    "ramp": lambda: Function(lambda x: x * (x > 0) + 0.1 * x),
}
ACTIVATION = [Case(line, "2x3x5", make, values) for line, make in ELEMENTWISE.items() for values in (corners, extremes)]
ACTIVATION += [
    Case(line, shape, lambda make=make: make(dim=1), values)
    for line, make in (("softmax", nn.Softmax), ("softmin", nn.Softmin), ("log_softmax", nn.LogSoftmax))
    for shape in ("7", "3x4x5", "3x6")
    for values in (corners, extremes)
]
ACTIVATION += [
    Case(line, shape, make, corners)
    for line, shape, make in (
        ("prelu", "3x4x5", lambda: nn.PReLU(3)),
        ("prelu", "3x6", lambda: nn.PReLU(3)),
        ("prelu shared", "7", nn.PReLU),
        ("glu", "6x3x4", lambda: nn.GLU(1)),
        ("glu", "4x5", lambda: nn.GLU(1)),
        ("glu", "8", lambda: nn.GLU(1)),
    )
]
ACTIVATION += [
    Case("exp", "2x3x5", lambda: Function(torch.exp), corners),
    Case("log", "2x3x5", lambda: Function(torch.log), positive),
    Case("sqrt", "2x3x5", lambda: Function(torch.sqrt), positive),
]
# Trained or gated, and a word on the line of another layer.
WORDS = [
    conv("conv 4 3x3 prelu", "3x5x6", lambda: nn.Conv2d(3, 4, 3), lambda: PReluWord(4)),
    conv("fc 6 glu", "7", lambda: nn.Linear(7, 6), lambda: nn.GLU(1)),
    conv("fc 6 exp", "7", lambda: nn.Linear(7, 6), lambda: Function(torch.exp)),
    conv("fc 6 clamp(max=0.1)", "7", lambda: nn.Linear(7, 6), lambda: Function(lambda x: x.clamp(max=0.1))),
    conv("batchnorm prelu(shared=true)", "3x5", lambda: nn.BatchNorm1d(3), PReluWord),
]


def center(*size: int) -> Callable[[], Function]:
    """Return the middle part, rounded down."""

    def cut(x: torch.Tensor) -> torch.Tensor:
        for axis, n in enumerate(size, 2):
            x = x.narrow(axis, (x.shape[axis] - n) // 2, n)
        return x

    return lambda: Function(cut)


def enlarge(factor: str, mode: str, corners: bool) -> Callable[[], torch.nn.Module]:
    scale = tuple(map(int, factor.split("x")))
    return lambda: nn.Upsample(None, scale, mode, align_corners=corners)


def row(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return a module of images on a sequence as one of one row."""
    return module(x[:, :, None])[:, :, 0]


RESIZE = [
    Case("pad 1", "2x4x5", lambda: nn.ZeroPad2d(1)),
    Case("pad 1x2 reflect", "2x4x5", lambda: nn.ReflectionPad2d((2, 2, 1, 1))),
    Case("pad 2x1 edge", "2x4x5", lambda: nn.ReplicationPad2d((1, 1, 2, 2))),
    Case("pad 2 reflect", "2x5", lambda: nn.ReflectionPad1d(2)),
    Case("pad 1 channels=3", "2x4x5", lambda: Function(lambda x: F.pad(x, (1, 1, 1, 1, 0, 3)))),
    Case("pad channels=1 channels_before=2", "2x4x5", lambda: Function(lambda x: F.pad(x, (0, 0, 0, 0, 2, 1)))),
    Case("pad channels=2", "3x4", lambda: Function(lambda x: F.pad(x, (0, 0, 0, 2)))),
    Case("pad channels=2 channels_before=1", "5", lambda: Function(lambda x: F.pad(x, (1, 2)))),
    Case("crop 2x3", "2x5x6", center(2, 3)),
    Case("crop 3 offset=2x0", "2x5x6", lambda: Function(lambda x: x[:, :, 2:5, 0:3])),
    Case("crop 3", "2x8", center(3)),
    Case("crop 3 offset=1", "2x8", lambda: Function(lambda x: x[:, :, 1:4])),
    Case("upsample 2", "2x3x4", lambda: nn.Upsample(scale_factor=2)),
    Case("upsample 2x3 bilinear", "2x3x4", lambda: nn.Upsample(scale_factor=(2, 3), mode="bilinear")),
    Case("upsample 3x1 bilinear", "2x1x4", lambda: nn.Upsample(scale_factor=(3, 1), mode="bilinear")),
    Case("upsample 3", "2x4", lambda: nn.Upsample(scale_factor=3)),
    Case("upsample 4 bilinear", "2x5", lambda: nn.Upsample(scale_factor=4, mode="linear")),
    *(
        Case(f"upsample {factor} {mode}{' align_corners' * corners}", shape, enlarge(factor, mode, corners))
        for factor, mode, corners, shape in (
            ("2x3", "bilinear", True, "2x3x4"),
            ("3x2", "bilinear", True, "2x1x4"),
            ("2x3", "bicubic", False, "2x3x4"),
            ("2x3", "bicubic", True, "2x3x4"),
            ("4x1", "bicubic", True, "2x5x1"),
        )
    ),
    Case("upsample 4 mode=linear align_corners", "2x5", lambda: nn.Upsample(None, 4, "linear", align_corners=True)),
    Case("upsample 3 mode=cubic", "2x5", lambda: Function(lambda x: row(enlarge("1x3", "bicubic", False)(), x))),
    Case("pixelshuffle 2", "12x3x2", lambda: nn.PixelShuffle(2)),
    Case("pixelshuffle 3", "9x2x3", lambda: nn.PixelShuffle(3)),
    Case("pixelunshuffle 2", "3x4x6", lambda: nn.PixelUnshuffle(2)),
]


def with_places(x: torch.Tensor) -> torch.Tensor:
    """Add a channel for each axis: from -1 to 1 along it, the same along the others."""
    for axis, size in enumerate(x.shape[2:], 2):
        steps = torch.linspace(-1, 1, size, dtype=x.dtype) if size > 1 else torch.zeros(1, dtype=x.dtype)
        shape = [size if a == axis else 1 for a in range(x.ndim)]
        x = torch.cat([x, steps.reshape(shape).expand(len(x), 1, *x.shape[2:])], 1)
    return x


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """Return what a unit of ShuffleNet v2 does around its convolutions."""
    left, right = x.chunk(2, 1)
    return nn.ChannelShuffle(2)(torch.cat([right.relu(), left], 1))


def gated(x: torch.Tensor) -> torch.Tensor:
    """Return WaveNet's gate: the tanh of one half times the sigmoid of the other."""
    a, b = x.chunk(2, 1)
    return a.tanh() * b.sigmoid()


# What is built of several of these layers.
IDIOMS = [
    Case(
        "identity as x; part 1 of=2 as a; from x; part 2 of=2; relu; concat a; channelshuffle 2",
        "8x3x4",
        lambda: Function(shuffled),
    ),
    Case(
        "identity as x; part 1 of=2; tanh as a; from x; part 2 of=2; sigmoid; multiply a",
        "8x5",
        lambda: Function(gated),
    ),
    # The distance of two vectors, as in a siamese network.
    Case(
        "tanh as a; square; subtract a as d; dot d; sqrt",
        "7",
        lambda: Function(lambda x: (x.tanh().square() - x.tanh()).norm(dim=1, keepdim=True)),
    ),
    # Channels are centered and scaled by what they are themselves: instance normalization by hand.
    Case(
        "globalpool as m; from input; subtract m as d; square; globalpool; times 1 plus=1; sqrt as s; from d; divide s",
        "3x4x5",
        lambda: nn.InstanceNorm2d(3, eps=1.0),
    ),
    # A highway, y·t + x·(1 − t).
    Case(
        "sigmoid as t; times -1 plus=1; multiply input as kept; from input; tanh; multiply t; add kept",
        "3x6",
        lambda: Function(lambda x: x.tanh() * x.sigmoid() + x * (1 - x.sigmoid())),
    ),
]

CHANNELS = [
    Case("channels 2", "5x3x4", lambda: Function(lambda x: x[:, :2])),
    Case("channels 2 offset=3", "5x3x4", lambda: Function(lambda x: x[:, 3:])),
    Case("channels 1 offset=2", "5x4", lambda: Function(lambda x: x[:, 2:3])),
    Case("channels 3 offset=1", "7", lambda: Function(lambda x: x[:, 1:4])),
    Case("part 2 of=3", "6x3x4", lambda: Function(lambda x: x.chunk(3, 1)[1])),
    Case("part 1 of=2", "6x4", lambda: Function(lambda x: x.chunk(2, 1)[0])),
    Case("part 4 of=4", "8", lambda: Function(lambda x: x.chunk(4, 1)[3])),
    Case("coordinates", "2x3x4", lambda: Function(with_places)),
    Case("coordinates", "2x1x3", lambda: Function(with_places)),
    Case("coordinates", "2x5", lambda: Function(with_places)),
    Case("channelshuffle 2", "6x3x4", lambda: nn.ChannelShuffle(2)),
    Case("channelshuffle 3", "6x3x4", lambda: nn.ChannelShuffle(3)),
    Case("channelshuffle 3", "6x4", lambda: Function(lambda x: nn.ChannelShuffle(3)(x[..., None])[..., 0])),
    Case("channelshuffle 4", "8", lambda: Function(lambda x: nn.ChannelShuffle(4)(x[..., None, None])[..., 0, 0])),
]

MERGE = [
    Case("tanh as a; sigmoid; add a", "3x4x5", lambda: Function(lambda x: x.tanh() + x.tanh().sigmoid())),
    Case("tanh; add input input", "7", lambda: Function(lambda x: x.tanh() + 2 * x)),
    Case("tanh as a; sigmoid; multiply a input", "3x4", lambda: Function(lambda x: x.tanh() * x.tanh().sigmoid() * x)),
    Case("globalpool; multiply input", "3x4x5", lambda: Function(lambda x: x.mean((2, 3), keepdim=True) * x)),
    Case("globalpool; multiply input", "3x7", lambda: Function(lambda x: x.mean(2, keepdim=True) * x)),
    Case(
        "tanh as a; sigmoid; subtract a input", "3x4x5", lambda: Function(lambda x: x.tanh().sigmoid() - x.tanh() - x)
    ),
    Case("globalpool as m; from input; subtract m", "3x4x5", lambda: Function(lambda x: x - x.mean((2, 3), True))),
    Case("globalpool; subtract input", "3x7", lambda: Function(lambda x: x.mean(2, True) - x)),
    Case("softplus as a; tanh; divide a", "3x4x5", lambda: Function(lambda x: F.softplus(x).tanh() / F.softplus(x))),
    Case(
        "softplus as a; globalpool; divide a",
        "3x7",
        lambda: Function(lambda x: F.softplus(x).mean(2, True) / F.softplus(x)),
    ),
    Case("globalpool; add input", "3x4x5", lambda: Function(lambda x: x.mean((2, 3), keepdim=True) + x)),
    # One channel meets all channels, one number all values.
    Case("channels 1; sigmoid; multiply input", "3x4x5", lambda: Function(lambda x: x[:, :1].sigmoid() * x)),
    Case("channels 1; sigmoid; multiply input", "3x7", lambda: Function(lambda x: x[:, :1].sigmoid() * x)),
    Case("channels 1 as one; from input; subtract one", "7", lambda: Function(lambda x: x - x[:, :1])),
    Case(
        "channels 1; globalpool; multiply input", "3x4x5", lambda: Function(lambda x: x[:, :1].mean((2, 3), True) * x)
    ),
    Case(
        "globalpool as row; from input; channels 1; sigmoid; multiply row input",
        "3x4x5",
        lambda: Function(lambda x: x[:, :1].sigmoid() * x.mean((2, 3), True) * x),
    ),
    Case(
        "dot input; clamp min=0.000001; sqrt as length; from input; divide length",
        "3x4x5",
        lambda: Function(lambda x: x / (x * x).sum(1, keepdim=True).clamp(1e-6).sqrt()),
    ),
    # Values of -1, 0 and 1: where both are equal each has half of the gradient.
    Case("square as a; tanh; maximum a input", "3x4x5", lambda: Function(largest), ties),
    Case("square as a; tanh; minimum a input", "3x4", lambda: Function(smallest), ties),
    Case("globalpool max as m; from input; minimum m", "3x4x5", lambda: Function(lambda x: x * 1.0)),
    Case("tanh as a; sigmoid; average a input", "3x4", lambda: Function(lambda x: stacked(x[:, None], 1).mean(1))),
    Case("tanh as a; sigmoid; dot a", "7", lambda: Function(lambda x: product(x.tanh().sigmoid(), x.tanh()))),
    Case("tanh as a; sigmoid; dot a", "3x4", lambda: Function(lambda x: product(x.tanh().sigmoid(), x.tanh()))),
    Case("identity; dot input", "3x4x5", lambda: Function(lambda x: product(x, x))),
    Case(
        "tanh as a; sigmoid; cosine_similarity a", "7", lambda: Function(lambda x: cosine(x.tanh().sigmoid(), x.tanh()))
    ),
    Case("sigmoid; cosine_similarity input", "3x4x5", lambda: Function(lambda x: cosine(x.sigmoid(), x))),
    # A vector of zeros has no direction: 0, and no gradient that is none.
    Case(
        "sigmoid as a; from input; cosine_similarity a", "3", lambda: Function(lambda x: cosine(x, x.sigmoid())), zeros
    ),
    Case("tanh as a; sigmoid; concat a input", "3x4x5", lambda: Function(lambda x: stacked(x, 1))),
    Case("tanh as a; sigmoid; concat a input", "3x4", lambda: Function(lambda x: stacked(x, 1))),
    Case("tanh as a; sigmoid; concat a input", "6", lambda: Function(lambda x: stacked(x, 1))),
]


def largest(x: torch.Tensor) -> torch.Tensor:
    a = x.square()
    return torch.maximum(torch.maximum(a.tanh(), a), x)


def smallest(x: torch.Tensor) -> torch.Tensor:
    a = x.square()
    return torch.minimum(torch.minimum(a.tanh(), a), x)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum(1, keepdim=True)


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return nn.CosineSimilarity(dim=1)(a, b)[:, None]


def stacked(x: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.cat([x.tanh().sigmoid(), x.tanh(), x], axis)


SHAPE = [
    Case("flatten", "2x3x5", nn.Flatten),
    Case("flatten", "7", nn.Identity),
    Case("identity", "2x3x5", nn.Identity),
    Case("flatten positions", "2x3x5", lambda: nn.Flatten(2)),
    Case("flatten positions", "3x5", nn.Identity),
    Case("reshape 2x3x5", "30", lambda: nn.Unflatten(1, (2, 3, 5))),
    Case("reshape 5x6", "2x3x5", lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (5, 6)))),
    Case("reshape 30", "2x3x5", nn.Flatten),
    Case("reshape 2x3x5x1", "6x5", lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 3, 5, 1)))),
    Case("permute 2x0x1", "2x3x5", lambda: Function(lambda x: x.permute(0, 3, 1, 2))),
    Case("permute 1x0", "3x5", lambda: Function(lambda x: x.permute(0, 2, 1))),
    Case("noise 0.1", "2x3x5", nn.Identity),
    Case("flatten", "3x5", nn.Flatten),
    Case("dropout 0.3", "2x3x5", lambda: nn.Dropout(0.3)),
    Case("dropout 0.3", "2x7", lambda: nn.Dropout(0.3)),
    Case("stochastic_depth 0.3", "2x3x5", nn.Identity),
    Case("dropout 0.3 spatial", "2x3x5", nn.Identity),
    Case("sample", "4x3x5", lambda: Function(lambda x: x.chunk(2, 1)[0])),
    Case("sample", "6", lambda: Function(lambda x: x.chunk(2, 1)[0])),
]

CASES = [
    *CONV,
    *CONV_1D,
    *CAUSAL,
    *DEPTHWISE,
    *DECONV,
    *POOL,
    *AVGPOOL,
    *GLOBALPOOL,
    *DENSE,
    *BATCHNORM,
    *NORM,
    *ACTIVATION,
    *WORDS,
    *RESIZE,
    *SHAPE,
    *CHANNELS,
    *IDIOMS,
    *MERGE,
    *RECURRENT,
    *ATTENTION,
    *SEQUENCE,
]
BATCH = 4

# What the initial values of weights are says nothing about what the layer computes with them.
NOT_NUMERICS = {"init", "bias_init"}


def first_layer(case: Case) -> Layer:
    nodes = compiled(case.line, case.input)[0].network.nodes
    # A line of several layers is there for the last one, which merges what the others give.
    return nodes[-1].layer if nodes[-1].layer.merges else nodes[0].layer


@cache
def compiled(line: str, image: str) -> tuple[ns.Model, Callable[..., Any]]:
    """Return the model of one line, and the compiled input gradient of a weighted sum of what `apply` returns."""
    # Squared error takes outputs of any shape.
    model = ns.compile(ns.parse(f"input {image}\n{line}\ntrain {{ loss mse }}"), "cpu")

    def weighted(x: jax.Array, variables: ns.Variables, weights: jax.Array, train: bool) -> tuple[jax.Array, Any]:
        out, after = model.apply(variables, x, True) if train else (model.apply(variables, x), {})
        return (out * weights).sum(), (out, after)

    return model, jax.jit(jax.grad(weighted, has_aux=True), static_argnames="train")


# --- coverage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS.entries, ids=lambda layer: layer.canonical())
def test_every_layer_has_a_case(layer: type[Layer]) -> None:
    own = [made for made in map(first_layer, CASES) if type(made) is layer]
    assert own, f"the layer `{layer.canonical()}` has no parity case: add one to CASES in {__name__}.py"
    for field in fields_of(layer):
        values = {str(getattr(made, field.name)) for made in own}
        if field.name not in NOT_NUMERICS and not field.required:
            assert values - {str(field.default)}, f"no parity case of `{layer.canonical()}` sets `{field.name}`"


# --- the comparison -----------------------------------------------------------------------------------------------


@dataclass
class Pair:
    """A compiled network and its twin holding the same weights, and what both are asked."""

    model: ns.Model
    variables: ns.Variables
    inputs: Callable[..., Any]
    twin: torch.nn.Module
    x: np.ndarray
    targets: np.ndarray
    """Targets of the loss, and the weights of a sum of outputs whose input gradient is compared."""

    @property
    def learns(self) -> bool:
        return bool(self.variables.params)


def pair(case: Case) -> Pair:
    model, inputs = compiled(case.line, case.input)
    rng = np.random.default_rng(1)
    fresh = model.init(0)
    # Scales, offsets, means and variances away from 0 and 1, or a forgotten one would not show.
    moved: Any = jax.tree.map(lambda a: a + rng.uniform(0.1, 0.5, a.shape).astype(np.float32), tuple(fresh))
    variables = ns.Variables(*moved)
    twin = case.twin().double()
    load_weights(twin, variables)
    graph = model.graph
    shape = (BATCH, *graph.input)
    x = tokens(shape, graph.tokens) if graph.tokens else (case.values or spread)(shape)
    targets = rng.normal(size=(BATCH, *graph.shape(graph.output))).astype(np.float32)
    return Pair(model, variables, inputs, twin, x, targets)


def asked(p: Pair) -> torch.Tensor:
    """Return the inputs as the twin takes them."""
    x = torch.from_numpy(p.x)
    return x.long() if p.model.graph.tokens else x.double()


def reference(p: Pair, train: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the twin's outputs and the gradient of their weighted sum with respect to the inputs, if they can move."""
    if p.model.graph.tokens:
        return p.twin.train(train)(asked(p)).detach(), None
    x = asked(p).requires_grad_()
    out = p.twin.train(train)(x)
    (gradient,) = torch.autograd.grad((out * torch.from_numpy(p.targets)).sum(), x)
    return out.detach(), gradient


def check_inputs(p: Pair, train: bool) -> None:
    """Compare outputs, input gradients and, in training, running averages, all through `model.apply`."""
    expected, expected_gradient = reference(p, train)
    if expected_gradient is None:
        assert_agree(p.model.apply(p.variables, p.x), expected, "outputs")
        return
    gradient, (out, after) = p.inputs(p.x, p.variables, p.targets, train=train)
    assert_agree(out, expected, "outputs")
    assert_agree(gradient, expected_gradient, "gradient of the input")
    if train:
        assert_trees_agree(after, state(p.twin), "running average")


def check_weights(p: Pair, train: bool) -> None:
    """Compare the loss and the gradients of all weights, through `model.backward`."""
    p.twin.train(train).zero_grad()
    expected = F.mse_loss(p.twin(asked(p)), torch.from_numpy(p.targets).double())
    if p.learns:
        expected.backward()
    loss, grads = p.model.backward(p.variables, p.x, p.targets, train=train)
    assert_agree(loss, expected.item(), "loss")
    assert_trees_agree(grads, gradients(p.twin), "gradient")


# Both directions without a bias, of which the last value is taken, have all that these have; they compile slowly.
ONE_AT_A_TIME = {f"{name} 5 {word}" for name in ("lstm", "gru", "rnn") for word in ("last", "nobias", "bidirectional")}


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c.id, marks=[pytest.mark.slow] if c.line in ONE_AT_A_TIME else []) for c in CASES],
)
def test_inference(case: Case) -> None:
    p = pair(case)
    check_inputs(p, train=False)
    if p.learns:
        assert_agree(p.model.forward(p.variables, p.x), reference(p, False)[0], "outputs of forward")
        check_weights(p, train=False)


# Only batch normalization and dropout know the mode; of the others, one of each kind shows that they do not.
TWO_MODES = [
    *BATCHNORM,
    CONV[0],
    POOL[0],
    AVGPOOL[0],
    GLOBALPOOL[0],
    DENSE[0],
    ACTIVATION[0],
    SHAPE[0],
    RECURRENT[0],
    ATTENTION[0],
]


@pytest.mark.parametrize("case", TWO_MODES, ids=lambda case: case.id)
def test_training(case: Case) -> None:
    p = pair(case)
    if p.learns:
        check_weights(p, train=True)
        load_weights(p.twin, p.variables)
    check_inputs(p, train=True)


def test_running_averages_over_several_steps() -> None:
    p = pair(BATCHNORM[2])
    variables, rng = p.variables, np.random.default_rng(5)
    step = jax.jit(lambda v, x: p.model.apply(v, x, train=True)[1])
    for _ in range(4):
        x = rng.normal(2.0, 3.0, p.x.shape).astype(np.float32)
        variables = variables.replace(state=step(variables, x))
        p.twin.train()(torch.from_numpy(x).double())
    assert_trees_agree(variables.state, state(p.twin), "running average")


# --- dropout in training, whose random numbers are its own --------------------------------------------------------


@pytest.mark.parametrize("rate", [0.5, 0.3])
def test_dropout_in_training(rate: float) -> None:
    model = ns.compile(ns.parse(f"input 4x50x50\ndropout {rate}"), "cpu")
    x = np.random.default_rng(0).uniform(1, 2, (10, 4, 50, 50)).astype(np.float32)
    apply = jax.jit(lambda x, key: model.apply(model.init(), x, train=True, rng=key)[0])
    gradient = jax.jit(jax.grad(lambda x, key: apply(x, key).sum()))
    out = np.asarray(apply(x, jax.random.key(0)))
    kept = out != 0
    # Five standard deviations of a share of so many independent draws.
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / x.size)
    assert_agree(out[kept], x[kept] / (1 - rate), "surviving values")
    slopes = np.asarray(gradient(x, jax.random.key(0)))
    assert_agree(slopes, kept / (1 - rate), "gradient of the input")
    # Neighbors along every axis are dropped independently: the share of pairs is the product of the shares.
    for axis in range(x.ndim):
        near = np.take(kept, range(1, kept.shape[axis]), axis) & np.take(kept, range(kept.shape[axis] - 1), axis)
        assert abs(near.mean() - (1 - rate) ** 2) < 5 * np.sqrt(3 / near.size), f"along axis {axis}"
    assert (apply(x, jax.random.key(0)) == out).all()
    assert ((np.asarray(apply(x, jax.random.key(1))) != 0) != kept).mean() > rate * (1 - rate)


@pytest.mark.parametrize("shape", ["2x3x4", "2x5", "7"])
@pytest.mark.parametrize("rate", [0.5, 0.3])
def test_stochastic_depth_in_training(rate: float, shape: str) -> None:
    model = ns.compile(ns.parse(f"input {shape}\nstochastic_depth {rate}"), "cpu")
    count = 4000
    x = np.random.default_rng(0).uniform(1, 2, (count, *model.graph.input)).astype(np.float32)
    apply = jax.jit(lambda x, key: model.apply(model.init(), x, train=True, rng=key)[0])
    out = np.asarray(apply(x, jax.random.key(0)))
    kept = (out != 0).reshape(count, -1)
    # As torchvision's `row`: an example is there, scaled, or it is not.
    assert (kept.all(1) | ~kept.any(1)).all()
    assert abs(kept[:, 0].mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / count)
    assert_agree(out[kept[:, 0]], x[kept[:, 0]] / (1 - rate), "surviving examples")
    near = kept[1:, 0] & kept[:-1, 0]
    assert abs(near.mean() - (1 - rate) ** 2) < 5 * np.sqrt(3 / count)
    assert (apply(x, jax.random.key(0)) == out).all()
    assert ((np.asarray(apply(x, jax.random.key(1))) != 0).reshape(count, -1)[:, 0] != kept[:, 0]).any()
    assert_agree(model.apply(model.init(), x), x, "outputs of evaluation")


@pytest.mark.parametrize("shape", ["3x4x5", "3x5"])
@pytest.mark.parametrize("layout", ["channels_first", "batch_last"])
def test_dropout_of_channels_in_training(layout: str, shape: str) -> None:
    rate, count = 0.3, 2000
    # The convolution gives every value to the next layer as it is, in the layout that is asked for.
    kernel = "1x1" if shape.count("x") > 1 else "1"
    text = f"input {shape}\ndepthwise {kernel} nobias init=ones; dropout {rate} spatial\ncompile {{ layout {layout} }}"
    model = ns.compile(ns.parse(text), "cpu")
    x = np.random.default_rng(0).uniform(1, 2, (count, *model.graph.input)).astype(np.float32)
    variables = model.init()
    out = np.asarray(model.apply(variables, x, train=True, rng=jax.random.key(0))[0])
    kept = (out != 0).reshape(count, 3, -1)
    # As PyTorch's Dropout2d: a channel is there, scaled, or it is not.
    assert (kept.all(2) | ~kept.any(2)).all()
    whole = kept[:, :, 0]
    assert_agree(out.reshape(count, 3, -1)[whole], x.reshape(count, 3, -1)[whole] / (1 - rate), "surviving channels")
    assert abs(whole.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / whole.size)
    for near in (whole[1:] & whole[:-1], whole[:, 1:] & whole[:, :-1]):
        assert abs(near.mean() - (1 - rate) ** 2) < 5 * np.sqrt(3 / near.size)
    assert_agree(model.apply(variables, x), x, "outputs of evaluation")


def test_two_dropouts_drop_different_values() -> None:
    model = ns.compile(ns.parse("input 1000\ndropout 0.5\ndropout 0.5"), "cpu")
    out = model.apply(model.init(), jnp.ones((20, 1000)), train=True, rng=jax.random.key(0))[0]
    assert abs(float((out != 0).mean()) - 0.25) < 5 * np.sqrt(0.25 * 0.75 / out.size)
    assert set(np.unique(out)) == {0.0, 4.0}


def test_noise_in_training() -> None:
    model = ns.compile(ns.parse("input 4x50x50\nnoise 0.3"), "cpu")
    x = np.random.default_rng(0).uniform(1, 2, (10, 4, 50, 50)).astype(np.float32)
    apply = jax.jit(lambda x, key: model.apply(model.init(), x, train=True, rng=key)[0])
    added = np.asarray(apply(x, jax.random.key(0))) - x
    # Five standard deviations of a mean and of a variance of so many independent normal numbers.
    assert abs(added.mean()) < 5 * 0.3 / np.sqrt(x.size)
    assert abs(added.var() - 0.09) < 5 * 0.09 * np.sqrt(2 / x.size)
    assert abs(np.mean(added**4) - 3 * 0.09**2) < 5 * 0.09**2 * np.sqrt(96 / x.size)
    assert (apply(x, jax.random.key(0)) - x == added).all()
    assert (apply(x, jax.random.key(1)) - x != added).mean() > 0.99
    with pytest.raises(ns.NetspecError, match="needs randomness"):
        model.apply(model.init(), x, train=True)


@pytest.mark.parametrize("shape", ["2x100x100", "4x100"])
def test_sample_in_training(shape: str) -> None:
    model = ns.compile(ns.parse(f"input {shape}\nsample"), "cpu")
    x = np.random.default_rng(0).uniform(-1, 1, (50, *model.graph.input)).astype(np.float32)
    apply = jax.jit(lambda x, key: model.apply(model.init(), x, train=True, rng=key)[0])
    mean, log_variance = np.split(x.astype(np.float64), 2, axis=1)
    drawn = np.asarray(apply(x, jax.random.key(0)))
    epsilon = (drawn - mean) / np.exp(log_variance / 2)
    assert abs(epsilon.mean()) < 5 / np.sqrt(epsilon.size)
    assert abs(epsilon.var() - 1) < 5 * np.sqrt(2 / epsilon.size)
    assert abs(np.mean(epsilon**4) - 3) < 5 * np.sqrt(96 / epsilon.size)
    # The gradient goes through the draw: 1 to the mean, (drawn - mean)/2 to the logarithm of the variance.
    slopes = jax.grad(lambda x: apply(x, jax.random.key(0)).sum())(x)
    assert_agree(slopes, np.concatenate([np.ones_like(mean), (drawn - mean) / 2], axis=1), "gradient of the input")
    assert (apply(x, jax.random.key(1)) != drawn).mean() > 0.99
