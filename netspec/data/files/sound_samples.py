"""Decoding sound files to the samples of one channel, from -1 to 1, at the rate that is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netspec.data.files.wav import LARGEST, PIECE, fitted, reach, samples_of
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.libsndfile import opened
from netspec.sources.files.sound_headers import SoundHeader, header_of

__all__ = ["decoded", "waveform"]


def waveform(content: bytes, name: str, rate: int, samples: int) -> NDArray[np.float32]:
    """Return the beginning of a sound, (samples,), from -1 to 1: the mean of its channels, at a rate.

    What is shorter is followed by silence.

    Args:
        content: of the file.
        name: what messages call it.
        rate: samples a second.
        samples: how many are wanted.

    Raises:
        DataError: it is no sound, damaged, or of a form that is not read.
    """
    header = header_of(content, name)
    # What lies further behind does not reach into what is wanted.
    most = -(-samples * header.rate // rate) + reach(header.rate, rate)
    return fitted(decoded(content, header, name, most), header.rate, rate, samples)


def decoded(content: bytes, header: SoundHeader, name: str, most: int) -> NDArray[np.float64]:
    """Return the samples of a sound at its own rate, (N,): the mean of its channels.

    Args:
        content: of the file.
        header: what it says of itself.
        name: what messages call it.
        most: how many are read at most.

    Raises:
        DataError: it is damaged or cut off, or some samples are not finite.
    """
    if header.wav:
        return samples_of(content, header.wav, name, most)
    wanted, piece = min(header.frames, most), max(1, PIECE // header.channels)
    made, there = np.empty(wanted), 0
    with opened(content, name) as sound:
        while there < wanted:
            values = sound.read(min(piece, wanted - there), dtype="float64", always_2d=True)
            if not len(values):
                break
            if not (np.abs(values) <= LARGEST).all():
                message = f"{name} has samples that are no finite numbers, or far beyond -1 to 1"
                raise DataError(message, "write the file again")
            made[there : there + len(values)] = values.mean(axis=1)
            there += len(values)
    # How many there are is a guess of an MP3 file; what stops in its midst is played as far as it goes.
    if there < wanted and (header.form != "MP3" or not there):
        raise DataError(f"{name} is cut off: it has {there:,} of {header.frames:,} samples", "write the file again")
    return made[:there]
