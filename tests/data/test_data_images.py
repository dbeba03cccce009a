import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from data_helpers import names_its_file
from PIL import Image
from png_helpers import chunk

from netspec.data.files import decoding
from netspec.data.files.decoding import MOST_PIXELS
from netspec.data.files.images import read_image
from netspec.diagnostics.diagnostic import DataError

GREY = (1, 8, 8)
COLOR = (3, 8, 8)


def paper() -> np.ndarray:
    """A dark stroke down the left half of white paper, 8x8."""
    pixels = np.full((8, 8), 255, np.uint8)
    pixels[1:7, 2] = 10
    return pixels


def save(tmp_path: Path, image: Image.Image, name: str = "digit.png", **options: object) -> Path:
    path = tmp_path / name
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def test_dark_on_light_is_turned_round(tmp_path: Path) -> None:
    path = save(tmp_path, Image.fromarray(paper()))
    pixels = read_image(path, GREY)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[0], 255 - paper())
    np.testing.assert_array_equal(read_image(str(path), GREY, invert=False)[0], paper())


def test_bright_on_dark_stays(tmp_path: Path) -> None:
    path = save(tmp_path, Image.fromarray(255 - paper()))
    np.testing.assert_array_equal(read_image(path, GREY)[0], 255 - paper())
    np.testing.assert_array_equal(read_image(path, GREY, invert=True)[0], paper())


def test_color_is_kept_for_three_channels(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (8, 8), (250, 100, 30)))
    assert read_image(path, COLOR)[:, 4, 4].tolist() == [250, 100, 30]
    assert read_image(path, COLOR, invert=True)[:, 4, 4].tolist() == [5, 155, 225]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "YCbCr"])
def test_every_mode_gives_the_same_picture(tmp_path: Path, mode: str) -> None:
    black_on_white = np.where(paper() > 127, 255, 0).astype(np.uint8)
    if mode == "I;16":
        image = Image.fromarray(black_on_white.astype(np.uint16) * 257)
    elif mode == "LA":
        image = Image.merge("LA", [Image.fromarray(black_on_white), Image.new("L", (8, 8), 255)])
    else:
        image = Image.fromarray(black_on_white).convert("RGB").convert(mode)
    path = save(tmp_path, image, "digit.tiff" if mode in ("CMYK", "YCbCr") else "digit.png")
    assert np.abs(read_image(path, GREY)[0].astype(int) - (255 - black_on_white)).max() <= 2


def test_16_bits_keep_their_greys(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    pixels = read_image(save(tmp_path, Image.fromarray(values)), GREY, invert=False)
    np.testing.assert_array_equal(pixels[0], np.rint(values / 257))


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    layers = np.zeros((8, 8, 4), np.uint8)  # black all over, opaque only in the stroke
    layers[..., 3] = 255 - paper()
    pixels = read_image(save(tmp_path, Image.fromarray(layers)), GREY, invert=False)
    assert np.abs(pixels[0].astype(int) - paper()).max() <= 1
    palette = Image.fromarray(paper()).convert("P")
    path = save(tmp_path, palette, "palette.png", transparency=palette.getpixel((2, 3)))
    assert read_image(path, GREY, invert=False).min() == 255


def test_a_phone_held_sideways(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    turned = Image.fromarray(np.rot90(paper()).copy())
    path = save(tmp_path, turned, exif=exif)
    np.testing.assert_array_equal(read_image(path, GREY, invert=False)[0], paper())


def test_the_aspect_ratio_is_kept(tmp_path: Path) -> None:
    wide = Image.new("L", (40, 10), 200)
    wide.paste(0, (18, 0, 22, 10))
    pixels = read_image(save(tmp_path, wide), (1, 20, 20), invert=False)[0]
    assert set(pixels[:7].ravel()) == set(pixels[13:].ravel()) == {200}
    assert pixels[8:12, 9:11].max() < 60


@pytest.mark.parametrize("size", [(5000, 1), (1, 5000), (1, 1)])
def test_extreme_shapes(tmp_path: Path, size: tuple[int, int]) -> None:
    assert read_image(save(tmp_path, Image.new("L", size, 9)), (1, 28, 28)).shape == (1, 28, 28)


@pytest.mark.parametrize("name", ["a.jpg", "a.gif", "a.bmp", "a.webp", "a.tiff", "a.ppm", "a.ico"])
def test_formats(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(np.kron(paper(), np.ones((4, 4), np.uint8))).convert("RGB")
    pixels = read_image(save(tmp_path, image, name), (1, 32, 32), invert=False)[0]
    assert np.abs(pixels.astype(int) - np.asarray(image.convert("L"))).max() < 60


def refused(path: Path, said: str, shape: tuple[int, ...] = GREY) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_image(path, shape)
    assert str(path) in caught.value.message


def test_no_such_thing(tmp_path: Path) -> None:
    refused(tmp_path / "none.png", "does not exist")
    refused(tmp_path, "is a folder")
    for name, content, said in (
        ("empty.png", b"", "is empty"),
        ("text.png", b"hello, world", "is not a picture"),
        (
            "script.eps",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
            "is not a picture",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, said)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tiff"])
def test_damaged_pictures(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = save(tmp_path, Image.fromarray(noise), name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "damaged picture|not a picture")
    for place in range(0, len(content), 11):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        assert names_its_file(lambda: read_image(path, GREY), path)


def png_of(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and has no pixels."""
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8_001, 8_000), (10_000, 10_000), (100_000, 100_000)], ids=str)
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(*size))
    refused(path, "pixels")
    with pytest.raises(DataError, match=f"{MOST_PIXELS:,} are the most"):
        read_image(path, GREY)


@pytest.mark.parametrize("size", [(1, 64_000_000), (64_000_000, 1), (1, 30_001), (40_000, 100)], ids=str)
def test_a_side_is_bounded_too(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "long.png"
    path.write_bytes(png_of(*size))
    refused(path, "pixels")
    with pytest.raises(DataError, match="30,000 are the most on a side"):
        read_image(path, GREY)


def test_a_picture_is_converted_in_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are converted at a time, the picture is the same."""
    layers = np.random.default_rng(0).integers(0, 256, (20, 10, 4), np.uint8)
    deep = Image.fromarray(layers[..., 0].astype(np.uint16) * 257)
    paths = [save(tmp_path, Image.fromarray(layers), "a.png"), save(tmp_path, deep, "b.png")]
    whole = [read_image(path, (1, 20, 10)) for path in paths]
    monkeypatch.setattr(decoding, "_STRIP", 25)
    for path, pixels in zip(paths, whole, strict=True):
        np.testing.assert_array_equal(read_image(path, (1, 20, 10)), pixels)


def test_a_file_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.webp"
    with path.open("wb") as stream:
        stream.write(b"RIFF")
        stream.truncate(600_000_001)  # nothing is written: the file is a hole
    refused(path, "has 600,000,001 bytes")


def test_a_canvas_that_only_one_small_frame_is_drawn_on(tmp_path: Path) -> None:
    frame = save(tmp_path, Image.new("RGB", (16, 16)), "small.webp", lossless=True).read_bytes()[12:]
    size = struct.pack("<I", 16_383)[:3]
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + size + size
    shown = bytes(6) + struct.pack("<I", 15)[:3] * 2 + bytes(4) + frame
    body = canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6) + b"ANMF" + struct.pack("<I", len(shown)) + shown
    path = tmp_path / "canvas.webp"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body)
    refused(path, "far too many pixels")


def test_a_bomb_within_an_icon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of an icon says 16x16, the picture in it is larger."""
    inner = png_of(10_000, 10_000)
    entry = struct.pack("<4B2H2I", 16, 16, 0, 0, 1, 32, len(inner), 22)
    path = tmp_path / "bomb.ico"
    path.write_bytes(struct.pack("<3H", 0, 1, 1) + entry + inner)
    refused(path, "far too many pixels")


def test_a_text_in_a_picture_that_is_a_bomb(tmp_path: Path) -> None:
    bomb = b"comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    chunk = struct.pack(">I", len(bomb)) + b"zTXt" + bomb + struct.pack(">I", zlib.crc32(b"zTXt" + bomb))
    path = save(tmp_path, Image.fromarray(paper()))
    content = path.read_bytes()
    path.write_bytes(content[:33] + chunk + content[33:])
    assert names_its_file(lambda: read_image(path, GREY), path)


def test_pixels_of_other_kinds(tmp_path: Path) -> None:
    refused(save(tmp_path, Image.fromarray(np.ones((8, 8), np.float32)), "a.tiff"), "floating-point")
    refused(save(tmp_path, Image.fromarray(np.full((8, 8), -5, np.int32)), "b.tiff"), "more than 16 bits")


@pytest.mark.parametrize("shape", [(784,), (2, 8, 8), (4, 8, 8), (8, 8)])
def test_networks_that_take_no_pictures(tmp_path: Path, shape: tuple[int, ...]) -> None:
    refused(save(tmp_path, Image.fromarray(paper())), "1 or 3 channels", shape)
