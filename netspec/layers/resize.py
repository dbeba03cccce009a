"""Layers that make images, volumes and sequences larger or smaller without computing features."""

from typing import Annotated, ClassVar, Literal

from pydantic import model_validator

from netspec import ops
from netspec.layers.base import Builder, Layer, Tensor, along, require_image, require_positions
from netspec.schema.definition import option, positional
from netspec.schema.types import Also, AlsoKeyed, Amount, NonNegativeInt, PositiveInt, Size

__all__ = ["Crop", "Pad", "PixelShuffle", "PixelUnshuffle", "Upsample"]


class Pad(Layer):
    """Adds a border: C x H x W → C x (H + 2·rows) x (W + 2·columns). Channels can be added too, of zeros.

    `pad 0 channels=16` is how the shortcuts of He et al. 2016 get more channels without a parameter. A row of
    features can get more of them in the same way.
    """

    kind: Literal["pad"] = "pad"
    aliases = ("Pad", "ZeroPad2d", "ZeroPad1d", "ZeroPad3d", "ZeroPadding2D", "ZeroPadding1D", "ZeroPadding3D")
    example: ClassVar[str] = "pad 1x2 reflect"

    amount: Amount = positional(
        "rows and columns on each side, such as 1 or 1x2, or of a volume depth x rows x columns", (0, 0)
    )
    mode: Literal["zero", "reflect", "edge"] = option(
        "zero", "what the border holds: zeros, the mirrored inside, or the outermost value"
    )
    channels: NonNegativeInt = option(0, "channels (or features) of zeros added after the last one")
    channels_before: NonNegativeInt = option(0, "channels (or features) of zeros added before the first one")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Pad the positions, then the channels."""
        if any(self.amount):
            require_positions(self, x)
            sides = (0, *along("amount", self.amount, x, 0))
            x = g.apply(ops.Pad(sides, sides, self.mode), x)
        if self.channels or self.channels_before:
            none = (0,) * (len(x.shape) - 1)
            x = g.apply(ops.Pad((self.channels_before, *none), (self.channels, *none), "zero"), x)
        return x


class Crop(Layer):
    """Keeps a part of the positions: C x H x W → C x height x width, from the middle unless an offset is given."""

    kind: Literal["crop"] = "crop"
    aliases = ("Crop", "CenterCrop")
    example: ClassVar[str] = "crop 4x3"

    size: Size = positional("height x width of the part, or depth x height x width; one number means all")
    offset: Amount | None = option(
        None, "rows and columns before it (of a volume slices too); the middle (rounded down) unless given"
    )

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Crop."""
        _, positions = require_positions(self, x)
        size = along("size", self.size, x)
        middle = tuple((n - k) // 2 for n, k in zip(positions, size, strict=True))
        return g.apply(ops.Crop(along("offset", self.offset, x, 0) if self.offset else middle, size), x)


class Upsample(Layer):
    """Enlarges by a whole factor: C x H x W → C x f·H x f·W, and sequences and volumes likewise.

    Each value is repeated (`nearest`), or values are mixed by distance: along each axis the two nearest (`bilinear`) or
    the four nearest (`bicubic`). Positions are the middles of pixels, as in PyTorch with `align_corners=False`.
    """

    kind: Literal["upsample"] = "upsample"
    aliases = ("Upsample", "UpSampling2D", "UpSampling1D", "UpSampling3D", "interpolate")
    later = ("align_corners",)
    example: ClassVar[str] = "upsample 2"

    factor: Size = positional("how much higher and wider, or deeper, higher and wider; one number means all")
    mode: Annotated[
        Literal["nearest", "bilinear", "bicubic"],
        Also(trilinear="bilinear"),
        AlsoKeyed(linear="bilinear", cubic="bicubic"),
    ] = option("nearest", "repeat values, or interpolate between them along each axis")
    align_corners: bool = option(False, "keep the outermost values in their places, and spread the others between them")

    @model_validator(mode="after")
    def _between(self) -> "Upsample":
        if self.align_corners and self.mode == "nearest":
            raise ValueError("`align_corners` is for interpolation, and `nearest` repeats values: add `bilinear`")
        return self

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Enlarge."""
        require_positions(self, x)
        return g.apply(ops.Upsample(along("factor", self.factor, x), self.mode, self.align_corners), x)


class PixelShuffle(Layer):
    """Lays channels out as pixels: (C·f²) x H x W → C x f·H x f·W. Shi et al. 2016."""

    kind: Literal["pixelshuffle"] = "pixelshuffle"
    aliases = ("PixelShuffle", "pixel_shuffle")
    example: ClassVar[str] = "pixelshuffle 2"

    factor: PositiveInt = positional("how much higher and wider")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Rearrange."""
        require_image(self, x)
        return g.apply(ops.DepthToSpace(self.factor), x)


class PixelUnshuffle(Layer):
    """Stacks pixels as channels: C x f·H x f·W → (C·f²) x H x W, the inverse of `pixelshuffle`."""

    kind: Literal["pixelunshuffle"] = "pixelunshuffle"
    aliases = ("PixelUnshuffle", "pixel_unshuffle")
    example: ClassVar[str] = "pixelunshuffle 2"

    factor: PositiveInt = positional("how much lower and narrower")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Rearrange."""
        require_image(self, x)
        return g.apply(ops.SpaceToDepth(self.factor), x)
