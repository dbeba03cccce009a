"""What a WAV file says of itself: how its samples are written, and where they lie; nothing is decoded.

The sizes that a file states are taken for claims: nothing is read beyond the bytes that are there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.sound_settings import MOST_RATE

__all__ = ["CONVERT", "LEAST_RATE", "MOST_CHANNELS", "OtherWavError", "Wav", "is_wav", "wav_of"]

CONVERT = "`ffmpeg -i in.{0} -c:a pcm_s16le out.wav`, or `sox in.{0} out.wav`, writes one that is read"
"""What makes a WAV file of 16 bits of another sound file, by its ending."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CODES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3", 0xFF: "AAC"}
_READ = frozenset((2, 6, 7, 17, 49))
"""Those that libsndfile reads."""
_UNKNOWN_SIZE = 0xFFFFFFFF
"""What programs state that write to a pipe: the samples go on to the end of the file."""

_MOST_CHUNKS = 10_000
MOST_CHANNELS, LEAST_RATE = 256, 100
_SUFFIX = bytes.fromhex("000000001000800000aa00389b71")
"""How the identifier of a form ends that is one of the plain ones."""


class OtherWavError(DataError):
    """A WAV file is packed, or of another kind than the plain one."""


@dataclass(frozen=True, slots=True)
class Wav:
    """How the samples of a file are written, and where.

    Attributes:
        is_float: whether they are floating-point numbers; else whole ones.
        channels: how many samples there are at a time.
        rate: times a second.
        width: bytes of a sample.
        start: where they begin.
        frames: how many times there are.
    """

    is_float: bool
    channels: int
    rate: int
    width: int
    start: int
    frames: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def is_wav(content: bytes) -> bool:
    """Return whether a file begins as WAV files do."""
    return content[:4] in (b"RIFF", b"RIFX", b"RF64") and content[8:12] == b"WAVE"


def wav_of(content: bytes, name: str) -> Wav:
    """Return how the samples in a WAV file are written.

    Args:
        content: of the file.
        name: what messages call it.

    Raises:
        OtherWavError: it is packed, or of another kind: a library may read it.
        DataError: it is none, damaged, cut off, or without samples.
    """
    if not content:
        raise DataError(f"{name} is empty", "give a sound")
    if not is_wav(content):
        raise DataError(f"{name} is no WAV file", "give one: `ffmpeg -i in.mp3 out.wav` makes one of another sound")
    if content[:4] != b"RIFF":
        raise OtherWavError(f"{name} is a WAV file of the kind {content[:4].decode()}", CONVERT.format("wav"))
    form: tuple[bool, int, int, int] | None = None
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(content):
            break
        what, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if what == b"fmt ":
            form = _form(content[at + 8 : at + 8 + min(size, 64)], name)
        elif what == b"data":
            if form is None:
                raise DataError(f"{name} is damaged: its samples come before what they are", "write the file again")
            return _samples(form, at + 8, size, len(content), name)
        at += 8 + size + (size & 1)
    lacks = "has no samples in it" if form else "does not say what its samples are"
    raise DataError(f"{name} is damaged: it {lacks}", "write the file again")


def _form(chunk: bytes, name: str) -> tuple[bool, int, int, int]:
    """Return whether samples are floats, their channels, their rate and the bytes of each."""
    try:
        code, channels, rate, _, together, bits = struct.unpack_from("<HHIIHH", chunk)
    except struct.error:
        raise DataError(f"{name} is damaged: it does not say what its samples are", "write the file again") from None
    if code == _EXTENSIBLE:
        if len(chunk) < 40 or chunk[26:40] != _SUFFIX:
            raise OtherWavError(f"{name} is a WAV file of a form that is not known", CONVERT.format("wav"))
        code = int.from_bytes(chunk[24:26], "little")
    if code not in (_PCM, _FLOAT):
        said = _CODES.get(code, f"the form {code}")
        raise (OtherWavError if code in _READ else DataError)(
            f"{name} is a WAV file packed as {said}", CONVERT.format("wav")
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise DataError(f"{name} says that it has {channels:,} channels", "write the file again")
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise DataError(f"{name} says that it has {rate:,} samples a second", "write the file again")
    width, rest = divmod(together, channels)
    if rest or width not in ((4, 8) if code == _FLOAT else (1, 2, 3, 4)) or not 0 < bits <= 8 * width:
        kind = "floating-point samples" if code == _FLOAT else "samples"
        raise DataError(f"{name} has {kind} of {bits} bits in {together} bytes", CONVERT.format("wav"))
    return code == _FLOAT, channels, rate, width


def _samples(form: tuple[bool, int, int, int], start: int, size: int, end: int, name: str) -> Wav:
    is_float, channels, rate, width = form
    there = end - start
    each = channels * width
    if size > there and size < _UNKNOWN_SIZE - each:
        raise DataError(
            f"{name} is cut off: it has {there // each:,} of {size // each:,} samples", "write the file again"
        )
    frames = min(size, there) // each
    if not frames:
        raise DataError(f"{name} has no samples in it", "write the file again, or remove it")
    return Wav(is_float, channels, rate, width, start, frames)
