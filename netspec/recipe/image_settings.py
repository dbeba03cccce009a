"""How images and sounds are varied: at random while a network is trained; images moved a little where it answers."""

from math import ceil, prod
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from netspec.schema.definition import Definition, option, parameters
from netspec.schema.types import (
    LARGEST,
    Expects,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    Ratios,
    Shares,
)

__all__ = ["Augment", "Views"]

_Turn = Annotated[float, Field(ge=0, le=180), Expects("degrees from 0 to 180")]
_Share = Annotated[float, Field(gt=0, le=1), Expects("a number above 0, at most 1")]
# Less would be a field without any smoothness, of ever more random numbers.
_Smooth = Annotated[float, Field(ge=0.1, allow_inf_nan=False), Expects("a number of pixels, 0.1 or more")]
_Distance = Annotated[float, Field(ge=0, le=LARGEST), Expects("a number, 0 or more")]
_Slant = Annotated[float, Field(ge=0, lt=90), Expects("degrees from 0 up to, but not including, 90")]
_Chance = Annotated[float, Field(ge=0, le=1), Expects("a probability from 0 to 1")]
_Hue = Annotated[float, Field(ge=0, le=0.5), Expects("a number from 0 to 0.5")]
_Operations = Annotated[int, Field(ge=0, le=14), Expects("a whole number from 0 to 14")]
_Magnitude = Annotated[int, Field(ge=0, le=30), Expects("a whole number from 0 to 30")]
_Decibels = Annotated[float, Field(ge=0, le=60), Expects("decibels, 0 to 60")]
_Seconds = Annotated[float, Field(ge=0, le=86_400), Expects("a number of seconds, 0 or more")]
_Alpha = Annotated[float, Field(ge=0, le=LARGEST), Expects("a number, 0 or more")]

_CROP = (0.08, 1.0)
"""What `resized_crop` alone stands for, as in torchvision and Keras's examples."""


def _crop(value: Any) -> Any:
    return {True: _CROP, False: None}[value] if isinstance(value, bool) else value


class Augment(Definition):
    """Training images or sounds are changed at random, each anew in each step; evaluation sees them as they are.

    After `until`, only `pad` and `flip` go on: they move whole pixels, which leaves an image as sharp as it was.
    Sounds are varied by `time_shift`, `gain`, `noise` and `mixup`, waveforms by `polarity` too, spectrograms by
    `time_mask`, `frequency_mask`, `shift`, `pad`, `cutout`, `erase` and `cutmix` too.
    Source: He, Xie, Chen et al., "Data Augmentation Revisited: Rethinking the Distribution Gap between Clean
    and Augmented Data", 2019.
    """

    kind: Literal["augment"] = "augment"
    later = (
        "resized_crop",
        "ratio",
        "saturation",
        "hue",
        "grayscale",
        "trivialaugment",
        "randaugment",
        "magnitude",
        "erase",
        "erase_area",
        "mixup",
        "cutmix",
        "time_shift",
        "gain",
        "polarity",
        "time_mask",
        "frequency_mask",
    )
    resized_crop: Annotated[bool | Shares | None, BeforeValidator(_crop)] = option(
        None,
        "a random rectangle with such a share of the area is cut out and scaled up to the whole (random resized crop); "
        "the bare word is 0.08..1",
    )
    ratio: Ratios | None = option(None, "of that rectangle: width / height, 3/4 to 4/3 unless given")
    rotate: _Turn = option(0.0, "turned about the center by up to ± so many degrees")
    shift: _Distance = option(0.0, "moved by up to ± so many pixels along each axis, also by parts of a pixel")
    zoom: Fraction = option(0.0, "enlarged by a factor between 1 - this and 1 + this")
    shear: _Slant = option(0.0, "slanted sideways by up to ± so many degrees")
    elastic: NonNegativeFloat = option(
        0.0, "bent by a smooth random field: the standard deviation of its displacements, in pixels"
    )
    sigma: _Smooth = option(4.0, "how smooth that field is: the deviation of its Gaussian, in pixels")
    pad: NonNegativeInt = option(0, "padded by so many pixels on each side, then cropped at a random place")
    flip: bool = option(False, "every other image, by chance, is mirrored left to right")
    fill: Literal["zero", "edge"] = option("zero", "what comes in from outside: zeros, or the nearest pixel")
    interpolation: Literal["bilinear", "bicubic"] = option(
        "bilinear", "how what lies between pixels is read: `bilinear` blurs a little, `bicubic` keeps images sharp"
    )
    trivialaugment: bool = option(
        False, "one operation of torchvision's `TrivialAugmentWide`, drawn for each image, of random strength"
    )
    randaugment: _Operations = option(0, "so many operations of torchvision's `RandAugment`, drawn for each image")
    magnitude: _Magnitude = option(9, "the strength of these, of 0 to 30")
    contrast: Fraction = option(0.0, "differences from the image's mean are multiplied by 1 - this to 1 + this")
    brightness: Fraction = option(0.0, "up to ± this share of the range (0..255 of bytes, 0..1 of floats) is added")
    saturation: Fraction = option(0.0, "differences from the pixel's grey are multiplied by 1 - this to 1 + this")
    hue: _Hue = option(0.0, "colors are turned by up to ± this share of the color circle")
    grayscale: _Chance = option(0.0, "with this probability an image becomes grey")
    noise: Fraction = option(0.0, "normal noise is added to each value: its deviation, as a share of the range")
    cutout: NonNegativeInt = option(0, "a square with sides of so many pixels, at a random place, is set to 0")
    erase: _Chance = option(
        0.0, "with this probability a rectangle of random size, somewhere within, is set to 0 (random erasing)"
    )
    erase_area: Shares | None = option(None, "that rectangle's share of the area, 0.02..0.33 unless given")
    mixup: _Alpha = option(
        0.0, "images and labels are mixed with those of another example, by a share from Beta(this, this)"
    )
    cutmix: _Alpha = option(
        0.0, "a rectangle of another example is pasted in, with a share of the area from Beta(this, this)"
    )
    time_shift: _Seconds = option(0.0, "of sounds: moved in time by up to ± so many seconds; what comes in is silence")
    gain: _Decibels = option(0.0, "of sounds: louder or softer by up to ± so many decibels")
    polarity: bool = option(False, "of waveforms: every other one, by chance, is turned upside down")
    time_mask: NonNegativeInt = option(
        0, "of spectrograms: up to so many frames, one after the other, become silence (SpecAugment)"
    )
    frequency_mask: NonNegativeInt = option(
        0, "of spectrograms: up to so many bands, one above the other, become silence (SpecAugment)"
    )
    until: _Share = option(1.0, "share of the training in which this happens; after it, only `pad` and `flip` go on")

    @model_validator(mode="after")
    def _sigma_of_something(self) -> "Augment":
        if self.sigma != 4 and not self.elastic:
            raise ValueError("`sigma` says how smooth `elastic` is: give that too, `elastic=1`")
        return self

    @model_validator(mode="after")
    def _parts_of_something(self) -> "Augment":
        if self.ratio and not self.resized_crop:
            raise ValueError("`ratio` is of the rectangle of `resized_crop`: give that too, `resized_crop=0.25..1`")
        if self.magnitude != 9 and not self.randaugment:
            raise ValueError("`magnitude` is how strong `randaugment` is: give that too, `randaugment=2`")
        if self.erase_area and not self.erase:
            raise ValueError("`erase_area` is how large the rectangle of `erase` is: give that too, `erase=0.25`")
        if self.trivialaugment and self.randaugment:
            raise ValueError("`trivialaugment` and `randaugment` draw from the same operations: choose one of them")
        return self

    @model_validator(mode="after")
    def _something(self) -> "Augment":
        if not (self.warps or self.changes_values or self.mixes or self.of_sounds):
            raise ValueError("say what to vary: `augment rotate=10 shift=2`")
        return self

    @model_validator(mode="after")
    def _interpolation_of_something(self) -> "Augment":
        if self.interpolation != "bilinear" and not self._reads_between:
            raise ValueError(
                "nothing here reads between pixels: `pad` and `flip` move whole ones, so leave `interpolation` out"
            )
        return self

    @model_validator(mode="after")
    def _until_of_something(self) -> "Augment":
        if self.until != 1 and not (self._reads_between or self.changes_values or self.mixes or self.of_sounds):
            raise ValueError("nothing here ends at `until`: `pad` and `flip` go on to the last step")
        return self

    def after_until(self) -> "Augment | None":
        """Return what goes on in the steps after `until`; None where images are then as they are."""
        return Augment(pad=self.pad, flip=self.flip, fill=self.fill) if self.pad or self.flip else None

    @property
    def warps(self) -> bool:
        """Whether pixels move."""
        return any((self._reads_between, self.pad, self.flip))

    @property
    def crop_area(self) -> tuple[float, float] | None:
        """The smallest and the largest share of the area that is cut out; None where nothing is."""
        return self.resized_crop if isinstance(self.resized_crop, tuple) else None

    @property
    def draws_operations(self) -> bool:
        """Whether operations are drawn for each image from a table."""
        return self.trivialaugment or self.randaugment > 0

    @property
    def stated(self) -> tuple[str, ...]:
        """The settings that are not as they are unless given."""
        return tuple(p.name for p in parameters(Augment) if getattr(self, p.name) != p.default)

    @property
    def of_sounds(self) -> tuple[str, ...]:
        """The settings in force that sounds alone have."""
        names = ("time_shift", "gain", "polarity", "time_mask", "frequency_mask")
        return tuple(name for name in names if getattr(self, name))

    @property
    def mixes(self) -> bool:
        """Whether examples are mixed with others of their batch."""
        return self.mixup > 0 or self.cutmix > 0

    @property
    def changes_colors(self) -> tuple[str, ...]:
        """The settings in force that need red, green and blue."""
        return tuple(name for name in ("saturation", "hue", "grayscale") if getattr(self, name))

    @property
    def changes_values(self) -> bool:
        """Whether the values of pixels change where they are."""
        plain = self.contrast or self.brightness or self.noise or self.cutout or self.erase
        return bool(plain or self.changes_colors or self.draws_operations)

    @property
    def is_separable(self) -> bool:
        """Whether rows are moved as rows and columns as columns."""
        return not (self.rotate or self.shear or self.elastic or self.draws_operations)

    @property
    def _reads_between(self) -> bool:
        """Whether pixels move by parts of a pixel."""
        moves = (self.rotate, self.shift, self.zoom, self.shear, self.elastic)
        return any(moves) or self.resized_crop is not None or self.draws_operations

    def reach(self) -> float:
        """Return by how many pixels an image is moved at most, as a whole."""
        return self.shift + self.pad

    def values(self, shape: tuple[int, ...]) -> int:
        """Return how many numbers are in memory for an image, channels x height x width, or a waveform, 1 x samples."""
        size = prod(shape)
        if len(shape) == 2:
            return size * (1 + bool(self.time_shift) + 3 * bool(self.noise) + self.mixes)
        height, width = shape[1:]
        values = size + (2 * height * width if self.warps else 0) + (3 * size if self.noise else 0)
        if self.time_shift:
            values += size
        if self.elastic:
            # The points of noise, as `field_points` has them, thrice more as random words; one axis of them smoothed.
            rows, columns = (ceil((length - 1) / self.sigma) + 7 for length in (height, width))
            values += 8 * rows * columns + 2 * height * columns
        if self.resized_crop and self.is_separable:
            values += height**2 + width**2 + size
        if self.draws_operations:
            # The image before an operation of the table, and smoothed; two histograms of each channel.
            values += 2 * size + 2 * 256 * shape[0]
        return values + (size if self.mixes else 0)


_FEW = 512
"""So many images at once keep a processor busy; more of them take memory and save no time."""


class Views(Definition):
    """Inference looks at each image several times, moved a little, and takes the mean of what the network says.

    It is the mean of the logits, so that of probabilities it is the geometric mean. What comes in from outside is 0, as
    a byte. Training sees one view; its speed and its results are the same.
    Source: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
    """

    kind: Literal["views"] = "views"
    shift: NonNegativeInt = option(
        0, "moved by every whole number of pixels up to ± this along each axis: 1 gives 9 views"
    )
    flip: bool = option(False, "and each of these mirrored left to right")

    @model_validator(mode="after")
    def _something(self) -> "Views":
        if not (self.shift or self.flip):
            raise ValueError("say which views: `views shift=1`, or `views flip`")
        return self

    @property
    def count(self) -> int:
        """How many views there are of an image, the image as it is among them."""
        return (2 * self.shift + 1) ** 2 * (1 + self.flip)

    def together(self, batch: int) -> int:
        """Return of how many images the values are in memory at once: of all views of a small batch, else of one."""
        return batch * self.count if batch * self.count <= _FEW else batch
