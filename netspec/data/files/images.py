"""Reading one picture from a file into the shape and colors that a network takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.data.checks import shape_text
from netspec.data.files.decoding import decoded
from netspec.data.files.framing import framed, is_framed
from netspec.data.resize import resize
from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import DatasetInfo

__all__ = ["Picture", "border_color", "read_image", "read_picture"]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A picture as a network takes it.

    Attributes:
        pixels: (C, H, W) uint8.
        framed: whether what is drawn was found and given place, size and contrast.
        notes: what the user should know of it, a line each.
    """

    pixels: NDArray[np.uint8]
    framed: bool
    notes: tuple[str, ...]


def read_image(path: str | Path, shape: tuple[int, ...], *, invert: bool | None = None) -> NDArray[np.uint8]:
    """Return a picture as a network takes it; arguments and errors are those of `read_picture`."""
    return read_picture(path, shape, invert=invert).pixels


def read_picture(
    source: str | Path | bytes,
    shape: tuple[int, ...],
    *,
    invert: bool | None = None,
    like: DatasetInfo | None = None,
    name: str | None = None,
) -> Picture:
    """Return a picture as a network takes it, and what was done to it.

    The whole picture is kept: it is scaled to fit, and what is left over takes the color of its border. But where a
    dataset has images of one thing drawn on plain ground, what is drawn is looked for, and framed as in that dataset.
    A picture of the network's own size is taken for one that is framed already, as is one that looks so. What is
    transparent counts as white.

    Args:
        source: a file of any format that Pillow reads itself, or what is in it.
        shape: channels (1 or 3), height and width.
        invert: whether to swap dark and bright. None does so for one channel and a light border: digits on
            paper are dark on light, those of MNIST are bright on dark.
        like: the dataset whose images the network knows; None leaves the picture as it is.
        name: what messages call it; its path unless given.

    Raises:
        DataError: it is missing, a folder, empty, no picture, damaged or huge; or `shape` is no picture's.
    """
    name = str(source) if name is None else name
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"{name}: a picture has 1 or 3 channels, but the network takes {shape_text(shape)}",
            "give the examples as an array in a .npy file",
        )
    content = source if isinstance(source, bytes) else Path(source)
    picture, note = decoded(content, name, "L" if shape[0] == 1 else "RGB")
    notes = [note] if note else []
    size = (shape[1], shape[2])
    framing = like.framing if like and shape[0] == 1 else None
    own = (like.shape[1], like.shape[2]) if like else size
    known = (picture.height, picture.width) in (size, own)
    if like and framing and not known and not is_framed(picture, framing, own):
        found = framed(picture, framing, own, invert=invert)
        if found is not None:
            return Picture(resize(found[None, None], size)[0], True, tuple(notes))
        notes.append(f"{name}: nothing is found in it that looks drawn or written, as the images of {like.name} are")
    border = border_color(picture)
    if invert is None:
        invert = shape[0] == 1 and border[0] > 127
    pixels = _padded(picture, border, size)
    if invert:
        pixels = 255 - pixels
    return Picture(np.ascontiguousarray(pixels.transpose(2, 0, 1)), False, tuple(notes))


def border_color(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the median of the outermost pixels, a value per channel."""
    width, height = picture.size
    sides = [(0, 0, width, 1), (0, height - 1, width, height)]
    if height > 2:
        sides += [(0, 1, 1, height - 1), (width - 1, 1, width, height - 1)]
    border = np.concatenate([_channels_last(picture.crop(side)).reshape(-1, len(picture.getbands())) for side in sides])
    median: NDArray[np.uint8] = np.median(border, axis=0).astype(np.uint8)
    return median


def _padded(picture: Image.Image, color: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture scaled to fit into `size` and centered there, (H, W, C)."""
    height, width = size
    scale = min(height / picture.height, width / picture.width)
    inner = (
        min(width, max(1, round(picture.width * scale))),
        min(height, max(1, round(picture.height * scale))),
    )
    scaled = _channels_last(picture.resize(inner, Image.Resampling.BICUBIC))
    canvas = np.empty((height, width, scaled.shape[2]), np.uint8)
    canvas[:] = color
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas


def _channels_last(picture: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels
