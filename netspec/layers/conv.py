"""Convolution layers."""

from typing import ClassVar, Literal

from netspec.layers.activation import Activation
from netspec.layers.base import Builder, Layer, Tensor, require_image
from netspec.ops import Bias, Pad2, ShapeError, same_padding
from netspec.ops import Conv as ConvOp
from netspec.recipe.initializers import AnyInitializer
from netspec.signature import Padding, PositiveInt, Size2, option, positional

__all__ = ["Conv", "resolve_padding"]


class Conv(Layer):
    """2-D convolution (cross-correlation): channels x H x W → filters x H' x W'.

    H' = ⌊(H + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, and W' likewise.
    """

    kind: Literal["conv"] = "conv"
    aliases: ClassVar[tuple[str, ...]] = (
        "conv2d",
        "Conv2d",
        "Conv2D",
        "convolution",
        "Convolution",
        "convolutional",
    )
    example: ClassVar[str] = "conv 20 5x5 relu"

    filters: PositiveInt = positional("number of output channels")
    kernel: Size2 = positional("height x width of the kernel; one number means both")
    activation: Activation | None = option(None, "function applied to the result")
    stride: Size2 = option((1, 1), "step of the kernel, down and across")
    pad: Padding = option(
        "valid", "zeros around the input: none (`valid`), enough to keep its size (`same`), or rows x columns"
    )
    dilation: Size2 = option((1, 1), "spacing between the kernel's taps; 1 is a dense kernel")
    groups: PositiveInt = option(1, "channels are split into so many independent groups")
    bias: bool = option(True, "add a trainable number to each output channel; `nobias` leaves it out")
    init: AnyInitializer | None = option(None, "initializer of the kernel; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the bias; the network's default unless given")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Convolve, add the bias, apply the activation."""
        channels, height, width = require_image(self, x)
        for what, count in (("input channels", channels), ("filters", self.filters)):
            if count % self.groups:
                raise ShapeError(
                    "E0309",
                    f"{count} {what} cannot be split into {self.groups} equal groups",
                    f"use a number of groups that divides {channels} and {self.filters}",
                )
        shape = (self.filters, channels // self.groups, *self.kernel)
        positions = self.kernel[0] * self.kernel[1]
        fans = (shape[1] * positions, self.filters * positions)
        kernel = g.weight("kernel", shape, role="kernel", fans=fans, init=self.init)
        padding = resolve_padding(self.pad, (height, width), self.kernel, self.stride, self.dilation)
        y = g.apply(ConvOp(self.stride, padding, self.dilation, self.groups), x, kernel)
        if self.bias:
            y = g.apply(Bias(), y, g.weight("bias", (self.filters,), role="bias", fans=fans, init=self.bias_init))
        return self.activation.build(g, y) if self.activation else y


def resolve_padding(
    pad: Padding,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Pad2:
    """Return the zeros before and after, for height and for width, that a `pad=` argument means."""
    if pad == "valid":
        return ((0, 0), (0, 0))
    if pad == "same":
        return same_padding(size, kernel, stride, dilation)
    return ((pad[0], pad[0]), (pad[1], pad[1]))
