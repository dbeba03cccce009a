"""Log-mel spectrograms of waveforms: how loud each band is at each time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.recipe.sound_settings import FLOOR, Sound

__all__ = ["log_mel", "mel_filters", "power"]

_PIECE = 4096
"""Frames that are transformed at a time: an hour has 360,000."""


def log_mel(samples: NDArray[Any], sound: Sound) -> NDArray[np.float32]:
    """Return how loud each band is at each time, (1, bands, frames): 0 is silence, 1 a sine of full scale, about.

    Args:
        samples: (N,), from -1 to 1, as many as `sound` says.
        sound: the settings.
    """
    filters = mel_filters(sound)
    made = np.empty((1, len(filters), sound.frames), np.float32)
    for start in range(0, sound.frames, _PIECE):
        frames = power(samples, sound, start, min(sound.frames, start + _PIECE))
        # One order of additions, whatever else the machine does: `@` divides them among threads, and is slower here.
        bands = np.einsum("bf,ft->bt", filters, frames)
        decibels = 10 * np.log10(np.maximum(bands, 10 ** (FLOOR / 10)))
        made[0, :, start : start + _PIECE] = 1 - decibels / FLOOR
    return made


def power(samples: NDArray[Any], sound: Sound, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
    """Return the power at each frequency of some frames, (frequencies, frames), as of SciPy's scaling `spectrum`.

    Args:
        samples: (N,).
        sound: the settings.
        start: the first frame.
        stop: the one behind the last.
    """
    hann = _hann(sound.window_samples)
    all_frames = np.lib.stride_tricks.sliding_window_view(samples, sound.window_samples)[:: sound.hop_samples]
    frames = all_frames[start:stop].astype(np.float64) * hann
    values = np.abs(np.fft.rfft(frames, sound.fft_samples, axis=1)) ** 2 / hann.sum() ** 2
    # Each frequency stands for its negative too, but for 0 and the highest.
    values[:, 1:-1] *= 2
    return values.T


def _hann(length: int) -> NDArray[np.float64]:
    """Return a Hann window that goes on as a period."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


@lru_cache(maxsize=4)
def mel_filters(sound: Sound) -> NDArray[np.float64]:
    """Return by how much each frequency counts in each band, (bands, frequencies): triangles of height 1."""
    edges = np.array(sound.edges())
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    frequencies = np.arange(sound.fft_samples // 2 + 1) * sound.rate / sound.fft_samples
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling))
