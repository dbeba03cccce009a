"""Resizing a stack of images on the host, with Pillow's bicubic filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["resize"]


def resize(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the images in another size; shrinking is antialiased, the aspect ratio follows `size`.

    Args:
        images: (N, C, H, W) uint8.
        size: the new height and width, each at least 1.

    Returns:
        (N, C, *size) uint8; the same array when the size is already right.
    """
    if images.shape[2:] == size:
        return images
    height, width = size
    resized = np.empty((*images.shape[:2], height, width), np.uint8)
    # Channels are resized one by one: then any number of them will do, and each is one grey image to Pillow.
    planes = np.ascontiguousarray(images).reshape(-1, *images.shape[2:])
    for plane, target in zip(planes, resized.reshape(-1, height, width), strict=True):
        target[:] = np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
    return resized
