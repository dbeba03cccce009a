"""Picture files of users as arrays, brought to the size of a network's input, and their masks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netspec.data.checks import shape_text
from netspec.data.files.decoding import decoded, opened
from netspec.data.files.images import border_color
from netspec.diagnostics.diagnostic import DataError

__all__ = ["Resize", "geometry", "mask_of", "picture_of", "require_picture_shape", "size_of"]

Resize: TypeAlias = Literal["crop", "center", "fit", "stretch"]
"""How a picture gets another size: see `DataSource.resize`."""


def require_picture_shape(shape: Sequence[int], what: str) -> None:
    """Raise DataError where an input is not that of pictures."""
    if len(shape) == 3 and shape[0] in (1, 3):
        return
    row = f"write `input 1x28x28`, channels x height x width: `fc` flattens it; here it is {shape_text(tuple(shape))}"
    raise DataError(f"{what} is pictures of 1 or 3 channels, which the input is not", row)


def picture_of(
    content: Path | bytes, name: str, shape: Sequence[int], resize: Resize, *, is_quiet: bool = False
) -> tuple[NDArray[np.uint8], str]:
    """Return a picture in the shape of an input, (C, H, W), and what should be known of it.

    Raises:
        DataError: it is no picture, damaged or huge.
    """
    channels, height, width = shape
    longest = 2 * max(height, width)
    picture, note = decoded(
        content, name, "L" if channels == 1 else "RGB", at_least=(longest, longest), is_quiet=is_quiet
    )
    pixels = _fitted(picture, (height, width), resize)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)), note


def _fitted(picture: Image.Image, size: tuple[int, int], resize: Resize) -> NDArray[np.uint8]:
    """Return a picture in another size, (H, W, C)."""
    height, width = size
    inner, box = geometry(picture.size, size, resize)
    scaled = np.asarray(picture.resize(inner, Image.Resampling.BICUBIC, box=box))
    scaled = scaled[..., None] if scaled.ndim == 2 else scaled
    if inner == (width, height):
        return scaled
    canvas = np.empty((height, width, scaled.shape[2]), np.uint8)
    canvas[:] = border_color(picture)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas


def geometry(
    own: tuple[int, int], size: tuple[int, int], resize: Resize
) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """Return the width and height that a part of a picture gets, and the part: left, top, right, bottom."""
    width, height = own
    high, wide = size
    whole = (0.0, 0.0, float(width), float(height))
    if resize == "stretch":
        return (wide, high), whole
    if resize == "fit":
        scale = min(high / height, wide / width)
        return (min(wide, max(1, round(width * scale))), min(high, max(1, round(height * scale)))), whole
    scale = max(high / height, wide / width) * (_CENTER if resize == "center" else 1)
    across, down = min(float(width), wide / scale), min(float(height), high / scale)
    left, top = (width - across) / 2, (height - down) / 2
    return (wide, high), (left, top, left + across, top + down)


_CENTER = 8 / 7
"""So much larger than its size a picture becomes, of which `resize center` keeps the middle."""


def mask_of(content: bytes, name: str, size: tuple[int, int], resize: Resize, beside: tuple[int, int] | None) -> Any:
    """Return a mask as the values of its pixels, (H, W) of int32, each that of the nearest pixel.

    A palette's numbers, and grey values, are taken as they are; colors are numbers of 24 bits.

    Args:
        content: of the file.
        name: what messages call it.
        size: height and width of the input.
        resize: as the picture is resized.
        beside: width and height of its picture; None where that does not matter.

    Raises:
        DataError: it is no picture, or of another size than the picture.
    """
    picture = opened(content, name, is_quiet=True)
    if beside is not None and picture.size != beside:
        raise DataError(
            f"{name} has {picture.width}x{picture.height} pixels, and its picture {beside[0]}x{beside[1]}",
            "a mask has the size of its picture",
        )
    if picture.mode in {"1", "RGBA", "LA", "CMYK", "YCbCr", "HSV"}:
        picture = picture.convert({"1": "L", "LA": "L"}.get(picture.mode, "RGB"))
    inner, box = geometry(picture.size, size, resize)
    values = np.asarray(_nearest(picture, inner, box)).astype(np.int32)
    if values.ndim == 3:
        grey = (values == values[..., :1]).all()
        values = values[..., 0] if grey else (values[..., 0] << 16) + (values[..., 1] << 8) + values[..., 2]
    if inner == (size[1], size[0]):
        return values
    # Beside the picture lies the color of its border, beside the mask what its edge is.
    before = [(size[axis] - values.shape[axis]) // 2 for axis in (0, 1)]
    return np.pad(values, [(b, size[axis] - values.shape[axis] - b) for axis, b in enumerate(before)], mode="edge")


def _nearest(picture: Image.Image, inner: tuple[int, int], box: tuple[float, float, float, float]) -> NDArray[Any]:
    pixels = np.asarray(picture)
    left, top, right, bottom = box
    columns = np.floor(left + (np.arange(inner[0]) + 0.5) * (right - left) / inner[0]).astype(np.int64)
    rows = np.floor(top + (np.arange(inner[1]) + 0.5) * (bottom - top) / inner[1]).astype(np.int64)
    found: NDArray[Any] = pixels[rows.clip(0, len(pixels) - 1)][:, columns.clip(0, pixels.shape[1] - 1)]
    return found


def size_of(content: bytes) -> tuple[int, int]:
    """Return the width and height that a picture's file says, upright."""
    with Image.open(io.BytesIO(content)) as image:
        turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
        return (image.height, image.width) if turned else image.size
