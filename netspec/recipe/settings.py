"""The settings of `data { }` and `train { }` that have arguments of their own, one class each; but those of images."""

from math import isfinite
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from netspec.recipe.losses import AnyLoss
from netspec.recipe.metrics import Measurement
from netspec.schema.definition import Definition, option, positional
from netspec.schema.types import (
    LARGEST,
    Also,
    Expects,
    Float,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Range,
)

__all__ = [
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
    "Window",
    "as_ahead",
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


_FARTHEST = 10_000
"""Rows that a target may be ahead."""


def as_ahead(value: object) -> object:
    """Return the ends of a range of rows, checked; one number, or what is neither, as it is."""
    ends = tuple(value) if isinstance(value, list) else value
    if not isinstance(ends, tuple):
        return value
    if len(ends) != 2 or any(float(end) != int(end) for end in ends) or not 1 <= ends[0] < ends[1] <= _FARTHEST:
        raise ValueError("a range goes from one whole number, 1 or more, to a larger one")
    return (float(ends[0]), float(ends[1]))


_Ahead = Annotated[
    Annotated[int, Field(ge=0, le=_FARTHEST)] | tuple[float, float],
    BeforeValidator(as_ahead),
    Expects(f"a whole number of rows, 0 to {_FARTHEST:,}, or a range from 1 on, such as 1..24"),
]


class Window(Definition):
    """An example is so many rows of a table, one after the other, and what is learned stands in a later row."""

    kind: Literal["window"] = "window"
    length: PositiveInt = positional("rows of an example")
    ahead: _Ahead = option(
        1,
        "how many rows after the last one of the example the target stands: 0 is that row itself, and the target is "
        "not read then; `1..24` learns the next 24 at once, with `fc 24`",
    )

    @property
    def first(self) -> int:
        """How many rows ahead the first target stands."""
        return int(self.ahead[0]) if isinstance(self.ahead, tuple) else self.ahead

    @property
    def last(self) -> int:
        """How many rows ahead the last target stands."""
        return int(self.ahead[1]) if isinstance(self.ahead, tuple) else self.ahead


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
