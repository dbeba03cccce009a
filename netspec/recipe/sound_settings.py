"""How sounds become numbers: `sound 16000 seconds=1` keeps the waveform, `mel=40` makes a spectrogram of it."""

from math import log10
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from netspec.schema.definition import Definition, option, positional
from netspec.schema.types import Expects

__all__ = ["FLOOR", "MOST_RATE", "Sound", "as_spectrogram"]

MOST_RATE = 384_000
"""Samples a second: twice what the best recorders write."""

FLOOR = -100.0
"""Decibels of full scale that count as silence in a spectrogram."""

_MOST_SAMPLES = 20_000_000
"""Of one example: seven minutes at 48,000 Hz."""

_Rate = Annotated[int, Field(ge=100, le=MOST_RATE), Expects(f"samples a second, 100 to {MOST_RATE:,}")]
_Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False), Expects("a number of seconds, above 0")]
_Bands = Annotated[int, Field(ge=2, le=512), Expects("a whole number from 2 to 512")]
_Milliseconds = Annotated[
    float, Field(gt=0, le=10_000, allow_inf_nan=False), Expects("a number of milliseconds, above 0")
]

_WINDOW, _HOP = 25.0, 10.0
"""Milliseconds: what recognizers of speech take."""

_USUAL_BANDS = (40, 32, 24, 16, 8)


class Sound(Definition):
    """Sound files become waveforms of one length, or log-mel spectrograms, which are read as pictures.

    Several channels become their mean. A file of another rate is resampled; what is longer is cut at its end, what is
    shorter is followed by silence. A waveform is a sequence of samples from -1 to 1, `1 x samples`. With `mel` it is
    `1 x bands x frames`: the power of each frame behind a Hann window, summed up in triangles that are even on the mel
    scale (HTK's, 0 Hz to half the rate, each 1 at its peak), in decibels of full scale, of which -100 and less is 0 and
    0 is 1.
    """

    kind: Literal["sound"] = "sound"
    example: ClassVar[str] = "sound 8000 seconds=1"
    rate: _Rate = positional("samples a second, in Hz: 8000 of a telephone, 16000 of most speech, 44100 of a CD")
    seconds: _Seconds = option(..., "how long an example is")
    mel: _Bands | None = option(None, "bands of a log-mel spectrogram; without it the waveform is read")
    window: _Milliseconds = option(_WINDOW, "of a spectrogram: milliseconds that a frame looks at")
    hop: _Milliseconds = option(_HOP, "of a spectrogram: milliseconds from one frame to the next")

    @model_validator(mode="after")
    def _of_some_length(self) -> "Sound":
        if self.rate * self.seconds > _MOST_SAMPLES:
            raise ValueError(f"{self.rate * self.seconds:,.0f} samples are too many: {_MOST_SAMPLES:,} are the most")
        if self.samples < 1:
            raise ValueError("an example has a sample at least: say more `seconds`")
        if self.mel is None:
            if (self.window, self.hop) != (_WINDOW, _HOP):
                raise ValueError("`window` and `hop` are of a spectrogram: say `mel=40` too")
            return self
        if self.window_samples < 2 or self.hop_samples < 1:
            raise ValueError("a frame has 2 samples at least, and the next one begins later: say more milliseconds")
        if self.frames < 1:
            raise ValueError(f"a frame of {self.window:g} ms is longer than the example: say more `seconds`")
        if self._narrow:
            raise ValueError(
                f"`mel={self.mel}` has bands that are narrower than what {self.window:g} ms tell apart: say "
                f"`mel={self._most_bands}`, or a longer `window`"
            )
        return self

    @property
    def samples(self) -> int:
        """How many samples an example has."""
        return round(self.rate * self.seconds)

    @property
    def window_samples(self) -> int:
        """How many samples a frame looks at."""
        return round(self.rate * self.window / 1000)

    @property
    def hop_samples(self) -> int:
        """How many samples lie between the beginnings of two frames."""
        return round(self.rate * self.hop / 1000)

    @property
    def fft_samples(self) -> int:
        """How many samples are transformed for a frame, silence behind it included: a power of two."""
        return 1 << (self.window_samples - 1).bit_length()

    @property
    def frames(self) -> int:
        """How many frames an example has; all lie within it."""
        return max(0, 1 + (self.samples - self.window_samples) // self.hop_samples)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example: `1 x samples`, or `1 x bands x frames`."""
        return (1, self.samples) if self.mel is None else (1, self.mel, self.frames)

    @property
    def shortest(self) -> str:
        """The settings as they are written."""
        said = f"sound {self.rate} seconds={self.seconds:g}"
        if self.mel is None:
            return said
        window = "" if self.window == _WINDOW else f" window={self.window:g}"
        return f"{said} mel={self.mel}{window}" + ("" if self.hop == _HOP else f" hop={self.hop:g}")

    def edges(self) -> list[float]:
        """Return the frequencies, in Hz, between which the bands of a spectrogram rise and fall.

        Band `i` rises from the `i`-th to the next, where it is 1, and falls to the one behind that.
        """
        return _edges(self.mel or 0, self.rate)

    @property
    def _narrow(self) -> bool:
        return _has_empty_band(self.edges(), self.rate / self.fft_samples)

    @property
    def _most_bands(self) -> int:
        step = self.rate / self.fft_samples
        counts = range(self.mel or 2, 1, -1)
        return next((count for count in counts if not _has_empty_band(_edges(count, self.rate), step)), 2)


def as_spectrogram(rate: int, seconds: float) -> Sound:
    """Return settings by which sounds become spectrograms: fewer bands where their rate is low."""
    for bands in _USUAL_BANDS:
        try:
            return Sound(rate=rate, seconds=seconds, mel=bands)
        except ValueError:
            continue
    return Sound(rate=rate, seconds=max(seconds, 0.1), mel=2, window=100)


def _edges(bands: int, rate: int) -> list[float]:
    top = 2595 * log10(1 + rate / 2 / 700)
    return [700 * (10 ** (top * i / (bands + 1) / 2595) - 1) for i in range(bands + 2)]


def _has_empty_band(edges: list[float], step: float) -> bool:
    """Return whether no multiple of the step lies within some band: it would be silent whatever is heard."""
    return any((int(low // step) + 1) * step >= high for low, high in zip(edges, edges[2:], strict=False))
