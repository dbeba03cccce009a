"""The operations that `randaugment` and `trivialaugment` draw for each image, by torchvision's tables.

Sources: Cubuk, Zoph, Shlens & Le, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
2019; Müller & Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import radians
from typing import NamedTuple

import jax
import jax.numpy as jnp

from netspec.backends.jax.kernels import colors
from netspec.recipe.image_settings import Augment

__all__ = ["NAMES", "Chosen", "chosen", "levels", "moved_back", "recolored"]

NAMES = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)
_STRENGTHS = 31
"""Magnitudes are of 0 to 30."""


class Chosen(NamedTuple):
    """One operation for each image: its place in NAMES, and how far it goes, (N,) each."""

    operation: jax.Array
    level: jax.Array

    def does(self, name: str) -> jax.Array:
        """Return which images have an operation, (N,) of bool."""
        return self.operation == NAMES.index(name)


def chosen(how: Augment, shares: jax.Array, size: tuple[int, int]) -> list[Chosen]:
    """Return the operations that are done one after the other.

    Args:
        how: `randaugment` has one strength for all, `trivialaugment` draws it.
        shares: random numbers of 0..1, (N, operations, 3).
        size: height and width of the images.
    """
    table = jnp.asarray(levels(how, size), jnp.float32)
    found = []
    for at in range(shares.shape[1]):
        operation = _whole(shares[:, at, 0], len(NAMES))
        strength = _whole(shares[:, at, 1], _STRENGTHS) if how.trivialaugment else how.magnitude
        negative = (shares[:, at, 2] < 0.5) & (operation >= 1) & (operation <= NAMES.index("sharpness"))
        level = table[operation, strength]
        found.append(Chosen(operation, jnp.where(negative, -level, level)))
    return found


def _whole(shares: jax.Array, count: int) -> jax.Array:
    """Return whole numbers from 0 to count - 1."""
    return jnp.minimum((shares * count).astype(jnp.int32), count - 1)


def levels(how: Augment, size: tuple[int, int]) -> list[list[float]]:
    """Return how far each operation goes at 31 strengths: slopes, pixels, radians, bits, changes of a factor."""
    height, width = size
    wide = how.trivialaugment
    slope, turn, factor, bits = (0.99, 135, 0.99, 6) if wide else (0.3, 30, 0.9, 4)
    # 32 pixels are for images of that size or more.
    across, down = (min(32, width), min(32, height)) if wide else (150 / 331 * width, 150 / 331 * height)

    def line(last: float, first: float = 0.0) -> list[float]:
        return [first + (last - first) * at / (_STRENGTHS - 1) for at in range(_STRENGTHS)]

    def whole(values: Sequence[float]) -> list[float]:
        return [float(int(value)) for value in values]

    none = [0.0] * _STRENGTHS
    table = {
        "identity": none,
        "shear_x": line(slope),
        "shear_y": line(slope),
        "translate_x": whole(line(across)),
        "translate_y": whole(line(down)),
        "rotate": line(radians(turn)),
        "brightness": line(factor),
        "color": line(factor),
        "contrast": line(factor),
        "sharpness": line(factor),
        "posterize": [8.0 - round(at / ((_STRENGTHS - 1) / bits)) for at in range(_STRENGTHS)],
        "solarize": line(0.0, 255.0),
        "autocontrast": none,
        "equalize": none,
    }
    return [table[name] for name in NAMES]


def moved_back(operations: Sequence[Chosen], size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """Return where the pixels of images under these operations are read, from the center, (N, H, W) each."""
    height, width = size
    # From the result to the source: the last operation is undone first.
    change = _undone(operations[-1], size)
    for each in reversed(operations[:-1]):
        change = _joined(_undone(each, size), change)
    # A few numbers for each image, worked out once and not for each pixel.
    a, b, c, d, e, f = (v[:, None, None] for v in jax.lax.optimization_barrier(change))  # type: ignore[no-untyped-call]
    row = (jnp.arange(height, dtype=jnp.float32) - (height - 1) / 2)[None, :, None]
    column = (jnp.arange(width, dtype=jnp.float32) - (width - 1) / 2)[None, None, :]
    return a * row + b * column + c, d * row + e * column + f


_Matrix = tuple[jax.Array, ...]
"""(a, b, c, d, e, f), (N,) each: row and column become a·row + b·column + c and d·row + e·column + f."""


def _undone(each: Chosen, size: tuple[int, int]) -> _Matrix:
    """Return from where an operation takes pixels, from the center."""

    def level(name: str) -> jax.Array:
        return jnp.where(each.does(name), each.level, 0)

    height, width = size
    turn = level("rotate")
    sine, cosine = jnp.sin(turn), jnp.cos(turn)
    # Slopes are measured from the upper left corner, as in the paper's program.
    along, upward = level("shear_x"), level("shear_y")
    return (
        cosine,
        upward - sine,
        upward * width / 2 - level("translate_y"),
        along + sine,
        cosine,
        along * height / 2 - level("translate_x"),
    )


def _joined(second: _Matrix, first: _Matrix) -> _Matrix:
    """Return both changes of places as one."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u


def recolored(x: jax.Array, operations: Sequence[Chosen]) -> jax.Array:
    """Return images under what changes their values.

    Args:
        x: (N, 1 or 3, H, W) floats of 0..255.
        operations: one after the other.
    """
    codes, all_levels = (jnp.stack(values) for values in zip(*operations, strict=True))
    # A loop whose end XLA cannot foresee: only so is the image there, and not worked out again, with all its
    # interpolation, for each neighbor, mean and histogram that reads it. That takes twenty times as long on a CPU.
    count = jnp.where(codes[0, 0] >= 0, len(operations), 0)
    return jax.lax.fori_loop(0, count, lambda at, y: _recolored(y, Chosen(codes[at], all_levels[at])), x)


def _recolored(x: jax.Array, each: Chosen) -> jax.Array:
    def does(name: str) -> jax.Array:
        return _each(each.does(name))

    level = _each(each.level)
    grey = colors.grey(x)
    # Four of them go from another image through this one: black, grey, its mean, itself smoothed.
    blends = does("brightness") | does("color") | does("contrast") | does("sharpness")
    base = jnp.where(does("color"), grey, 0)
    base = jnp.where(does("contrast"), grey.mean(axis=(1, 2, 3), keepdims=True), base)
    base = jnp.where(does("sharpness"), colors.smoothed(x), base)
    found = jnp.where(blends, jnp.clip(base + (1 + level) * (x - base), 0, 255), x)
    whole = jnp.round(x)
    step = jnp.where(does("posterize"), jnp.exp2(8 - level), 1)
    found = jnp.where(does("posterize"), jnp.floor(whole / step) * step, found)
    found = jnp.where(does("solarize") & (whole >= level), 255 - x, found)
    found = jnp.where(does("autocontrast"), colors.stretched(x), found)

    return jnp.where(does("equalize"), colors.equalized(whole), found)


def _each(values: jax.Array) -> jax.Array:
    """One value for each image, (N,), as (N, 1, 1, 1)."""
    return values[:, None, None, None]
