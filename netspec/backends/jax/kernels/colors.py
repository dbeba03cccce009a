"""Changes of the values of pixels, as torchvision and Pillow define them. Images are (N, C, H, W) of 0..255 floats."""

from __future__ import annotations

import jax
import jax.numpy as jnp

__all__ = ["equalized", "grey", "smoothed", "stretched", "turned_hue"]

_LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue count in the brightness of a pixel (ITU-R BT.601)."""


def grey(x: jax.Array) -> jax.Array:
    """Return the brightness of each pixel, (N, 1, H, W), of images with three channels or one."""
    if x.shape[1] == 1:
        return x
    return sum((weight * x[:, i : i + 1] for i, weight in enumerate(_LUMA)), start=jnp.zeros(()))


def turned_hue(x: jax.Array, turn: jax.Array) -> jax.Array:
    """Return images whose hues are moved around the color circle; values and saturations (of HSV) stay.

    Args:
        x: (N, 3, H, W), in any unit.
        turn: by which share of the circle, (N,).
    """
    red, green, blue = x[:, 0], x[:, 1], x[:, 2]
    most = x.max(axis=1)
    chroma = most - x.min(axis=1)
    divisor = jnp.where(chroma > 0, chroma, 1)
    # In sixths of the circle, from red.
    sixths = jnp.where(
        most == red,
        (green - blue) / divisor,
        jnp.where(most == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    sixths = sixths + 6 * turn[:, None, None]

    def channel(begin: float) -> jax.Array:
        at = jnp.mod(begin + sixths, 6)
        return most - chroma * jnp.clip(jnp.minimum(at, 4 - at), 0, 1)

    return jnp.stack([channel(5), channel(3), channel(1)], axis=1)


def smoothed(x: jax.Array) -> jax.Array:
    """Return images under Pillow's filter SMOOTH, 3x3 with 5 in the middle, over 13; the outermost pixels stay."""
    if min(x.shape[2:]) < 3:
        return x
    three = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    nine = three[..., :-2] + three[..., 1:-1] + three[..., 2:]
    inner = (nine + 4 * x[:, :, 1:-1, 1:-1]) / 13
    return x.at[:, :, 1:-1, 1:-1].set(inner)


def stretched(x: jax.Array) -> jax.Array:
    """Return images each channel of which reaches from 0 to 255 (autocontrast); a channel of one value stays."""
    low, high = x.min(axis=(2, 3), keepdims=True), x.max(axis=(2, 3), keepdims=True)
    wide = high > low
    return jnp.where(wide, (x - low) * (255 / jnp.where(wide, high - low, 1)), x)


def equalized(x: jax.Array) -> jax.Array:
    """Return images of whole numbers each channel of which has about as many pixels of every value.

    As Pillow's ImageOps.equalize; a channel in which that cannot be stays.
    """
    n, channels, height, width = x.shape
    flat = x.astype(jnp.int32).reshape(n * channels, height * width)
    channel = jnp.arange(n * channels)[:, None]
    counts = jnp.zeros((n * channels, 256), jnp.int32).at[channel, flat].add(1, mode="promise_in_bounds")
    last = jnp.max(jnp.where(counts > 0, jnp.arange(256), 0), axis=1, keepdims=True)
    step = (height * width - jnp.take_along_axis(counts, last, axis=1)) // 255
    below = jnp.cumsum(counts, axis=1) - counts
    table = jnp.clip((below + step // 2) // jnp.maximum(step, 1), 0, 255)
    found = jnp.where(step > 0, jnp.take_along_axis(table, flat, axis=1, mode="promise_in_bounds"), flat)
    return found.astype(x.dtype).reshape(x.shape)
