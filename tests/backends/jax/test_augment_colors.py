"""What augmentation does to colors and shapes, against Pillow and colorsys; torchvision defines its own by theirs."""

from __future__ import annotations

import colorsys
from functools import partial
from math import ceil, degrees, log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from netspec.backends.jax.inputs import operations, rectangles
from netspec.backends.jax.inputs.augment import _drawn, augmented, moved_targets
from netspec.backends.jax.inputs.operations import NAMES, Chosen
from netspec.backends.jax.kernels import colors
from netspec.backends.jax.kernels.warp import nearest
from netspec.recipe.image_settings import Augment

SIZE = (16, 20)
IMAGES = np.random.default_rng(0).integers(20, 230, (12, 3, *SIZE), dtype=np.uint8)
IMAGES[0] = np.arange(SIZE[1], dtype=np.uint8) * 12  # a ramp
IMAGES[1] //= 8  # dark, and of few values
IMAGES[2] = 77  # nothing to stretch or to equalize


@partial(jax.jit, static_argnames="how")
def changed(x: Any, how: Augment, step: int = 0) -> jax.Array:
    return augmented(x, how, jax.random.fold_in(jax.random.key(3), step), jnp.arange(len(x)))


def picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.moveaxis(image, 0, -1) if len(image) == 3 else image[0])


def array(picture: Image.Image) -> np.ndarray:
    found = np.asarray(picture).astype(np.float32)
    return np.moveaxis(found, -1, 0) if found.ndim == 3 else found[None]


PILLOW: dict[str, Any] = {
    "identity": (0, lambda p, v: p),
    "brightness": (-0.6, lambda p, v: ImageEnhance.Brightness(p).enhance(1 + v)),
    "color": (0.7, lambda p, v: ImageEnhance.Color(p).enhance(1 + v)),
    "contrast": (0.9, lambda p, v: ImageEnhance.Contrast(p).enhance(1 + v)),
    "sharpness": (-0.9, lambda p, v: ImageEnhance.Sharpness(p).enhance(1 + v)),
    "posterize": (3, ImageOps.posterize),
    "solarize": (127.5, lambda p, v: ImageOps.solarize(p, ceil(v))),
    "autocontrast": (0, lambda p, v: ImageOps.autocontrast(p)),
    "equalize": (0, lambda p, v: ImageOps.equalize(p)),
}
recolored = jax.jit(lambda x, operation, level: operations.recolored(x, [Chosen(operation, level)]))


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("name", PILLOW)
def test_operations_on_values_are_those_of_pillow(name: str, channels: int) -> None:
    level, wanted = PILLOW[name]
    images = IMAGES[:, :channels]
    count = np.ones(len(images))
    found = recolored(images.astype(np.float32), (NAMES.index(name) * count).astype(np.int32), level * count)
    for ours, image in zip(np.asarray(found), images, strict=True):
        # Pillow rounds grey and smoothed images too, and cuts off what is behind the point.
        np.testing.assert_allclose(ours, array(wanted(picture(image), level)), atol=1.5)


def test_sharper_and_more_contrast_at_the_other_end() -> None:
    for name, wanted in (("sharpness", ImageEnhance.Sharpness), ("contrast", ImageEnhance.Contrast)):
        count = np.ones(len(IMAGES))
        codes = (NAMES.index(name) * count).astype(np.int32)
        found = recolored(IMAGES.astype(np.float32), codes, 0.9 * count)
        for ours, image in zip(np.asarray(found), IMAGES, strict=True):
            np.testing.assert_allclose(ours, array(wanted(picture(image)).enhance(1.9)), atol=1.6)


GEOMETRY: dict[str, Any] = {
    "shear_x": (0.4, lambda p, v: p.transform(p.size, Image.Transform.AFFINE, (1, v, 0, 0, 1, 0))),
    "shear_y": (-0.3, lambda p, v: p.transform(p.size, Image.Transform.AFFINE, (1, 0, 0, v, 1, 0))),
    "translate_x": (3, lambda p, v: p.transform(p.size, Image.Transform.AFFINE, (1, 0, -v, 0, 1, 0))),
    "translate_y": (-5, lambda p, v: p.transform(p.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, -v))),
    "rotate": (0.5, lambda p, v: p.rotate(-degrees(v))),
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_operations_on_places_are_those_of_pillow(name: str) -> None:
    level, wanted = GEOMETRY[name]
    one = Chosen(jnp.full(1, NAMES.index(name)), jnp.full(1, level, jnp.float32))
    rows, columns = operations.moved_back([one], SIZE)
    image = IMAGES[3]
    found = nearest(image[None], rows + (SIZE[0] - 1) / 2, columns + (SIZE[1] - 1) / 2, fill=0)[0]
    target = array(wanted(picture(image), level))
    if name == "rotate":
        other = array(picture(image).rotate(degrees(level)))
        target = min(target, other, key=lambda t: float((t != found).mean()))
    # Halfway between two pixels either of them may be taken.
    assert (np.asarray(found) == target).mean() > 0.95


def test_several_operations_on_places_are_done_one_after_the_other() -> None:
    def one(name: str, level: float) -> Chosen:
        return Chosen(jnp.full(1, NAMES.index(name)), jnp.full(1, level, jnp.float32))

    first, second = one("translate_x", 4), one("rotate", 1.0)
    together = operations.moved_back([first, second], SIZE)
    rows, columns = (np.asarray(v[0]) for v in operations.moved_back([second], SIZE))
    np.testing.assert_allclose(together[0][0], rows, atol=1e-4)
    np.testing.assert_allclose(together[1][0], columns - 4, atol=1e-4)


def test_the_tables_are_those_of_torchvision() -> None:
    rand = dict(zip(NAMES, operations.levels(Augment(randaugment=2), (331, 662)), strict=True))
    wide = dict(zip(NAMES, operations.levels(Augment(trivialaugment=True), (331, 662)), strict=True))
    assert [rand["shear_x"][30], wide["shear_y"][30]] == pytest.approx([0.3, 0.99])
    assert (rand["translate_x"][30], rand["translate_y"][15], wide["translate_x"][30]) == (300, 75, 32)
    assert [degrees(rand["rotate"][9]), degrees(wide["rotate"][30])] == pytest.approx([9, 135])
    assert (rand["posterize"][0], rand["posterize"][30], wide["posterize"][30]) == (8, 4, 2)
    assert [rand["solarize"][0], rand["solarize"][30], rand["brightness"][10]] == pytest.approx([255, 0, 0.3])


def test_each_operation_is_as_likely_as_the_others_and_goes_both_ways() -> None:
    shares = np.random.default_rng(5).random((8000, 2, 3))
    rand = operations.chosen(Augment(randaugment=2, magnitude=9), jnp.asarray(shares), SIZE)
    wide = operations.chosen(Augment(trivialaugment=True), jnp.asarray(shares[:, :1]), SIZE)
    assert len(rand) == 2
    for each in (*rand, *wide):
        counts = np.bincount(np.asarray(each.operation), minlength=14) / len(shares)
        np.testing.assert_allclose(counts, 1 / 14, atol=0.012)
    shear = np.asarray(rand[0].level)[np.asarray(rand[0].does("shear_x"))]
    np.testing.assert_allclose(np.unique(shear), [-0.09, 0.09], rtol=1e-6)
    assert 0.4 < (shear < 0).mean() < 0.6
    bits = np.asarray(wide[0].level)[np.asarray(wide[0].does("posterize"))]
    assert set(bits.tolist()) == {2, 3, 4, 5, 6, 7, 8}


def test_turned_hues_are_those_of_colorsys() -> None:
    x = (IMAGES[:4] / 255).astype(np.float32)
    turns = np.array([0.1, -0.3, 0.5, 0.25], np.float32)
    found = np.moveaxis(np.asarray(colors.turned_hue(jnp.asarray(x), jnp.asarray(turns))), 1, -1).reshape(4, -1, 3)
    for ours, image, turn in zip(found, np.moveaxis(x, 1, -1).reshape(4, -1, 3), turns, strict=True):
        for pixel, given in zip(ours, image, strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*map(float, given))
            np.testing.assert_allclose(pixel, colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), atol=1e-5)


def test_saturation_goes_from_grey_through_the_color_and_grayscale_all_the_way() -> None:
    x = jnp.asarray(np.repeat(IMAGES[3:5], 200, axis=0).clip(90, 160))
    grey = np.asarray(colors.grey(x.astype(jnp.float32)))
    away = np.asarray(x) - grey
    factors = ((np.asarray(changed(x, Augment(saturation=0.4))) - grey) * away).sum((1, 2, 3)) / (away**2).sum(
        (1, 2, 3)
    )
    assert 0.6 <= factors.min() < 0.62
    assert 1.38 < factors.max() <= 1.4
    assert factors.mean() == pytest.approx(1, abs=0.04)
    found = np.asarray(changed(x, Augment(grayscale=0.3)))
    is_grey = np.abs(found - grey).max(axis=(1, 2, 3)) < 0.01
    assert is_grey.mean() == pytest.approx(0.3, abs=0.07)
    np.testing.assert_array_equal(found[~is_grey], np.asarray(x)[~is_grey])
    np.testing.assert_allclose(
        found[is_grey][0][0], array(picture(np.asarray(x)[is_grey][0]).convert("L"))[0], atol=0.6
    )


def boxes(shares: np.ndarray, area: tuple[float, float], ratio: tuple[float, float], crop: bool) -> list[Any]:
    """What torchvision's `get_params` finds with these random numbers: top, left, height, width."""
    found: list[Any] = []
    for row in shares:
        box = None
        for size, across in zip(row[:10], row[10:20], strict=True):
            pixels = SIZE[0] * SIZE[1] * (area[0] + (area[1] - area[0]) * size)
            aspect = np.exp(log(ratio[0]) + (log(ratio[1]) - log(ratio[0])) * across)
            width, height = round(float(np.sqrt(pixels * aspect))), round(float(np.sqrt(pixels / aspect)))
            fits = 0 < width <= SIZE[1] and 0 < height <= SIZE[0] if crop else width < SIZE[1] and height < SIZE[0]
            if fits:
                rest = (SIZE[0] - height, SIZE[1] - width)
                box = (int(row[20] * (rest[0] + 1)), int(row[21] * (rest[1] + 1)), height, width)
                break
        if box is None and crop:
            height, width = SIZE
            if SIZE[1] / SIZE[0] < ratio[0]:
                height = round(width / ratio[0])
            elif SIZE[1] / SIZE[0] > ratio[1]:
                width = round(height * ratio[1])
            box = ((SIZE[0] - height) // 2, (SIZE[1] - width) // 2, height, width)
        found.append(box or (*found[-1][:2], 0, 0))
    return found


@pytest.mark.parametrize(
    ("area", "ratio"), [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.97, 1.0), (0.5, 0.8)), ((0.9, 1.0), (2.0, 4.0))]
)
def test_crops_are_drawn_as_torchvision_draws_them(area: tuple[float, float], ratio: tuple[float, float]) -> None:
    shares = np.random.default_rng(1).random((300, rectangles.DRAWS)).astype(np.float32)
    found = np.stack(rectangles.cropped(jnp.asarray(shares), SIZE, area, ratio), axis=1)
    wanted = np.array(boxes(shares, area, ratio, crop=True))
    # A float32 may round a side the other way.
    assert (found == wanted).all(axis=1).mean() > 0.98


def test_what_is_erased_is_drawn_as_torchvision_draws_it() -> None:
    shares = np.random.default_rng(1).random((300, rectangles.DRAWS)).astype(np.float32)
    found = rectangles.erased(jnp.asarray(shares), SIZE, None, jnp.ones(300, bool))
    wanted = np.array(boxes(shares, (0.02, 0.33), (0.3, 3.3), crop=False))
    assert (np.stack(found, axis=1)[:, 2:] == wanted[:, 2:]).all(axis=1).mean() > 0.98
    x = jnp.full((600, 3, *SIZE), 9, jnp.uint8)
    gone = np.asarray(changed(x, Augment(erase=0.5, erase_area=(0.1, 0.2))) == 0)
    assert (gone == gone[:, :1]).all()
    share = gone[:, 0].mean(axis=(1, 2))
    assert (share > 0).mean() == pytest.approx(0.5, abs=0.07)
    assert share[share > 0].mean() == pytest.approx(0.15, abs=0.01)
    assert share.max() < 0.24


@pytest.mark.parametrize("rotate", [0.0, 1e-6])
def test_a_crop_is_scaled_up_as_pillow_does(rotate: float) -> None:
    how = Augment(resized_crop=(0.2, 0.8), rotate=rotate)
    key = jax.random.key(3)
    found = np.asarray(augmented(jnp.asarray(IMAGES), how, key, jnp.arange(len(IMAGES))))
    shares = _drawn(SIZE, how, key, jnp.arange(len(IMAGES))).several("resized_crop", rectangles.DRAWS)
    places = np.stack(rectangles.cropped(shares, SIZE, (0.2, 0.8), None), axis=1).astype(int)
    assert len({tuple(place) for place in places}) > 8
    for ours, image, (top, left, height, width) in zip(found, IMAGES, places, strict=True):
        for plane, given in zip(ours, image, strict=True):
            cut = Image.fromarray(given.astype(np.float32)).crop((left, top, left + width, top + height))
            wanted = np.asarray(cut.resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR))
            np.testing.assert_allclose(plane, wanted, atol=0.02)


@pytest.mark.parametrize("fields", [{"resized_crop": True, "flip": True, "pad": 2}, {"trivialaugment": True}])
def test_labels_at_each_pixel_go_where_their_pixels_go(fields: dict[str, Any]) -> None:
    how = Augment(**fields)
    # Large areas: what is read between two of them is no label.
    labels = np.zeros((40, 32, 32), np.int32)
    labels[:, 6:22, 9:] = 1
    key, places = jax.random.key(5), jnp.arange(40)
    images = jnp.asarray(np.repeat(labels[:, None], 3, axis=1), jnp.float32)
    moved = np.asarray(moved_targets(jnp.asarray(labels), how, key, places, size=(32, 32), outside=None))
    seen = np.asarray(augmented(images, how, key, places))[:, 0]
    same = ((seen > 0.5) == (moved == 1)).mean(axis=(1, 2))
    # Solarized and brightened images look different; where pixels go their labels go.
    assert np.median(same) > 0.97
    assert (moved != labels).any()


def test_floats_of_0_to_1_are_changed_as_bytes_are_and_grey_ones_too() -> None:
    for images in (IMAGES, IMAGES[:, :1]):
        how = Augment(randaugment=2, magnitude=15)
        of_bytes = np.asarray(changed(images, how))
        assert of_bytes.min() >= 0
        assert of_bytes.max() <= 255
        of_floats = np.asarray(changed((images / 255).astype(np.float32), how)) * 255
        # A step of posterize or solarize may lie between the two.
        assert (np.abs(of_floats - of_bytes) < 0.1).mean() > 0.97


def test_another_setting_switched_on_changes_no_draws() -> None:
    x = jnp.asarray(IMAGES)
    alone = np.asarray(changed(x, Augment(erase=0.5)))
    more = np.asarray(changed(x, Augment(erase=0.5, hue=1e-6, flip=False, saturation=1e-6)))
    np.testing.assert_array_equal(alone == 0, more == 0)
