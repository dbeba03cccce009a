"""Convolution layers, on images, on volumes and on sequences."""

from dataclasses import replace
from math import prod
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.activation import OptionalActivation
from netspec.layers.base import Builder, Layer, Tensor, along, require_positions
from netspec.ops import Pads, ShapeError, same_padding
from netspec.recipe.initializers import AnyInitializer
from netspec.schema.definition import option, positional
from netspec.schema.types import Amount, CausalPadding, Padding, PositiveInt, Size

__all__ = ["Conv", "Deconv", "Depthwise", "resolve_padding"]


_PAD = (
    "zeros around the input: none (`valid`), enough to keep its size (`same`), all of them before a sequence "
    "(`causal`), or rows x columns (of a volume, depth x rows x columns)"
)


class Conv(Layer):
    """Convolution (cross-correlation): channels x H x W → filters x H' x W', or channels x L → filters x L'.

    H' = ⌊(H + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, and W' likewise; a volume, channels x D x H x W, has
    D' too.
    """

    kind: Literal["conv"] = "conv"
    aliases = (
        "conv2d",
        "Conv2d",
        "Conv2D",
        "conv1d",
        "Conv1d",
        "Conv1D",
        "conv3d",
        "Conv3d",
        "Conv3D",
        "convolution",
        "Convolution",
        "convolutional",
    )
    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "conv 20 5x5 relu"

    filters: PositiveInt = positional("number of output channels")
    kernel: Size = positional("height x width of the kernel, or depth x height x width; one number means all")
    activation: OptionalActivation = option(None, "function applied to the result")
    stride: Size = option((1, 1), "step of the kernel, down and across")
    pad: CausalPadding = option("valid", _PAD)
    dilation: Size = option((1, 1), "spacing between the kernel's taps; 1 is a dense kernel")
    groups: PositiveInt = option(1, "channels are split into so many independent groups")
    bias: bool = option(True, "add a trainable number to each output channel; `nobias` leaves it out")
    init: AnyInitializer | None = option(None, "initializer of the kernel; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the bias; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Convolve, add the bias, apply the activation."""
        channels, _ = require_positions(self, x)
        _check_groups(self.groups, channels, self.filters)
        return _convolve(self, g, x, self.filters, self.groups)


class Depthwise(Layer):
    """Depthwise convolution, a kernel for each channel: channels x H x W → multiplier·channels x H' x W'.

    H' is that of `conv`; on a sequence, channels x L, and on a volume likewise. A `conv N 1` after it mixes the
    channels: a separable convolution. Howard et al. 2017.
    """

    kind: Literal["depthwise"] = "depthwise"
    aliases = ("DepthwiseConv2D", "DepthwiseConv1D", "depthwise_conv")
    has_weights: ClassVar[bool] = True
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "depthwise 3x3 pad=same relu"

    kernel: Size = positional("height x width of each kernel, or depth x height x width; one number means all")
    activation: OptionalActivation = option(None, "function applied to the result")
    stride: Size = option((1, 1), "step of the kernel, down and across")
    pad: CausalPadding = option("valid", _PAD)
    dilation: Size = option((1, 1), "spacing between the kernel's taps; 1 is a dense kernel")
    multiplier: PositiveInt = option(1, "output channels for each input channel, one after the other")
    bias: bool = option(True, "add a trainable number to each output channel; `nobias` leaves it out")
    init: AnyInitializer | None = option(None, "initializer of the kernel; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the bias; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Convolve each channel, add the bias, apply the activation."""
        channels, _ = require_positions(self, x)
        return _convolve(self, g, x, channels * self.multiplier, channels)


class Deconv(Layer):
    """Transposed convolution, which makes images larger: channels x H x W → filters x H' x W'.

    H' = (H − 1)·stride − 2·pad + dilation·(kernel − 1) + 1 + output_pad; a sequence and a volume likewise. Zeiler et
    al. 2010; Dumoulin & Visin 2016.
    """

    kind: Literal["deconv"] = "deconv"
    aliases = (
        "conv_transpose",
        "ConvTranspose2d",
        "ConvTranspose1d",
        "ConvTranspose3d",
        "Conv2DTranspose",
        "Conv1DTranspose",
        "Conv3DTranspose",
        "Deconvolution",
        "deconvolutional",
    )
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "deconv 4 4x4 stride=2 pad=1 relu"

    filters: PositiveInt = positional("number of output channels")
    kernel: Size = positional("height x width of the kernel, or depth x height x width; one number means all")
    activation: OptionalActivation = option(None, "function applied to the result")
    stride: Size = option((1, 1), "distance at which the inputs stand in the output, down and across")
    pad: Padding = option(
        "valid", "what is cut off each side: nothing (`valid`), down to the input x stride (`same`), or rows x columns"
    )
    output_pad: Amount = option((0, 0), "rows and columns added at the end of the output; smaller than the stride")
    dilation: Size = option((1, 1), "spacing between the kernel's taps; 1 is a dense kernel")
    groups: PositiveInt = option(1, "channels are split into so many independent groups")
    bias: bool = option(True, "add a trainable number to each output channel; `nobias` leaves it out")
    init: AnyInitializer | None = option(None, "initializer of the kernel; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the bias; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Spread the kernels, add the bias, apply the activation."""
        channels, _ = require_positions(self, x)
        _check_groups(self.groups, channels, self.filters)
        kernel, stride = along("kernel", self.kernel, x), along("stride", self.stride, x)
        dilation = along("dilation", self.dilation, x)
        op = ops.ConvTranspose(stride, self._cut(x, kernel, stride, dilation), dilation, self.groups)
        shape = (channels, self.filters // self.groups, *kernel)
        fans = (channels // self.groups * prod(kernel), self.filters * prod(kernel))
        y = g.apply(op, x, g.weight("kernel", shape, role="kernel", fans=fans, init=self.init))
        return _finish(self, g, y, fans)

    def _cut(self, x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pads:
        """Return what is cut off before and after; the output padding is cut off less at the end."""
        extra = along("output_pad", self.output_pad, x, 0)
        if any(e and e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise ShapeError(
                "E0309",
                "the output padding is as large as the stride: nothing could reach its last rows",
                "use an output_pad smaller than the stride",
            )
        if self.pad == "same":
            totals = [d * (k - 1) + 1 - s for k, s, d in zip(kernel, stride, dilation, strict=True)]
            halves = [max(total, 0) // 2 for total in totals]
            cut = [(half, total - half) for half, total in zip(halves, totals, strict=True)]
        else:
            cut = [(p, p) for p in ((0,) * len(kernel) if self.pad == "valid" else along("pad", self.pad, x, 0))]
        return tuple((before, after - e) for (before, after), e in zip(cut, extra, strict=True))


def resolve_padding(
    pad: CausalPadding,
    x: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> Pads:
    """Return the zeros before and after, for each axis of positions, that a `pad=` argument means."""
    if pad == "causal":
        if len(kernel) > 1:
            fix = "write `pad=same`, or bring it to a sequence: `flatten positions`"
            message = f"`pad=causal` is for sequences: the positions of {_kind(kernel)} have no order"
            raise ShapeError("E0309", message, fix)
        (reach,), (spacing,) = kernel, dilation or (1,)
        return (((reach - 1) * spacing, 0),)
    if pad == "valid":
        return ((0, 0),) * len(kernel)
    if pad == "same":
        return same_padding(x.shape[1:], kernel, stride, dilation or (1,) * len(kernel))
    return tuple((p, p) for p in along("pad", pad, x, 0))


def _kind(size: tuple[int, ...]) -> str:
    return "an image" if len(size) == 2 else "a volume"


def _check_groups(groups: int, channels: int, filters: int) -> None:
    for what, count in (("input channels", channels), ("filters", filters)):
        if count % groups:
            raise ShapeError(
                "E0309",
                f"{count} {what} cannot be split into {groups} equal groups",
                f"use a number of groups that divides {channels} and {filters}",
            )


def _convolve(layer: Conv | Depthwise, g: Builder, x: Tensor, filters: int, groups: int) -> Tensor:
    """Convolve with as many filters in as many groups, add the bias, apply the activation."""
    kernel, stride = along("kernel", layer.kernel, x), along("stride", layer.stride, x)
    dilation = along("dilation", layer.dilation, x)
    shape = (filters, x.shape[0] // groups, *kernel)
    # In a depthwise convolution one input reaches the kernels of its own channel only.
    outputs = filters // groups if isinstance(layer, Depthwise) else filters
    fans = (shape[1] * prod(kernel), outputs * prod(kernel))
    weight = g.weight("kernel", shape, role="kernel", fans=fans, init=layer.init)
    padding = resolve_padding(layer.pad, x, kernel, stride, dilation)
    mask = x.mask
    # Padding is to a convolution what lies beyond the end: zeros.
    x = g.apply(ops.ZeroPadding(), (x, g.valid(mask))) if mask else x
    y = g.apply(ops.Conv(stride, padding, dilation, groups), x, weight)
    if mask and y.shape[1:] != x.shape[1:]:
        name = layer.canonical()
        message = f"`{name}` changes the length of a sequence with padding, {x.shape[1]} to {y.shape[1]}"
        raise ShapeError("E0316", message, f"keep the length: `{name} … pad=same` with stride 1")
    return replace(_finish(layer, g, y, fans), mask=mask)


def _finish(layer: Conv | Depthwise | Deconv, g: Builder, y: Tensor, fans: tuple[int, int]) -> Tensor:
    if layer.bias:
        weight = g.weight("bias", y.shape[:1], role="bias", fans=fans, init=layer.bias_init)
        y = g.apply(ops.Bias(), y, weight)
    return layer.activation.build(g, y) if layer.activation else y
