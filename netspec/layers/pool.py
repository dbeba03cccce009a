"""Pooling layers."""

from typing import Any, ClassVar, Literal

from netspec.layers.base import Builder, Layer, Tensor, along, require_positions
from netspec.layers.conv import resolve_padding
from netspec.ops import AvgPool as AvgPoolOp
from netspec.ops import GlobalPool as GlobalPoolOp
from netspec.ops import MaskedGlobalPool, MaxPool, ShapeError
from netspec.schema.definition import option, positional
from netspec.schema.types import Padding, Size

__all__ = ["AvgPool", "GlobalPool", "Pool"]


class _WindowPool(Layer):
    """What max and average pooling share: the window and how it moves."""

    kernel: Size = positional("height x width of the window, or depth x height x width; one number means all")
    stride: Size | None = option(None, "step of the window; the window's own size unless given")
    pad: Padding = option("valid", "border that never wins and never counts: `valid`, `same`, or rows x columns")
    ceil: bool = option(False, "also pool the last, incomplete windows")

    def window(self, x: Tensor) -> dict[str, Any]:
        """Return the operation's window, stride and padding on this input, with the part that `ceil` adds."""
        _, size = require_positions(self, x)
        window = along("kernel", self.kernel, x)
        stride = along("stride", self.stride or self.kernel, x)
        padding = resolve_padding(self.pad, x, window, stride)
        if any(p >= k for pads, k in zip(padding, window, strict=True) for p in pads):
            raise ShapeError(
                "E0309",
                "the padding is as large as the window: some windows would hold nothing",
                "use a pad smaller than the window",
            )
        if self.ceil:
            padding = tuple(map(_ceil, size, window, stride, padding))
        return {"window": window, "stride": stride, "padding": padding}


class Pool(_WindowPool):
    """Max pooling: the largest value of each window; channels x H x W → channels x ⌊(H − kernel)/stride⌋ + 1 x ….

    A sequence, channels x L, is pooled along its length, and a volume, channels x D x H x W, in all three.
    """

    kind: Literal["pool"] = "pool"
    aliases = (
        "maxpool",
        "MaxPool2d",
        "MaxPool1d",
        "MaxPool3d",
        "MaxPooling2D",
        "MaxPooling1D",
        "MaxPooling3D",
        "max_pool",
        "Pooling",
    )
    example: ClassVar[str] = "pool 2"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the maximum of each window."""
        return g.apply(MaxPool(**self.window(x)), x)


class AvgPool(_WindowPool):
    """Average pooling: the mean of each window of an image, a sequence or a volume; padding does not count.

    With `count_padding` it counts as zeros, as in PyTorch's AvgPool2d; what `ceil` adds never does.
    """

    kind: Literal["avgpool"] = "avgpool"
    aliases = (
        "AvgPool2d",
        "AvgPool1d",
        "AvgPool3d",
        "AveragePooling2D",
        "AveragePooling1D",
        "AveragePooling3D",
        "avg_pool",
    )
    example: ClassVar[str] = "avgpool 2"

    later = ("count_padding",)

    count_padding: bool = option(False, "let the padding count as zeros, not what `ceil` adds to it")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the mean of each window."""
        where = self.window(x)
        if self.count_padding and self.pad != "valid":
            where["counted"] = resolve_padding(self.pad, x, where["window"], where["stride"])
        return g.apply(AvgPoolOp(**where), x)


class GlobalPool(Layer):
    """One number a channel: the mean (or maximum, or sum) over all positions; channels x H x W → channels.

    On a sequence, channels x L → channels, and of a volume likewise. Lin et al. 2014.
    """

    kind: Literal["globalpool"] = "globalpool"
    aliases = (
        "global_pool",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling3D",
        "gap",
    )
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = "globalpool avg"

    mode: Literal["avg", "max", "sum"] = positional("mean, maximum or sum", "avg")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reduce over all positions."""
        require_positions(self, x)
        if x.mask:
            return g.apply(MaskedGlobalPool(self.mode), (x, g.valid(x.mask)))
        return g.apply(GlobalPoolOp(self.mode), x)


def _ceil(size: int, kernel: int, stride: int, padding: tuple[int, int]) -> tuple[int, int]:
    """Return the padding with which the floor rule gives the ceiling; the last window must begin inside the input."""
    before, after = padding
    count = -(-(size + before + after - kernel) // stride) + 1
    if (count - 1) * stride >= size + before:
        count -= 1
    return before, max(after, (count - 1) * stride + kernel - size - before)
