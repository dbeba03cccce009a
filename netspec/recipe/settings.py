"""The settings of `data { }` and `train { }` that have arguments of their own, one class each."""

from math import ceil, isfinite, prod
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from netspec.recipe.losses import AnyLoss
from netspec.recipe.metrics import Measurement
from netspec.schema.definition import Definition, option, positional
from netspec.schema.types import (
    LARGEST,
    Also,
    Expects,
    Float,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    Ratios,
    Shares,
)

__all__ = [
    "Augment",
    "Checkpoint",
    "Clip",
    "EarlyStop",
    "Ema",
    "Evaluate",
    "Normalize",
    "OnNonfinite",
    "OutputSettings",
    "Scale",
    "Shuffle",
    "Text",
    "TimeLimit",
    "Views",
]


class Scale(Definition):
    """How byte values 0 to 255 become numbers: spread over a range, or divided."""

    kind: Literal["scale"] = "scale"
    range: Range | None = positional("0 becomes the first, 255 the second", None)
    divisor: PositiveFloat | None = option(None, "every byte is divided by this instead")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Scale":
        if (self.range is None) == (self.divisor is None):
            raise ValueError("say either a range, `scale -1..1`, or a divisor, `scale divisor=256`")
        return self


_EachChannel = Annotated[
    str,
    Field(pattern=r"^[-.0-9e]+( [-.0-9e]+)*$", max_length=10_000),
    Expects('numbers in quotes, such as "0.49 0.48 0.45"'),
]


class Normalize(Definition):
    """Values, first scaled to 0..1, have `mean` subtracted and are divided by `std`.

    `normalize imagenet` takes the means and deviations of the channels of ImageNet, which networks trained on it
    expect: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225. `normalize channels` takes those of the training part of the
    data; what is trained states them as `means` and `stds`.
    """

    kind: Literal["normalize"] = "normalize"
    later = ("of", "means", "stds")
    of: Literal["imagenet", "channels"] | None = positional("whose means and deviations of each channel", None)
    mean: Float = option(0.0, "subtracted")
    std: PositiveFloat = option(1.0, "then divided by")
    means: _EachChannel | None = option(None, 'a mean for each channel: `means="0.49 0.48 0.45"`')
    stds: _EachChannel | None = option(None, "a deviation for each channel")

    @model_validator(mode="after")
    def _one_of_three(self) -> "Normalize":
        plain = self.mean != 0 or self.std != 1
        each = self.means is not None or self.stds is not None
        if (self.of is not None) + plain + each > 1:
            raise ValueError(
                "`imagenet` or `channels`, one `mean` and `std`, and `means` and `stds` exclude each other"
            )
        if each and (self.means is None or self.stds is None or len(self.means.split()) != len(self.stds.split())):
            raise ValueError("`means` and `stds` go together: as many of both as there are channels")
        if self.means is not None and self.stds is not None:
            try:
                means, stds = ([float(word) for word in text.split()] for text in (self.means, self.stds))
            except ValueError:
                raise ValueError("`means` and `stds` are numbers in quotes") from None
            if not all(map(isfinite, (*means, *stds))) or min(stds) < 1e-6:
                raise ValueError("`means` are finite, `stds` above 0")
        return self

    @property
    def by_channel(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The mean and the deviation of each channel; None where all channels have the same, or they are not known."""
        if self.of == "imagenet":
            return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        if self.means is None or self.stds is None:
            return None
        return tuple(map(float, self.means.split())), tuple(map(float, self.stds.split()))


class Shuffle(Definition):
    """The order of the training examples, drawn anew for each epoch from the seed."""

    kind: Literal["shuffle"] = "shuffle"
    mode: Literal["on", "off"] = positional("`off` keeps the order of the file", "on")
    buffer: PositiveInt | None = option(None, "shuffle only within blocks of so many, as a stream's buffer does")

    @model_validator(mode="after")
    def _off_is_off(self) -> "Shuffle":
        if self.mode == "off" and self.buffer is not None:
            raise ValueError("`off` and `buffer=` contradict each other")
        return self


_BYTES = 256

# Quotes and control characters would end the string that a path is written as.
_Path = Annotated[
    str, Field(pattern=r'^[^"\x00-\x1f\x7f]+$', max_length=4096), Expects("the path of a file, in quotes")
]


class Text(Definition):
    """How a text becomes token numbers: every character, word, byte, or piece of a word is one.

    Source of `bpe`: Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016; of
    bytes, as in Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
    """

    kind: Literal["text"] = "text"
    later = ("file", "whole", "tagged")
    unit: Annotated[Literal["chars", "words", "bytes", "bpe"], Also(characters="chars")] = positional(
        "what a token is; words are those and marks of punctuation, `bpe` learns pieces of words", "chars"
    )
    length: PositiveInt | None = option(None, "tokens in an example; 128, or as the input says, unless given")
    size: PositiveInt | None = option(
        None,
        "how many tokens there are at most, the most frequent; all others are one token then. Of `bpe` how many are "
        "learned, 8000 unless given",
    )
    file: _Path | None = option(
        None, "of `bpe` a tokenizer.json of Hugging Face's tokenizers, in the folder of the spec; learned unless given"
    )
    whole: bool = option(
        False, "each text is an example as a whole, with its class: so it is, without this word, of folders of classes"
    )
    tagged: bool = option(
        False,
        "each word has a label: lines of a word and its label, or JSON lines with the lists `tokens` and `labels`; so "
        "it is, without this word, of files that end in .conll, .bio or .iob",
    )

    @model_validator(mode="after")
    def _size_of_something(self) -> "Text":
        if self.unit == "bytes" and self.size is not None:
            raise ValueError("there are 256 bytes: leave `size` out")
        if self.unit == "bpe" and self.size is not None and self.size <= _BYTES:
            raise ValueError(f"`bpe` begins with the {_BYTES} bytes: `size` is larger than that")
        if self.unit == "bpe" and self.size is not None and self.file is not None:
            raise ValueError("`file` says how many tokens there are: leave `size` out")
        if self.unit != "bpe" and self.file is not None:
            raise ValueError("`file` is of a tokenizer: say `text bpe`")
        if self.tagged and self.whole:
            raise ValueError("`tagged` gives each word a label, and `whole` each text a class: keep one")
        if self.tagged and self.unit != "words":
            raise ValueError("words with labels are as the file has them: say `text words tagged`")
        if self.size == 1:
            raise ValueError("one token says nothing: `size` is 2 or more")
        return self


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
_Alpha = Annotated[float, Field(ge=0, le=LARGEST), Expects("a number, 0 or more")]

_CROP = (0.08, 1.0)
"""What `resized_crop` alone stands for, as in torchvision and Keras's examples."""


def _crop(value: Any) -> Any:
    return {True: _CROP, False: None}[value] if isinstance(value, bool) else value


class Augment(Definition):
    """Training images are changed at random, each one anew in each step; evaluation sees them as they are.

    After `until`, only `pad` and `flip` go on: they move whole pixels, which leaves an image as sharp as it was.
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
        if not (self.warps or self.changes_values or self.mixes):
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
        if self.until != 1 and not (self._reads_between or self.changes_values or self.mixes):
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
        """Return how many numbers are in memory for an image of channels x height x width while it is changed."""
        size, (height, width) = prod(shape), shape[1:]
        values = size + (2 * height * width if self.warps else 0) + (3 * size if self.noise else 0)
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


class Clip(Definition):
    """Gradient clipping, by the norm of all gradients together or by each value."""

    kind: Literal["clip"] = "clip"
    norm: PositiveFloat | None = positional("gradients whose common norm is larger are scaled down to it", None)
    value: PositiveFloat | None = option(None, "each value is cut to ± this")

    @model_validator(mode="after")
    def _something(self) -> "Clip":
        if self.norm is None and self.value is None:
            raise ValueError("say what to clip: `clip 1.0` (the norm) or `clip value=0.5`")
        return self


class Evaluate(Definition):
    """Looks at the test set (and the validation set) also within an epoch; at its end they are looked at anyway."""

    kind: Literal["evaluate"] = "evaluate"
    every: PositiveInt | None = option(None, "steps between two evaluations")
    batch: PositiveInt | None = option(
        None, "examples taken at a time; unless given 1000, or as many as take 512 MB where these are fewer"
    )


class EarlyStop(Definition):
    """Training ends when a measurement has not become better for some epochs."""

    kind: Literal["early_stop"] = "early_stop"
    patience: PositiveInt = positional("epochs in a row without improvement after which training ends", 3)
    min_delta: NonNegativeFloat = option(0.0, "what counts as an improvement: by more than this")
    on: Measurement = option(
        "val_loss", "what is watched, a loss or a metric of a split; `val_…` needs `data { validation N }`"
    )


class TimeLimit(Definition):
    """Training ends at the next step, with a last look at the splits, when so much time has been spent on it in all."""

    kind: Literal["time_limit"] = "time_limit"
    hours: NonNegativeFloat = option(0.0, "hours")
    minutes: NonNegativeFloat = option(0.0, "and minutes")
    seconds: NonNegativeFloat = option(0.0, "and seconds")

    @model_validator(mode="after")
    def _some_time(self) -> "TimeLimit":
        if not self.total:
            raise ValueError("say how long: `time_limit minutes=30`")
        return self

    @property
    def total(self) -> float:
        """The limit in seconds."""
        return 3600 * self.hours + 60 * self.minutes + self.seconds


class Ema(Definition):
    """An exponential moving average of the weights, taken after each update, is what is evaluated and saved.

    Early on it forgets faster: update t keeps min(decay, (1 + t) / (10 + t)) of it, as in TensorFlow's
    ExponentialMovingAverage. Running averages of batch normalization are averaged likewise.
    """

    kind: Literal["ema"] = "ema"
    decay: Annotated[float, Field(gt=0, lt=1), Expects("a number between 0 and 1")] = positional(
        "share of the average that an update keeps", 0.999
    )


_Kept = Annotated[
    Annotated[int, Field(gt=0, le=LARGEST)] | Literal["all"], Expects("a positive whole number, or `all`")
]


class Checkpoint(Definition):
    """When all that a training consists of is saved, so that `netspec resume` goes on to the same bits.

    Whatever is due first: so many steps, seconds or epochs after the last one. The two newest are kept. The models of
    the best and the last epoch are kept in any case, those of other epochs where `keep` says so.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    mode: Literal["on", "off"] = positional("`off` saves none but at an interruption", "on")
    every: PositiveInt | None = option(None, "steps between two")
    seconds: PositiveFloat | None = option(None, "seconds between two; 60 where nothing is said")
    epochs: PositiveInt | None = option(None, "epochs between two; 1 where nothing is said")
    keep: _Kept | None = option(None, "how many epochs' models stay, the newest or `all`, as epoch_001.safetensors …")

    @model_validator(mode="after")
    def _off_is_off(self) -> "Checkpoint":
        if self.mode == "off" and self.is_set:
            raise ValueError("say either `off` or when, not both")
        return self

    @property
    def is_set(self) -> bool:
        """Whether a distance is given."""
        return not (self.every is None and self.seconds is None and self.epochs is None)


class OnNonfinite(Definition):
    """What happens when a loss, a weight or an average is no longer a finite number."""

    kind: Literal["on_nonfinite"] = "on_nonfinite"
    mode: Literal["stop", "rewind"] = positional(
        "`stop` ends the training; `rewind` goes back to the last sound state and leaves the guilty batch out", "stop"
    )
    limit: PositiveInt = option(10, "batches left out at most, then the training ends")


class OutputSettings(Definition):
    """How one of several outputs is learned: `output age loss=mse weight=0.1 target=years`."""

    kind: Literal["output"] = "output"
    loss: AnyLoss | None = option(None, "what is made small of it; follows from its last layer unless given")
    weight: PositiveFloat = option(1.0, "by how much its loss counts in the sum of all")
    target: str | None = option(None, "the name of what it is compared with; its own unless given")
