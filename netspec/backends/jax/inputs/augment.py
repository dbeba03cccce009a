"""Random changes of training images and sounds in the compiled step: a function of a key and the place in the batch."""

from __future__ import annotations

from collections.abc import Sequence
from math import radians
from zlib import crc32

import jax
import jax.numpy as jnp

from netspec.backends.jax.inputs import operations, rectangles, sounds
from netspec.backends.jax.inputs.draws import Draws
from netspec.backends.jax.kernels import colors
from netspec.backends.jax.kernels.warp import (
    Affine,
    affine_coordinates,
    field_points,
    interpolated,
    nearest,
    separable,
    smooth_field,
)
from netspec.recipe.image_settings import Augment
from netspec.recipe.sound_settings import Sound

__all__ = ["augmented", "moved_targets", "stream"]

_SMALLEST_ZOOM = 2.0**-20
"""No pixel is left of the image long before; a zoom of 0 would divide by it."""


def stream(key: jax.Array) -> jax.Array:
    """Return the key of a step's augmentation from the key of the step; no node can have this name."""
    return jax.random.fold_in(key, crc32(b" augment"))


def augmented(
    x: jax.Array, how: Augment, key: jax.Array, positions: jax.Array, sound: Sound | None = None
) -> jax.Array:
    """Change images or sounds at random.

    What an image draws depends on the key and its position: neither the size of the batch nor another setting that is
    switched on changes it.

    Args:
        x: (N, C, H, W), bytes or floats; of spectrograms (N, 1, bands, frames), of waveforms (N, 1, samples).
        how: by how much.
        key: of the step.
        positions: the place of each image in the batch, (N,) integers.
        sound: how sounds became examples; None of images.

    Returns:
        float32 in the shape and the unit of `x`; what was bytes stays within 0..255.
    """
    if x.ndim == 3 and sound:
        return sounds.of_waveforms(x, how, sound, Draws(key, positions, (0,)))
    draws = _drawn((x.shape[2], x.shape[3]), how, key, positions)
    is_bytes = x.dtype == jnp.uint8
    top = 255.0 if is_bytes else 1.0
    y = _warped(x, how, draws) if how.warps else x.astype(jnp.float32)
    if sound:
        y = sounds.of_spectrograms(y, how, sound, draws)
    if how.draws_operations:
        # Bytes and floats alike: values that cubic interpolation made beyond the range are none of theirs.
        y = operations.recolored(jnp.clip(y * (255 / top), 0, 255), _operations(how, draws, x.shape[2:])) * (top / 255)
    if how.contrast:
        mean = y.mean(axis=(1, 2, 3), keepdims=True)
        y = mean + (y - mean) * (1 + _each(draws.up_to("contrast", how.contrast)))
    if how.brightness:
        y += _each(draws.up_to("brightness", how.brightness * top))
    if how.saturation:
        grey = colors.grey(y)
        y = grey + (y - grey) * (1 + _each(draws.more_up_to("saturation", how.saturation)))
    if how.hue:
        y = colors.turned_hue(y, draws.more_up_to("hue", how.hue))
    if how.grayscale:
        y = jnp.where(_each(draws.several("grayscale", 1)[:, 0] < how.grayscale), colors.grey(y), y)
    if how.noise:
        y += how.noise * top * draws.normal("noise", x.shape[1:])
    if is_bytes:
        y = jnp.clip(y, 0, top)
    if how.time_mask or how.frequency_mask:
        y = jnp.where(sounds.masked(x.shape[2:], how, draws), 0, y)
    if how.cutout:
        y = jnp.where(_covered(x, how.cutout, draws), 0, y)
    return jnp.where(_erased(x.shape[2:], how, draws), 0, y) if how.erase else y


def moved_targets(
    y: jax.Array, how: Augment, key: jax.Array, positions: jax.Array, *, size: tuple[int, int], outside: int | None
) -> jax.Array:
    """Move targets at each pixel as `augmented` moves the pixels of their images, by the same draws.

    Each pixel gets the target of the nearest one: there is nothing between two classes.

    Args:
        y: (N, H, W), or (N, C, H, W).
        how: as the images are changed; what changes their values alone changes no target.
        key: of the step.
        positions: the place of each image in the batch.
        size: height and width of the images.
        outside: the class of what comes in from outside where that is zeros; 0 unless given.
    """
    if not how.warps:
        return y
    rows, columns = _coordinates(size, how, _drawn(size, how, key, positions))
    planes = y[:, None] if y.ndim == 3 else y
    moved = nearest(planes, rows, columns, fill=None if how.fill == "edge" else outside or 0)
    return moved[:, 0] if y.ndim == 3 else moved


def _drawn(size: tuple[int, int], how: Augment, key: jax.Array, positions: jax.Array) -> Draws:
    points = (2, *field_points(size, how.sigma)) if how.elastic else (0,)
    return Draws(key, positions, points)


def _each(values: jax.Array) -> jax.Array:
    """One value for each image, (N,), as (N, 1, 1, 1)."""
    return values[:, None, None, None]


def _warped(x: jax.Array, how: Augment, draws: Draws) -> jax.Array:
    """Return the images with their pixels moved."""
    rows, columns = _coordinates((x.shape[2], x.shape[3]), how, draws)
    if how.resized_crop and how.is_separable and how.interpolation == "bilinear":
        return separable(x, rows[:, :, 0], columns[:, 0])
    return interpolated(x, rows, columns, method=how.interpolation, fill=how.fill)


def _coordinates(size: tuple[int, int], how: Augment, draws: Draws) -> tuple[jax.Array, jax.Array]:
    """Return where each pixel of the changed images is read."""
    one = jnp.ones(draws.count)
    change = Affine(
        angle=draws.up_to("rotate", radians(how.rotate)),
        slant=draws.up_to("shear", radians(how.shear)),
        zoom=jnp.maximum(1 + draws.up_to("zoom", how.zoom), _SMALLEST_ZOOM),
        mirror=jnp.where(draws.share("flip") < 0.5, -one, one) if how.flip else one,
        down=draws.up_to("down", how.shift) + draws.whole("pad_down", 2 * how.pad + 1) - how.pad,
        right=draws.up_to("right", how.shift) + draws.whole("pad_right", 2 * how.pad + 1) - how.pad,
    )
    start = operations.moved_back(_operations(how, draws, size), size) if how.draws_operations else None
    rows, columns = affine_coordinates(change, size, start)
    if how.elastic:
        field = how.elastic * smooth_field(draws.field, size, how.sigma)
        rows, columns = rows + field[:, 0], columns + field[:, 1]
    return _within_crop(rows, columns, size, how, draws) if how.resized_crop else (rows, columns)


def _within_crop(
    rows: jax.Array, columns: jax.Array, size: tuple[int, int], how: Augment, draws: Draws
) -> tuple[jax.Array, jax.Array]:
    """Return where in whole images pixels are read that were to be read in what is cut out of them and scaled up."""
    assert how.crop_area
    shares = draws.several("resized_crop", rectangles.DRAWS)
    top, left, height, width = rectangles.cropped(shares, size, how.crop_area, how.ratio)

    def along(places: jax.Array, first: jax.Array, extent: jax.Array, length: int) -> jax.Array:
        begin, extent = first[:, None, None], extent[:, None, None]
        found = jnp.clip(begin + (places + 0.5) * (extent / length) - 0.5, begin, begin + extent - 1)
        # What is outside of what was cut out is filled, not read beside it.
        outside = (places < -0.5) | (places > length - 0.5)
        return jnp.where(outside, -length, found) if how.fill == "zero" else found

    return along(rows, top, height, size[0]), along(columns, left, width, size[1])


def _operations(how: Augment, draws: Draws, size: Sequence[int]) -> list[operations.Chosen]:
    """Return the operations that are drawn for each image."""
    count = 1 if how.trivialaugment else how.randaugment
    shares = draws.several("operations", 3 * count).reshape(draws.count, count, 3)
    return operations.chosen(how, shares, (size[0], size[1]))


def _erased(size: Sequence[int], how: Augment, draws: Draws) -> jax.Array:
    """Return what is erased, (N, 1, H, W) of bool.

    Source: Zhong, Zheng, Kang, Li & Yang, "Random Erasing Data Augmentation", 2020.
    """
    shares = draws.several("erase", rectangles.DRAWS + 1)
    found = rectangles.erased(shares[:, 1:], (size[0], size[1]), how.erase_area, shares[:, 0] < how.erase)
    return rectangles.inside(found, (size[0], size[1]))


def _covered(x: jax.Array, side: int, draws: Draws) -> jax.Array:
    """Return where the squares lie, (N, 1, H, W) of bool: around a random pixel each, cut off at the edge.

    Source: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
    """

    def along(name: str, length: int) -> jax.Array:
        first = draws.whole(name, length)[:, None] - side // 2
        place = jnp.arange(length)
        return (place >= first) & (place < first + side)

    rows, columns = along("cutout_row", x.shape[2]), along("cutout_column", x.shape[3])
    return (rows[:, :, None] & columns[:, None, :])[:, None]
