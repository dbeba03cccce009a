"""Decoding a picture file to 8 bits a channel, upright and without transparency, within bounds of memory.

What a file claims is checked before it is decoded, and what was decoded is converted strip by strip: no copy of a whole
picture is wider than a byte for each channel.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.files.picture_headers import header_of
from netspec.system.files import kind_of

__all__ = [
    "LONGEST_SIDE",
    "MOST_PIXELS",
    "HugePictureError",
    "decoded",
    "opened",
    "picture_endings",
    "quiet",
    "stated_size",
]

MOST_PIXELS = 64_000_000
LONGEST_SIDE = 30_000
_MOST_BYTES = 600_000_000  # of a file: as many as the most pixels have with four channels of 16 bits, and then some
_STRIP = 1_000_000  # pixels converted at a time
_UNSAFE = {"EPS", "WMF"}  # Pillow hands these to other programs, which would run what is in the file
_GREY_16 = {"I;16", "I;16B", "I;16L", "I;16N"}
_READ = {"1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr", "HSV", "I", *_GREY_16}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture upright, by the orientation in its EXIF data."""

Strip: TypeAlias = Callable[[Image.Image], Image.Image]


class HugePictureError(DataError):
    """A picture has more pixels than are decoded."""


def decoded(
    source: Path | bytes, name: str, mode: str, *, at_least: tuple[int, int] | None = None, is_quiet: bool = False
) -> tuple[Image.Image, str]:
    """Return a picture, upright, in the mode `L` or `RGB`, and what should be known of it.

    What is transparent is white.

    Args:
        source: where the file is, or what is in it.
        name: what messages call it.
        mode: `L` or `RGB`.
        at_least: a JPEG of more than twice this width and height may be decoded smaller, which is quicker.
        is_quiet: the caller is within `quiet`; what warns is set for all threads together.

    Raises:
        DataError: it is missing, a folder, empty, no picture, damaged, too large, or of colors that cannot be read.
    """
    with _refusing(name), nullcontext() if is_quiet else quiet():
        _check_file(source, name)
        with _open(source) as image:
            _check_size(image, name)
            if at_least and image.format == "JPEG":
                image.draft(None, at_least)
            convert = _converter(image, name)
            image.load()
            _check_size(image, name)
            flat = _in_strips(image, mode, convert)
            return _upright(image, flat), _frames(image, name)


def opened(source: Path | bytes, name: str, *, is_quiet: bool = False) -> Image.Image:
    """Return a picture, upright, with the pixels that are in its file; the rest is as for `decoded`."""
    with _refusing(name), nullcontext() if is_quiet else quiet():
        _check_file(source, name)
        with _open(source) as image:
            _check_size(image, name)
            image.load()
            _check_size(image, name)
            return _upright(image, image.copy())


def _upright(image: Image.Image, flat: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(image.getexif().get(0x0112, 1))
    return flat.transpose(turn) if turn is not None else flat


def _open(source: Path | bytes) -> Image.Image:
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_formats())


class _Quiet:
    """What warns is set for all threads together: the first that decodes sets it, the last sets it back."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.threads = 0
        self.before = ExitStack()


_quiet = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Let Pillow warn of nothing, and raise for pictures that are far too large.

    It warns of what is odd in a file that it can read; that matters to no one who wants a class. But a picture within a
    picture, as in an icon, may be larger than the outer one says, and of that it only warns as well.
    """
    with _quiet.lock:
        if not _quiet.threads:
            _quiet.before.enter_context(warnings.catch_warnings(action="ignore"))
            warnings.simplefilter("error", Image.DecompressionBombWarning)
        _quiet.threads += 1
    try:
        yield
    finally:
        with _quiet.lock:
            _quiet.threads -= 1
            if not _quiet.threads:
                _quiet.before.close()


def stated_size(content: bytes) -> tuple[int, int] | None:
    """Return the width and height that a picture's file says, without decoding it; None where it says none."""
    if found := header_of(content):
        return found[2], found[1]
    try:
        with quiet(), _open(content) as image:
            return image.size
    except Exception:  # as of a damaged one, which is said where it is decoded
        return None


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Raise DataError for whatever a picture's file leads to."""
    try:
        yield
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{name} does not fit into memory", "make the picture smaller first") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, "far too many pixels") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name} is not a picture that can be read", "give a PNG or JPEG file") from error
    except OSError as error:
        reason = "cannot be read" if error.errno else "is a damaged picture"
        raise DataError(f"{name} {reason}: {error.strerror or error}", "write the file again") from error
    except Exception as error:  # Pillow's many decoders raise whatever a damaged file leads them to
        raise DataError(f"{name} is a damaged picture: {error}", "write the file again") from error


def _check_file(source: Path | bytes, name: str) -> None:
    kind = "file" if isinstance(source, bytes) else kind_of(source, DataError)
    if kind == "folder":
        raise DataError(f"{name} is a folder", "give the path of a picture")
    if kind is None:
        raise DataError(f"{name} does not exist", "give the path of a picture, or of an .npy file of examples")
    if kind == "neither":
        raise DataError(f"{name} is not a file", "give the path of a picture")
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size == 0:
        raise DataError(f"{name} is empty", "give the path of a picture")
    if size > _MOST_BYTES:
        raise DataError(f"{name} has {size:,} bytes", f"{_MOST_BYTES:,} are the most: make the picture smaller first")


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(name, f"{image.width:,}x{image.height:,} pixels")
    if max(image.size) > LONGEST_SIDE:
        raise HugePictureError(
            f"{name} has {image.width:,}x{image.height:,} pixels",
            f"{LONGEST_SIDE:,} are the most on a side: make it smaller, or cut it",
        )


def _too_large(name: str, size: str) -> HugePictureError:
    return HugePictureError(f"{name} has {size}", f"{MOST_PIXELS:,} are the most: make it smaller first")


@cache
def _formats() -> list[str]:
    """Return the formats that are tried, the usual ones first: of small pictures that is most of the time."""
    Image.init()
    return sorted((name for name in Image.ID if name not in _UNSAFE), key=lambda name: name not in {"JPEG", "PNG"})


def picture_endings() -> tuple[str, ...]:
    """Return how the names of picture files end, such as `.png`."""
    readable = set(_formats())
    return tuple(sorted(ending for ending, name in Image.registered_extensions().items() if name in readable))


def _frames(image: Image.Image, name: str) -> str:
    # Those of an MPO file are versions of one photograph, such as phones write.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        return f"{name} has several frames: the first one is read"
    return ""


def _in_strips(image: Image.Image, mode: str, convert: Strip) -> Image.Image:
    """Return the whole picture converted."""
    if image.mode == mode and not image.has_transparency_data:
        return image.copy()
    flat = Image.new(mode, image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        flat.paste(convert(strip).convert(mode), (0, top))
    return flat


def _converter(image: Image.Image, name: str) -> Strip:
    """Return what gives a strip of this picture 8 bits a channel and takes away what is transparent.

    Must be called before the picture is decoded: only then does Pillow tell how its pixels lie in the file.
    """
    if image.mode == "F":
        raise DataError(f"{name} holds floating-point pixels", "save it with 8 bits a channel, or give a .npy file")
    if image.mode not in _READ:
        raise DataError(f"{name} holds pixels of the kind {image.mode}", "save it as grey or RGB, 8 bits a channel")
    if image.mode == "I" or image.mode in _GREY_16:
        return _wide(image, name)
    _scale_transparent_value(image)

    def convert(strip: Image.Image) -> Image.Image:
        if not strip.has_transparency_data:
            return strip.convert("RGB") if strip.mode != "L" else strip
        layer = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")

    return convert


def _scale_transparent_value(image: Image.Image) -> None:
    """Give the one transparent value of a PNG in 8 bits, as its pixels are decoded; the file has it in its own."""
    value = image.info.get("transparency")
    tiles = getattr(image, "tile", None)
    if image.format != "PNG" or value is None or isinstance(value, bytes) or not tiles:
        return
    layout = str(tiles[0][3])
    if isinstance(value, tuple):
        scaled: object = tuple(v >> 8 for v in value) if layout.endswith("16B") else value
    else:
        scaled = value * {"L;2": 85, "L;4": 17}.get(layout, 1)
    if max(scaled if isinstance(scaled, tuple) else (scaled,)) > 255:
        del image.info["transparency"]  # no pixel can have it
    else:
        image.info["transparency"] = scaled


def _wide(image: Image.Image, name: str) -> Strip:
    """Return what converts strips of grey pixels of more than 8 bits."""
    tags = getattr(image, "tag_v2", {})
    bits, white_is_zero = tags.get(258, (16,))[0], tags.get(262) == 0
    if bits > 16:
        raise DataError(f"{name} holds pixels of more than 16 bits", "save it with 8 or 16 bits a channel")
    largest = 4095 if bits == 12 else 65_535
    transparent = image.info.get("transparency")

    def convert(strip: Image.Image) -> Image.Image:
        values: NDArray[np.int32] = np.asarray(strip).astype(np.int32)
        if values.min() < 0 or values.max() > largest:
            raise DataError(f"{name} holds pixels of more than {bits} bits", "save it with 8 or 16 bits a channel")
        grey = ((values * 255 + largest // 2) // largest).astype(np.uint8)
        grey = 255 - grey if white_is_zero else grey
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey)

    return convert
