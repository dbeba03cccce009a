"""Samples of plain WAV files, and samples at another rate."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.wav_headers import Wav

__all__ = ["LARGEST", "PIECE", "fitted", "reach", "resampled", "samples_of"]

_REACH = 10
"""How many samples, of the lower rate, to each side of one a resampled one hangs on: as in SciPy's `resample_poly`."""


_BETA = 5.0
"""Of the Kaiser window, likewise."""
_KEPT = 20_000
"""Tables up to this factor are kept: 4 MB."""
PIECE, _NEW = 65_536, 8192
"""Samples that are decoded, and new ones that are computed, at a time."""
LARGEST = 1e6
"""Of a floating-point sample: those of recordings are at most a little more than 1."""


def fitted(given: NDArray[np.float64], have: int, rate: int, samples: int) -> NDArray[np.float32]:
    """Return samples of one rate at another one, (samples,): cut at the end, or followed by silence."""
    found = resampled(given, have, rate)[:samples]
    made = np.zeros(samples, np.float32)
    made[: len(found)] = found
    return made


def samples_of(content: bytes, wav: Wav, name: str, most: int | None = None) -> NDArray[np.float64]:
    """Return the samples of a sound at its own rate, (N,): the mean of its channels.

    Args:
        content: of the WAV file.
        wav: what it says of itself.
        name: what messages call it.
        most: how many are read at most.

    Raises:
        DataError: some are not finite.
    """
    frames = wav.frames if most is None else min(wav.frames, most)
    made, piece = np.empty(frames), max(1, PIECE // wav.channels)
    for start in range(0, frames, piece):
        count = min(piece, frames - start) * wav.channels
        raw = np.frombuffer(content, np.uint8, count * wav.width, wav.start + start * wav.channels * wav.width)
        values = _values(raw, wav)
        if wav.is_float and not (np.abs(values) <= LARGEST).all():
            message = f"{name} has samples that are no finite numbers, or far beyond -1 to 1"
            raise DataError(message, "write the file again")
        made[start : start + piece] = values.reshape(-1, wav.channels).mean(axis=1)
    return made


def _values(raw: NDArray[np.uint8], wav: Wav) -> NDArray[np.float64]:
    """Return the samples that bytes are, in their order, from -1 to 1."""
    if wav.is_float:
        return raw.view(f"<f{wav.width}").astype(np.float64)
    if wav.width == 1:
        return (raw.astype(np.float64) - 128) / 128
    if wav.width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    values: NDArray[np.float64] = raw.view(f"<i{wav.width}") / 2.0 ** (8 * wav.width - 1)
    return values


def reach(have: int, rate: int) -> int:
    """Return how many samples of one rate, behind the last that is wanted, one of another rate hangs on."""
    return _REACH * -(-max(have, rate) // rate) + 1


def resampled(samples: NDArray[np.float64], have: int, want: int) -> NDArray[np.float64]:
    """Return samples at another rate, (N',): what SciPy's `resample_poly` returns.

    Importing that takes half a second, and sets filters of warnings for the whole process.

    Args:
        samples: (N,).
        have: their rate.
        want: the rate to be.
    """
    if have == want:
        return samples
    common = gcd(have, want)
    up, down = want // common, have // common
    # Files of one rate are many; the table for an odd one may be large.
    table = (_table if max(up, down) <= _KEPT else _table.__wrapped__)(up, down)
    reach = table.shape[1] // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(samples, reach), table.shape[1])
    made = np.empty(-(-len(samples) * up // down))
    for start in range(0, len(made), _NEW):
        at = np.arange(start, min(len(made), start + _NEW)) * down
        made[start : start + _NEW] = np.einsum("nt,nt->n", around[at // up], table[at % up])
    return made


@lru_cache(maxsize=8)
def _table(up: int, down: int) -> NDArray[np.float64]:
    """Return what each sample around a new one counts, (up, samples), by where between two old ones that lies.

    It is a low-pass filter, a sinc in a Kaiser window, at the rate that both rates divide.
    """
    most = max(up, down)
    reach = _REACH * most // up + 1
    offsets = np.arange(up)[:, None] + up * np.arange(reach, -reach - 1, -1)
    inside = np.maximum(0, 1 - (offsets / (_REACH * most)) ** 2)
    low_pass = np.sinc(offsets / most) * np.i0(_BETA * np.sqrt(inside)) * (np.abs(offsets) <= _REACH * most)
    found: NDArray[np.float64] = up * low_pass / low_pass.sum()
    return found
