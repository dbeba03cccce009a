"""Pixels for display: examples as networks read them, (C, H, W) in any range, made visible."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.diagnostics.diagnostic import DataError

__all__ = ["channel_note", "displayable", "middle_slice", "png_of"]

_SIDE = 96
"""Pixels of the height of small pictures, at least."""


def displayable(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return images as RGB values to show.

    Of a volume the middle slice is shown. One channel becomes gray, three stay RGB, any other number is averaged to
    gray. `uint8` is 0..255.
    Other values are taken as they are when all lie in 0..1, and otherwise the range they have together is
    stretched to 0..1, so that images shifted to -1..1 show as before. What is not finite becomes black.

    Args:
        images: (N, C, H, W) or (N, C, D, H, W), numbers.

    Returns:
        (N, H, W, 3), in 0..1.

    Raises:
        DataError: the array has another rank, or no pixels.
    """
    images = middle_slice(np.asarray(images))
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise DataError(f"images to draw have shape {images.shape}", "give an array of shape (N, C, H, W)")
    values = _unit_range(images)
    if images.shape[1] != 3:
        values = np.repeat(values.mean(axis=1, keepdims=True), 3, axis=1)
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1))


def middle_slice(values: NDArray[Any]) -> NDArray[Any]:
    """Return the middle slice of volumes, (…, D, H, W) of five axes; other arrays as they are."""
    return values[:, :, values.shape[2] // 2] if values.ndim == 5 else values


def channel_note(channels: int) -> str:
    """Return what to add to a caption when an image of that many channels cannot be shown as it is."""
    return "" if channels in (1, 3) else f" (shown: mean of {channels} channels)"


def png_of(image: NDArray[Any], most: tuple[int, int]) -> bytes:
    """Return a picture of values in 0..1, (H, W, 3), as a PNG file of at most so many pixels, small ones enlarged."""
    picture = Image.fromarray(np.rint(np.asarray(image) * 255).astype(np.uint8))
    times = max(1, round(_SIDE / picture.height))
    picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
    picture.thumbnail(most)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _unit_range(images: NDArray[Any]) -> NDArray[np.float32]:
    if images.dtype == np.uint8:
        return (images / np.float32(255)).astype(np.float32)
    values: NDArray[Any] = images.astype(np.float32)
    finite = np.isfinite(values)
    low, high = values.min(where=finite, initial=np.inf), values.max(where=finite, initial=-np.inf)
    if low < 0 or high > 1:
        values = (values - low) / max(float(high - low), np.finfo(np.float32).tiny)
    unit: NDArray[np.float32] = np.clip(np.where(finite, values, 0), 0, 1).astype(np.float32)
    return unit
