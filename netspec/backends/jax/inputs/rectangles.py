"""Rectangles with a random share of the area of an image, at random places: for resized crops, and what is erased."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import jax
import jax.numpy as jnp

__all__ = ["DRAWS", "Rectangles", "cropped", "erased", "inside"]

_TRIES = 10
"""So many are drawn for each image, of which the first that fits is taken, as torchvision has it."""

DRAWS = 2 * _TRIES + 2
"""The random numbers that a rectangle takes: area and ratio of each try, and its place."""


class Rectangles(NamedTuple):
    """One rectangle in each image, in whole pixels, (N,) each.

    Attributes:
        top: its first row.
        left: its first column.
        height: how many rows it has; 0 where there is none.
        width: how many columns.
    """

    top: jax.Array
    left: jax.Array
    height: jax.Array
    width: jax.Array


def cropped(
    shares: jax.Array, size: tuple[int, int], area: tuple[float, float], ratio: tuple[float, float] | None
) -> Rectangles:
    """Return what torchvision's RandomResizedCrop cuts out.

    Args:
        shares: random numbers of 0..1, (N, DRAWS).
        size: height and width of the images.
        area: smallest and largest share of the area.
        ratio: smallest and largest width / height; 3/4 and 4/3 where it is None.
    """
    low, high = ratio or (3 / 4, 4 / 3)
    heights, widths = _drawn(shares, size, area, (low, high))
    fits = (heights > 0) & (heights <= size[0]) & (widths > 0) & (widths <= size[1])
    # Where none fits: the largest in the middle that has one of the ratios.
    whole = size[1] / size[0]
    height, width = size
    if whole < low:
        height = max(1, min(size[0], round(size[1] / low)))
    elif whole > high:
        width = max(1, min(size[1], round(size[0] * high)))
    found, any_fits = _first(heights, widths, fits)
    middle = (float((size[0] - height) // 2), float((size[1] - width) // 2), float(height), float(width))
    drawn = _placed(found, shares, size)
    return Rectangles(*(jnp.where(any_fits, a, b) for a, b in zip(drawn, middle, strict=True)))


def erased(
    shares: jax.Array, size: tuple[int, int], area: tuple[float, float] | None, happens: jax.Array
) -> Rectangles:
    """Return what torchvision's RandomErasing covers.

    Args:
        shares: random numbers of 0..1, (N, DRAWS).
        size: height and width of the images.
        area: smallest and largest share of the area; 0.02 and 0.33 where it is None.
        happens: whether anything is covered, (N,).
    """
    heights, widths = _drawn(shares, size, area or (0.02, 0.33), (0.3, 3.3))
    fits = (heights < size[0]) & (widths < size[1])
    found, any_fits = _first(heights, widths, fits)
    place = _placed(found, shares, size)
    there = any_fits & happens
    return place._replace(height=jnp.where(there, place.height, 0), width=jnp.where(there, place.width, 0))


def inside(rectangles: Rectangles, size: tuple[int, int]) -> jax.Array:
    """Return which pixels lie in them, (N, 1, H, W) of bool."""

    def along(first: jax.Array, length: jax.Array, count: int) -> jax.Array:
        place = jnp.arange(count)
        return (place >= first[:, None]) & (place < (first + length)[:, None])

    rows = along(rectangles.top, rectangles.height, size[0])
    columns = along(rectangles.left, rectangles.width, size[1])
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _drawn(
    shares: jax.Array, size: tuple[int, int], area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[jax.Array, jax.Array]:
    """Return heights and widths of all tries, (N, tries)."""
    sizes, ratios = shares[:, :_TRIES], shares[:, _TRIES : 2 * _TRIES]
    pixels = size[0] * size[1] * (area[0] + (area[1] - area[0]) * sizes)
    # The logarithm is spread evenly: twice as wide is as likely as twice as high.
    root = jnp.exp((log(ratio[0]) + (log(ratio[1]) - log(ratio[0])) * ratios) / 2)
    side = jnp.sqrt(pixels)
    return jnp.round(side / root), jnp.round(side * root)


def _first(heights: jax.Array, widths: jax.Array, fits: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """Return height and width of the first that fits, and whether there is one."""
    at = jnp.argmax(fits, axis=1)[:, None]
    height, width = (jnp.take_along_axis(v, at, axis=1)[:, 0] for v in (heights, widths))
    return (height, width), fits.any(axis=1)


def _placed(found: tuple[jax.Array, jax.Array], shares: jax.Array, size: tuple[int, int]) -> Rectangles:
    """Return rectangles at places that are all as likely."""
    height, width = found

    def first(share: jax.Array, most: jax.Array) -> jax.Array:
        return jnp.clip(jnp.floor(share * (most + 1)), 0, jnp.maximum(most, 0))

    return Rectangles(first(shares[:, -2], size[0] - height), first(shares[:, -1], size[1] - width), height, width)
