"""Larger, smaller and rearranged images and sequences.

The positions begin at axis 1: (N, H, W, C), (C, H, W, N), (N, L, D), (D, L, N).
"""

from collections.abc import Sequence
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

_MODES = {"zero": "constant", "reflect": "reflect", "edge": "edge"}


def pad(x: jax.Array, before: Sequence[int], after: Sequence[int], *, mode: str) -> jax.Array:
    """Adds values before and after along each axis: zeros, mirrored ones or the outermost ones."""
    return jnp.pad(x, tuple(zip(before, after, strict=True)), mode=_MODES[mode])


def crop(x: jax.Array, start: tuple[int, ...], size: tuple[int, ...]) -> jax.Array:
    """Returns the part of the positions that begins at `start`, all channels of it."""
    return x[(slice(None), *(slice(s, s + n) for s, n in zip(start, size, strict=True)))]


def shuffle_channels(x: jax.Array, groups: int, axis: int) -> jax.Array:
    """Takes the channels of equal groups in turn: channel i of group j of g goes to i g + j."""
    split = x.reshape(*x.shape[:axis], groups, -1, *x.shape[axis + 1 :])
    return jnp.swapaxes(split, axis, axis + 1).reshape(x.shape)


def coordinates(size: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Returns where along each axis every position is, from -1 to 1: (axes, *size); an axis of one position has 0."""
    along = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size]
    return np.stack(np.meshgrid(*along, indexing="ij"))


def upsample_nearest(x: jax.Array, factor: tuple[int, ...]) -> jax.Array:
    """Repeats each position as often as the factor of its axis says."""
    return reduce(lambda y, axis: jnp.repeat(y, factor[axis], axis + 1), range(len(factor)), x)


def upsample_linear(x: jax.Array, factor: tuple[int, ...]) -> jax.Array:
    """Interpolates between the middles of pixels; beyond the outermost middles their value goes on."""
    return reduce(lambda y, axis: _interpolate(y, factor[axis], axis + 1), range(len(factor)), x)


def upsample_gathered(x: jax.Array, factor: tuple[int, ...], *, cubic: bool, align_corners: bool) -> jax.Array:
    """Interpolates between neighbors that are looked up, for places that no pattern of phases describes.

    Args:
        x: positions from axis 1 on.
        factor: of each axis of positions.
        cubic: whether four neighbors are mixed (Keys, 1981, with a = -0.75), or two.
        align_corners: whether the outermost middles stay the outermost, or lie within the outermost pixels.
    """

    def along(y: jax.Array, at: int) -> jax.Array:
        axis, size = at + 1, y.shape[at + 1]
        count = size * factor[at]
        if factor[at] == 1:
            return y
        spacing = (size - 1) / (count - 1)
        places = np.arange(count) * spacing if align_corners else (np.arange(count) + 0.5) / factor[at] - 0.5
        first = np.floor(places).astype(np.int64)
        parts = []
        for offset, weight in _taps_between(places - first, cubic=cubic):
            near = jnp.take(y, np.clip(first + offset, 0, size - 1), axis=axis)
            shape = [count if a == axis else 1 for a in range(y.ndim)]
            parts.append(near * jnp.asarray(weight.reshape(shape), y.dtype))
        return reduce(jnp.add, parts)

    return reduce(along, range(len(factor)), x)


def _taps_between(between: npt.NDArray[np.float64], *, cubic: bool) -> list[tuple[int, npt.NDArray[np.float64]]]:
    """Returns the neighbors that are mixed, counted from the one before a place, and the weight of each."""
    if not cubic:
        return [(0, 1 - between), (1, between)]

    def weight(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        a, d = -0.75, np.abs(distance)
        inner = ((a + 2) * d - (a + 3)) * d * d + 1
        outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, inner, outer)

    return [(offset, weight(between - offset)) for offset in (-1, 0, 1, 2)]


def _interpolate(x: jax.Array, factor: int, axis: int) -> jax.Array:
    """Interpolates along one axis: each of the `factor` places within a pixel is one mixture of two neighbors."""
    last = x.shape[axis] - 1
    before = jnp.concatenate([_part(x, 0, 1, axis), _part(x, 0, last, axis)], axis)
    after = jnp.concatenate([_part(x, 1, last + 1, axis), _part(x, last, last + 1, axis)], axis)
    places = []
    for place in range(factor):
        # How far the middle of the new pixel is from that of the old one, in old pixels: within ±1/2.
        offset = (place + 0.5) / factor - 0.5
        other = before if offset < 0 else after
        # In this form equal neighbors give exactly their value.
        places.append(x + abs(offset) * (other - x))
    return jnp.stack(places, axis + 1).reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])


def _part(x: jax.Array, start: int, stop: int, axis: int) -> jax.Array:
    return jax.lax.slice_in_dim(x, start, stop, axis=axis)


def depth_to_space(x: jax.Array, factor: int) -> jax.Array:
    """(N, H, W, C f²) -> (N, f H, f W, C); channel c f² + f i + j goes to row i and column j of each square."""
    n, height, width, channels = x.shape
    squares = x.reshape(n, height, width, channels // factor**2, factor, factor)
    return squares.transpose(0, 1, 4, 2, 5, 3).reshape(n, height * factor, width * factor, -1)


def space_to_depth(x: jax.Array, factor: int) -> jax.Array:
    """(N, f H, f W, C) -> (N, H, W, C f²): the inverse of `depth_to_space`."""
    n, height, width, channels = x.shape
    squares = x.reshape(n, height // factor, factor, width // factor, factor, channels)
    return squares.transpose(0, 1, 3, 5, 2, 4).reshape(n, height // factor, width // factor, -1)
