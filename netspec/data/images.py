"""Reading one picture from a file into the shape and colors that a network takes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from netspec.data.checks import shape_text
from netspec.diagnostics import DataError
from netspec.files import kind_of

__all__ = ["read_image"]

_MOST_PIXELS = 64_000_000
_UNSAFE = {"EPS", "WMF"}  # Pillow hands these to other programs, which would run what is in the file


def read_image(path: str | Path, shape: tuple[int, ...], *, invert: bool | None = None) -> NDArray[np.uint8]:
    """Return a picture as a network takes it.

    The whole picture is kept: it is scaled to fit, and what is left over takes the color of its border.
    What is transparent counts as white.

    Args:
        path: a file of any format that Pillow reads itself.
        shape: channels (1 or 3), height and width.
        invert: whether to swap dark and bright. None does so for one channel and a light border: digits on
            paper are dark on light, those of MNIST are bright on dark.

    Returns:
        `shape` uint8.

    Raises:
        DataError: it is missing, a folder, empty, no picture, damaged or huge; or `shape` is no picture's.
    """
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"{path}: a picture has 1 or 3 channels, but the network takes {shape_text(shape)}",
            "give the examples as an array in a .npy file",
        )
    picture = _open(Path(path), "L" if shape[0] == 1 else "RGB")
    border = _border_color(picture)
    if invert is None:
        invert = shape[0] == 1 and border[0] > 127
    pixels = _padded(picture, border, (shape[1], shape[2]))
    if invert:
        pixels = 255 - pixels
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _open(path: Path, mode: str) -> Image.Image:
    """Return the picture, upright, in the mode `L` or `RGB`."""
    kind = kind_of(path, DataError)
    if kind != "file":
        # A pipe would be waited for, and a device has no end.
        wrong = "is a folder" if kind == "folder" else "is not a file" if kind else "does not exist"
        raise DataError(f"{path} {wrong}", "give the path of a picture, or of an .npy file of examples")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty", "give the path of a picture")
        # Pillow warns of what is odd in a file that it can read; it matters to no one who wants a class. But a picture
        # within a picture, as in an icon, may be larger than the outer one says, and of that it only warns as well.
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_formats()) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise _too_large(path, f"{image.width:,}x{image.height:,} pixels")
                return _flat(ImageOps.exif_transpose(image), path).convert(mode)
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory", "make the picture smaller first") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, "far too many pixels") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not a picture that can be read", "give a PNG or JPEG file") from error
    except OSError as error:
        said = "cannot be read" if error.errno else "is a damaged picture"
        raise DataError(f"{path} {said}: {error.strerror or error}", "write the file again") from error
    except Exception as error:  # Pillow's many decoders raise whatever a damaged file leads them to
        raise DataError(f"{path} is a damaged picture: {error}", "write the file again") from error


def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.ID if name not in _UNSAFE]


def _too_large(path: Path, size: str) -> DataError:
    return DataError(f"{path} has {size}", f"{_MOST_PIXELS:,} are the most: make it smaller first")


def _flat(image: Image.Image, path: Path) -> Image.Image:
    """Return the picture with 8 bits a channel and nothing transparent."""
    if image.mode.startswith("I"):
        return Image.fromarray(_from_16_bits(np.asarray(image), path))
    if image.mode == "F":
        raise DataError(f"{path} holds floating-point pixels", "save it with 8 bits a channel, or give a .npy file")
    if not image.has_transparency_data:
        return image.convert("RGB") if image.mode != "L" else image
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _from_16_bits(values: NDArray[np.generic], path: Path) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65_535:
        raise DataError(f"{path} holds pixels of more than 16 bits", "save it with 8 or 16 bits a channel")
    return ((wide + 128) // 257).astype(np.uint8)


def _border_color(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the median of the outermost pixels, a value per channel."""
    pixels = _channels_last(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
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
