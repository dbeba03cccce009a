"""Pooling layers."""

from typing import ClassVar, Literal

from netspec.layers.base import Builder, Layer, Tensor, require_image
from netspec.layers.conv import resolve_padding
from netspec.ops import AvgPool as AvgPoolOp
from netspec.ops import GlobalPool as GlobalPoolOp
from netspec.ops import MaxPool, Pad2, ShapeError
from netspec.signature import Padding, Size2, option, positional

__all__ = ["AvgPool", "GlobalPool", "Pool"]


class _WindowPool(Layer):
    """What max and average pooling share: the window and how it moves."""

    kernel: Size2 = positional("height x width of the window; one number means both")
    stride: Size2 | None = option(None, "step of the window; the window's own size unless given")
    pad: Padding = option("valid", "border that never wins and never counts: `valid`, `same`, or rows x columns")
    ceil: bool = option(False, "also pool the last, incomplete windows")

    def window(self, x: Tensor) -> tuple[tuple[int, int], Pad2]:
        """Return the stride and the padding on this input, with the part that `ceil` adds."""
        _, height, width = require_image(self, x)
        stride = self.stride or self.kernel
        padding = resolve_padding(self.pad, (height, width), self.kernel, stride)
        if any(p >= k for pads, k in zip(padding, self.kernel, strict=True) for p in pads):
            raise ShapeError(
                "E0309",
                "the padding is as large as the window: some windows would hold nothing",
                "use a pad smaller than the window",
            )
        if self.ceil:
            rows = _ceil(height, self.kernel[0], stride[0], padding[0])
            padding = (rows, _ceil(width, self.kernel[1], stride[1], padding[1]))
        return stride, padding


class Pool(_WindowPool):
    """Max pooling: the largest value of each window; channels x H x W → channels x ⌊(H − kernel)/stride⌋ + 1 x …."""

    kind: Literal["pool"] = "pool"
    aliases: ClassVar[tuple[str, ...]] = ("maxpool", "MaxPool2d", "MaxPooling2D", "max_pool", "Pooling")
    example: ClassVar[str] = "pool 2"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the maximum of each window."""
        stride, padding = self.window(x)
        return g.apply(MaxPool(self.kernel, stride, padding), x)


class AvgPool(_WindowPool):
    """Average pooling: the mean of each window; padding does not count."""

    kind: Literal["avgpool"] = "avgpool"
    aliases: ClassVar[tuple[str, ...]] = ("AvgPool2d", "AveragePooling2D", "avg_pool")
    example: ClassVar[str] = "avgpool 2"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the mean of each window."""
        stride, padding = self.window(x)
        return g.apply(AvgPoolOp(self.kernel, stride, padding), x)


class GlobalPool(Layer):
    """One number a channel: the mean (or maximum) over all positions; channels x H x W → channels. Lin et al. 2014."""

    kind: Literal["globalpool"] = "globalpool"
    aliases: ClassVar[tuple[str, ...]] = ("global_pool", "GlobalAveragePooling2D", "gap")
    example: ClassVar[str] = "globalpool avg"

    mode: Literal["avg", "max"] = positional("mean or maximum", "avg")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reduce over height and width."""
        require_image(self, x)
        return g.apply(GlobalPoolOp(self.mode), x)


def _ceil(size: int, kernel: int, stride: int, padding: tuple[int, int]) -> tuple[int, int]:
    """Return the padding with which the floor rule gives the ceiling; the last window must begin inside the input."""
    before, after = padding
    count = -(-(size + before + after - kernel) // stride) + 1
    if (count - 1) * stride >= size + before:
        count -= 1
    return before, max(after, (count - 1) * stride + kernel - size - before)
