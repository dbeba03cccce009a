"""Examples as pictures: images as they are, spectrograms with low frequencies at the bottom, waveforms as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.network import Network

__all__ = ["Pictures", "as_pictures", "is_drawn", "upright"]

_HIGH, _WIDE = 48, 96
"""Pixels of the curve of a waveform."""


def is_drawn(network: Network) -> bool:
    """Return whether the examples of a network of one input can be drawn: images, spectrograms, waveforms, volumes."""
    return network.reads_images or network.reads_sounds or network.reads_volumes


def upright(network: Network, maps: NDArray[Any]) -> NDArray[Any]:
    """Return maps, (…, H, W), as they are drawn: those of spectrograms have their lowest band in the last row."""
    sound = network.data.sound if network.data else None
    return maps[..., ::-1, :] if sound and sound.mel and maps.ndim > 2 else maps


def as_pictures(network: Network, values: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return examples, (N, …), as pictures to draw, (N, C, H, W), or volumes, (N, C, D, H, W).

    Args:
        network: which reads them.
        values: the examples.
        shape: of each, as an image or a sequence.
    """
    sound = network.data.sound if network.data else None
    if sound and sound.mel is None and tuple(shape) == sound.shape:
        return _curves(np.asarray(values).reshape(len(values), -1))
    given = values.reshape(-1, *(1,) * (3 - len(shape)), *shape)
    return upright(network, given) if tuple(shape) == (sound.shape if sound else None) else given


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """Examples, of which those that are asked for are made into pictures: others are not even read.

    Attributes:
        network: which reads them.
        values: they, in memory or as rows that are read when they are needed.
        shape: of each, as an image or a sequence.
    """

    network: Network
    values: Any
    shape: Sequence[int]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, at: NDArray[np.integer[Any]]) -> NDArray[Any]:
        return as_pictures(self.network, np.asarray(self.values[at]), self.shape)


def _curves(waveforms: NDArray[Any]) -> NDArray[np.uint8]:
    """Return waveforms, (N, samples) from -1 to 1, as dark curves, (N, 1, H, W)."""
    starts = np.arange(_WIDE) * waveforms.shape[1] // _WIDE
    lowest, highest = (reduce.reduceat(waveforms, starts, axis=1) for reduce in (np.minimum, np.maximum))
    bottom, top = (((1 - np.clip(v, -1, 1)) / 2 * (_HIGH - 1)).round()[:, None] for v in (lowest, highest))
    rows = np.arange(_HIGH)[:, None]
    return np.where((rows >= top) & (rows <= bottom), 40, 255).astype(np.uint8)[:, None]
