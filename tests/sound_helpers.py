"""Sound files for tests: WAV written by SciPy, or byte by byte where no library writes such; others by soundfile."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import soundfile
from scipy.io import wavfile

__all__ = ["encoded", "riff", "tone", "tones", "wav"]


def wav(rate: int, samples: Any) -> bytes:
    """Return a WAV file of samples, (N,) or (N, channels), as SciPy writes it."""
    stream = io.BytesIO()
    wavfile.write(stream, rate, np.asarray(samples))
    return stream.getvalue()


def encoded(form: str, samples: Any, rate: int = 8000, packed: str | None = None, endian: str = "FILE") -> bytes:
    """Return a sound file of floats, (N,) or (N, channels), as soundfile writes it."""
    given, stream = np.asarray(samples), io.BytesIO()
    channels = given.shape[1] if given.ndim > 1 else 1
    with soundfile.SoundFile(stream, "w", rate, channels, packed, endian, form) as file:
        for start in range(0, len(given), 4096):  # of more at a time the encoder of Ogg needs much of the stack
            file.write(given[start : start + 4096])
    return stream.getvalue()


def tone(hertz: float, *, rate: int = 4000, seconds: float = 0.25, seed: int = 0) -> bytes:
    """Return a WAV file of 16 bits: a tone with a little noise."""
    time = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return wav(rate, (8000 * np.sin(2 * np.pi * hertz * time) + 300 * noise).astype(np.int16))


def tones(each: int = 8, before: str = "") -> dict[str, bytes]:
    """Return the files of two classes: low and high tones."""
    pitches = {"high": 1400, "low": 300}
    return {
        f"{before}{name}/{i}.wav": tone(hertz + 10 * i, seed=100 * hertz + i)
        for name, hertz in pitches.items()
        for i in range(each)
    }


def riff(form: bytes, data: bytes, *, size: int | None = None, before: bytes = b"") -> bytes:
    """Return a WAV file of chunks as they are; the one of the samples may lie about its size."""
    chunk = b"fmt " + struct.pack("<I", len(form)) + form if form else b""
    body = before + chunk + b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
