"""What a sound file says of itself: a plain WAV file by its own bytes, any other by libsndfile; nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.sound_settings import MOST_RATE
from netspec.sources.files.libsndfile import form_of_bytes, is_other_sound, opened
from netspec.sources.files.wav_headers import LEAST_RATE, MOST_CHANNELS, OtherWavError, Wav, is_wav, wav_of

__all__ = ["SoundHeader", "header_of"]

_MOST_SAMPLES = 10_000
"""For each byte of a file: even silence takes more room than that, so that more is a lie."""
_NAMES = {
    "MPEG_LAYER_I": "MPEG layer I",
    "MPEG_LAYER_II": "MPEG layer II",
    "MPEG_LAYER_III": "MP3",
    "VORBIS": "Ogg Vorbis",
    "OPUS": "Ogg Opus",
    "ULAW": "µ-law",
    "ALAW": "A-law",
    "IMA_ADPCM": "IMA ADPCM",
    "MS_ADPCM": "ADPCM",
    "GSM610": "GSM",
    "FLOAT": "32 bit float",
    "DOUBLE": "64 bit float",
}


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """What a sound file says of itself.

    Attributes:
        rate: samples a second.
        channels: how many samples there are at a time.
        frames: how many times there are; of an MP3 file about so many.
        form: how they are written, such as `16 bit` or `MP3`.
        wav: of a plain WAV file where its samples lie; None of what libsndfile reads.
    """

    rate: int
    channels: int
    frames: int
    form: str
    wav: Wav | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def header_of(content: bytes, name: str) -> SoundHeader:
    """Return what a sound file says of itself.

    Args:
        content: of the file.
        name: what messages call it.

    Raises:
        SoundfileMissingError: it is read by a library that is not installed.
        DataError: it is no sound, damaged, cut off, without samples, or of a form that is not read.
    """
    if is_wav(content) or not content:
        try:
            wav = wav_of(content, name)
            form = f"{8 * wav.width} bit{' float' if wav.is_float else ''}"
            return SoundHeader(wav.rate, wav.channels, wav.frames, form, wav)
        except OtherWavError:
            return _of_library(content, name)
    if not is_other_sound(content):
        found = form_of_bytes(content)
        raise DataError(
            f"{name} is {f'a sound of the form {found}, which is not read' if found else 'no sound file'}",
            f"make a FLAC or WAV file of it: `ffmpeg -i in.{found.lower()} out.flac`"
            if found
            else "give a WAV, FLAC, MP3, Ogg or AIFF file; `ffmpeg -i in.m4a out.flac` makes one of another sound",
        )
    return _of_library(content, name)


def _of_library(content: bytes, name: str) -> SoundHeader:
    with opened(content, name) as sound:
        rate, channels, frames = int(sound.samplerate), int(sound.channels), int(sound.frames)
        form = _NAMES.get(sound.subtype) or f"{str(sound.subtype).removeprefix('PCM_').lstrip('SU')} bit"
        packed = "FLAC " if sound.format == "FLAC" else ""
    fix = "write the file again"
    if not 1 <= channels <= MOST_CHANNELS:
        raise DataError(f"{name} says that it has {channels:,} channels", fix)
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise DataError(f"{name} says that it has {rate:,} samples a second", fix)
    if not frames:
        raise DataError(f"{name} has no samples in it", "write the file again, or remove it")
    if not 0 < frames <= _MOST_SAMPLES * len(content):
        raise DataError(f"{name} says that it has {frames:,} samples in {len(content):,} bytes", fix)
    return SoundHeader(rate, channels, frames, packed + form)
