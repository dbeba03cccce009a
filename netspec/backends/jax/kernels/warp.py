"""Moving the pixels of images: where each one comes from, and what is read there. Images are (N, C, H, W).

Coordinates are in pixels, (row, column), the center of the first pixel at 0. They say for each pixel of the result
where in the given image it is read: one pass, so that turning, zooming and bending together blur only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError

__all__ = ["Affine", "affine_coordinates", "field_points", "interpolated", "nearest", "separable", "smooth_field"]

_MOST = 2**31 - 1
"""Pixels of all images together: they are counted in 32 bits."""

Coordinates = tuple[jax.Array, jax.Array]
"""Rows and columns, (N, H, W) each."""


class Affine(NamedTuple):
    """One affine change for each image; every part has the shape (N,).

    Attributes:
        angle: of the turn about the center, in radians.
        slant: of the shear along the rows, in radians.
        zoom: factor; above 1 enlarges.
        mirror: -1 mirrors left to right, 1 does not.
        down: how far the image moves along the rows' axis, in pixels.
        right: how far it moves along the columns' axis.
    """

    angle: jax.Array
    slant: jax.Array
    zoom: jax.Array
    mirror: jax.Array
    down: jax.Array
    right: jax.Array


def affine_coordinates(change: Affine, size: tuple[int, int], start: Coordinates | None = None) -> Coordinates:
    """Return where each pixel of a turned, slanted, zoomed, mirrored, then moved image is read.

    Args:
        change: of each image, (N,).
        size: height and width.
        start: where the pixels of the result lie, from the center, where they are moved further afterwards.
    """
    height, width = size
    down, right, zoom, mirror, sine, cosine, slope = (
        v[:, None, None]
        for v in (
            change.down,
            change.right,
            change.zoom,
            change.mirror,
            jnp.sin(change.angle),
            jnp.cos(change.angle),
            jnp.tan(change.slant),
        )
    )
    middle = ((height - 1) / 2, (width - 1) / 2)
    # Backwards, from the result to the source: each step undoes one of the change, the last one first.
    row = start[0] if start else (jnp.arange(height, dtype=jnp.float32) - middle[0])[None, :, None]
    row = row - down
    column = start[1] if start else (jnp.arange(width, dtype=jnp.float32) - middle[1])[None, None, :]
    column = column - right
    row, column = row / zoom, column / zoom * mirror
    column = column - slope * row
    return middle[0] + cosine * row - sine * column, middle[1] + sine * row + cosine * column


def interpolated(
    x: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    *,
    method: Literal["bilinear", "bicubic"],
    fill: Literal["zero", "edge"],
) -> jax.Array:
    """Read images between their pixels.

    Args:
        x: (N, C, H, W), bytes or floats.
        rows: where to read, (N, H', W').
        columns: likewise.
        method: `bilinear` takes four pixels and blurs a little, most halfway between them; `bicubic` takes sixteen and
            keeps an image nearly as sharp as it was, but can leave the range of its values by a little.
        fill: what lies outside the image: zeros, or the nearest pixel of its edge.

    Returns:
        (N, C, H', W') float32, in the unit of `x`.
    """
    n, c, h, w = x.shape
    reach, between = _METHODS[method]
    # Beyond `reach` pixels outside of the image all that is read is the same; what is read there has neighbors too.
    rows, columns = jnp.clip(rows, -reach, h - 1 + reach), jnp.clip(columns, -reach, w - 1 + reach)
    before, after = 2 * reach - 1, 2 * reach
    wide, tall = w + before + after, h + before + after
    sides = ((0, 0), (0, 0), (before, after), (before, after))
    flat = jnp.pad(x, sides, mode="constant" if fill == "zero" else "edge").reshape(-1)
    rows, columns = rows[:, None] + before, columns[:, None] + before
    top, left = jnp.floor(rows), jnp.floor(columns)
    below, beside = rows - top, columns - left
    if n * c * wide * tall > _MOST:
        raise DataError(f"{n:,} images of {c}x{h}x{w} are too many to be moved at once", "a smaller `batch`")
    starts = (jnp.arange(n * c, dtype=jnp.int32) * (wide * tall)).reshape(n, c, 1, 1)
    # Each is read by all neighbors: worked out once, not fused into each of them.
    first, below, beside = jax.lax.optimization_barrier(  # type: ignore[no-untyped-call]
        ((top * wide + left).astype(jnp.int32) + starts, below, beside)
    )

    def neighbor(down: int, right: int) -> jax.Array:
        return flat.at[first + (down * wide + right)].get(mode="promise_in_bounds").astype(jnp.float32)

    steps = range(1 - reach, 1 + reach)
    return between([between([neighbor(down, right) for right in steps], beside) for down in steps], below)


def separable(x: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Read images between their pixels, bilinearly, rows as rows and columns as columns: two matrix products.

    Args:
        x: (N, C, H, W), bytes or floats.
        rows: where to read, (N, H').
        columns: likewise, (N, W'). What lies outside the image is 0.

    Returns:
        (N, C, H', W') float32, in the unit of `x`.
    """
    down, across = (
        jnp.maximum(0, 1 - jnp.abs(places[:, :, None] - jnp.arange(length, dtype=jnp.float32)))
        for places, length in zip((rows, columns), x.shape[2:], strict=True)
    )
    # In full precision, as a GPU would round bytes to fewer digits.
    half = jnp.einsum("nij,ncjw->nciw", down, x.astype(jnp.float32), precision="highest")
    return jnp.einsum("nciw,nkw->ncik", half, across, precision="highest")


def nearest(y: jax.Array, rows: jax.Array, columns: jax.Array, *, fill: int | None) -> jax.Array:
    """Read planes at their nearest pixels.

    Args:
        y: (N, C, H, W).
        rows: where to read, (N, H', W').
        columns: likewise.
        fill: what lies outside; None for the nearest pixel of the edge.

    Returns:
        (N, C, H', W') of the type of `y`.
    """
    _, _, h, w = y.shape
    row, column = (jnp.floor(at + 0.5).astype(jnp.int32) for at in (rows, columns))
    inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
    place = (jnp.clip(row, 0, h - 1) * w + jnp.clip(column, 0, w - 1)).reshape(len(y), 1, -1)
    read = jnp.take_along_axis(y.reshape(*y.shape[:2], h * w), place, axis=2).reshape(*y.shape[:2], *rows.shape[1:])
    return read if fill is None else jnp.where(inside[:, None], read, jnp.asarray(fill, y.dtype))


def _line(values: Sequence[jax.Array], share: jax.Array) -> jax.Array:
    """Return what lies at `share` of the way from the first of two values to the other."""
    a, b = values
    return a + share * (b - a)


def _cubic(values: Sequence[jax.Array], share: jax.Array) -> jax.Array:
    """Return what lies at `share` of the way from the second of four values to the third.

    Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with his a = -1/2, the one that
    is exact for polynomials of the second degree.
    """
    a, b, c, d = values
    third = 3 * (b - c) + d - a
    second = 2 * a - 5 * b + 4 * c - d + share * third
    return b + 0.5 * share * (c - a + share * second)


_METHODS: Mapping[str, tuple[int, Callable[[Sequence[jax.Array], jax.Array], jax.Array]]] = {
    "bilinear": (1, _line),
    "bicubic": (2, _cubic),
}
"""How many pixels each one reads on either side, and what lies between them."""


def smooth_field(noise: jax.Array, size: tuple[int, int], sigma: float) -> jax.Array:
    """Return smooth random fields, each value of mean 0 and deviation 1.

    As in Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003:
    white noise under a Gaussian. The noise lies on a grid of points one sigma apart rather than on each pixel, which
    takes far fewer random numbers, and the Gaussians of the rows and columns are two small matrix products.

    Args:
        noise: independent values of mean 0 and deviation 1, (..., *field_points(size, sigma)).
        size: height and width.
        sigma: of the Gaussian, in pixels.

    Returns:
        (..., H, W).
    """
    rows, columns = (jnp.asarray(_gaussians(length, sigma)) for length in size)
    return jnp.einsum("hi,...ij,wj->...hw", rows, noise, columns)


def field_points(size: tuple[int, int], sigma: float) -> tuple[int, int]:
    """Return how many points of noise `smooth_field` takes along each axis."""
    height, width = (_gaussians(length, sigma).shape[1] for length in size)
    return height, width


def _gaussians(length: int, sigma: float) -> NDArray[np.float32]:
    """Return the weight of each point of noise at each pixel, (length, points); each pixel's squares add up to 1."""
    reach = 3  # grid points, that is sigmas, beyond each end
    points = (np.arange(ceil((length - 1) / sigma) + 2 * reach + 1) - reach) * sigma
    weights = np.exp(-np.square((np.arange(length)[:, None] - points) / sigma) / 2)
    return (weights / np.sqrt(np.square(weights).sum(axis=1, keepdims=True))).astype(np.float32)
