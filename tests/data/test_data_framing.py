"""Photographs of digits on paper become images as a dataset has them, whatever the light."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from netspec.data import load
from netspec.data.builtin import digits as bundled
from netspec.data.files.images import read_image, read_picture
from netspec.data.files.pieces import pieces
from netspec.recipe.catalog import DatasetInfo, find

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from photographs import SCENES, photograph

MNIST, DIGITS = find("mnist"), find("digits")
assert MNIST
assert DIGITS
SHAPE = (1, 28, 28)


def seven(
    size: tuple[int, int] = (800, 600), at: tuple[int, int] = (500, 100), high: int = 200, pen: int = 8, ink: int = 40
) -> Image.Image:
    """Return a 7 drawn on white paper."""
    image = Image.new("L", size, 230)
    x, y = at
    corners = [(x, y), (x + 0.6 * high, y), (x + 0.2 * high, y + high)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=pen, joint="curve")
    return image


def lit(image: Image.Image, light: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Image.Image:
    """Return a picture in uneven light, with the noise of a camera."""
    pixels = np.asarray(image, float)
    y, x = np.mgrid[0 : 1 : pixels.shape[0] * 1j, 0 : 1 : pixels.shape[1] * 1j]
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels * light(x, y) + noise, 0, 255).astype(np.uint8))


def ruled(image: Image.Image, step: int = 25, *, both: bool = False) -> Image.Image:
    draw = ImageDraw.Draw(image)
    for y in range(15, image.height, step):
        draw.line([(0, y), (image.width, y)], fill=165, width=2)
    for x in range(15, image.width if both else 0, step):
        draw.line([(x, 0), (x, image.height)], fill=165, width=2)
    return image


def boxed() -> Image.Image:
    image = seven()
    ImageDraw.Draw(image).rectangle([400, 40, 720, 360], outline=40, width=4)
    return image


def specked() -> Image.Image:
    image = seven()
    for x, y in np.random.default_rng(0).integers(10, 590, (30, 2)).tolist():
        ImageDraw.Draw(image).ellipse([x, y, x + 3, y + 3], fill=60)
    return image


def on_a_table() -> Image.Image:
    paper = seven((500, 400), (150, 75), 200).rotate(4, fillcolor=50, expand=True)
    table = Image.new("L", (800, 600), 50)
    table.paste(paper, (100, 60))
    return table


def transparent() -> Image.Image:
    layers = np.zeros((600, 800, 4), np.uint8)  # black all over, opaque only where something is drawn
    layers[..., 3] = 255 - np.asarray(seven(ink=0).point(lambda v: 255 if v == 230 else v))
    return Image.fromarray(layers)


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "plain": seven,
    "pencil": lambda: seven(pen=3, ink=150),
    "marker": lambda: seven(pen=28),
    "small": lambda: seven(high=60, pen=3),
    "large": lambda: seven((220, 220), (40, 10), 200, 16),
    "tiny file": lambda: seven((60, 60), (20, 12), 36, 4),
    "wide file": lambda: seven((1500, 150), (1000, 20), 100, 6),
    "light from one side": lambda: lit(seven(), lambda x, y: 0.3 + 0.7 * x),
    "light in the middle": lambda: lit(seven(), lambda x, y: 1 - 1.2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)),
    "in a shadow": lambda: lit(seven(), lambda x, y: np.where(x > 0.5, 0.4, 1)),
    "half in a shadow": lambda: lit(seven(), lambda x, y: np.where(x < 0.72, 0.45, 1)),
    "dim": lambda: lit(seven(), lambda x, y: np.full_like(x, 0.35)),
    "light on dark": lambda: Image.fromarray(255 - np.asarray(seven())),
    "ruled": lambda: ruled(seven(ink=30)),
    "squared": lambda: ruled(seven(ink=30), both=True),
    "in a box": boxed,
    "specks": specked,
    "paper on a table": on_a_table,
    "nothing behind it": transparent,
    "color": lambda: Image.merge("RGB", [seven(ink=20), seven(ink=30), seven(ink=120)]),
}


def content(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def framed(image: Image.Image, shape: tuple[int, ...] = SHAPE, like: DatasetInfo | None = MNIST) -> np.ndarray:
    picture = read_picture(content(image), shape, like=like, name="it")
    assert picture.framed
    assert picture.notes == ()
    return picture.pixels[0].astype(float)


def alike(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return framed(seven())


@pytest.mark.parametrize("name", PICTURES)
def test_whatever_the_picture_the_seven_is_the_same(name: str, expected: np.ndarray) -> None:
    found = framed(PICTURES[name]())
    assert alike(found, expected) > 0.85
    # As MNIST's rule says: 20 pixels high, the center of mass in the middle, in full contrast.
    rows = np.flatnonzero((found > 40).any(axis=1))
    assert abs(np.ptp(rows) + 1 - 20) <= 1
    at = np.indices(found.shape)
    assert np.abs((found * at).sum(axis=(1, 2)) / found.sum() - 14).max() < 1
    assert found.max() > 240
    assert np.median(found) == 0


@pytest.mark.parametrize("name", ["plain", "light from one side", "light on dark"])
def test_small_digits_fill_their_image(name: str) -> None:
    found = framed(PICTURES[name](), (1, 8, 8), DIGITS)
    assert (found > 40).any(axis=1).all()
    # A network that takes them larger was trained on them enlarged.
    large = framed(PICTURES[name](), SHAPE, DIGITS)
    assert alike(np.asarray(Image.fromarray(found.astype(np.uint8)).resize((28, 28))), large) > 0.95


def test_what_is_said_of_light_and_dark_is_believed(expected: np.ndarray) -> None:
    light_on_dark = Image.fromarray(255 - np.asarray(seven()))
    for image, invert in ((seven(), True), (light_on_dark, False)):
        picture = read_picture(content(image), SHAPE, invert=invert, like=MNIST, name="it")
        assert alike(picture.pixels[0], expected) > 0.99


@pytest.mark.parametrize("dark_on_light", [False, True])
def test_an_image_of_the_dataset_stays_as_it_is(dark_on_light: bool, tmp_path: Path) -> None:
    example = bundled.load()[1].images[0, 0]
    path = tmp_path / "example.png"
    Image.fromarray(255 - example if dark_on_light else example).save(path)
    picture = read_picture(path, (1, 8, 8), like=DIGITS)
    assert not picture.framed
    np.testing.assert_array_equal(picture.pixels[0], example)
    # That of the dataset's own size is one too where the network takes another.
    np.testing.assert_array_equal(read_picture(path, SHAPE, like=DIGITS).pixels, read_image(path, SHAPE))


@pytest.mark.parametrize("dark_on_light", [False, True])
def test_an_enlarged_image_of_the_dataset_is_framed_already(dark_on_light: bool) -> None:
    examples = bundled.load()[1].images[:20, 0]
    kept = 0
    for example in examples:
        large = np.asarray(Image.fromarray(example).resize((48, 48), Image.Resampling.BICUBIC))
        image = Image.fromarray(255 - large if dark_on_light else large)
        picture = read_picture(content(image), (1, 8, 8), like=DIGITS, name="it")
        if not picture.framed:
            kept += 1
            assert alike(picture.pixels[0].astype(float), example.astype(float)) > 0.95
    assert kept > 10


def test_a_digit_that_touches_the_border_is_kept(expected: np.ndarray) -> None:
    image = seven().crop((480, 100, 640, 302))
    assert alike(framed(image), expected) > 0.85


@pytest.mark.parametrize("image", [Image.new("L", (90, 70), 255), Image.new("L", (90, 70), 0)], ids=["white", "black"])
def test_where_nothing_is_drawn_it_is_said(image: Image.Image) -> None:
    picture = read_picture(content(image), SHAPE, like=MNIST, name="it")
    assert not picture.framed
    assert picture.notes == ("it: nothing is found in it that looks drawn or written, as the images of mnist are",)
    np.testing.assert_array_equal(picture.pixels, read_picture(content(image), SHAPE, name="it").pixels)


def test_without_a_dataset_of_drawings_a_picture_is_left_as_it_is() -> None:
    picture = read_picture(content(seven()), SHAPE, name="it")
    assert not picture.framed
    assert alike(picture.pixels[0], framed(seven())) < 0.5
    assert not read_picture(content(seven()), (3, 28, 28), like=MNIST, name="it").framed


def test_pieces_are_those_of_a_flood_fill() -> None:
    mask = np.random.default_rng(0).random((30, 40)) > 0.6
    weights = np.random.default_rng(1).random(mask.shape)
    left, expected = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    while left:
        stack, piece = [left.pop()], set()
        while stack:
            y, x = stack.pop()
            piece.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            stack += near
        expected.append((frozenset(piece), pytest.approx(sum(weights[at] for at in piece))))
    found = {
        frozenset((int(y), int(x)) for y, x in np.argwhere(p.mask(mask.shape))): p.mass for p in pieces(mask, weights)
    }
    assert found == dict(expected)


@pytest.mark.slow
@pytest.mark.mnist
def test_photographs_of_real_digits_are_recognized(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the nearest of 6,000 training images, which knows nothing of photographs."""
    monkeypatch.setenv("NETSPEC_DATA", str(mnist.parent))
    dataset, rng = load(["mnist"]), np.random.default_rng(0)
    known = dataset.train.images[:6000].reshape(6000, -1).astype(np.float32)
    chosen = rng.integers(0, len(dataset.test), 5 * len(SCENES))
    shots = [photograph(dataset.test.images[i, 0], SCENES[n % len(SCENES)], rng) for n, i in enumerate(chosen)]
    share = []
    for like in (None, MNIST):
        x = np.stack([read_picture(s, SHAPE, like=like, name="it").pixels for s in shots]).reshape(len(shots), -1)
        x = x.astype(np.float32)
        nearest = ((known**2).sum(axis=1) - 2 * x @ known.T).argmin(axis=1)
        share.append(float((dataset.train.labels[nearest] == dataset.test.labels[chosen]).mean()))
    assert share[0] < 0.4
    assert share[1] > 0.85
