"""The same picture in every depth and kind of PNG, and in other formats, is read as the same picture."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image
from png_helpers import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, png

from netspec.data.files.images import read_picture
from netspec.diagnostics.diagnostic import DataError

HEIGHT, WIDTH = 13, 11
RNG = np.random.default_rng(0)
DEPTHS = [1, 2, 4, 8, 16]


def read(content: bytes, channels: int = 1) -> np.ndarray:
    return read_picture(content, (channels, HEIGHT, WIDTH), invert=False, name="it").pixels.transpose(1, 2, 0)


def levels(depth: int, channels: int = 1) -> np.ndarray:
    """Return samples of a depth whose greys have an exact value in 8 bits."""
    if depth == 16:
        return RNG.integers(0, 256, (HEIGHT, WIDTH, channels)) * 257
    return RNG.integers(0, 1 << depth, (HEIGHT, WIDTH, channels))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
def test_grey_of_every_depth(depth: int, interlaced: bool) -> None:
    samples = levels(depth)
    eight = samples * 255 // ((1 << depth) - 1)
    np.testing.assert_array_equal(read(png(samples, depth, GREY, interlaced=interlaced)), eight)
    clear = int(samples[3, 3, 0])
    content = png(samples, depth, GREY, transparent=struct.pack(">H", clear), interlaced=interlaced)
    np.testing.assert_array_equal(read(content), np.where(samples == clear, 255, eight))


@pytest.mark.parametrize("depth", DEPTHS[:4])
def test_a_palette_of_every_depth(depth: int) -> None:
    samples, colors = levels(depth), RNG.integers(0, 256, (1 << depth, 3))
    opaque = RNG.integers(0, 2, 1 << depth)
    content = png(
        samples,
        depth,
        PALETTE,
        palette=colors.astype(np.uint8).tobytes(),
        transparent=(255 * opaque).astype(np.uint8).tobytes(),
    )
    index = samples[..., 0]
    np.testing.assert_array_equal(read(content, 3), np.where(opaque[index][..., None] > 0, colors[index], 255))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_colors_of_both_depths(depth: int, interlaced: bool) -> None:
    samples, most = levels(depth, 3), (1 << depth) - 1
    eight = samples * 255 // most
    np.testing.assert_array_equal(read(png(samples, depth, RGB, interlaced=interlaced), 3), eight)
    clear = samples[2, 2]
    content = png(samples, depth, RGB, transparent=struct.pack(">3H", *clear.tolist()), interlaced=interlaced)
    expected = np.where((samples == clear).all(axis=2, keepdims=True), 255, eight)
    np.testing.assert_array_equal(read(content, 3), expected)
    alpha = RNG.integers(0, 2, (HEIGHT, WIDTH, 1)) * most
    content = png(np.concatenate([samples, alpha], axis=2), depth, RGB_ALPHA, interlaced=interlaced)
    np.testing.assert_array_equal(read(content, 3), np.where(alpha > 0, eight, 255))
    content = png(np.concatenate([samples[..., :1], alpha], axis=2), depth, GREY_ALPHA, interlaced=interlaced)
    np.testing.assert_array_equal(read(content), np.where(alpha > 0, eight[..., :1], 255))


def test_a_transparent_value_that_no_pixel_can_have() -> None:
    samples = levels(8)
    np.testing.assert_array_equal(read(png(samples, 8, GREY, transparent=struct.pack(">H", 300))), samples)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


GREYS = RNG.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
SIXTEEN = Image.fromarray(GREYS.astype(np.uint16) * 257)
WHITE_IS_ZERO = {262: 0}

OTHERS = {
    "TIFF of 16 bits": (saved(SIXTEEN, "TIFF"), GREYS),
    "TIFF of 16 bits, packed": (saved(SIXTEEN, "TIFF", compression="tiff_deflate"), GREYS),
    "TIFF of 16 bits, white is zero": (saved(SIXTEEN, "TIFF", tiffinfo=WHITE_IS_ZERO), 255 - GREYS),
    "PGM of 16 bits": (b"P5 11 13 65535\n" + (GREYS.astype(">u2") * 257).tobytes(), GREYS),
    "PGM of 10 bits": (b"P5 11 13 1020\n" + (GREYS * np.uint16(4)).astype(">u2").tobytes(), GREYS),
    "PGM in words": (b"P2 11 13 255\n" + b" ".join(b"%d" % v for v in GREYS.ravel()), GREYS),
    "LA": (saved(Image.merge("LA", [Image.fromarray(GREYS), Image.new("L", (WIDTH, HEIGHT), 255)]), "PNG"), GREYS),
}


@pytest.mark.parametrize("name", OTHERS)
def test_greys_of_other_formats(name: str) -> None:
    content, expected = OTHERS[name]
    np.testing.assert_array_equal(read(content)[..., 0], expected)


def test_a_cmyk_photograph_has_the_colors_of_its_rgb_twin() -> None:
    colors = np.kron(RNG.integers(0, 256, (4, 4, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    rgb = Image.fromarray(colors)
    shape = (3, 64, 64)
    first, second = (
        read_picture(saved(image, "JPEG", quality=95), shape, name="it").pixels.astype(int)
        for image in (rgb, rgb.convert("CMYK"))
    )
    assert np.abs(first - second).mean() < 6


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_set_upright(form: str, orientation: int) -> None:
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8], upright[8:, 16:] = 255, 128
    undone: dict[int, Any] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {}
    content = saved(Image.fromarray(np.ascontiguousarray(undone[orientation](upright))), form, exif=exif, **options)
    found = read_picture(content, (1, 16, 24), invert=False, name="it").pixels[0]
    assert np.abs(found.astype(int) - upright).max() <= 12


@pytest.mark.parametrize("form", ["GIF", "TIFF", "PNG", "WEBP"])
def test_of_several_frames_the_first_is_read(form: str) -> None:
    first = Image.new("L", (WIDTH, HEIGHT), 200)
    content = saved(first, form, save_all=True, append_images=[Image.new("L", (WIDTH, HEIGHT), 10)] * 3)
    picture = read_picture(content, (1, HEIGHT, WIDTH), invert=False, name="it")
    assert picture.notes == ("it has several frames: the first one is read",)
    assert np.abs(picture.pixels.astype(int) - 200).max() <= 2
    assert read_picture(saved(first, form), (1, HEIGHT, WIDTH), name="it").notes == ()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.fromarray(np.ones((8, 8), np.float32)), "floating-point"),
        (Image.fromarray(np.full((8, 8), 200, np.int32)), "more than 16 bits"),
        (Image.new("LAB", (8, 8)), "pixels of the kind LAB"),
    ],
    ids=["float", "32 bits", "LAB"],
)
def test_what_cannot_be_read_is_refused_in_words(image: Image.Image, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(saved(image, "TIFF"))
